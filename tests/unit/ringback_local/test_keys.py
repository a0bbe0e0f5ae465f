"""A local stack's secrets are random, and the same in its next run."""

import hashlib
import json
from pathlib import Path

from ringback_local import keys


def test_a_second_run_finds_the_keys_of_the_first(tmp_path: Path) -> None:
    first = keys.load_or_make(tmp_path / "keys.json", ["clean-water"])
    second = keys.load_or_make(tmp_path / "keys.json", ["clean-water"])

    assert second == first


def test_two_stacks_share_no_key(tmp_path: Path) -> None:
    one = keys.load_or_make(tmp_path / "one.json", ["clean-water"])
    other = keys.load_or_make(tmp_path / "other.json", ["clean-water"])

    assert one.voice_tokens != other.voice_tokens
    assert one.person_pepper != other.person_pepper
    assert one.callback_key != other.callback_key


def test_a_new_campaign_gets_a_token_and_the_old_one_keeps_its_own(tmp_path: Path) -> None:
    before = keys.load_or_make(tmp_path / "keys.json", ["clean-water"])
    after = keys.load_or_make(tmp_path / "keys.json", ["clean-water", "library-hours"])

    assert after.voice_tokens["clean-water"] == before.voice_tokens["clean-water"]
    assert after.voice_tokens["library-hours"] not in before.voice_tokens.values()


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    keys.load_or_make(tmp_path / "keys.json", [])

    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0


def test_a_token_is_43_characters_and_the_functions_learn_only_its_digest(tmp_path: Path) -> None:
    made = keys.load_or_make(tmp_path / "keys.json", ["clean-water"])
    token = made.voice_tokens["clean-water"]

    told = keys.digests(made.voice_tokens)

    assert len(token) == 43
    assert told == f"clean-water={hashlib.sha256(token.encode()).hexdigest()}"


def test_a_token_says_who_speaks_about_its_campaign(tmp_path: Path) -> None:
    made = keys.load_or_make(tmp_path / "keys.json", ["clean-water", "library-hours"])

    told = keys.digests(made.voice_tokens, {"clean-water": "twilio"})

    assert [pair.partition("=")[0] for pair in told.split(",")] == ["clean-water:twilio", "library-hours"]


def test_twilios_account_is_in_the_secret_only_where_a_campaign_has_it(tmp_path: Path) -> None:
    made = keys.load_or_make(tmp_path / "keys.json", [])

    document = json.loads(made.secret(has_twilio=True))

    assert set(document["twilio"]) == {"account_sid", "auth_token"}
    assert "twilio" not in json.loads(made.secret())


def test_the_secret_is_the_document_that_the_functions_read(tmp_path: Path) -> None:
    made = keys.load_or_make(tmp_path / "keys.json", [])

    document = json.loads(made.secret())

    assert set(document) == {"person_pepper", "callback_key", "exotel"}
    assert len(bytes.fromhex(document["person_pepper"])) == 32
    assert set(document["exotel"]) == {"account_sid", "api_key", "api_token"}

"""`ringback contacts`: people, masked unless asked for in clear."""

import csv
import io
from datetime import timedelta
from pathlib import Path

from ringback.domain.contacts import Consent
from ringback.store import contacts, voters
from tests.deployment import CALLER, Deployment
from tests.integration.patching import Patched, voter_phones
from tests.integration.ringback_cli.conftest import Read, Run


def test_contacts_are_listed_newest_first_and_masked(deployment: Deployment, run: Run, read: Read) -> None:
    deployment.ring(CALLER, call_id="a")
    deployment.clock.move(minutes=1)
    deployment.ring("+919000000102", "+918040001009", call_id="b")
    deployment.settle()

    listed = read("contacts")

    assert listed["known"] == 2
    assert [row["phone"] for row in listed["contacts"]] == ["+9190••••02", "+9190••••01"]
    assert [row["standing"] for row in listed["contacts"]] == ["opted out", "new"]
    assert "1 of 2 shown: --limit 0 shows all" in run("contacts", "--limit", "1").output
    assert CALLER in run("contacts", "--clear").output
    assert read("contacts", "--campaign", "library-hours")["known"] == 0


def test_one_person_is_found_by_number_or_id_in_every_campaign(
    deployment: Deployment, run: Run, read: Read
) -> None:
    deployment.ring(CALLER, call_id="a")
    deployment.ring(CALLER, "+918040001011", call_id="b", campaign="library-hours")
    deployment.settle()

    found = read("contacts", "show", "09000000101", "--clear")["contacts"]

    assert [row["campaign"] for row in found] == ["clean-water", "library-hours"]
    assert [message["text"] for message in found[0]["messages"]] == ["welcome"]
    (by_id,) = read("contacts", "show", deployment.person())["contacts"]
    assert (by_id["phone"], by_id["campaign"]) == ("+9190••••01", "clean-water")
    assert "volunteer" in run("contacts", "show", deployment.person()).output


def test_who_is_not_known_or_no_number_is_told_in_one_sentence(run: Run) -> None:
    unknown, unreadable = run("contacts", "show", "09000000109"), run("contacts", "show", "x1")

    assert (unknown.exit_code, unreadable.exit_code) == (1, 1)
    assert unknown.stderr == "Error: no campaign knows anybody by that number\n"
    assert "neither a phone number nor a person's id" in unreadable.stderr


def test_an_opt_out_holds_in_every_campaign_from_that_moment(deployment: Deployment, run: Run) -> None:
    deployment.ring(CALLER, call_id="a")
    deployment.ring(CALLER, "+918040001011", call_id="b", campaign="library-hours")
    deployment.react()

    result = run("contacts", "opt-out", deployment.person())
    assert result.output == "clean-water leaves +9190••••01 alone\n"
    assert run("contacts", "opt-out", CALLER).exit_code == 0
    deployment.settle()

    assert deployment.provider.taken == []


def test_an_opt_out_can_be_for_one_campaign(deployment: Deployment, run: Run) -> None:
    deployment.ring(CALLER, call_id="a")
    deployment.ring(CALLER, "+918040001011", call_id="b", campaign="library-hours")
    deployment.react()

    run("contacts", "opt-out", CALLER, "--campaign", "library-hours")
    deployment.settle()

    assert [sms.sender.header for sms in deployment.provider.taken] == ["CLNWTR"]


def test_a_voter_who_never_rang_is_left_alone_when_they_ask(
    deployment: Deployment, run: Run, tmp_path: Path
) -> None:
    """They write, or tell somebody at the office: no contact of theirs is known."""
    patched, asking = Patched(deployment), voter_phones(3)[1]
    patched.approve(CALLER)
    patched.fill(tmp_path, voter_phones(3))

    result = run("contacts", "opt-out", asking)

    assert result.output == "clean-water leaves +9190••••01 alone\n"
    deployment.settle()
    assert deployment.known(asking).opted_out_at is not None
    rung = {patched.begin(call_id=f"call-{nth}").ask() for nth in range(3)}
    assert rung == {voter_phones(3)[0], voter_phones(3)[2], None}


def test_whoever_is_named_by_their_id_is_left_alone_wherever_their_number_is_known(
    deployment: Deployment, run: Run, tmp_path: Path
) -> None:
    """A contact of one campaign, and a voter in a pool of another that is not rung yet."""
    patched, (phone,) = Patched(deployment), voter_phones(1)
    patched.fill(tmp_path, [phone], pool="clean-water/tomorrow")
    deployment.ring(phone, "+918040001011", call_id="b", campaign="library-hours")
    deployment.react()
    named = deployment.person(phone, "library-hours")

    lines = run("contacts", "opt-out", named).output.splitlines()

    assert lines == [f"{name} leaves +9190••••00 alone" for name in ("library-hours", "clean-water")]
    assert deployment.known(phone).opted_out_at is not None


def test_whom_nobody_knows_is_left_alone_in_the_campaign_that_is_named(
    deployment: Deployment, run: Run
) -> None:
    unknown = run("contacts", "opt-out", "09000000131")
    assert (unknown.exit_code, "--campaign keeps the wish" in unknown.stderr) == (1, True)
    nowhere = run("contacts", "opt-out", "09000000131", "--campaign", "no-such")
    assert nowhere.stderr == "Error: there is no campaign no-such: `ringback campaigns` lists them\n"

    named = run("contacts", "opt-out", "09000000131", "--campaign", "library-hours")

    assert named.output == "library-hours leaves +9190••••31 alone\n"
    assert deployment.known("+919000000131", "library-hours").opted_out_at is not None
    assert deployment.contact("+919000000131") is None


def test_an_export_is_csv_with_phones_as_text(deployment: Deployment, run: Run) -> None:
    deployment.ring()
    deployment.settle()

    (row,) = csv.DictReader(io.StringIO(run("contacts", "export", "--clear").stdout))

    assert row["phone"] == f"'{CALLER}"
    assert row["person"] == deployment.person()
    assert row["signals"] == "volunteer"
    assert "'+9190••••01" in run("contacts", "export").stdout


def test_a_segment_by_place_and_consent_is_exported_as_a_list_that_a_pool_takes(
    deployment: Deployment, run: Run, read: Read, tmp_path: Path
) -> None:
    people = {"+919000000101": ("ward-12", "voice"), "+919000000102": ("ward-12", "sms")}
    people |= {"+919000000103": ("ward-9", "voice"), "+919000000104": ("ward-12", "voice")}
    for nth, phone in enumerate(people):
        deployment.ring(phone, call_id=f"call-{nth}")
    deployment.settle()
    now = deployment.clock.now()
    for phone, (place, channel) in people.items():
        person = deployment.person(phone)
        contacts.set_field(person, "place", place, now)
        contacts.consent(person, channel, Consent("call/turn-2", now + timedelta(minutes=1)))
    deployment.clock.move(minutes=2)
    run("contacts", "opt-out", "+919000000104")
    path = tmp_path / "ward-12.csv"

    exported = run(
        *("contacts", "export", "--clear", "-o", str(path), "--campaign", "clean-water"),
        *("--place", "ward-12", "--signal", "volunteer", "--agreed-to", "voice"),
    )

    assert exported.exit_code == 0, exported.output
    of_all = csv.DictReader(io.StringIO(run("contacts", "export", "--clear").stdout))
    assert {row["consent"] for row in of_all} == {""}, "what one campaign was told is no consent to another"
    assert read("pool", "load", "clean-water/ward-12", str(path))["added"] == 1
    voter = voters.load("clean-water/ward-12", deployment.person("+919000000101"))
    assert voter is not None
    assert voter.consent is not None
    assert (voter.area, voter.consent.evidence) == ("ward-12", "call/turn-2")


def test_an_export_to_a_file_is_for_its_owner_alone_and_overwrites_nothing(
    deployment: Deployment, run: Run, tmp_path: Path
) -> None:
    deployment.ring()
    deployment.settle()
    path = tmp_path / "people.csv"

    first, second = (run("contacts", "export", "--clear", "-o", str(path)) for _ in range(2))

    assert first.stderr == f"1 contacts in {path}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_text().splitlines()) == 2
    assert (second.exit_code, "exists already" in second.stderr) == (1, True)


def test_an_export_to_nowhere_is_told_in_one_sentence(run: Run, tmp_path: Path) -> None:
    result = run("contacts", "export", "-o", str(tmp_path / "no" / "people.csv"))

    assert result.exit_code == 1
    assert "cannot be written: No such file or directory" in result.stderr

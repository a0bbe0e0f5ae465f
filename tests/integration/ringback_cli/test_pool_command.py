"""`ringback pool`: a list in any shape people have it in becomes voters who are rung, and what was refused is told (A26)."""

import csv
from pathlib import Path

import pytest

from ringback.domain.pools import Outcome, PoolState, State
from ringback.services import pools
from ringback.services.pools import Pools
from ringback.store import voters
from tests.deployment import CALLER, OTHER_CALLER, Deployment
from tests.integration import people
from tests.integration.patching import EVIDENCE, Patched, voter_phones
from tests.integration.patching import POOL as VOTERS
from tests.integration.ringback_cli.conftest import Read, Run
from tests.integration.test_pools import EVERY_DAY
from tests.integration.voters import POOL, claimed

LIST = "Mobile,Language,Area\n09000000101,hi,ward-12\n09000000102,,\n"


def written(folder: Path, text: str = LIST, encoding: str = "utf-8") -> str:
    path = folder / "voters.csv"
    path.write_bytes(text.encode(encoding))
    return str(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_list_in_any_usual_encoding_is_loaded(
    deployment: Deployment, read: Read, tmp_path: Path, encoding: str, separator: str
) -> None:
    text = "name,phone,language\nJos\u00e9 Made-Up,09000000101,hi\n".replace(",", separator)

    loaded = read("pool", "load", POOL, written(tmp_path, text, encoding))

    assert (loaded["added"], loaded["refused"]) == (1, 0)
    voter = voters.load(POOL, deployment.person(CALLER))
    assert voter is not None
    assert (voter.name, voter.language) == ("José Made-Up", "hi")


def test_a_voter_of_a_language_that_only_our_voice_speaks_is_loaded(
    deployment: Deployment, read: Read, tmp_path: Path
) -> None:
    content = people.content()
    assert content.patching is not None
    spoken = sorted(set(content.patching.whisper) - set(content.languages))

    loaded = read("pool", "load", POOL, written(tmp_path, f"phone,language\n09000000101,{spoken[0]}\n"))

    assert (loaded["added"], loaded["refused"]) == (1, 0)
    voter = voters.load(POOL, deployment.person(CALLER))
    assert voter is not None
    assert voter.language == spoken[0]


def test_what_was_refused_is_told_line_by_line_without_a_number_in_clear(run: Run, tmp_path: Path) -> None:
    rows = [
        "phone,consent,dnd",
        "09000000101,,",
        "9.00000E+09,,",
        "18001234567,,",
        "+919000000101,,",
        "",
        "08040001001,,",
        "09000000103,form,",
        "09000000104,,,,,one too many",
        '"09000000105,,',
    ]

    result = run(
        "pool", "load", POOL, written(tmp_path, "\n".join(rows)), "--report", str(tmp_path / "report.csv")
    )

    assert result.exit_code == 0, result.output
    assert "1 voters in clean-water/main\n7 rows refused" in result.output
    report = (tmp_path / "report.csv").read_text()
    told = list(csv.DictReader(report.splitlines()))
    assert [row["line"] for row in told] == ["3", "4", "5", "7", "8", "9", "10"]
    reasons = " | ".join(row["reason"] for row in told)
    for expected in (
        "format its column as text",
        "toll-free",
        "listed before",
        "our own",
        "go together",
        "6 cells",
    ):
        assert expected in reasons
    assert not any(number in report for number in ("9000000103", "9000000104", "9000000101"))
    assert (tmp_path / "report.csv").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "reason"),
    [("phone,Mobile\n1,2\n", "two columns hold the phone"), ("", "no column holds the numbers")],
)
def test_a_list_whose_header_is_wrong_is_refused_whole(
    run: Run, tmp_path: Path, text: str, reason: str
) -> None:
    result = run("pool", "load", POOL, written(tmp_path, text))

    assert result.exit_code == 1
    assert reason in result.output


def test_a_list_loaded_again_changes_nothing(run: Run, read: Read, tmp_path: Path) -> None:
    first = read("pool", "load", POOL, written(tmp_path))
    result = run("pool", "load", POOL, written(tmp_path))

    assert (first["added"], first["was_done"]) == (2, False)
    assert "has this list already: nothing was changed" in result.output
    assert not (tmp_path / "voters.refused.csv").exists()


def test_a_pool_is_opened_paused_resumed_and_drained(run: Run, tmp_path: Path) -> None:
    run("pool", "load", POOL, written(tmp_path))
    assert "not paused" in run("pool", "resume", POOL).output
    for verb, state in (
        ("open", PoolState.OPEN),
        ("pause", PoolState.PAUSED),
        ("resume", PoolState.OPEN),
        ("drain", PoolState.DRAINING),
        ("open", PoolState.OPEN),
    ):
        assert f"{POOL} is {state}" in run("pool", verb, POOL).output
        assert pools.find(POOL).state is state


@pytest.mark.parametrize("verb", ["show", "stats", "open", "pause", "resume", "drain"])
@pytest.mark.parametrize(("pool", "reason"), [(POOL, "there is no pool"), ("main", "names no pool")])
def test_a_pool_that_is_not_there_is_named(run: Run, verb: str, pool: str, reason: str) -> None:
    result = run("pool", verb, pool)

    assert result.exit_code == 1
    assert reason in result.output


def test_stats_tell_where_voters_stand_and_a_recount_agrees(
    deployment: Deployment, run: Run, read: Read, tmp_path: Path
) -> None:
    run("pool", "load", POOL, written(tmp_path))
    run("pool", "open", POOL)
    doors = Pools(deployment.runtime)
    ticket = claimed(deployment.runtime, doors, "exotel:1/1")
    assert ticket is not None
    doors.settle(POOL, ticket.person, "exotel:1/1", Outcome.BAD_NUMBER, EVERY_DAY)

    told, recounted = read("pool", "stats", POOL), read("pool", "stats", POOL, "--recount")

    assert (told["loaded"], told["queued"], told["dropped"]) == (2, 1, 1)
    assert told["dropped_by"] == {"bad-number": 1}
    assert told | {"off": {}} == recounted
    assert "dropped: bad-number" in run("pool", "stats", POOL).output
    assert "every counter was right" in run("pool", "stats", POOL, "--recount").output
    assert [told] == read("pool", "--campaign", "clean-water")["pools"]
    assert "clean-water/main" in run("pool").output


def test_a_pool_and_one_voters_story_are_shown(run: Run, read: Read, tmp_path: Path) -> None:
    run("pool", "load", POOL, written(tmp_path))

    assert len(read("pool", "show", POOL)["shards"]) == 8
    assert "loading" in run("pool", "show", POOL).output
    story = read("pool", "show", POOL, "09000000101")
    assert (story["state"], story["attempts"], story["area"]) == (State.QUEUED, 0, "ward-12")
    assert "+9190••••01" in run("pool", "show", POOL, "09000000101").output
    assert "nobody by that number" in run("pool", "show", POOL, "09000000109").output
    assert "no phone number" in run("pool", "show", POOL, "12").output


def test_a_voters_story_has_every_attempt_and_what_was_said_of_them_when(
    deployment: Deployment, run: Run, read: Read, tmp_path: Path
) -> None:
    """F48, F51: the leaning with its history."""
    patched = Patched(deployment, days_between=1)
    patched.approve(CALLER, OTHER_CALLER)
    (phone,) = voter_phones(1)
    patched.fill(tmp_path, [phone])
    tried = patched.begin(CALLER, "call-1")
    assert tried.ask() == phone
    assert tried.failed(phone) is None
    patched.react()
    deployment.clock.move(days=1)
    assert pools.reissue_due(deployment.runtime) == 1
    talked = patched.begin(OTHER_CALLER, "call-2")
    assert talked.ask() == phone
    talked.talk(phone, 75)
    talked.come_back()
    patched.deployment.clock.move(seconds=5)
    talked.handset.press("3")
    patched.react()

    told = read("pool", "show", VOTERS, phone)
    assert [
        (each["outcome"], each["talked"], each["influencer"], each["call"]) for each in told["calls"]
    ] == [
        ("no-answer", None, deployment.person(CALLER), "exotel:call-1"),
        ("talked", 75, deployment.person(OTHER_CALLER), "exotel:call-2"),
    ]
    (said,) = told["said"]
    assert (said["disposition"], said["call"], said["attempt"]) == ("against", "exotel:call-2", 1)
    assert said["at"] > told["calls"][1]["at"]
    shown = run("pool", "show", VOTERS, phone).output
    assert "no-answer" in shown
    assert "against" in shown
    assert phone[-6:] not in shown


def test_what_callers_said_is_counted_by_area_and_its_voters_are_a_list_for_another_pool(
    deployment: Deployment, run: Run, read: Read, tmp_path: Path
) -> None:
    """F48: the leaning feeds segments."""
    patched, phones = Patched(deployment), voter_phones(4)
    patched.approve(CALLER)
    patched.fill(tmp_path, phones[:2], area="ward-11")
    patched.fill(tmp_path, phones[2:], area="ward-12", pool="clean-water/second")
    assert run("pool", "leanings", VOTERS).output == "nothing was said of anybody yet\n"
    for nth, key in enumerate(("1", "2")):
        caller = patched.begin(call_id=f"call-{nth}")
        caller.talk(caller.ask() or "", 30)
        caller.come_back()
        deployment.clock.move(seconds=5)
        caller.handset.press(key)
        patched.react()

    told = read("pool", "leanings", VOTERS)

    assert told["leanings"] == {"for": 1, "undecided": 1}
    assert told["areas"] == {"ward-11": {"for": 1, "undecided": 1}}
    path = tmp_path / "undecided.csv"
    exported = run("pool", "export", VOTERS, "--leaning", "undecided", "--clear", "-o", str(path))
    assert exported.stderr == f"1 voters in {path}\n"
    (row,) = csv.DictReader(path.open(encoding="utf-8"))
    assert (row["phone"], row["area"], row["outcome"]) == (f"'{phones[1]}", "ward-11", "reached")
    assert read("pool", "load", "clean-water/again", str(path))["added"] == 1
    again = voters.load("clean-water/again", deployment.person(phones[1]))
    assert again is not None
    assert again.consent is not None
    assert (again.area, again.consent.evidence, again.is_dnd) == ("ward-11", EVIDENCE, False)
    masked = run("pool", "export", VOTERS, "--area", "ward-12").stdout
    assert len(masked.splitlines()) == 1, "they are in the other pool"

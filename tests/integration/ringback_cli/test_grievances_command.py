"""`ringback grievances`: hear it, tag it, answer it; and the share answered in time in `ringback stats`."""

from pathlib import Path

import boto3
import pytest

from ringback import recordings
from ringback.store import feedback as store
from ringback_cli.deployment import Deployment as Connected
from tests.deployment import CALLER, RECORDINGS, Deployment
from tests.integration.ringback_cli.conftest import Read, Run
from tests.integration.test_grievances import record

AUDIO = b"ID3 a voice"


@pytest.fixture
def name(deployment: Deployment) -> str:
    """A grievance whose caller is known and whose recording is here."""
    deployment.ring()
    deployment.react()
    grievance = record(deployment)
    key = recordings.key_for(grievance.campaign, grievance.id, "audio/mpeg")
    recordings.keep(RECORDINGS, key, AUDIO, "audio/mpeg")
    store.copied(grievance.id, key)
    return grievance.id


def test_the_open_ones_stand_first_in_the_order_they_are_due(
    deployment: Deployment, run: Run, read: Read
) -> None:
    first = record(deployment, cause="exotel:call-1/turn-1").id
    deployment.clock.move(hours=1)
    second = record(deployment, cause="exotel:call-2/turn-1", issue="dirty-water").id
    deployment.clock.move(hours=1)
    third = record(deployment, cause="exotel:call-3/turn-1").id
    run("grievances", "close", first)

    listed = read("grievances")

    assert [row["id"] for row in listed["grievances"]] == [second, third, first]
    assert [row["answer_is"] for row in listed["grievances"]] == ["due in 23 h", "due in 1 day", "missing"]
    assert [row["id"] for row in read("grievances", "list", "--state", "open")["grievances"]] == [
        second,
        third,
    ]
    assert [row["id"] for row in read("grievances", "list", "--state", "new")["grievances"]] == [third]
    assert [row["id"] for row in read("grievances", "list", "--tag", "issue:dirty-water")["grievances"]] == [
        second
    ]
    assert read("grievances", "list", "--overdue")["found"] == 0
    assert read("grievances", "list", "--campaign", "library-hours")["found"] == 0
    assert "1 of 3 shown: --limit 0 shows all" in run("grievances", "--limit", "1").output
    deployment.clock.move(hours=23, minutes=30)
    (overdue,) = read("grievances", "list", "--overdue")["grievances"]
    assert (overdue["id"], overdue["answer_is"]) == (second, "30 min overdue")


def test_one_is_shown_with_whom_to_call_back_and_without_its_token(
    deployment: Deployment, name: str, run: Run, read: Read
) -> None:
    store.wait(name, "the-token-of-its-clock")

    shown = read("grievances", "show", name)

    assert (shown["phone"], shown["recording"], shown["state"]) == ("+9190••••01", "12 s", "new")
    assert CALLER in run("grievances", "show", name, "--clear").output
    assert "the-token" not in run("grievances", "show", name).output + str(shown)


def test_a_link_plays_it_for_five_minutes_and_a_file_is_for_its_owner_alone(
    name: str, run: Run, tmp_path: Path
) -> None:
    link = run("grievances", "play", name).output
    path = tmp_path / "voice.mp3"
    saved = run("grievances", "play", name, "--save", str(path))
    again = run("grievances", "play", name, "--save", str(path))

    assert link.startswith("https://")
    assert f"clean-water/{name}.mp3" in link
    assert "X-Amz-Expires=300" in link or "Expires=" in link
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (AUDIO, 0o600)
    assert saved.stderr == f"{len(AUDIO)} bytes in {path}\n"
    assert (again.exit_code, "exists already" in again.stderr) == (1, True)
    nowhere = run("grievances", "play", name, "--save", str(tmp_path / "no" / "voice.mp3"))
    assert "cannot be written" in nowhere.stderr


def test_what_cannot_be_played_is_told_in_one_sentence(deployment: Deployment, name: str, run: Run) -> None:
    silent = record(deployment, cause="exotel:call-2/turn-1").id
    boto3.client("s3").delete_object(Bucket=RECORDINGS, Key=f"clean-water/{name}.mp3")

    unknown, waiting = run("grievances", "play", "nothing"), run("grievances", "play", silent)
    forgotten = run("grievances", "play", name, "--save", "voice.mp3")
    store.not_copied(silent, "what came is no audio")

    assert "there is no grievance nothing" in unknown.stderr
    assert "it is not copied yet" in waiting.stderr
    assert "the recording is gone" in forgotten.stderr
    assert "what came is no audio" in run("grievances", "play", silent).stderr


def test_tags_and_notes_of_a_person_and_what_the_rules_make_of_them(name: str, run: Run, read: Read) -> None:
    noted = run("grievances", "tag", name, "--note", "Cholera in our street, call 9000000101")
    corrected = run("grievances", "tag", name, "issue:no-water", "area:eci:S13/26/112")

    assert noted.output == f"{name} is tagged: issue:dirty-water, urgency:high\n"
    assert corrected.output == f"{name} is tagged: issue:no-water, area:eci:S13/26/112, urgency:high\n"
    assert read("grievances", "show", name)["tagged_by"] == ["issue: person", "area: person", "urgency: rule"]
    assert run("grievances", "tag", name).exit_code == 2
    assert "one issue" in run("grievances", "tag", name, "issue:a", "issue:b").stderr
    assert "must be one of low, normal, high" in run("grievances", "tag", name, "urgency:soon").stderr


def test_an_answer_stops_the_clock_once_and_says_whether_it_was_in_time(
    deployment: Deployment, name: str, run: Run, read: Read
) -> None:
    late = record(deployment, cause="exotel:call-2/turn-1").id
    deployment.clock.move(hours=3)

    answered = run("grievances", "answer", name, "--note", "called back")
    twice = run("grievances", "answer", name, "--note", "called back")
    deployment.clock.move(hours=30)

    assert answered.output == f"{name} is answered, in time: 3 h after it was recorded\n"
    assert (twice.exit_code, twice.stderr) == (1, f"Error: {name} is answered already\n")
    assert run("grievances", "answer", name).exit_code == 2
    assert "late: 1 day 9 h" in run("grievances", "answer", late, "--note", "called back").output
    assert run("grievances", "close", name).output == f"{name} is closed, answered\n"
    assert read("grievances", "show", name)["answer"] == "called back"


def test_counts_are_by_week_issue_area_and_urgency(deployment: Deployment, read: Read, run: Run) -> None:
    for turn in (1, 2):
        record(deployment, cause=f"exotel:call-1/turn-{turn}", issue="no-water", place="eci:S13/26/112")
    deployment.clock.move(days=7)
    record(deployment, cause="exotel:call-2/turn-1")

    assert read("grievances", "counts")["counts"] == [
        {
            "week": "2026-W10",
            "issue": "no-water",
            "area": "eci:S13/26/112",
            "urgency": "high",
            "grievances": 2,
        },
        {"week": "2026-W11", "issue": None, "area": None, "urgency": None, "grievances": 1},
    ]
    assert len(read("grievances", "counts", "--since", "1d")["counts"]) == 1
    assert "2026-W10" in run("grievances", "counts").output


def test_stats_tell_the_share_answered_in_a_day(deployment: Deployment, run: Run, read: Read) -> None:
    names = [record(deployment, cause=f"exotel:call-{n}/turn-1").id for n in range(3)]
    run("grievances", "answer", names[0], "--note", "called back")
    deployment.clock.move(hours=24)
    record(deployment, cause="exotel:call-9/turn-1")
    run("grievances", "answer", names[1], "--note", "called back")

    rows = {row["campaign"]: row for row in read("stats")["stats"]}

    assert (rows["clean-water"]["grievances"], rows["clean-water"]["overdue"]) == (4, 1)
    assert rows["clean-water"]["answered-in-time-percent"] == 33.3
    assert rows["library-hours"]["answered-in-time-percent"] is None
    assert "answered in 24 h, %" in run("stats").output
    assert read("stats", "--campaign", "clean-water", "--since", "1h")["stats"][0]["grievances"] == 1


def test_recordings_that_were_given_up_are_taken_up_again(
    deployment: Deployment, connected: Connected, name: str, read: Read
) -> None:
    sqs = boto3.client("sqs")
    sqs.send_message(QueueUrl=connected.recording_dead_letters_url, MessageBody=f'["{name}", "97"]')

    assert read("redrive", "recordings") == {"recordings": {"moved": 1, "spans replayed": 0, "left": 0}}
    assert deployment.bodies(deployment.runtime.settings.recording_queue_url) == [f'["{name}", "97"]']

"""`ringback calls`: what came in, newest first, and what became of it."""

from dataclasses import replace
from datetime import timedelta

from ringback.store import journal
from tests.deployment import CALLER, MENU_IN_HINDI, VOLUNTEER, Deployment
from tests.integration.ringback_cli.conftest import Read, Run

OTHER = "+919000000102"


def test_calls_are_listed_newest_first_and_masked(deployment: Deployment, run: Run, read: Read) -> None:
    deployment.ring(CALLER, call_id="first")
    deployment.clock.move(minutes=1)
    deployment.ring(OTHER, "+918040001004", call_id="second")

    rows = read("calls")["calls"]

    assert [row["call_id"] for row in rows] == ["exotel:second", "exotel:first"]
    assert [row["caller"] for row in rows] == ["+9190••••02", "+9190••••01"]
    assert rows[0]["issue"] == "piped-water"
    assert rows[1] | {"purpose": "volunteer", "source": "tv", "number": VOLUNTEER, "who": "person"} == rows[1]
    assert "+9190••••01" in run("calls").output
    assert CALLER in run("calls", "--clear").output


def test_calls_are_picked_by_campaign_number_caller_time_and_limit(
    deployment: Deployment, read: Read
) -> None:
    deployment.ring(CALLER, call_id="a")
    deployment.ring(OTHER, "+918040001002", call_id="b")
    deployment.clock.move(hours=3)
    deployment.ring(CALLER, "+918040001011", call_id="c", campaign="library-hours")

    def ids(*options: str) -> set[str]:
        return {row["call_id"].removeprefix("exotel:") for row in read("calls", *options)["calls"]}

    assert ids() == {"a", "b", "c"}
    assert ids("--campaign", "library-hours") == {"c"}
    assert ids("--number", "08040001002") == {"b"}
    assert ids("--caller", "09000000101", "--clear") == {"a", "c"}
    assert ids("--since", "2h") == {"c"}
    assert ids("--since", "2026-03-02T10:00") == {"a", "b", "c"}
    assert ids("--limit", "1") == {"c"}
    assert ids("--limit", "0") == {"a", "b", "c"}


def test_withheld_callers_and_strange_numbers_are_listed_as_what_they_are(
    deployment: Deployment, read: Read
) -> None:
    deployment.ring("anonymous", call_id="a")
    deployment.ring(CALLER, "+919000000199", call_id="b")

    rows = {row["call_id"]: row for row in read("calls")["calls"]}

    assert (rows["exotel:a"]["who"], rows["exotel:a"]["caller"]) == ("withheld", None)
    assert (rows["exotel:b"]["purpose"], rows["exotel:b"]["number"]) == ("not ours", "+9190••••99")


def test_unparsed_callbacks_are_told_decoded_and_masked(deployment: Deployment, run: Run, read: Read) -> None:
    deployment.ring(call_id="fine")
    deployment.callback("CallSid=&From=%30%39%30%30%30%30%30%30%31%30%31")

    (row,) = read("calls", "--unparsed")["calls"]

    assert "CallSid" in row["reason"]
    assert "From=090••••01" in row["told"]
    assert row["reason"] in run("calls", "--unparsed").output
    assert "fine" not in run("calls", "--unparsed").output


def test_one_call_shows_its_tellings_its_caller_and_its_messages(
    deployment: Deployment, run: Run, read: Read
) -> None:
    deployment.ring(call_id="one")
    deployment.clock.move(seconds=5)
    deployment.ring(call_id="one", DialCallStatus="no-answer")
    deployment.settle()

    shown = read("calls", "show", "one")

    assert shown["caller"] == "+9190••••01"
    assert shown["person"] == deployment.person()
    assert [telling["fact"].partition("#")[0] for telling in shown["tellings"]] == ["call-missed"] * 2
    assert "From=090••••01" in shown["tellings"][0]["parameters"]
    assert [message["state"] for message in shown["messages"]] == ["sent"]
    assert "DialCallStatus=no-answer" in run("calls", "show", "exotel:one").output
    assert f"From=0{CALLER[3:]}" in run("calls", "show", "one", "--clear").output


def test_a_call_of_an_unpublished_campaign_hides_no_other(
    deployment: Deployment, run: Run, read: Read
) -> None:
    deployment.ring(call_id="known")
    journal.keep(replace(deployment.entry(), source_id="exotel:stray", campaign="nobody"))

    assert [row["call_id"] for row in read("calls")["calls"]] == ["exotel:known"]
    assert "campaign nobody has no published content" in run("calls", "show", "stray").output


def test_a_call_nobody_made_is_told_in_one_sentence(run: Run) -> None:
    result = run("calls", "show", "nobody")

    assert result.exit_code == 1
    assert result.stderr == "Error: the journal holds no call nobody: `ringback calls` lists them\n"


def test_an_empty_journal_says_so(run: Run, read: Read) -> None:
    assert run("calls").stdout == "no calls\n"
    assert read("calls") == {"calls": []}


def test_delivery_reports_are_no_calls(deployment: Deployment, read: Read) -> None:
    deployment.ring()
    deployment.settle()
    deployment.clock.move(minutes=1)
    deployment.report(deployment.message(), "sent", "20005")

    assert len(read("calls")["calls"]) == 1
    assert deployment.entries()[-1].received_at - deployment.entries()[0].received_at == timedelta(minutes=1)


def test_a_number_that_is_none_is_told_in_one_sentence(run: Run) -> None:
    result = run("calls", "--number", "abc")

    assert result.exit_code == 1
    assert "not an Indian number" in result.stderr


def test_a_call_in_a_menu_is_listed_once_and_shown_turn_by_turn(
    deployment: Deployment, run: Run, read: Read
) -> None:
    caller = deployment.begin(CALLER, MENU_IN_HINDI)
    caller.press("1")
    caller.press("4")
    caller.press("1")
    deployment.react()

    (row,) = read("calls")["calls"]
    shown = read("calls", "show", "call-1")
    printed = run("calls", "show", "call-1").output

    assert (row["call_id"], row["menu"], row["number"]) == ("exotel:call-1", "main", MENU_IN_HINDI)
    assert [turn["node"] for turn in shown["turns"]] == ["language", "choose", "updates", "goodbye"]
    assert shown["turns"][3]["did"] == [
        "key-pressed node=updates key=1",
        "opted-in channel=sms",
        "menu-ended furthest=subscribed",
    ]
    assert shown["caller"] == "+9190••••01"
    assert "opted-in channel=sms" in printed
    assert "0000001" not in printed

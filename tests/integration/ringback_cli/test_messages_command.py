"""`ringback messages`: what was sent, what waits and why, and what a person settles."""

from datetime import timedelta

import pytest

from ringback.domain.messages import State
from ringback.providers.base import Unclear
from ringback.services import effects, messages
from ringback.store import sending
from ringback_cli import backlog
from tests.deployment import Deployment, deployed
from tests.integration.ringback_cli.conftest import Read, Run


def a_listed_message(deployment: Deployment) -> str:
    """A message that may have left, and of which no evidence came in time."""
    deployment.provider.answers = [Unclear("timed out")]
    deployment.ring()
    deployment.settle()
    deployment.clock.move(hours=25)
    messages.list_for_people(deployment.runtime)
    return deployment.message().message_id


def test_messages_are_listed_with_state_and_sums(deployment: Deployment, run: Run, read: Read) -> None:
    deployment.ring("+919000000101", call_id="a")
    deployment.settle()
    deployment.clock.move(hours=11)
    deployment.ring("+919000000102", call_id="b")
    deployment.settle()

    listed = read("messages")

    assert [row["state"] for row in listed["messages"]] == ["held", "sent"]
    assert listed["messages"][0]["rule"] == "quiet-hours"
    assert listed["messages"][0]["due_at"] == "2026-03-03T04:30:00.000+00:00"
    assert listed["by_state"] == {"held": 1, "held by quiet-hours": 1, "sent": 1}
    assert [row["state"] for row in read("messages", "--state", "held")["messages"]] == ["held"]
    assert read("messages", "--campaign", "library-hours")["messages"] == []
    assert "held 1 · held by quiet-hours 1 · sent 1" in run("messages").output


def test_a_backlog_is_shown_with_the_time_it_needs(deployment: Deployment, run: Run, read: Read) -> None:
    assert "backlog" not in run("messages").output

    deployment.ring()
    deployment.react()
    sending.depart("exotel-sms", deployment.clock.now(), timedelta(seconds=1), 200)

    assert read("messages")["queued"] == 1
    assert read("messages")["seconds_left"] == 200.0
    assert "backlog: 1 queued, about 3 min 20 s left at this pace" in run("messages").output


def test_what_a_person_must_settle_is_pointed_at_listed_and_settled(
    deployment: Deployment, run: Run, read: Read
) -> None:
    message_id = a_listed_message(deployment)

    assert "1 wait for a person: `ringback messages --state listed`" in run("messages").output
    assert [row["message_id"] for row in read("messages", "--state", "listed")["messages"]] == [message_id]
    assert run("messages", "settle", message_id, "--left").output == f"{message_id} is sent now\n"
    assert deployment.message().state is State.SENT
    assert read("messages", "--state", "listed")["messages"] == []


def test_a_message_that_did_not_leave_is_failed(deployment: Deployment, run: Run) -> None:
    run("messages", "settle", a_listed_message(deployment), "--did-not-leave")

    assert deployment.message().state is State.FAILED


def test_only_what_is_unknown_can_be_settled(deployment: Deployment, run: Run) -> None:
    deployment.ring()
    deployment.settle()

    result = run("messages", "settle", deployment.message().message_id, "--left")

    assert result.exit_code == 1
    assert result.stderr == "Error: only an unknown message can be settled; this one is sent\n"


def test_settling_asks_which_way(deployment: Deployment, run: Run) -> None:
    result = run("messages", "settle", "a.b.c.d")

    assert result.exit_code == 2
    assert "--left" in result.stderr


def test_one_message_shows_where_it_stands_and_to_whom_it_goes(
    deployment: Deployment, run: Run, read: Read
) -> None:
    deployment.ring()
    deployment.settle()
    message_id = deployment.message().message_id

    shown = read("messages", "show", message_id)

    assert shown["phone"] == "+9190••••01"
    assert (shown["state"], shown["provider_id"], shown["cause"]) == ("sent", "sms-1", "exotel:call-1")
    assert "+919000000101" in run("messages", "show", message_id, "--clear").output


@pytest.mark.parametrize("message_id", ["nonsense", "person.campaign.text.digest"])
def test_a_message_nobody_wrote_is_told_in_one_sentence(run: Run, message_id: str) -> None:
    result = run("messages", "show", message_id)

    assert result.exit_code == 1
    assert "`ringback messages`" in result.stderr


def test_a_paused_campaign_says_so_until_it_is_resumed(deployment: Deployment, run: Run, read: Read) -> None:
    run("messages", "pause", "clean-water", "wrong template")
    deployment.ring()
    deployment.settle()

    assert deployment.provider.taken == []
    assert read("messages")["paused"] == {"clean-water": "wrong template"}
    assert "clean-water is paused, wrong template" in run("messages").output
    assert "it was paused because: wrong template" in run("messages", "resume", "clean-water").output
    assert read("messages")["paused"] == {}
    assert run("messages", "resume", "clean-water").output == "clean-water is not paused\n"


def test_a_campaign_that_does_not_exist_cannot_be_paused_or_resumed(run: Run) -> None:
    for arguments in (["pause", "nowhere", "why"], ["resume", "nowhere"]):
        result = run("messages", *arguments)

        assert (result.exit_code, result.stderr) == (1, "Error: campaign nowhere has no published content\n")


def test_the_pace_counts_in_the_time_left() -> None:
    with deployed(SMS_PER_MINUTE="200") as deployment:
        for n in range(5):
            deployment.ring(f"+9190000001{n:02}", call_id=f"call-{n}")
        deployment.react()

        left = backlog.read(deployment.runtime).time_left.total_seconds()

        assert left == pytest.approx(5 * 60 / (200 * effects.SHARE_OF_RATE))

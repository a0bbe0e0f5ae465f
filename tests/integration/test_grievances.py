"""Grievances from the recording to the answer: kept once, tagged, their clock told of the answer whichever comes first."""

from datetime import timedelta
from typing import Any

import pytest

from ringback import workflows
from ringback.domain import feedback as domain
from ringback.domain.contacts import Contact
from ringback.domain.errors import Conflict, NotFound
from ringback.domain.feedback import Grievance, Kind, State, Tagger
from ringback.domain.turns import FeedbackRecorded
from ringback.services import campaigns, feedback
from ringback.store import feedback as store
from tests.deployment import CALLER, Deployment, client, emitted

CAUSE = "exotel:call-1/turn-3"
URL = "https://recordings.exotel.com/exotelrecordings/ringback1/call-1.mp3"


def with_rules(document: dict[str, Any]) -> None:
    document["feedback"] = {
        "urgency": {"sewage": "high"},
        "words": [{"any": ["open drain"], "tags": ["issue:sewage"]}],
    }


def record(
    deployment: Deployment,
    *,
    ahead: float = 0.0,
    issue: str | None = None,
    cause: str = CAUSE,
    place: str | None = None,
    url: str = URL,
) -> Grievance:
    """A caller records something now."""
    campaign = campaigns.Shelf(0).current("clean-water")
    contact = Contact(
        person=deployment.person(),
        campaign=campaign.id,
        phone=CALLER,
        language="hi",
        first_called_at=deployment.clock.now(),
        first_number="+918040001001",
        first_source="tv",
        fields={"place": place} if place else {},
    )
    effect = FeedbackRecorded("grievance", url, "hi", issue=issue, seconds=12)
    at = deployment.clock.now() + timedelta(seconds=ahead)
    feedback.received(deployment.runtime, campaign, contact, effect, cause, at)
    return feedback.find(domain.id_for(campaign.id, cause))


def executions(deployment: Deployment) -> list[str]:
    arn = deployment.runtime.settings.answer_grievance_arn
    return [
        each["name"] for each in client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
    ]


def tickets(deployment: Deployment) -> int:
    return len(deployment.bodies(deployment.runtime.settings.recording_queue_url))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens that were answered. moto cannot take an answer, so the wire to Step Functions ends here."""
    tokens: list[str] = []

    class Wire:
        def send_task_success(self, *, taskToken: str, output: str) -> None:
            tokens.append(taskToken)

    monkeypatch.setattr(workflows, "_client", Wire)
    return tokens


# Taking it in


def test_a_recording_is_kept_with_its_issue_and_area_and_its_clock_starts(deployment: Deployment) -> None:
    deployment.publish("clean-water", with_rules)

    grievance = record(deployment, issue="sewage", place="eci:S13/26/112")

    assert grievance.state is State.TAGGED
    assert {kind: (tagged.value, tagged.by) for kind, tagged in grievance.tags.items()} == {
        Kind.ISSUE: ("sewage", Tagger.MENU),
        Kind.AREA: ("eci:S13/26/112", Tagger.MENU),
        Kind.URGENCY: ("high", Tagger.RULE),
    }
    assert grievance.due_at - grievance.recorded_at == timedelta(hours=24)
    assert executions(deployment) == [grievance.id]


def test_a_provider_whose_clock_is_ahead_gives_nobody_more_time(deployment: Deployment) -> None:
    now = deployment.clock.now()

    assert record(deployment, ahead=90_000).recorded_at == now


def test_a_repeated_fact_keeps_one_grievance_and_starts_one_clock(deployment: Deployment) -> None:
    first = record(deployment)
    deployment.clock.move(hours=1)
    again = record(deployment, issue="sewage")

    assert again == first
    assert first.state is State.NEW
    assert executions(deployment) == [first.id]
    assert emitted("FeedbackReceived") == 1


def test_two_recordings_of_one_call_are_two_grievances(deployment: Deployment) -> None:
    names = {record(deployment, cause=f"exotel:call-1/turn-{turn}").id for turn in (3, 5)}

    assert set(executions(deployment)) == names
    assert len(names) == 2
    assert tickets(deployment) == 0
    deployment.clock.move(seconds=15)
    assert tickets(deployment) == 2


def test_a_replay_after_the_answer_starts_nothing(deployment: Deployment, told: list[str]) -> None:
    grievance = store.keep(_bare(deployment))
    feedback.answer(deployment.runtime, grievance.id, "called back")

    record(deployment)  # the wire would refuse to start an execution

    assert feedback.find(grievance.id).state is State.ANSWERED


def _bare(deployment: Deployment) -> Grievance:
    """A grievance in the store, without its clock."""
    now = deployment.clock.now()
    return Grievance(
        id=domain.id_for("clean-water", CAUSE),
        campaign="clean-water",
        person=deployment.person(),
        topic="grievance",
        language="hi",
        provider="exotel",
        cause=CAUSE,
        url=URL,
        recorded_at=now,
        due_at=now + domain.ANSWER_WITHIN,
    )


# Tagging


def test_a_persons_tag_replaces_and_a_rules_only_fills_in(deployment: Deployment) -> None:
    deployment.publish("clean-water", with_rules)
    name = record(deployment).id

    noted = feedback.tag(name, {}, "an open drain at the school")
    corrected = feedback.tag(name, {Kind.ISSUE: "piped-water", Kind.URGENCY: "low"})
    again = feedback.tag(name, {}, "open drain")

    assert (noted.state, noted.value(Kind.ISSUE), noted.value(Kind.URGENCY)) == (
        State.TAGGED,
        "sewage",
        "high",
    )
    assert noted.tags[Kind.ISSUE].by is Tagger.RULE
    assert (corrected.value(Kind.ISSUE), corrected.value(Kind.URGENCY)) == ("piped-water", "low")
    assert again.tags == corrected.tags
    assert again.note == "open drain"


def test_an_urgency_alone_does_not_say_what_it_is_about(deployment: Deployment) -> None:
    name = record(deployment).id

    assert feedback.tag(name, {Kind.URGENCY: "high"}).state is State.NEW
    assert feedback.tag(name, {Kind.ISSUE: "sewage"}).state is State.TAGGED


def test_tagging_an_answered_grievance_does_not_open_it_again(
    deployment: Deployment, told: list[str]
) -> None:
    grievance = store.keep(_bare(deployment))
    feedback.answer(deployment.runtime, grievance.id, "called back")

    assert feedback.tag(grievance.id, {Kind.ISSUE: "sewage"}).state is State.ANSWERED


def test_what_does_not_exist_is_not_made_by_tagging_answering_or_waiting(deployment: Deployment) -> None:
    for attempt in (
        lambda: feedback.tag("nothing", {Kind.ISSUE: "sewage"}),
        lambda: feedback.answer(deployment.runtime, "nothing", "called back"),
        lambda: feedback.close(deployment.runtime, "nothing"),
        lambda: feedback.clock_waits("nothing", "token"),
        lambda: feedback.clock_strikes(deployment.runtime, "nothing"),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert feedback.clock_reminds("nothing", 1) == {"reminded": False}
    assert list(store.every()) == []


# Answer and clock


def test_a_clock_that_waits_is_told_of_the_answer_once(deployment: Deployment, told: list[str]) -> None:
    name = store.keep(_bare(deployment)).id
    assert feedback.clock_waits(name, "token-1") == {"open": True}
    assert told == []

    answered = feedback.answer(deployment.runtime, name, "called back")

    assert told == ["token-1"]
    assert answered.is_answered_in_time
    assert feedback.find(name).token is None
    assert feedback.sweep(deployment.runtime).settled == 0


def test_an_answer_that_came_before_the_token_is_told_when_the_clock_asks(
    deployment: Deployment, told: list[str]
) -> None:
    name = store.keep(_bare(deployment)).id
    feedback.answer(deployment.runtime, name, "called back")
    assert told == []

    assert feedback.clock_waits(name, "token-1") == {"open": False}

    assert told == ["token-1"]


def test_an_answer_crashing_before_it_told_the_clock_is_finished_by_the_sweep(
    deployment: Deployment, told: list[str]
) -> None:
    name = store.keep(_bare(deployment)).id
    feedback.clock_waits(name, "token-1")
    store.answer(name, deployment.clock.now(), "called back")  # and there the process ends

    assert feedback.sweep(deployment.runtime).settled == 1
    assert told == ["token-1"]
    assert feedback.sweep(deployment.runtime).settled == 0


def test_a_later_token_takes_the_place_of_a_stale_one(deployment: Deployment, told: list[str]) -> None:
    name = store.keep(_bare(deployment)).id
    feedback.clock_waits(name, "token-1")
    feedback.clock_waits(name, "token-2")

    feedback.answer(deployment.runtime, name, "called back")

    assert told == ["token-2"]


def test_a_grievance_is_answered_once_and_closed_once(deployment: Deployment, told: list[str]) -> None:
    name = store.keep(_bare(deployment)).id
    feedback.answer(deployment.runtime, name, "called back")

    with pytest.raises(Conflict, match="answered already"):
        feedback.answer(deployment.runtime, name, "called back again")
    assert feedback.close(deployment.runtime, name).answered_at is not None
    with pytest.raises(Conflict, match="closed already"):
        feedback.close(deployment.runtime, name)
    with pytest.raises(Conflict, match="closed already"):
        feedback.answer(deployment.runtime, name, "too late")
    assert feedback.find(name).answer == "called back"


def test_closing_without_an_answer_stops_the_clock_and_counts_as_unanswered(
    deployment: Deployment, told: list[str]
) -> None:
    name = store.keep(_bare(deployment)).id
    feedback.clock_waits(name, "token-1")

    feedback.close(deployment.runtime, name, "nothing but noise")

    assert told == ["token-1"]
    counted = domain.responsiveness(store.every("clean-water"), deployment.clock.now())
    assert (counted.unanswered, counted.share) == (1, 0.0)


# Reminders, the alarm, and what goes missing


def test_the_team_is_reminded_once_for_each_reminder_and_never_after_the_answer(
    deployment: Deployment, told: list[str]
) -> None:
    name = store.keep(_bare(deployment)).id

    reminded = [feedback.clock_reminds(name, nth)["reminded"] for nth in (1, 1, 2, 1)]
    feedback.answer(deployment.runtime, name, "called back")

    assert reminded == [True, False, True, False]
    assert feedback.clock_reminds(name, 3) == {"reminded": False}
    assert emitted("FeedbackWaiting") == 2


def test_the_alarm_sounds_once_and_an_answer_after_it_is_late(
    deployment: Deployment, told: list[str]
) -> None:
    late = store.keep(_bare(deployment)).id
    deployment.clock.move(hours=24)

    assert feedback.clock_strikes(deployment.runtime, late) == {"breached": True}
    assert feedback.clock_strikes(deployment.runtime, late) == {"breached": True}
    assert emitted("FeedbackBreached") == 1
    feedback.answer(deployment.runtime, late, "called back")
    assert not feedback.find(late).is_answered_in_time


def test_an_answer_in_the_last_moment_silences_the_alarm(deployment: Deployment, told: list[str]) -> None:
    name = store.keep(_bare(deployment)).id
    feedback.answer(deployment.runtime, name, "called back")

    assert feedback.clock_strikes(deployment.runtime, name) == {"breached": False}
    assert emitted("FeedbackBreached") == 0


def test_the_alarm_of_a_clock_that_is_gone_is_sounded_by_the_sweep_once(deployment: Deployment) -> None:
    name = store.keep(_bare(deployment)).id
    deployment.clock.move(hours=24, minutes=4)
    assert feedback.sweep(deployment.runtime).breached == 0

    deployment.clock.move(minutes=2)

    assert [feedback.sweep(deployment.runtime).breached for _ in range(2)] == [1, 0]
    assert feedback.find(name).breached_at == deployment.clock.now()


def test_an_answer_whose_clock_never_asked_is_put_away_by_the_sweep(deployment: Deployment) -> None:
    name = store.keep(_bare(deployment)).id
    feedback.answer(deployment.runtime, name, "called back")
    far = deployment.clock.now() + timedelta(days=9)
    feedback.sweep(deployment.runtime)
    assert list(store.waiting("settling", far)) == [name]

    deployment.clock.move(hours=25)
    feedback.sweep(deployment.runtime)

    assert list(store.waiting("settling", far)) == []


def test_a_stale_token_counts_as_done(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ClientError

    class Wire:
        def __init__(self, code: str) -> None:
            self._code = code

        def send_task_success(self, **_: str) -> None:
            raise ClientError({"Error": {"Code": self._code, "Message": ""}}, "SendTaskSuccess")

    for stale in ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken"):
        monkeypatch.setattr(workflows, "_client", lambda code=stale: Wire(code))
        assert workflows.answer("token", {}) is False
    monkeypatch.setattr(workflows, "_client", lambda: Wire("ThrottlingException"))
    with pytest.raises(ClientError):
        workflows.answer("token", {})

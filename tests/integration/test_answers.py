"""Answers from the key press to the count and the SMS: one person one answer, places, reminders, check-in: F65–F76, X8."""

import itertools
from collections import Counter
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ringback.domain.answers import LONGEST_HISTORY, Kind, Record, Said, SeatKind, Tally, Topic
from ringback.domain.campaigns import Campaign
from ringback.domain.errors import Conflict, NotFound
from ringback.domain.messages import State
from ringback.domain.times import INDIA
from ringback.domain.turns import Pledged, Rsvped, Voted
from ringback.queues import Ticket
from ringback.services import answers, gatherings, metrics
from ringback.services import contacts as people
from ringback.store import answers as store
from ringback.store import catalog
from ringback.store import messages as ledger
from tests.deployment import (
    CALLER,
    EVENT_LINE,
    MENU_IN_ENGLISH,
    OTHER_CALLER,
    POLL_LINE,
    VOLUNTEER,
    Deployment,
    callers,
    deployed,
)
from tests.integration.wire import AwsRequest, Killed, Killer, Moment, listening

POLL = Topic(Kind.POLL, "first-need")
TRAINING_DAY = Topic(Kind.GATHERING, "training-day")
PIPED_WATER = Topic(Kind.ISSUE, "piped-water")
SUPPORT_PIPES = "+918040001004"
THIRD = "+919000000103"
STARTS = datetime(2026, 3, 15, 10, 0, tzinfo=INDIA)
REMIND = STARTS - timedelta(hours=20)
CONFIRMATION, WAITING, PLACE_FREE, REMINDER = (
    "training-place",
    "training-waiting",
    "training-place-free",
    "training-reminder",
)


def in_march(document: dict[str, Any]) -> None:
    """The poll and the training of the sample, moved to where the clock stands; two places."""
    document["voice"]["polls"]["first-need"] |= {
        "opens_at": "2026-03-01 08:00",
        "closes_at": "2026-03-08 20:00",
    }
    document["voice"]["gatherings"]["training-day"] |= {"starts_at": "2026-03-15 10:00", "capacity": 2}


@pytest.fixture
def march(deployment: Deployment) -> Deployment:
    deployment.publish("clean-water", in_march)
    return deployment


_call_ids = (f"answer-{n}" for n in itertools.count())


def rsvp(deployment: Deployment, key: str, caller: str = CALLER) -> None:
    """Ring the event line and press a key: 1 comes, 2 does not."""
    handset = deployment.begin(caller, EVENT_LINE, call_id=next(_call_ids))
    handset.press(key)


def vote(deployment: Deployment, key: str, caller: str = CALLER) -> None:
    """Ring the poll line, keep the language, press a key."""
    handset = deployment.begin(caller, POLL_LINE, call_id=next(_call_ids))
    handset.wait()
    handset.press(key)


def content() -> Campaign:
    return catalog.current("clean-water")


def tally(topic: Topic) -> Tally:
    return answers.tally(content(), topic).get(answers.WHOLE, Tally())


def record(deployment: Deployment, caller: str = CALLER, topic: Topic = TRAINING_DAY) -> Record:
    return store.load("clean-water", topic, deployment.person(caller))


def seat(deployment: Deployment, caller: str) -> SeatKind | None:
    held = record(deployment, caller).seat
    return held.kind if held else None


def told(deployment: Deployment, caller: str = CALLER) -> dict[str, State]:
    """What the ledger holds for a person about the training, and where each stands."""
    return {
        message.text: message.state
        for message in deployment.messages(caller)
        if message.cause == str(TRAINING_DAY)
    }


def received(deployment: Deployment, caller: str = CALLER) -> list[str]:
    """The texts about the training that have reached a person's phone, in order."""
    names = {message.message_id: message.text for message in deployment.messages(caller)}
    return [
        names[sms.custom_field]
        for sms in deployment.provider.taken
        if sms.to == caller and names[sms.custom_field] in (CONFIRMATION, WAITING, PLACE_FREE, REMINDER)
    ]


# ── polls ──


def test_of_one_person_the_last_vote_counts_and_every_vote_is_kept(march: Deployment) -> None:
    for key in "112":
        vote(march, key)
    vote(march, "1", OTHER_CALLER)
    march.react()

    tallied = tally(POLL)
    assert tallied.people == Counter({"well-testing": 1, "piped-water": 1})
    assert (tallied.raw, tallied.unique, tallied.repeated) == (4, 2, 1)
    assert [said.answer for said in record(march, topic=POLL).said] == [
        "piped-water",
        "piped-water",
        "well-testing",
    ]


def test_votes_before_the_opening_and_after_the_close_are_kept_apart(march: Deployment) -> None:
    for day, key in (
        (datetime(2026, 2, 28, 12), "1"),
        (datetime(2026, 3, 2, 12), "2"),
        (datetime(2026, 3, 9, 12), "3"),
    ):
        march.clock.set(day.replace(tzinfo=INDIA))
        vote(march, key)
    march.react()

    tallied = tally(POLL)
    assert tallied.people == Counter({"well-testing": 1})
    assert (tallied.raw, tallied.unique, tallied.early, tallied.late) == (1, 1, 1, 1)


def test_votes_that_are_reacted_to_late_and_twice_count_as_those_that_came_in_order(
    march: Deployment,
) -> None:
    for key in "123":
        vote(march, key)
    entries = march.entries()

    assert march.reaction.react([*reversed(entries), *entries]) == []
    assert tally(POLL).people == Counter({"hand-pumps": 1})
    assert tally(POLL).raw == 3


def test_an_answer_to_a_poll_that_is_no_more_is_kept(march: Deployment) -> None:
    march.ring()
    march.react()
    effect = Voted("of-last-year", "yes")

    assert (
        answers.keep(march.runtime, content(), march.known(), effect, "c/turn-1", march.clock.now())
        == answers.Kept()
    )
    assert tally(Topic(Kind.POLL, "of-last-year")).people == Counter({"yes": 1})


@settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    votes=st.lists(
        st.tuples(st.sampled_from("pqr"), st.sampled_from("ab"), st.integers(-1, 3), st.integers(0, 9)),
        max_size=8,
        unique_by=lambda vote: vote[3],
    ),
    random=st.randoms(use_true_random=False),
)
@pytest.mark.usefixtures("_no_account")
def test_any_order_and_any_repeat_of_votes_is_stored_as_the_same_tally(
    votes: list[tuple[str, str, int, int]], random: Random
) -> None:
    with deployed(["clean-water"]):
        expected: dict[str, tuple[int, str, str]] = {}
        for person, option, day, cause in votes:
            expected[person] = max(expected.get(person, (-9, "", "")), (day, str(cause), option))
        told_twice = votes * 2
        random.shuffle(told_twice)
        start = datetime(2026, 3, 2, 12, tzinfo=INDIA)
        for person, option, day, cause in told_twice:
            store.say("c", POLL, person, Said(start + timedelta(days=day), str(cause), option))

        records = list(store.every("c", POLL))
        assert {each.person: each.said[-1].answer for each in records} == {
            person: option for person, (_, _, option) in expected.items()
        }
        assert sum(len(each.said) for each in records) == len(votes)


def test_a_row_of_answers_does_not_grow_for_ever_and_forgets_no_count(march: Deployment) -> None:
    """Whoever presses a key a thousand times gets no row of a thousand answers."""
    march.ring()
    march.react()
    start = march.clock.now()

    def press(nth: int) -> None:
        effect = Voted("first-need", "ab"[nth % 2])
        answers.keep(
            march.runtime, content(), march.known(), effect, f"c-{nth}", start + timedelta(seconds=nth)
        )

    for nth in range(LONGEST_HISTORY + 7):
        press(nth)
    for nth in (0, 3, LONGEST_HISTORY):  # forgotten, forgotten, at hand
        press(nth)

    kept = record(march, topic=POLL)
    assert (len(kept.said), kept.forgotten) == (LONGEST_HISTORY, 7)
    assert tally(POLL).raw == LONGEST_HISTORY + 7
    assert tally(POLL).people == Counter({"ab"[(LONGEST_HISTORY + 6) % 2]: 1})


# ── issues ──


def test_a_missed_call_and_a_pledge_support_an_issue_and_a_person_is_one_supporter(march: Deployment) -> None:
    march.ring(CALLER, SUPPORT_PIPES, call_id="s-1")
    march.ring(CALLER, SUPPORT_PIPES, call_id="s-2")
    march.ring(OTHER_CALLER, SUPPORT_PIPES, call_id="s-3")
    march.ring(THIRD, VOLUNTEER, call_id="s-4")
    handset = march.begin(CALLER, MENU_IN_ENGLISH, call_id="s-5")
    handset.wait()  # keeps the language
    handset.press("1")  # the agenda
    handset.do()  # is heard to its end
    handset.press("1")  # and supported
    march.settle()
    message = march.messages(OTHER_CALLER)[0]
    march.report(message, "sent", "20005")
    march.react()
    march.reaction.react(march.entries(), counting=False)

    tallied = tally(PIPED_WATER)
    assert (tallied.raw, tallied.unique, tallied.verified, tallied.repeated) == (4, 2, 1, 1)
    assert tallied.given == Counter({"missed-call": 3, "pledge": 1})
    assert tally(Topic(Kind.ISSUE, "well-testing")) == Tally()
    march.clock.move(seconds=1)
    assert metrics.recount(march.runtime) == {}


def test_a_poll_named_as_an_issue_gives_its_support_an_opening_and_a_close(deployment: Deployment) -> None:
    def referendum(document: dict[str, Any]) -> None:
        polls = document["voice"]["polls"]
        polls["piped-water"] = polls["first-need"] | {
            "opens_at": "2026-03-03 08:00",
            "closes_at": "2026-03-04 08:00",
        }

    deployment.publish("clean-water", referendum)
    deployment.ring(CALLER, SUPPORT_PIPES, call_id="before")
    deployment.clock.move(days=1)
    deployment.ring(OTHER_CALLER, SUPPORT_PIPES, call_id="during")
    deployment.react()

    assert (tally(PIPED_WATER).unique, tally(PIPED_WATER).early) == (1, 1)


# ── gatherings: the answer and its SMS ──


def test_a_yes_is_confirmed_once_and_reminded_of_once(march: Deployment) -> None:
    rsvp(march, "1")
    march.settle()
    march.reaction.react(march.entries())
    march.settle()

    assert received(march) == [CONFIRMATION]
    assert told(march) == {CONFIRMATION: State.SENT, REMINDER: State.HELD}

    march.clock.set(REMIND - timedelta(minutes=10))
    march.release()
    march.settle()
    assert received(march) == [CONFIRMATION]

    march.clock.set(REMIND)
    march.release()
    march.settle()
    march.release()
    march.settle()
    assert received(march) == [CONFIRMATION, REMINDER]


def test_a_no_is_thanked_on_the_phone_and_not_written_to(march: Deployment) -> None:
    rsvp(march, "2")
    march.settle()

    assert told(march) == {}
    assert store.room("clean-water", TRAINING_DAY) == store.Room(0, 0)


def test_who_says_no_after_all_is_not_reminded(march: Deployment) -> None:
    rsvp(march, "1")
    march.settle()
    rsvp(march, "2")
    march.settle()
    march.clock.set(REMIND + timedelta(minutes=1))
    march.release()
    march.settle()

    assert received(march) == [CONFIRMATION]
    assert told(march)[REMINDER] is State.HELD

    march.clock.set(STARTS + timedelta(minutes=1))
    march.release()
    march.settle()
    assert told(march)[REMINDER] is State.REFUSED
    assert received(march) == [CONFIRMATION]


def test_yes_no_yes_in_the_night_is_confirmed_once_in_the_morning(march: Deployment) -> None:
    """What is not true is held, so it can become true again."""
    march.clock.set(march.clock.now().replace(hour=22))
    for key in "121":
        rsvp(march, key)
        march.settle()
    march.clock.move(hours=12, minutes=1)
    march.release()
    march.settle()

    assert received(march) == [CONFIRMATION]


def test_yes_after_the_refusal_of_days_is_still_confirmed(march: Deployment) -> None:
    """A confirmation that waited through a no is as old as the last yes."""
    march.clock.set(march.clock.now().replace(hour=22))
    rsvp(march, "1")
    march.settle()
    rsvp(march, "2")
    march.clock.move(hours=12, minutes=1)
    march.release()
    march.settle()
    assert received(march) == []
    assert told(march)[CONFIRMATION] is State.HELD

    march.clock.move(days=3)
    rsvp(march, "1")
    march.settle()
    assert received(march) == [CONFIRMATION]


def test_who_changes_their_mind_again_and_again_is_confirmed_once(march: Deployment) -> None:
    for key in "12121":
        rsvp(march, key)
        march.settle()
        march.clock.move(hours=1)

    assert received(march) == [CONFIRMATION]
    assert seat(march, CALLER) is SeatKind.PLACE


def test_an_answer_given_when_the_gathering_has_begun_brings_no_place_and_no_sms(march: Deployment) -> None:
    march.clock.set(STARTS + timedelta(minutes=5))
    rsvp(march, "1")
    march.settle()

    assert told(march) == {}
    assert answers.turnout(content(), "training-day")[answers.WHOLE].yes == 0


def test_nothing_is_said_of_a_gathering_that_is_no_longer_planned(march: Deployment) -> None:
    rsvp(march, "1")
    march.settle()

    def no_training(document: dict[str, Any]) -> None:
        in_march(document)
        voice = document["voice"]
        voice["gatherings"]["clean-up"] = voice["gatherings"].pop("training-day")
        voice["menus"] = {"poll": voice["menus"]["poll"]}
        voice["prompts"].pop("training-day")
        document["numbers"] = [
            number
            for number in document["numbers"]
            if {number.get("menu"), number.get("callback")} <= {None, "poll"}
        ]
        del document["patching"], document["reviews"]

    march.publish("clean-water", no_training)
    march.clock.set(REMIND)
    march.release()
    march.settle()

    assert told(march)[REMINDER] is State.REFUSED


def test_whoever_opted_out_gets_neither_confirmation_nor_reminder(march: Deployment) -> None:
    march.ring()
    march.settle()
    people.opt_out(march.runtime, "clean-water", CALLER)
    rsvp(march, "1")
    march.settle()

    assert told(march) == {CONFIRMATION: State.REFUSED, REMINDER: State.REFUSED}
    assert received(march) == []
    assert seat(march, CALLER) is SeatKind.PLACE


def test_whoever_opts_out_before_the_reminder_is_not_reminded(march: Deployment) -> None:
    rsvp(march, "1")
    march.settle()
    people.opt_out(march.runtime, "clean-water", CALLER)
    march.clock.set(REMIND)
    march.release()
    march.settle()

    assert received(march) == [CONFIRMATION]
    assert told(march)[REMINDER] is State.REFUSED


def test_a_campaign_without_texts_for_a_gathering_keeps_the_answers_and_writes_nothing(
    deployment: Deployment,
) -> None:
    def silent(document: dict[str, Any]) -> None:
        in_march(document)
        document["voice"]["gatherings"]["training-day"].pop("texts")

    deployment.publish("clean-water", silent)
    rsvp(deployment, "1")
    deployment.settle()

    assert seat(deployment, CALLER) is SeatKind.PLACE
    assert told(deployment) == {}


# ── gatherings: capacity ──


@pytest.fixture
def full(march: Deployment) -> Deployment:
    """Two have the places, the third waits."""
    for caller in (CALLER, OTHER_CALLER, THIRD):
        rsvp(march, "1", caller)
    march.settle()
    return march


def test_when_it_is_full_the_next_one_waits_and_is_told_so(full: Deployment) -> None:
    assert [seat(full, who) for who in (CALLER, OTHER_CALLER, THIRD)] == [
        SeatKind.PLACE,
        SeatKind.PLACE,
        SeatKind.WAITING,
    ]
    assert received(full, THIRD) == [WAITING]
    assert store.room("clean-water", TRAINING_DAY) == store.Room(2, 1)


def test_when_somebody_cancels_whoever_waited_longest_moves_up_and_is_told(full: Deployment) -> None:
    fourth = "+919000000104"
    rsvp(full, "1", fourth)
    rsvp(full, "2", CALLER)
    full.settle()
    full.reaction.react(full.entries())
    full.settle()

    assert seat(full, THIRD) is SeatKind.PLACE
    assert seat(full, fourth) is SeatKind.WAITING
    assert received(full, THIRD) == [WAITING, PLACE_FREE]
    assert received(full, fourth) == [WAITING]
    assert store.room("clean-water", TRAINING_DAY) == store.Room(2, 1)

    full.clock.set(REMIND)
    full.release()
    full.settle()
    assert received(full, THIRD) == [WAITING, PLACE_FREE, REMINDER]
    assert received(full, CALLER) == [CONFIRMATION]


def test_whoever_gives_up_waiting_frees_nobodys_place(full: Deployment) -> None:
    rsvp(full, "2", THIRD)
    full.settle()

    assert seat(full, THIRD) is None
    assert store.room("clean-water", TRAINING_DAY) == store.Room(2, 0)


def test_a_raised_capacity_brings_those_who_wait_in_before_the_next_caller(full: Deployment) -> None:
    def three(document: dict[str, Any]) -> None:
        in_march(document)
        document["voice"]["gatherings"]["training-day"]["capacity"] = 3

    full.publish("clean-water", three)
    fourth = "+919000000104"
    rsvp(full, "1", fourth)
    full.settle()

    assert seat(full, THIRD) is SeatKind.PLACE
    assert seat(full, fourth) is SeatKind.WAITING
    assert received(full, THIRD) == [WAITING, PLACE_FREE]


class OnceBefore:
    """Does something, once, just before the next transaction of our code."""

    def __init__(self, happens: Any) -> None:
        self._happens = happens

    def __call__(self, moment: Moment, request: AwsRequest) -> None:
        is_meant = request.operation == "TransactWriteItems" and "test-answers" in request.places
        if self._happens and is_meant and moment is Moment.BEFORE:
            happens, self._happens = self._happens, None
            happens()


def keep(deployment: Deployment, caller: str, effect: Rsvped | Pledged | Voted, cause: str) -> answers.Kept:
    """What a reaction does with an answer, after everything else of it."""
    contact = deployment.known(caller)
    return answers.keep(deployment.runtime, content(), contact, effect, cause, deployment.clock.now())


YES, NO = Rsvped("training-day", True), Rsvped("training-day", False)


@pytest.fixture
def known(march: Deployment) -> Deployment:
    """Three people the campaign knows, who have not answered."""
    for nth, caller in enumerate((CALLER, OTHER_CALLER, THIRD)):
        march.ring(caller, call_id=f"known-{nth}")
    march.react()
    return march


def test_of_two_who_want_the_last_place_at_once_one_gets_it(known: Deployment) -> None:
    keep(known, CALLER, YES, "c-1")
    with listening(OnceBefore(lambda: keep(known, THIRD, YES, "c-3"))):
        kept = keep(known, OTHER_CALLER, YES, "c-2")

    assert seat(known, THIRD) is SeatKind.PLACE
    assert seat(known, OTHER_CALLER) is SeatKind.WAITING
    assert [message.text for message in kept.messages] == [WAITING]
    assert store.room("clean-water", TRAINING_DAY) == store.Room(2, 1)


def test_a_no_that_overtakes_the_yes_while_it_takes_its_place_leaves_no_place_taken(
    known: Deployment,
) -> None:
    def changes_their_mind() -> None:
        known.clock.move(seconds=1)
        keep(known, CALLER, NO, "c-2")

    with listening(OnceBefore(changes_their_mind)):
        kept = keep(known, CALLER, YES, "c-1")

    assert seat(known, CALLER) is None
    assert kept.messages == ()
    assert store.room("clean-water", TRAINING_DAY) == store.Room(0, 0)


def test_a_place_that_becomes_free_while_somebody_begins_to_wait_is_theirs(known: Deployment) -> None:
    """Whoever cancels sees nobody waiting yet: whoever begins to wait must look after it."""
    keep(known, CALLER, YES, "c-1")
    keep(known, OTHER_CALLER, YES, "c-2")
    known.clock.move(seconds=1)
    cancels = OnceBefore(lambda: keep(known, CALLER, NO, "c-4"))
    is_second = iter([False, True])

    def as_the_list_is_joined(moment: Moment, request: AwsRequest) -> None:
        if request.operation == "TransactWriteItems" and moment is Moment.BEFORE and next(is_second, False):
            cancels(moment, request)

    with listening(as_the_list_is_joined):
        kept = keep(known, THIRD, YES, "c-3")

    assert seat(known, THIRD) is SeatKind.PLACE
    assert [message.text for message in kept.messages] == [PLACE_FREE, REMINDER]
    assert store.room("clean-water", TRAINING_DAY) == store.Room(2, 0)


def test_two_workers_with_one_cancellation_give_the_free_place_once(full: Deployment) -> None:
    """At least once may mean twice at once."""
    full.clock.move(seconds=1)
    both: list[answers.Kept] = []
    rival = OnceBefore(lambda: both.append(keep(full, CALLER, NO, "c-9")))
    is_promotion = iter([False, True])

    def as_somebody_moves_up(moment: Moment, request: AwsRequest) -> None:
        if (
            request.operation == "TransactWriteItems"
            and moment is Moment.BEFORE
            and next(is_promotion, False)
        ):
            rival(moment, request)

    with listening(as_somebody_moves_up):
        both.append(keep(full, CALLER, NO, "c-9"))

    assert [[message.text for message in kept.messages] for kept in both] == [[PLACE_FREE, REMINDER]] * 2
    consistent(capacity=2)


def test_whoever_always_loses_the_race_comes_back_by_the_retry_queue(known: Deployment) -> None:
    causes = (f"r-{n}" for n in itertools.count())

    def somebody_answers(moment: Moment, request: AwsRequest) -> None:
        if request.operation == "TransactWriteItems" and moment is Moment.BEFORE:
            store.say(
                "clean-water",
                TRAINING_DAY,
                known.person(CALLER),
                Said(known.clock.now(), next(causes), "yes"),
            )

    with listening(somebody_answers), pytest.raises(Conflict):
        keep(known, CALLER, YES, "c-1")

    assert [message.text for message in keep(known, CALLER, YES, "c-1").messages] == [CONFIRMATION, REMINDER]
    assert store.room("clean-water", TRAINING_DAY) == store.Room(1, 0)


def consistent(capacity: int) -> None:
    """What must be true of a gathering whenever nobody is in the middle of something."""
    records = list(store.every("clean-water", TRAINING_DAY))
    coming = {each.person for each in records if each.said and each.said[-1].answer == "yes"}
    places = {each.person for each in records if each.seat and each.seat.is_place}
    waiting = {each.person for each in records if each.seat and not each.seat.is_place}

    assert places | waiting == coming
    assert len(places) == min(len(coming), capacity)
    assert store.room("clean-water", TRAINING_DAY) == store.Room(len(places), len(waiting))


_READS = ("BatchGetItem", "GetItem", "Query", "Scan")


@pytest.mark.parametrize("after", range(9))
def test_a_worker_killed_after_any_write_on_the_way_from_a_no_to_who_moves_up_loses_nothing(
    after: int,
) -> None:
    with deployed(["clean-water"]) as deployment:
        deployment.publish("clean-water", in_march)
        for nth, caller in enumerate((CALLER, OTHER_CALLER, THIRD)):
            deployment.ring(caller, call_id=f"known-{nth}")
        deployment.settle()
        for caller in (CALLER, OTHER_CALLER, THIRD):
            rsvp(deployment, "1", caller)
        deployment.settle()
        rsvp(deployment, "2", CALLER)
        killer, pending = Killer(after, Moment.AFTER), deployment.pending()

        def kill_after_a_write(moment: Moment, request: AwsRequest) -> None:
            if request.operation not in _READS:
                killer(moment, request)

        with listening(kill_after_a_write), pytest.raises(Killed):
            deployment.reaction.react(pending)
        deployment.restart()
        deployment.settle()

        consistent(capacity=2)
        assert received(deployment, THIRD) == [WAITING, PLACE_FREE]
        assert received(deployment, CALLER) == [CONFIRMATION]


@settings(
    max_examples=5,
    derandomize=True,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    said=st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=14),
    random=st.randoms(use_true_random=False),
)
@pytest.mark.usefixtures("_no_account")
def test_whatever_people_answer_in_whatever_order_places_are_given_fairly_and_each_sms_once(
    said: list[tuple[int, bool]], random: Random
) -> None:
    everybody = callers(5)
    with deployed(["clean-water"]) as deployment:
        deployment.publish("clean-water", in_march)
        for nth, caller in enumerate(everybody):
            deployment.ring(caller, call_id=f"known-{nth}")
        deployment.settle()
        deployment.provider.taken.clear()
        start = deployment.clock.now()
        told_of = [(nth, *each) for nth, each in enumerate(said)]
        again = told_of + random.sample(told_of, k=len(told_of) // 2)
        random.shuffle(again)
        for nth, who, yes in again:
            effect, at = Rsvped("training-day", yes), start + timedelta(seconds=nth)
            contact = deployment.known(everybody[who])
            kept = answers.keep(deployment.runtime, content(), contact, effect, f"c-{nth}", at)
            for message in kept.messages:
                ledger.plan(message)
                deployment.send([Ticket(message.person, message.name)])
        consistent(capacity=2)
        assert {
            phone: record(deployment, phone).said[-1].answer == "yes"
            for phone in everybody
            if record(deployment, phone).said
        } == {everybody[who]: yes for who, yes in said}
        for phone in everybody:
            assert all(count == 1 for count in Counter(received(deployment, phone)).values())
            held = seat(deployment, phone)
            assert held is not SeatKind.PLACE or set(received(deployment, phone)) & {CONFIRMATION, PLACE_FREE}
            assert held is not SeatKind.WAITING or WAITING in received(deployment, phone)


# ── gatherings: at the door ──


def test_who_comes_is_checked_in_once_and_a_replay_knows_it_too(full: Deployment) -> None:
    full.clock.set(STARTS)
    first = full.clock.now()
    gatherings.check_in(full.runtime, content(), "training-day", "09000000101")
    full.clock.move(minutes=30)
    gatherings.check_in(full.runtime, content(), "training-day", CALLER)
    full.settle()

    assert record(full).attended_at == first
    turnout = answers.turnout(content(), "training-day")[answers.WHOLE]
    assert (turnout.yes, turnout.places, turnout.waiting, turnout.attended, turnout.attended_with_place) == (
        3,
        2,
        1,
        1,
        1,
    )
    (entry,) = [entry for entry in full.entries() if entry.step == "check-in"]
    assert entry.key == "attendee-checked-in"


def test_a_check_in_is_made_again_from_the_journal(full: Deployment) -> None:
    full.clock.set(STARTS)
    gatherings.check_in(full.runtime, content(), "training-day", CALLER)
    row = store._row("clean-water", TRAINING_DAY, full.person())
    row.delete()
    full.reaction.react(full.entries())

    assert record(full).attended_at == STARTS
    assert [said.answer for said in record(full).said] == ["yes"]


def test_strangers_and_unknown_gatherings_cannot_be_checked_in(march: Deployment) -> None:
    with pytest.raises(NotFound, match="knows nobody"):
        gatherings.check_in(march.runtime, content(), "training-day", "09000000555")
    with pytest.raises(NotFound, match="no gathering 'picnic'"):
        gatherings.check_in(march.runtime, content(), "picnic", CALLER)


def test_no_reply_is_whoever_could_have_answered(full: Deployment) -> None:
    for nth, caller in enumerate(("+919000000201", "+919000000202")):
        full.ring(caller, "+918040001003", call_id=f"silent-{nth}")
    full.settle()
    people.opt_out(full.runtime, "clean-water", "+919000000202")

    whole = answers.turnout(content(), "training-day")[answers.WHOLE]
    by_source = answers.turnout(content(), "training-day", lambda contact: contact.first_source)
    assert (whole.yes, whole.no, whole.no_reply) == (3, 0, 1)
    assert by_source["rally"].no_reply == 1


def test_a_gathering_nobody_planned_has_no_turnout(march: Deployment) -> None:
    with pytest.raises(NotFound):
        answers.turnout(content(), "picnic")

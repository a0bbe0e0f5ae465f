"""A door killed before or after each of its requests to AWS: nobody is rung twice, nobody is lost, and every slot comes back."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ringback.domain.dials import Kind as DialKind
from ringback.domain.influencers import Stage
from ringback.domain.ledger import Side
from ringback.domain.legs import Ending, LegEvent, Progress
from ringback.domain.pools import State as VoterState
from ringback.providers.base import FoundCall
from ringback.services import influencers, ring_backs, slots, trackers
from ringback.services import patches as service
from ringback.services import pools as pool_service
from ringback.store import ledger, voters
from ringback.store import patches as store
from ringback.store import reviews as review_store
from tests.deployment import CALLER, OTHER_CALLER, deployed
from tests.integration import people
from tests.integration.patching import POOL, VOTERS, Caller, Patched, Records
from tests.integration.wire import Killed, Killer, Moment, listening

RING_BACK = "+918040001034"
MOST_REQUESTS = 8
"""More than any doing below makes: the rest of the cases kill nobody, and must come out the same."""


pytestmark = pytest.mark.usefixtures("tokens")


def heal(patched: Patched) -> None:
    """Time passes, `reconcile` runs, and the sweeper gives lost tickets again."""
    for _ in range(3):
        patched.clock.move(minutes=15)
        patched.react()
        slots.heal(patched.runtime, [Records()])  # type: ignore[list-item]
        patched.deployment.sweep()
        patched.react()
        pool_service.sweep(patched.runtime)


def check(patched: Patched) -> None:
    """After all calls have ended."""
    claims = [voter.claim for phone in VOTERS if (voter := patched.voter(phone)).claim is not None]
    assert len(claims) == len(set(claims))
    for patch in store.every("clean-water"):
        assert patch.is_over
        assert len({attempt.who for attempt in patch.attempts}) == len(patch.attempts)
    assert VoterState.CLAIMED not in {patched.voter(phone).state for phone in VOTERS}
    for phone in VOTERS:
        person = patched.deployment.person(phone)
        over_all = voters.load_known(POOL, person).rung
        assert over_all.attempts == patched.voter(phone).attempts, "counted once beyond the pool, too"
    assert patched.held().total == 0


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("at", range(MOST_REQUESTS))
def test_a_connect_that_dies_anywhere_is_answered_when_it_comes_again(
    patched: Patched, at: int, moment: Moment
) -> None:
    caller = patched.begin()
    first: list[str | None] = []
    with suppress(Killed), listening(Killer(at, moment)):
        first.append(caller.ask())
    patched.restart()
    number = caller.ask()
    assert number in VOTERS
    assert first in ([], [number])
    claimed = [phone for phone in VOTERS if patched.voter(phone).state is VoterState.CLAIMED]
    assert claimed == [number]
    caller.talk(number)
    heal(patched)
    check(patched)
    assert patched.voter(number).state is VoterState.REACHED
    assert patched.influencer().patched == 1


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("at", range(MOST_REQUESTS))
def test_a_connect_that_dies_and_never_comes_again_keeps_no_slot_and_no_voter(
    patched: Patched, at: int, moment: Moment
) -> None:
    caller = patched.begin()
    with suppress(Killed), listening(Killer(at, moment)):
        caller.ask()
    patched.restart()
    patched.clock.move(hours=2)
    heal(patched)
    check(patched)
    other = patched.begin(OTHER_CALLER, "call-2")
    patched.clock.move(minutes=-120)
    assert isinstance(other, Caller)


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("at", range(MOST_REQUESTS))
def test_the_next_attempt_that_dies_anywhere_rings_one_more_voter(
    patched: Patched, at: int, moment: Moment
) -> None:
    caller = patched.begin()
    first = caller.ask()
    assert first is not None
    with suppress(Killed), listening(Killer(at, moment)):
        caller.failed(first)
    patched.restart()
    second = caller.failed(first)
    assert second not in (None, first)
    assert len(patched.patch().attempts) == 2
    heal(patched)
    check(patched)


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("at", range(3))
def test_the_end_of_a_call_that_dies_anywhere_gives_the_slot_back_once(
    patched: Patched, at: int, moment: Moment
) -> None:
    other = patched.begin(OTHER_CALLER, "call-2")
    assert other.ask()
    caller = patched.begin()
    number = caller.ask()
    assert number is not None
    with suppress(Killed), listening(Killer(at, moment)):
        patched.told("call-1", "Terminal", number, DialCallStatus="completed")
    patched.restart()
    patched.told("call-1", "Terminal", number, DialCallStatus="completed")
    slots.heal(patched.runtime, [Records()])  # type: ignore[list-item]
    assert patched.held().total == 1
    heal(patched)
    check(patched)


@pytest.mark.parametrize("moment", Moment)
def test_a_reaction_that_dies_anywhere_is_completed_by_the_next(moment: Moment, tmp_path: Path) -> None:
    at = 0
    while is_killed_in_the_reaction(tmp_path / str(at), moment, at):
        at += 1
    assert at > 14, "the booking comes late"


def is_killed_in_the_reaction(folder: Path, moment: Moment, at: int) -> bool:
    """Whether a reaction to a short talk, the second of its influencer, comes to its request `at` and dies there; the next completes it."""
    folder.mkdir()
    with deployed() as deployment:
        patched = Patched(deployment, most_short_calls=2, short_share_percent=1)
        patched.approve(CALLER)
        patched.fill(folder, VOTERS)
        first = patched.begin(call_id="call-0")
        first.talk(first.ask() or "", 5)
        patched.react()
        caller = patched.begin()
        patched.react()
        number = caller.ask()
        assert number is not None
        caller.talk(number, 5)
        was_killed = True
        with suppress(Killed), listening(Killer(at, moment)):
            patched.deployment.react()
            was_killed = False
        patched.restart()
        patched.react()
        assert patched.voter(number).state is VoterState.REACHED
        influencer = patched.influencer()
        assert (influencer.patched, influencer.talked_seconds) == (2, 10)
        assert influencer.stage is Stage.INFORMED, "two short talks are too many"
        return was_killed


# whatever else is done about a patched call


@dataclass(frozen=True, slots=True)
class Work:
    """Something that may be done again. What was killed is done once more; then the rest must hold."""

    prepare: Callable[[Patched, Path], Any]
    """What comes before it."""
    do: Callable[[Patched, Any], object]
    holds: Callable[[Patched], bool]
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Of the campaign's content, `patching`."""


def at_connect(patched: Patched, folder: Path) -> Caller:
    patched.fill(folder, VOTERS)
    return patched.begin()


def with_tracker(patched: Patched, folder: Path) -> Caller:
    people.enrol(patched.deployment, people.ASHA, mystery=True)
    return at_connect(patched, folder)


def informed_with_tracker(patched: Patched, folder: Path) -> Caller:
    patched.stage(CALLER, Stage.INFORMED)
    return with_tracker(patched, folder)


def rings_asha(patched: Patched, caller: Caller) -> None:
    assert caller.ask() == people.ASHA


def one_review(patched: Patched) -> bool:
    patched.react()
    slots.heal(patched.runtime, [Records()])  # type: ignore[list-item]  # the slot of a door that died comes back
    (review,) = review_store.of_person(patched.influencer().person)
    return review.is_waiting and len(patched.patch().attempts) == patched.held().total == 1


def keyed_in(patched: Patched, folder: Path) -> None:
    caller = at_connect(patched, folder)
    caller.talk(caller.ask() or "")
    caller.come_back()
    patched.react()
    caller.handset.press("1")


def reacts(patched: Patched, _: Any) -> None:
    patched.deployment.react()


def leans_once(patched: Patched) -> bool:
    patched.react()
    (voter,) = [each for phone in VOTERS if (each := patched.voter(phone)).leaning]
    return (voter.leaning, len(voter.leanings)) == ("for", 1)


def missed_call(patched: Patched, _: Path) -> None:
    patched.deployment.ring(CALLER, RING_BACK, call_id="missed-1")


def one_dial(patched: Patched) -> bool:
    patched.react()
    (dial,) = patched.deployment.dials()
    return dial.kind is DialKind.RING_BACK


def planned_ring_back(patched: Patched, folder: Path) -> str:
    missed_call(patched, folder)
    patched.react()
    return patched.deployment.dial().dial_id


def rings_back(patched: Patched, dial: str) -> None:
    ring_backs.ring(patched.runtime, dial, "exotel:missed-1")


def one_call(patched: Patched) -> bool:
    patched.deployment.place(patched.deployment.to_dial())
    return len(patched.deployment.provider.called) == 1


def promised(patched: Patched, _: Path) -> None:
    people.enrol(patched.deployment, people.ASHA)
    patched.stage(CALLER, Stage.INFORMED)
    person, now = patched.influencer().person, patched.clock.now()
    assert influencers.promise(patched.runtime, person, "exotel:call-1/turn-3", now)
    patched.clock.move(minutes=1)


def keeps_promises(patched: Patched, _: Any) -> None:
    trackers.keep_promises(patched.runtime)


def untold(patched: Patched, folder: Path) -> Records:
    caller, records = at_connect(patched, folder), Records()
    assert caller.ask()
    ended = LegEvent("call-1", None, Progress.TERMINAL, Ending.COMPLETED, 48, None, None)
    records.calls["call-1"] = FoundCall("call-1", True, None, (ended,))
    patched.clock.move(minutes=13)
    return records


def asks(patched: Patched, records: Records) -> None:
    providers: Any = {"exotel": records}
    assert slots.ask(patched.runtime, providers, "exotel:call-1")["over"]
    slots.settle(patched.runtime, "exotel:call-1")


def untold_and_over(patched: Patched, folder: Path) -> Records:
    records = untold(patched, folder)
    patched.deployment.sweep()
    patched.told("call-1", "Terminal", "+919000000999")  # about nobody whom we rang
    service.over(patched.runtime, "clean-water", "exotel:call-1")
    patched.react()
    patched.clock.move(minutes=3)
    return records


def fills_in(patched: Patched, records: Any) -> None:
    slots.fill_in(patched.runtime, records, ["exotel:call-1"])
    patched.react()


def one_talk_is_booked(patched: Patched) -> bool:
    patched.react()
    reached = [phone for phone in VOTERS if patched.voter(phone).state is VoterState.REACHED]
    influencer = patched.influencer()
    booked = [charge for charge in ledger.every("clean-water") if charge.side is Side.CALLEE]
    return (len(reached), influencer.patched, influencer.talked_seconds, len(booked)) == (1, 1, 48, 1)


def waits_for_days(patched: Patched, folder: Path) -> None:
    patched.fill(folder, VOTERS[:1])
    caller = patched.begin()
    assert caller.failed(caller.ask() or "") is None
    patched.react()
    patched.clock.move(days=3)


def reissues(patched: Patched, _: Any) -> None:
    pool_service.reissue_due(patched.runtime)


def is_rung_once(patched: Patched) -> bool:
    patched.restart()
    rung = [patched.begin(phone, f"call-{phone}").ask() for phone in (CALLER, OTHER_CALLER)]
    return rung == [VOTERS[0], None]


WORK = {
    "a tracker is rung": Work(informed_with_tracker, rings_asha, one_review),
    "a tracker is rung in a voter's stead": Work(
        with_tracker, rings_asha, one_review, {"mystery_percent": 100}
    ),
    "a leaning": Work(keyed_in, reacts, leans_once),
    "a missed call of an influencer": Work(missed_call, reacts, one_dial),
    "the task that rings back": Work(planned_ring_back, rings_back, one_call),
    "a promise": Work(promised, keeps_promises, one_dial),
    "asking the provider": Work(untold, asks, one_talk_is_booked),
    "asking after a leg": Work(untold_and_over, fills_in, one_talk_is_booked),
    "new tickets": Work(waits_for_days, reissues, is_rung_once),
}


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("name", WORK)
def test_what_dies_at_any_request_is_done_once_when_it_is_done_again(
    name: str, moment: Moment, tmp_path: Path
) -> None:
    at = 0
    while is_killed(WORK[name], moment, at, tmp_path / str(at)):
        at += 1
    assert at > 1


def is_killed(work: Work, moment: Moment, at: int, folder: Path) -> bool:
    folder.mkdir()
    with deployed() as deployment:
        patched = Patched(deployment, **work.changes)
        patched.approve(CALLER, OTHER_CALLER)
        given = work.prepare(patched, folder)
        was_killed = True
        with suppress(Killed), listening(Killer(at, moment)):
            work.do(patched, given)
            was_killed = False
        patched.restart()
        work.do(patched, given)
        assert work.holds(patched)
        return was_killed

"""A door killed before or after each of its requests to AWS: nobody is rung twice, nobody is lost, and every slot comes back."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ringback.domain.influencers import Stage
from ringback.domain.pools import State as VoterState
from ringback.services import pools as pool_service
from ringback.services import slots
from ringback.store import patches as store
from tests.deployment import CALLER, OTHER_CALLER, deployed
from tests.integration import people
from tests.integration.patching import Caller, Patched, Records, voter_phones
from tests.integration.wire import Killed, Killer, Moment, listening

VOTERS = voter_phones(8)
MOST_REQUESTS = 8
"""More than any doing below makes: the rest of the cases kill nobody, and must come out the same."""


@pytest.fixture(autouse=True)
def _machines(monkeypatch: pytest.MonkeyPatch) -> None:
    people.told(monkeypatch)


@pytest.fixture
def patched(tmp_path: Path) -> Iterator[Patched]:
    with deployed() as deployment:
        patched = Patched(deployment)
        patched.approve(CALLER, OTHER_CALLER)
        patched.fill(tmp_path, VOTERS)
        yield patched


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

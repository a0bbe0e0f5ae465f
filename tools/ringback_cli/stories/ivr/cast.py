"""Who calls which menu in the story, and what they do there: people, their calls and their keys, made up from a seed.

    script = write(size=200, seed=1, campaign=campaign)

Pure: the same size, seed and campaign always give the same script.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any

from ringback.domain.campaigns import Campaign, Number
from ringback.domain.nodes import (
    BACK,
    OPT_OUT,
    REPEAT,
    ChooseLanguage,
    Gather,
    Hangup,
    Menu,
    Record,
    Subject,
    ways_on,
)

MOST_CALLERS = 100_000
"""As many as there are made-up numbers for, spread over a hundred blocks of ten thousand."""

PATIENCE_SECONDS = 120.0
"""Of voice time: nobody stays longer in a menu. A call that is skipped through lies ahead of our clock by that, and beyond five
minutes we would not believe the provider's times any more."""

_CALLS_AGAIN = 0.25
_LEAVES_ANYWHERE = 0.15
"""Shares: of people who call a second time, and of calls whose caller leaves in the middle of something."""

_MOST_DOINGS = 12


class Kind(StrEnum):
    """Who a caller is."""

    ORDINARY = "ordinary"
    WITHHELD = "withheld"
    """Hides the number: nothing they press is anybody's, what they record is kept."""
    LANDLINE = "landline"
    """A person like any other, to whom no SMS may go."""


_SHARES = {Kind.WITHHELD: 0.05, Kind.LANDLINE: 0.03}
_ENOUGH_FOR_ALL = 20
"""From this size on there is at least one caller of every kind, and a call to every menu."""

_ODD_DOINGS: Mapping[str, float] = {
    "wrong key": 0.08,
    "silence": 0.08,
    "repeat": 0.04,
    "back": 0.04,
    "opt out": 0.025,
    "hang up": 0.035,
}
"""How often somebody who is asked does something else than choose."""

_WRONG = ("5", "6", "7", "8", "#", "77")
_RESERVED = {"repeat": REPEAT, "back": BACK, "opt out": OPT_OUT}


@dataclass(frozen=True, slots=True)
class Caller:
    """A handset. `phone` is its number in E.164, whatever the provider sees of it."""

    phone: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Call:
    """A call to a number with a menu: what its holder does each time they are asked, and when they leave at the latest."""

    caller: Caller
    number: Number
    steps: tuple[Mapping[str, Any], ...]
    hang_up_at: float

    def to_network(self) -> dict[str, Any]:
        """The call as the phone network's controls take it."""
        return {
            "from": self.caller.phone,
            "to": self.number.number,
            "withheld": self.caller.kind is Kind.WITHHELD,
            "script": list(self.steps),
            "hang_up_at": self.hang_up_at,
        }


@dataclass(frozen=True, slots=True)
class Script:
    """The whole story. Nobody calls twice in one act: what a call has told of its caller is known before the next."""

    callers: tuple[Caller, ...]
    acts: tuple[tuple[Call, ...], ...]


def write(size: int, seed: int, campaign: Campaign) -> Script:
    """Make up a story of `size` handsets."""
    random = Random(f"ivr {size} {seed}")
    numbers = _lines(campaign)
    callers = _callers(size, random)
    first = [
        # Whoever is first calls the first number, and so on: with enough callers every menu is walked.
        _call(caller, numbers[nth] if nth < len(numbers) else random.choice(numbers), campaign, random)
        for nth, caller in enumerate(callers)
    ]
    again = [caller for caller in callers if random.random() < _CALLS_AGAIN]
    second = [_call(caller, random.choice(numbers), campaign, random) for caller in again]
    random.shuffle(first)
    random.shuffle(second)
    return Script(tuple(callers), (tuple(first), tuple(second)))


def _lines(campaign: Campaign) -> list[Number]:
    """The numbers whose menu anybody may walk alike. What an influencer or a tracker hears depends on who they are: another story."""
    menus = campaign.voice.menus if campaign.voice else {}
    return [number for number in campaign.numbers.values() if number.menu and is_for_all(menus[number.menu])]


def is_for_all(menu: Menu) -> bool:
    """Whether it matters to nobody's call who they are to the campaign."""
    return not (menu.has_secrets or menu.looks_at(Subject.ROLE, Subject.STAGE))


def _callers(size: int, random: Random) -> list[Caller]:
    kinds: list[Kind] = []
    for kind, share in _SHARES.items():
        kinds += [kind] * max(round(size * share), 1 if size >= _ENOUGH_FOR_ALL else 0)
    kinds = (kinds + [Kind.ORDINARY] * size)[:size]
    random.shuffle(kinds)
    mobiles = random.sample(range(1_000_000), size)
    return [
        Caller(f"+91804{2_000_000 + nth}" if kind is Kind.LANDLINE else f"+919000{mobile:06}", kind)
        for nth, (kind, mobile) in enumerate(zip(kinds, mobiles, strict=True))
    ]


def _call(caller: Caller, number: Number, campaign: Campaign, random: Random) -> Call:
    assert campaign.voice is not None
    assert number.menu is not None
    steps = _Walker(campaign.voice.menus[number.menu], random).steps()
    leaves = random.random() < _LEAVES_ANYWHERE
    return Call(caller, number, steps, random.uniform(2.0, 60.0) if leaves else PATIENCE_SECONDS)


class _Walker:
    """Makes up what somebody does, knowing the menu about as well as its callers do: who goes back, or is not offered languages,
    finds themselves elsewhere than they think, and presses all the same."""

    def __init__(self, menu: Menu, random: Random) -> None:
        self._menu = menu
        self._random = random

    def steps(self) -> tuple[Mapping[str, Any], ...]:
        done: list[Mapping[str, Any]] = []
        at = self._waiting(self._menu.start)
        while at and len(done) < _MOST_DOINGS:
            match self._menu.nodes[at]:
                case Record(next=onward):
                    done += self._recording()
                    at = self._waiting(onward)
                case ChooseLanguage(options=options, next=onward):
                    done.append(self._doing(list(options)))
                    at = self._waiting(onward)
                case Gather(options=options):
                    step = self._doing(list(options))
                    done.append(step)
                    at = self._waiting(options[step["press"]]) if step.get("press") in options else at
                case _:
                    break
            if "hang_up" in done[-1]:
                break
        return tuple(done)

    def _waiting(self, name: str) -> str:
        """The first node from here on that asks for something; none where the menu ends."""
        while not isinstance(node := self._menu.nodes[name], Gather | ChooseLanguage | Record | Hangup):
            name = next(iter(ways_on(node).values()))
        return "" if isinstance(node, Hangup) else name

    def _doing(self, choices: Sequence[str]) -> dict[str, Any]:
        odd = self._odd()
        match odd:
            case "silence":
                return {"silence": True}
            case "hang up":
                return {"hang_up": True, "after_seconds": self._random.uniform(0.5, 8.0)}
            case "wrong key":
                return self._press(self._random.choice(_WRONG))
            case str():
                return self._press(_RESERVED[odd])
        return self._press(self._random.choice(choices))

    def _recording(self) -> list[dict[str, Any]]:
        """Speak, or say nothing, or leave while speaking; then keep it, or say it again, or whatever comes to mind."""
        if self._random.random() < 0.1:
            return [{"silence": True}, self._press("1")]
        spoken = {"speak": round(self._random.uniform(2.0, 20.0), 1)}
        if self._random.random() < 0.1:
            return [spoken | {"then_hang_up": True}]
        review = self._doing(["1", "1", "1", "2"])
        return [spoken, review, *(self._recording() if review.get("press") == "2" else ())]

    def _press(self, key: str) -> dict[str, Any]:
        """Most know by now what they want, and do not hear the prompt to its end."""
        after = self._random.choice((1.0, 1.5, 2.5, 4.0, None))
        return {"press": key} if after is None else {"press": key, "after_seconds": after}

    def _odd(self) -> str | None:
        share = self._random.random()
        for doing, rate in _ODD_DOINGS.items():
            if (share := share - rate) < 0:
                return doing
        return None

"""Who is in the story: influencers, trackers and voters, made up from a seed, and how each of them behaves.

    script = write(Size.of(200), seed=1)

Pure: the same size and seed always give the same people. Who rings when is not written down: people act on what they hear (`director`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from random import Random
from typing import Any, Self, TypeVar

MOST_PEOPLE = 100_000
"""As many as there are made-up numbers for, spread over a hundred blocks of ten thousand."""

TALK_SECONDS = 150.0
"""Of voice time: how long a voter talks at most. With the menu around it a call stays below five minutes of voice time: it lies ahead of
our clock by what of it was skipped, and beyond five minutes we would not believe the provider's times any more."""

SHORTEST_TALK_SECONDS = 100.0
TRACKER_TALK_SECONDS = 40.0

CALLS_A_SECOND = 3.0
"""Patched calls that this machine carries through; a conversation lasts so long that as many as are wanted go on at once."""

_MOST_FIRST_CALLS_A_SECOND = 6.0
VERIFICATION_SECONDS = 2 * TRACKER_TALK_SECONDS
"""Of voice time: how long a tracker is busy with one influencer, from the ring to the verdict."""

_LEAST_MENUS_AT_ONCE = 24
_MENU_SECONDS_A_SECOND = 240.0
"""Of voice time: how much of menus this machine carries through, at some tens of requests a second."""

FASTEST = 100.0
"""Voice time is not skipped faster than this."""

_CALLERS_A_SLOT = 1.7
"""So many that some hear that all lines are busy, also when a quarter of them are found out and call nobody."""
_LEAVES_ANYWHERE = 0.06
_K = TypeVar("_K")


@dataclass(frozen=True, slots=True)
class Size:
    """How many take part. `concurrent`: patched calls at once, which is the limit of slots."""

    influencers: int
    voters: int
    concurrent: int

    @classmethod
    def of(
        cls,
        size: int,
        influencers: int | None = None,
        voters: int | None = None,
        concurrent: int | None = None,
    ) -> Self:
        """A story of `size` voters, unless told otherwise: one influencer to twelve of them, and more influencers than slots."""
        callers = influencers or max(4, size // 12, round((concurrent or 0) * _CALLERS_A_SLOT))
        return cls(callers, voters or size, concurrent or max(1, round(callers / _CALLERS_A_SLOT)))

    @property
    def trackers(self) -> int:
        return max(4, self.influencers // 3)

    @property
    def talk_real_seconds(self) -> float:
        """How long a conversation lasts on the clock on the wall. Nobody speaks more slowly than in life, also where fewer than wanted can
        talk at once for it.
        """
        return min(TALK_SECONDS, max(TALK_SECONDS / FASTEST, 1.3 * self.concurrent / CALLS_A_SECOND))

    @property
    def speech_speed(self) -> float:
        """Seconds of voice time in a second."""
        return round(TALK_SECONDS / self.talk_real_seconds, 2)

    @property
    def first_calls_a_second(self) -> float:
        """No more than the trackers of a shift can talk to soon."""
        return min(_MOST_FIRST_CALLS_A_SECOND, self.trackers / 2 * self.speech_speed / VERIFICATION_SECONDS)

    @property
    def menus_at_once(self) -> int:
        """Calls in which somebody listens to a menu. More would make everybody wait. Where somebody else rings or talks nothing is asked, so
        that there may be any number.
        """
        return max(_LEAST_MENUS_AT_ONCE, round(_MENU_SECONDS_A_SECOND / self.speech_speed))


class Kind(StrEnum):
    """Who an influencer is."""

    GENUINE = "genuine"
    IMPOSTOR = "impostor"
    """Whoever talks to them notices: no tracker lets them pass."""
    MISUSER = "misuser"
    """Behaves with a tracker, and misbehaves with voters: a tracker in a voter's stead notices."""


class Manner(StrEnum):
    """How a voter behaves when we ring, or what speaks against ringing at all."""

    ANSWERS = "answers"
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    UNKNOWN = "unknown"
    """The number is nobody's."""
    OFF = "off"
    HANGS_UP = "hangs-up"
    COMPLAINS = "complains"
    """Says a few words, and gives a missed call to the opt-out number."""
    OPTED_OUT = "opted-out"
    """Gave it before the story begins."""
    DND = "dnd"
    """Stands on the do-not-disturb list, and the campaign's list says so."""
    NO_CONSENT = "no-consent"


NEVER_RUNG = frozenset({Manner.OPTED_OUT, Manner.DND, Manner.NO_CONSENT})

_INFLUENCERS = {Kind.IMPOSTOR: 0.12, Kind.MISUSER: 0.12}
_ENOUGH_FOR_ALL = 4
"""From so many influencers on there is one of every kind."""

_VOTERS = {
    Manner.NO_ANSWER: 0.16,
    Manner.BUSY: 0.05,
    Manner.UNKNOWN: 0.04,
    Manner.OFF: 0.02,
    Manner.HANGS_UP: 0.04,
    Manner.COMPLAINS: 0.02,
    Manner.OPTED_OUT: 0.01,
    Manner.DND: 0.02,
    Manner.NO_CONSENT: 0.01,
}

_LANGUAGES = ("en", "hi", "ta")
_DISPOSITIONS: Mapping[tuple[str, ...], float] = {
    ("1",): 0.5,
    ("2",): 0.25,
    ("3",): 0.17,
    ("4", "1"): 0.04,
    ("4", "2"): 0.01,
    (): 0.03,
}
"""What an influencer keys in after a talk: for, undecided, against, wrong number, do not call, nothing at all."""


@dataclass(frozen=True, slots=True)
class Influencer:
    phone: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Tracker:
    phone: str
    pin: str
    shift: int
    """0 or 1: those of the second relieve those of the first."""
    rings: bool
    """Rings the team's line with the verdict; the others wait to be rung, and ring when nobody does."""


@dataclass(frozen=True, slots=True)
class Voter:
    phone: str
    manner: Manner
    language: str
    area: str
    talks_seconds: float

    def to_network(self) -> dict[str, Any]:
        """The handset as the phone network is configured with it."""
        return {
            "number": self.phone,
            "answers": self.manner is not Manner.NO_ANSWER,
            "is_busy": self.manner is Manner.BUSY,
            "is_known": self.manner is not Manner.UNKNOWN,
            "is_on": self.manner is not Manner.OFF,
            "is_dnd": self.manner is Manner.DND,
            "talks_seconds": self.talks_seconds,
        }

    def to_list(self, at: datetime) -> dict[str, str]:
        """A row of the list that the pool is loaded from."""
        day = at.date().isoformat()
        consents = self.manner is not Manner.NO_CONSENT
        return {
            "phone": self.phone,
            "language": self.language,
            "area": self.area,
            "consent": "door-to-door" if consents else "",
            "consent_evidence": f"form-{self.phone[-6:]}" if consents else "",
            "consent_at": day if consents else "",
            "dnd": "yes" if self.manner is Manner.DND else "no",
            "dnd_checked_at": day,
        }


@dataclass(frozen=True, slots=True)
class Script:
    """Everybody."""

    size: Size
    seed: int
    influencers: tuple[Influencer, ...]
    trackers: tuple[Tracker, ...]
    voters: tuple[Voter, ...]

    def handsets(self) -> list[dict[str, Any]]:
        """The phones as the network is configured with them."""
        answering = [{"press": "1"}] * 2
        return [
            *(voter.to_network() for voter in self.voters),
            *({"number": each.phone, "script": answering} for each in self.influencers),
            *({"number": each.phone, "talks_seconds": TRACKER_TALK_SECONDS} for each in self.trackers),
        ]

    @property
    def phones(self) -> list[str]:
        return [
            *(each.phone for each in self.influencers),
            *(each.phone for each in self.trackers),
            *(each.phone for each in self.voters),
        ]


def write(size: Size, seed: int) -> Script:
    """Make up everybody."""
    random = Random(f"patching {size} {seed}")
    numbers = random.sample(range(1_000_000), size.influencers + size.trackers + size.voters)
    phones = iter([f"+919000{number:06}" for number in numbers])
    return Script(
        size=size,
        seed=seed,
        influencers=tuple(
            Influencer(next(phones), kind)
            for kind in _spread(
                _INFLUENCERS, Kind.GENUINE, size.influencers, size.influencers >= _ENOUGH_FOR_ALL, random
            )
        ),
        trackers=tuple(_tracker(next(phones), nth, random) for nth in range(size.trackers)),
        voters=tuple(
            _voter(next(phones), manner, random)
            for manner in _spread(_VOTERS, Manner.ANSWERS, size.voters, size.voters >= 100, random)
        ),
    )


def keys_after_talk(phone: str, nth: int, seed: int) -> Sequence[str]:
    """What an influencer keys in after the talk of their nth call, if there is one."""
    random = Random(f"keys {seed} {phone} {nth}")
    return random.choices(list(_DISPOSITIONS), list(_DISPOSITIONS.values()))[0]


def leaves_at(phone: str, nth: int, seed: int) -> float | None:
    """The second of voice time at which an influencer leaves their nth call, whatever is going on; None: they stay to its end."""
    random = Random(f"leaves {seed} {phone} {nth}")
    return round(random.uniform(3.0, 120.0), 1) if random.random() < _LEAVES_ANYWHERE else None


def _spread(shares: Mapping[_K, float], usual: _K, n: int, all_of_them: bool, random: Random) -> list[_K]:
    kinds: list[_K] = []
    for kind, share in shares.items():
        kinds += [kind] * max(round(n * share), int(all_of_them))
    kinds = (kinds + [usual] * n)[:n] if len(kinds) < n else [usual] * n
    random.shuffle(kinds)
    return kinds


def _tracker(phone: str, nth: int, random: Random) -> Tracker:
    return Tracker(phone, f"{random.randrange(1000, 9999) * 10 + 7:05}", nth % 2, rings=nth % 3 != 2)


def _voter(phone: str, manner: Manner, random: Random) -> Voter:
    talks = random.uniform(SHORTEST_TALK_SECONDS, TALK_SECONDS)
    if manner is Manner.HANGS_UP:
        talks = 2.0
    elif manner is Manner.COMPLAINS:
        talks = 12.0
    return Voter(phone, manner, random.choice(_LANGUAGES), f"ward-{random.randrange(1, 25)}", round(talks, 1))

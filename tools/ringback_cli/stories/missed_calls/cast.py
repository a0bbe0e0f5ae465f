"""Who rings whom in the story: people, odd callers and their calls, made up from a seed.

    script = write(size=200, seed=1, campaigns=campaigns)

Pure: the same size, seed and campaigns always give the same script.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from random import Random

from ringback.domain.campaigns import Campaign, Number, Purpose

MOST_CALLERS = 100_000
"""As many as there are made-up numbers for, spread over a hundred blocks of ten thousand."""

STARTS = (time(11, 0), time(10, 10), time(15, 0), time(20, 0))
"""Indian times a story may start at, by seed: inside every window, or where one campaign still or already sleeps."""

_MOST_CALLS = 3
_CALLS_BOTH = 0.1
_OTHERWISE_WRITTEN = 0.1
_LATER = 0.25
"""Shares: of people who ring both campaigns, of calls whose caller is written in another shape, of calls left for the second act."""


class Kind(StrEnum):
    """Who a caller is, and what must come of it."""

    ORDINARY = "ordinary"
    OPTS_OUT = "opts-out"
    """Rings the opt-out number in the first act, and another number in the second: then nothing may be sent."""
    WITHHELD = "withheld"
    """Hides the number: counted, no contact."""
    ODD = "odd"
    """What arrives as the caller is no person's number: counted, no contact."""
    LANDLINE = "landline"
    FOREIGN = "foreign"
    """Both are contacts, and no SMS may go there."""
    DND = "do-not-disturb"
    OFF = "switched-off"
    UNKNOWN = "unknown-subscriber"
    """The SMS to the last three is accepted, and may come to nothing on the way."""


_SHARES = {
    Kind.OPTS_OUT: 0.04,
    Kind.WITHHELD: 0.04,
    Kind.ODD: 0.03,
    Kind.LANDLINE: 0.015,
    Kind.FOREIGN: 0.01,
    Kind.DND: 0.02,
    Kind.OFF: 0.02,
    Kind.UNKNOWN: 0.01,
}
_ENOUGH_FOR_ALL = 20
"""From this size on there is at least one caller of every kind."""

NOBODY = (Kind.WITHHELD, Kind.ODD)
"""Kinds whose calls make no contact."""

_ODD = ("18001230045", "1409000045", "1600100045", "112", "90000O0145", "12345", "+91900", "0912345")
_SHAPES = ("{0}", "91{0}", "+91{0}", "0091{0}", "091{0}", "+91-{0}")


@dataclass(frozen=True, slots=True)
class Caller:
    """A handset. `phone` is its number in E.164, whatever the provider sees of it."""

    phone: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Call:
    """A missed call. `shown` is what arrives as the caller: None for the number as Exotel writes it."""

    caller: Caller
    campaign: str
    number: Number
    shown: str | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """The whole story: who there is, when it starts (Indian time of day), and the calls of its two acts."""

    starts_at: time
    callers: tuple[Caller, ...]
    acts: tuple[tuple[Call, ...], ...]
    contacts: frozenset[tuple[str, str]] = field(init=False)
    """(campaign, phone) of everybody who must be a contact in the end."""
    texts: frozenset[tuple[str, str, str]] = field(init=False)
    """(campaign, phone, text) of every message that must stand in the ledger in the end, sent or not."""
    opted_out: frozenset[tuple[str, str]] = field(init=False)
    """(campaign, phone) of everybody who has opted out when the second act begins."""

    def __post_init__(self) -> None:
        of_people = [call for act in self.acts for call in act if call.caller.kind not in NOBODY]
        put = object.__setattr__
        put(self, "contacts", frozenset((call.campaign, call.caller.phone) for call in of_people))
        put(
            self,
            "texts",
            frozenset(
                (call.campaign, call.caller.phone, call.number.text) for call in of_people if call.number.text
            ),
        )
        put(
            self,
            "opted_out",
            frozenset(
                (call.campaign, call.caller.phone)
                for call in self.acts[0]
                if call.number.purpose is Purpose.OPT_OUT and call.caller.kind not in NOBODY
            ),
        )


def write(size: int, seed: int, campaigns: Sequence[Campaign]) -> Script:
    """Make up a story of `size` handsets."""
    random = Random(f"missed-calls {size} {seed}")
    callers = _callers(size, random)
    first: list[Call] = []
    second: list[Call] = []
    for caller in callers:
        home = random.choice(campaigns)
        if caller.kind is Kind.OPTS_OUT:
            _opt_out(caller, home, random, first, second)
            continue
        for nth in range(random.randint(1, _MOST_CALLS)):
            campaign = random.choice(campaigns) if random.random() < _CALLS_BOTH else home
            number = random.choice(_with_a_text(campaign))
            call = Call(caller, campaign.id, number, _shown(caller, campaign, random))
            (second if nth and random.random() < _LATER else first).append(call)
    random.shuffle(first)
    random.shuffle(second)
    return Script(STARTS[seed % len(STARTS)], tuple(callers), (tuple(first), tuple(second)))


def handsets(script: Script) -> list[Mapping[str, object]]:
    """The handsets that are not as every handset is, as the phone network is told of them."""
    properties = {
        Kind.DND: {"is_dnd": True},
        Kind.OFF: {"is_on": False},
        Kind.UNKNOWN: {"is_known": False},
        Kind.WITHHELD: {"withholds_number": True},
    }
    return [
        {"number": caller.phone, **properties[caller.kind]}
        for caller in script.callers
        if caller.kind in properties
    ]


def _callers(size: int, random: Random) -> list[Caller]:
    kinds: list[Kind] = []
    for kind, share in _SHARES.items():
        kinds += [kind] * max(round(size * share), 1 if size >= _ENOUGH_FOR_ALL else 0)
    kinds = (kinds + [Kind.ORDINARY] * size)[:size]
    random.shuffle(kinds)
    mobiles = random.sample(range(1_000_000), size)
    nth: Counter[Kind] = Counter()
    callers = []
    for kind, mobile in zip(kinds, mobiles, strict=True):
        callers.append(Caller(_phone(kind, nth[kind], mobile), kind))
        nth[kind] += 1
    return callers


def _phone(kind: Kind, nth: int, mobile: int) -> str:
    """A made-up number: London's 020 7946 0xxx is kept free for stories (Ofcom)."""
    match kind:
        case Kind.LANDLINE:
            return f"+91804{2_000_000 + nth}"
        case Kind.FOREIGN:
            return f"+442079460{nth:03}"
        case _:
            return f"+919000{mobile:06}"


def _opt_out(
    caller: Caller, campaign: Campaign, random: Random, first: list[Call], second: list[Call]
) -> None:
    if random.random() < 0.5:
        first.append(Call(caller, campaign.id, random.choice(_with_a_text(campaign))))
    first.append(
        Call(
            caller,
            campaign.id,
            next(number for number in campaign.numbers.values() if number.purpose is Purpose.OPT_OUT),
        )
    )
    second.append(Call(caller, campaign.id, random.choice(_with_a_text(campaign))))


def _with_a_text(campaign: Campaign) -> list[Number]:
    return [number for number in campaign.numbers.values() if number.text and not number.menu]


def _shown(caller: Caller, campaign: Campaign, random: Random) -> str | None:
    match caller.kind:
        case Kind.ODD:
            return random.choice((*_ODD, *(f"0{number.removeprefix('+91')}" for number in campaign.numbers)))
        case Kind.ORDINARY if random.random() < _OTHERWISE_WRITTEN:
            return random.choice(_SHAPES).format(caller.phone.removeprefix("+91"))
        case _:
            return None

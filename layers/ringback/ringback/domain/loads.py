"""Lists of voters on their way into a pool: what their columns are called, who may be in a pool at all, and who stands where.

| column | also called | holds |
|---|---|---|
| phone | mobile, number, phone number, mobile number, contact | an Indian mobile or landline, in any shape people write |
| language | lang | one of the campaign's; empty is its default language |
| area | ward, booth, constituency | where they vote: up to 64 characters, no `#` |
| name | voter name | kept, never read out |
| consent, consent_evidence, consent_at | | why they may be rung, where the proof is, since when: all three or none |
| dnd, dnd_checked_at | ndnc, dnc | `yes` or `no`, and when the list was asked: both or none |

Days are `2026-11-21` or, day first, `21-11-2026` and `21/11/2026`; a moment is ISO 8601 with its zone.
"""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from ringback.domain import phones, times
from ringback.domain.errors import Rejected
from ringback.domain.phones import NumberClass
from ringback.domain.pools import BLOCK, Consent
from ringback.domain.times import INDIA

LONGEST_CELL = 200
"""Characters of a cell that is kept: a voter's row stays under a kilobyte."""

PEOPLE = (NumberClass.MOBILE, NumberClass.LANDLINE)
"""Numbers that a person stands behind; everything else never gets into a pool (A10)."""


class Order(StrEnum):
    GIVEN = "given"
    SHUFFLED = "shuffled"


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of a list, read."""

    phone: str = field(repr=False)
    language: str
    area: str | None = None
    name: str | None = field(default=None, repr=False)
    consent: Consent | None = None
    is_dnd: bool | None = None
    dnd_checked_at: datetime | None = None

    def told(self) -> dict[str, str | bool]:
        """What the row tells, by the names of the stored voter's attributes."""
        consent, checked_at = self.consent, self.dnd_checked_at
        every: dict[str, str | bool | None] = {
            "phone": self.phone,
            "language": self.language,
            "area": self.area,
            "name": self.name,
            "consent": consent.basis if consent else None,
            "consent_evidence": consent.evidence if consent else None,
            "consent_at": _written(consent.at) if consent else None,
            "dnd": self.is_dnd,
            "dnd_checked_at": _written(checked_at) if checked_at else None,
        }
        return {name: value for name, value in every.items() if value is not None}


_written = lru_cache(1_000)(times.written)  # a list has a few days, lakhs of times

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "phone": ("mobile", "number", "phone number", "mobile number", "contact"),
    "language": ("lang",),
    "area": ("ward", "booth", "constituency"),
    "name": ("voter name",),
    "consent": (),
    "consent_evidence": (),
    "consent_at": (),
    "dnd": ("ndnc", "dnc"),
    "dnd_checked_at": (),
}
_MEANT = {alias.replace("_", " "): column for column, more in _COLUMNS.items() for alias in (column, *more)}


def columns(header: Sequence[str]) -> list[str | None]:
    """What each column of a list holds; None for one that we have no use for.

    `Rejected` when there is no column of numbers, or two say the same thing.
    """
    meant = [_MEANT.get(" ".join(re.split(r"[\s_-]+", heading.strip().casefold()))) for heading in header]
    problems = [
        f"two columns hold the {column.replace('_', ' ')}: keep one"
        for column in _COLUMNS
        if meant.count(column) > 1
    ]
    if "phone" not in meant:
        problems.append("no column holds the numbers: call one `phone`")
    if problems:
        raise Rejected(*problems)
    return meant


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads rows for one campaign, as of now."""

    languages: Collection[str]
    default_language: str
    ours: Collection[str]
    """Numbers that are rung by people and never by us (A9)."""
    now: datetime

    def read(self, row: Mapping[str, str]) -> Listed:
        """Read one row, by column; `Rejected` says why its number may not be in a pool, without the number."""
        cells = {column: cell.strip().lstrip("'") for column, cell in row.items()}
        language = cells.get("language", "").casefold() or self.default_language
        if language not in self.languages:
            raise Rejected(f"the campaign does not speak {language[:20]!r}")
        checked_at = self._moment(cells, "dnd_checked_at")
        is_dnd = _yes_or_no(cells.get("dnd", ""))
        if (is_dnd is None) is not (checked_at is None):
            raise Rejected("dnd and dnd_checked_at go together")
        return Listed(
            phone=self._phone(row.get("phone", "")),
            language=language,
            area=_area(cells.get("area", "")),
            name=cells.get("name", "")[:LONGEST_CELL] or None,
            consent=self._consent(cells),
            is_dnd=is_dnd,
            dnd_checked_at=checked_at,
        )

    def _phone(self, raw: str) -> str:
        phone = phones.read(raw)
        if (kind := phones.classify(phone)) not in PEOPLE:
            raise Rejected(f"a {kind} number: nobody is rung there")
        if phone in self.ours:
            raise Rejected("a number of our own")
        return phone

    def _consent(self, cells: Mapping[str, str]) -> Consent | None:
        basis, evidence = (cells.get(name, "")[:LONGEST_CELL] for name in ("consent", "consent_evidence"))
        at = self._moment(cells, "consent_at")
        if basis and evidence and at:
            return Consent(basis, evidence, at)
        if basis or evidence or at:
            raise Rejected("consent, consent_evidence and consent_at go together")
        return None

    def _moment(self, cells: Mapping[str, str], column: str) -> datetime | None:
        text = cells.get(column, "")
        if not text:
            return None
        at = _read_moment(text)
        if at is None:
            raise Rejected(f"{column} must be a day such as 2026-11-21")
        if at > self.now:
            raise Rejected(f"{column} lies in the future")
        return at


_DAY_FIRST = re.compile(r"(\d{1,2})[-/](\d{1,2})[-/](\d{4})")


@lru_cache(1_000)
def _read_moment(text: str) -> datetime | None:
    if day_first := _DAY_FIRST.fullmatch(text):
        day, month, year = day_first.groups()
        text = f"{year}-{month:0>2}-{day:0>2}"
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=INDIA)


def _yes_or_no(text: str) -> bool | None:
    match text.casefold():
        case "yes" | "y" | "true" | "1":
            return True
        case "no" | "n" | "false" | "0":
            return False
        case "" | "unknown":
            return None
    raise Rejected("dnd must be yes or no")


def _area(text: str) -> str | None:
    if len(text) > 64 or "#" in text or not text.isprintable():
        raise Rejected("the area must be up to 64 characters, without #")
    return text or None


def name(content: str, order: Order, seed: int) -> str:
    """The name of a load: 12 characters, the same for the same content (its SHA-256) in the same order."""
    order_and_seed = f"{order}:{seed}" if order is Order.SHUFFLED else str(order)
    return hashlib.sha256(f"{content} {order_and_seed}".encode()).hexdigest()[:12]


def shuffle_key(seed: int, person: str) -> int:
    """Where a person stands in a shuffled list: it depends on them and the seed alone, not on the order they came in."""
    digest = hashlib.blake2b(person.encode(), digest_size=8, key=str(seed).encode()[:64]).digest()
    return int.from_bytes(digest, "big", signed=True)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the nth person of a load stands: they go round the shards, so that each shard keeps the order of the whole."""

    shard: int
    block: int
    place: int


def place(rank: int, shards: int) -> Place:
    """The place of the person with a rank, from 0."""
    index, shard = divmod(rank, shards)
    return Place(shard, *divmod(index, BLOCK))


def block_name(load: str, shard: int, block: int) -> str:
    return f"{load}.{shard}.{block}"

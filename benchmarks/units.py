"""DynamoDB's request units by its own rules, from the items themselves. Pure.

SOURCE: DynamoDB developer guide, "DynamoDB item sizes and formats", "DynamoDB on-demand capacity mode" and "Condition expressions".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

Item = Mapping[str, Mapping[str, Any]]
"""An item in DynamoDB's JSON: `{"person": {"S": "…"}, "n": {"N": "1"}}`."""

WRITE_BYTES = 1024
READ_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index: an item stands in it only while it has all of the index's keys."""

    keys: tuple[str, ...]
    keeps_all: bool = False
    """Whether it projects whole items, or keys only."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a table decides the cost of a write."""

    keys: tuple[str, ...]
    indexes: tuple[Index, ...] = ()


def size(item: Item) -> int:
    """Bytes of an item: the names of its attributes count as well as their values."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def write_units(
    shape: Shape, before: Item | None, after: Item | None, *, in_transaction: bool = False
) -> float:
    """Units of a write that took an item from `before` to `after`; None where there is none.

    The larger of both counts, each KB begun, twice in a transaction. Each index is a write of its own where what it holds changes, and
    two where the item moves within it.
    """
    larger = max(size(before or {}), size(after or {}))
    table = _kilobytes(larger) * (2 if in_transaction else 1)
    return table + sum(_index_units(shape, index, before, after) for index in shape.indexes)


def failed_write_units(before: Item | None, attempted: Item | None = None) -> float:
    """Units of a write whose condition failed: it is billed as if it had been done, but no index is touched."""
    return _kilobytes(max(size(before or {}), size(attempted or {})))


def read_units(items: Iterable[Item | None], *, consistent: bool) -> float:
    """Units of reading items by key, in one request or many: each item by itself, also one that does not exist."""
    return sum(_read(size(item or {}), consistent) for item in items)


def query_units(items: Sequence[Item], *, consistent: bool) -> float:
    """Units of one query or scan that had to read these items: their sum is rounded up, not each."""
    return _read(sum(map(size, items)), consistent)


def _read(byte_count: int, consistent: bool) -> float:
    return max(1, ceil(byte_count / READ_BYTES)) * (1.0 if consistent else 0.5)


def _kilobytes(byte_count: int) -> float:
    return float(max(1, ceil(byte_count / WRITE_BYTES)))


def _index_units(shape: Shape, index: Index, before: Item | None, after: Item | None) -> float:
    old, new = _projected(shape, index, before), _projected(shape, index, after)
    if old == new:
        return 0.0
    if old is None or new is None or any(old[key] != new[key] for key in index.keys):
        return sum(_kilobytes(size(item)) for item in (old, new) if item is not None)
    return _kilobytes(max(size(old), size(new)))


def _projected(shape: Shape, index: Index, item: Item | None) -> Item | None:
    if item is None or any(key not in item for key in index.keys):
        return None
    return item if index.keeps_all else {name: item[name] for name in (*shape.keys, *index.keys)}


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return _number_size(content)
        case "B":
            return len(content) * 3 // 4
        case "BOOL" | "NULL":
            return 1
        case "SS":
            return sum(len(text.encode()) for text in content)
        case "NS":
            return sum(_number_size(number) for number in content)
        case "L":
            return 3 + sum(1 + _value_size(each) for each in content)
        case "M":
            return 3 + len(content) + size(content)
        case _:
            raise ValueError(f"no size for an attribute of type {kind}")


def _number_size(number: str) -> int:
    """About one byte for each two significant digits, and one more."""
    digits = number.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + number.startswith("-")

"""Published campaign content by version. A published version never changes; `current` says which one is in force."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from pynamodb.connection import Connection
from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from ringback.domain import times
from ringback.domain.campaigns import MOST_NUMBERS, Campaign, parse
from ringback.domain.errors import Conflict, NotFound, Rejected
from ringback.store.tables import CatalogRow, code_of, connection

_CURRENT = "current"
_OWNER = "owner"


def publish(campaign: Campaign, document: Mapping[str, Any], at: datetime) -> int:
    """Make a document the campaign's current version, in one transaction that also claims its new numbers and releases those it
    no longer has; returns the version.

    The same document as the current one is not published again: its version is returned. `Conflict` when another campaign owns one
    of the numbers (its message names them) or somebody published at the same moment; `Rejected` when too many numbers change at once.
    """
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()
    current = _row(campaign.id, _CURRENT)
    if current is not None and current.digest == digest:
        return int(current.number)
    before = int(current.number) if current else 0
    version = before + 1
    owned = owners(campaign.numbers.keys() | _numbers(campaign.id, before))
    others = [n for n in sorted(campaign.numbers.keys() & owned) if owned[n] != campaign.id]
    if others:
        raise Conflict(", ".join(f"{number} belongs to campaign {owned[number]}" for number in others))
    claimed = campaign.numbers.keys() - owned
    released = {number for number, owner in owned.items() if owner == campaign.id} - campaign.numbers.keys()
    if len(claimed) + len(released) > MOST_NUMBERS:
        raise Rejected(
            f"numbers: {len(claimed)} are new and {len(released)} are gone, {MOST_NUMBERS} may change at once; publish in two steps"
        )
    common: dict[str, Any] = {"number": version, "digest": digest, "published_at": times.written(at)}
    # pynamodb's Connection finds the tables' key schemas through the connections the models have made.
    shared: Connection = connection(CatalogRow).connection
    try:
        with TransactWrite(connection=shared) as transaction:
            transaction.save(
                CatalogRow(campaign.id, _version(version), document=text, **common),
                condition=CatalogRow.campaign.does_not_exist(),
            )
            transaction.save(
                CatalogRow(campaign.id, _CURRENT, **common),
                condition=(CatalogRow.number == before) if before else CatalogRow.campaign.does_not_exist(),
            )
            for number in claimed:
                transaction.save(
                    CatalogRow(f"number#{number}", _OWNER, owner=campaign.id),
                    condition=CatalogRow.campaign.does_not_exist(),
                )
            for number in released:
                transaction.delete(
                    CatalogRow(f"number#{number}", _OWNER), condition=CatalogRow.owner == campaign.id
                )
    except TransactWriteError as problem:
        if code_of(problem) == "TransactionCanceledException":
            raise Conflict(
                f"{campaign.id} was published by somebody else at the same moment; look, then publish again"
            ) from None
        raise
    return version


def current(campaign: str) -> Campaign:
    """The campaign's content in force; `NotFound` when nothing was ever published. Two reads."""
    row = _row(campaign, _CURRENT)
    if row is None:
        raise NotFound(f"campaign {campaign} has no published content")
    return load(campaign, int(row.number))


def current_version(campaign: str) -> int | None:
    """The number of the version in force, None when there is none. One read."""
    row = _row(campaign, _CURRENT)
    return int(row.number) if row else None


def load(campaign: str, version: int) -> Campaign:
    """One published version, as it was published; `NotFound` when there is none."""
    row = _row(campaign, _version(version))
    if row is None:
        raise NotFound(f"campaign {campaign} has no version {version}")
    return parse(json.loads(row.document), version)


def owner(number: str) -> str | None:
    """The campaign that an E.164 number of ours belongs to."""
    return owners([number]).get(number)


def owners(numbers: Iterable[str]) -> dict[str, str]:
    """The campaigns that own those of the E.164 numbers that are ours: one request for a hundred."""
    rows = CatalogRow.batch_get([(f"number#{number}", _OWNER) for number in numbers], consistent_read=True)
    return {row.campaign.removeprefix("number#"): row.owner for row in rows}


def campaigns() -> Iterator[str]:
    """The ids of the campaigns with published content. Scans the table, which holds a few rows per campaign."""
    for row in CatalogRow.scan(CatalogRow.version == _CURRENT):
        yield row.campaign


def _version(number: int) -> str:
    return f"v{number:05d}"


def _row(campaign: str, version: str) -> CatalogRow | None:
    try:
        return CatalogRow.get(campaign, version, consistent_read=True)
    except CatalogRow.DoesNotExist:
        return None


def _numbers(campaign: str, version: int) -> set[str]:
    """The numbers of a published version. Not by `parse`, whose rules may be stricter by now than when it was published."""
    row = _row(campaign, _version(version))
    return {number["number"] for number in json.loads(row.document)["numbers"]} if row else set()

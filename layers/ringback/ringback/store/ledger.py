"""The ledger of patched calls: one row per leg, written once, together with what is counted once."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from ringback.domain.ledger import Charge, Side, book
from ringback.store.journal import KEPT_FOR
from ringback.store.tables import LedgerRow
from ringback.store.transactions import Write, together


def record(charges: Sequence[Charge], also: Sequence[Write], now: datetime) -> bool:
    """Write the charges of a patch, and make the other writes with them, once; False, and nothing written, when they are there already
    or one of the other writes could not be made.
    """
    expires_at = int((now + KEPT_FOR).timestamp())
    rows = [
        LedgerRow(
            charge.book,
            charge.leg,
            seconds=charge.seconds,
            paise=charge.paise,
            rate=charge.rate,
            influencer=charge.influencer,
            expires_at=expires_at,
        )
        for charge in charges
    ]
    return together(*(Write(row, (), LedgerRow.book.does_not_exist()) for row in rows), *also)


def has(charge: Charge) -> bool:
    """Whether a charge is written, read consistently."""
    try:
        LedgerRow.get(charge.book, charge.leg, consistent_read=True)
    except LedgerRow.DoesNotExist:
        return False
    return True


def of_area(campaign: str, area: str, day: str) -> Iterator[Charge]:
    """The charges of an area on a day in India."""
    return map(_charge, LedgerRow.query(book(campaign, area, day)))


def every(campaign: str | None = None) -> Iterator[Charge]:
    """Every charge, of one campaign or of all, in no order. Scans the table: for operators, not for a request."""
    condition = LedgerRow.book.startswith(f"{campaign}#") if campaign else None
    return map(_charge, LedgerRow.scan(filter_condition=condition))


def _charge(row: LedgerRow) -> Charge:
    campaign, area, day = row.book.split("#")
    call_id, attempt, side = row.leg.rsplit("/", 2)
    return Charge(
        campaign=campaign,
        area=area,
        day=day,
        call_id=call_id,
        attempt=int(attempt),
        side=Side(side),
        seconds=int(row.seconds),
        paise=int(row.paise),
        rate=row.rate,
        influencer=row.influencer,
    )

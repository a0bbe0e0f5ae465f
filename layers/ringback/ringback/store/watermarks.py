"""Up to which moment something outside is known to be complete with us."""

from datetime import datetime

from pynamodb.expressions.operand import Path

from ringback.store.singles import load_single, moment, ms, update_single


def read(name: str) -> datetime | None:
    """Up to which moment the provider's call listing is known to be complete with us."""
    row = load_single(f"watermark#{name}")
    return moment(row["at_ms"]) if "at_ms" in row else None


def advance(name: str, at: datetime) -> None:
    """Move the watermark forward; never back."""
    path = Path(["at_ms"])
    update_single(f"watermark#{name}", [path.set(ms(at))], path.does_not_exist() | (path < ms(at)))

"""Who waits for the patch of a call that we place, by the dial's id. The token and the end meet in one row: whoever comes second sees both."""

from pynamodb.expressions.operand import Path

from ringback.store.singles import update_single


def wait(dial_id: str, token: str) -> str | None:
    """Note the token that a machine waits by; the call whose patch is over, if it is already. The latest token stands."""
    row = update_single(_name(dial_id), [Path(["token"]).set(token)])
    return row["call"]["S"] if row and "call" in row else None


def over(dial_id: str, call_id: str) -> str | None:
    """Note the call whose patch is over; the token of the machine that waits for it, if one does already."""
    row = update_single(_name(dial_id), [Path(["call"]).set(call_id)])
    return row["token"]["S"] if row and "token" in row else None


def _name(dial_id: str) -> str:
    return f"ring-back#{dial_id}"

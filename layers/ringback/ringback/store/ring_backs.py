"""What came of ringing an influencer back, and who waits to hear it, by the id of the first attempt's dial. The token and the outcome
meet in one row: whoever comes second sees both.
"""

import json
from collections.abc import Mapping
from datetime import datetime

from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from ringback.store.singles import load_single, ms, update_single
from ringback.store.tables import Attributes

Outcome = Mapping[str, object]


def begin(person: str, ring_back: str, now: datetime, until: datetime) -> bool:
    """Note that somebody is being rung back; False when that goes on already, for another call of theirs. It is over with its outcome, and
    at the latest at the moment `until`. A repeat changes nothing.
    """
    row, begun = f"ringing-back#{person}", Path(["ring_back"])
    actions = [begun.set(ring_back), Path(["until"]).set(ms(until))]
    is_free = begun.does_not_exist() | (begun == ring_back) | (Path(["until"]) < ms(now))
    if update_single(row, actions, is_free) is not None:
        return True
    before = load_single(row)["ring_back"]["S"]
    if came_to(before) is None:
        return False
    return update_single(row, actions, begun == before) is not None


def came_to(ring_back: str) -> Outcome | None:
    """What came of a ring-back; None while it goes on, and of one that nobody knows."""
    return _outcome(load_single(_key(ring_back)))


def wait(ring_back: str, token: str) -> Outcome | None:
    """Note the token that a machine waits by; what came of the ring-back, if it is over already. The latest token stands."""
    return _outcome(_change(ring_back, Path(["token"]).set(token)))


def patched(ring_back: str, outcome: Outcome) -> str | None:
    """Note how the patch of the call ended; the token of the machine that waits for it, if one does already. The latest stands."""
    return _token(_change(ring_back, Path(["outcome"]).set(json.dumps(outcome))))


def gave_up(ring_back: str, outcome: Outcome) -> str | None:
    """Note that nobody is to be patched, unless something came of it; the token of the machine, if it should hear this."""
    path = Path(["outcome"])
    row = _change(ring_back, path.set(path | json.dumps(outcome)))
    return _token(row) if _outcome(row) == outcome else None


def _change(ring_back: str, action: Action) -> Attributes:
    row = update_single(_key(ring_back), [action])
    assert row is not None  # there is no condition
    return row


def _key(ring_back: str) -> str:
    return f"ring-back#{ring_back}"


def _token(row: Attributes) -> str | None:
    return row["token"]["S"] if "token" in row else None


def _outcome(row: Attributes) -> Outcome | None:
    if "outcome" not in row:
        return None
    told: Outcome = json.loads(row["outcome"]["S"])
    return told

"""What came of ringing an influencer back, and who waits to hear it, by the id of the first attempt's dial. The token and the outcome
meet in one row: whoever comes second sees both.
"""

import json
from collections.abc import Mapping

from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from ringback.store.singles import update_single
from ringback.store.tables import Attributes

Outcome = Mapping[str, object]


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
    row = update_single(f"ring-back#{ring_back}", [action])
    assert row is not None  # there is no condition
    return row


def _token(row: Attributes) -> str | None:
    return row["token"]["S"] if "token" in row else None


def _outcome(row: Attributes) -> Outcome | None:
    if "outcome" not in row:
        return None
    told: Outcome = json.loads(row["outcome"]["S"])
    return told

"""The life of one outbound SMS in the effect ledger, and the only moves it may make.

```
planned ─► held ─► planned …            (a hold ends when its time comes)
planned | held ─► refused               (the policy gate said never)
planned | held ─► claimed ─► sent ─► delivered | failed
                     ├─► unknown ─► sent | delivered | failed
                     ├─► held        (the provider said: not now, and nothing left)
                     ├─► failed      (the provider declined it)
                     └─► delivered   (the report outran the outcome)
planned | held ─► sent | delivered | failed   (a report proves that it left after all)
```

A claim comes before the call to the provider and an outcome after it. A claim without an outcome is `unknown`: the message may have
left, so nothing here leads back from `unknown` to `planned`; only evidence or a person settles it.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ringback.domain.facts import Delivery


class State(StrEnum):
    PLANNED = "planned"
    HELD = "held"
    REFUSED = "refused"
    CLAIMED = "claimed"
    SENT = "sent"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    FAILED = "failed"


CLAIMABLE = (State.PLANNED, State.HELD)
"""A held message is claimed directly when the queue gives it out before `release` has seen it."""

FINAL = (State.REFUSED, State.DELIVERED, State.FAILED)

_PROVEN = (State.SENT, State.DELIVERED, State.FAILED)
"""Where a delivery report may lead from anywhere: it proves that the message left, even one that we hold because the provider said
it had not."""

_MAY_FOLLOW: Mapping[State, tuple[State, ...]] = {
    State.PLANNED: (State.HELD, State.REFUSED, State.CLAIMED, *_PROVEN),
    State.HELD: (State.PLANNED, State.HELD, State.REFUSED, State.CLAIMED, *_PROVEN),
    State.CLAIMED: (State.SENT, State.HELD, State.FAILED, State.UNKNOWN, State.DELIVERED),
    State.SENT: (State.DELIVERED, State.FAILED),
    State.UNKNOWN: (State.SENT, State.DELIVERED, State.FAILED),
    State.REFUSED: (),
    State.DELIVERED: (),
    State.FAILED: (),
}


def may_follow(before: State, after: State) -> bool:
    """Whether a message in `before` may move to `after`. A final state never moves."""
    return after in _MAY_FOLLOW[before]


def predecessors(after: State) -> tuple[State, ...]:
    """The states from which `after` may be reached: the condition of the write that moves there."""
    return tuple(before for before, followers in _MAY_FOLLOW.items() if after in followers)


def state_reported(delivery: Delivery) -> State | None:
    """The state a delivery report stands for; None for one we cannot read, which changes nothing."""
    return _REPORTED.get(delivery)


_REPORTED: Mapping[Delivery, State] = {
    Delivery.DELIVERED: State.DELIVERED,
    Delivery.FAILED: State.FAILED,
    Delivery.IN_PROGRESS: State.SENT,
}


@dataclass(frozen=True, slots=True)
class Message:
    """One SMS to one person. `message_id` names it everywhere: the ledger, the provider's custom field, the report's address."""

    person: str
    name: str
    """`<campaign>.<text>.<digest of the cause>`; unique for the person."""
    campaign: str
    text: str
    language: str
    cause: str
    caused_at: datetime
    state: State = State.PLANNED
    rule: str | None = None
    """The policy rule of the last hold or refusal."""
    due_at: datetime | None = None
    departs_at: datetime | None = None
    """The departure the pacer has granted; good only around that moment."""
    claim: str | None = None
    claimed_at: datetime | None = None
    provider_id: str | None = None
    code: str | None = None
    parts: int | None = None

    @property
    def message_id(self) -> str:
        return f"{self.person}.{self.name}"


def name_for(campaign: str, text: str, cause: str) -> str:
    """The name of the message that `cause` (a fact's `source_id`) makes us send: the same cause always gives the same name."""
    digest = base64.b32encode(hashlib.sha256(cause.encode()).digest()).decode().lower()[:16]
    return f"{campaign}.{text}.{digest}"


def split_id(message_id: str) -> tuple[str, str]:
    """(person, name) of a message id; ValueError when it has not that shape."""
    person, dot, name = message_id.partition(".")
    if not (person and dot and name.count(".") == 2):
        raise ValueError(f"not a message id: {message_id!r}")
    return person, name


def campaign_of(message_id: str) -> str:
    """The campaign a message belongs to."""
    return split_id(message_id)[1].partition(".")[0]


def claim_expired(claimed_at: datetime | None, lease_seconds: float, now: datetime) -> bool:
    """Whether the worker that claimed a message, or a dial, can no longer be at work on it."""
    return claimed_at is not None and (now - claimed_at).total_seconds() > lease_seconds

"""A ledger of effects that leave once, SMS or calls: the moves both have in common, each one conditional write.

What may follow what is said in `domain.messages` and `domain.dials`; a claim and an outcome are worth the same in both.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from ringback.domain import times
from ringback.domain.dials import Dial
from ringback.domain.messages import Message
from ringback.store.tables import DialRow, MessageRow, update_if

BUCKETS = 8
"""How many partitions the waiting effects are spread over."""

Waiting = Literal["held", "unknown", "listed"]

Effect = TypeVar("Effect", Message, Dial)

_CLAIMABLE = ("planned", "held")


@dataclass(frozen=True, slots=True)
class Ledger(Generic[Effect]):
    """The ledger of one kind of effect."""

    row: type[MessageRow] | type[DialRow]
    range_key: str
    read: Callable[[Any], Effect]
    unsettled: Sequence[str]
    """The states in which evidence is waited for."""

    def hold(self, effect: Effect, rule: str, until: datetime, *, departs_at: datetime | None = None) -> bool:
        """Set the effect aside until a moment; `release` brings it back. False when it is no longer ours to hold.

        One that its own worker has claimed may be held again with its claim: the provider said that nothing left.
        """
        departs = self.row.departs_at
        actions = [
            self.row.rule.set(rule),
            departs.set(times.written(departs_at)) if departs_at else departs.remove(),
            *self.waits("held", effect, until),
        ]
        return self.move(effect, "held", actions, self._still(effect))

    def refuse(self, effect: Effect, rule: str) -> bool:
        """The policy gate said never. Final."""
        actions = [self.row.rule.set(rule), *self.waits_no_more()]
        return self.move(effect, "refused", actions, self.is_in(_CLAIMABLE))

    def release(self, effect: Effect, again_at: datetime) -> bool:
        """End the hold that was read, before the queue has the effect again; it stays in the list, due at `again_at`, until a worker
        moves it. False when it has been claimed, settled or held anew since."""
        assert effect.due_at is not None
        as_read = self.row.due_at == times.written(effect.due_at)
        actions = self.waits("held", effect, again_at)
        return self.move(effect, "planned", actions, self.is_in(_CLAIMABLE) & as_read)

    def claim(self, claimed: Effect) -> bool:
        """Take the effect for its one request, with the claim it carries; exactly one worker gets True. From here on it may have left.

        The same claim twice is one claim: a request whose answer was lost is made again by the AWS client itself.
        """
        assert claimed.claim is not None
        assert claimed.claimed_at is not None
        actions = [
            self.row.claim.set(claimed.claim),
            self.row.claimed_at.set(times.written(claimed.claimed_at)),
            self.row.departs_at.remove(),
            self.row.rule.remove(),
            *self.waits_no_more(),
        ]
        return self.move(claimed, "claimed", actions, self.is_in(_CLAIMABLE) | self.is_claimed_as(claimed))

    def declined(self, effect: Effect, code: str) -> bool:
        """The provider refused it for good: nothing left."""
        return self.move(effect, "failed", [self.row.code.set(code)], self.is_claimed_as(effect))

    def lost_sight(self, effect: Effect, reason: str, evidence_due: datetime) -> bool:
        """Nobody knows whether it left: wait for evidence until `evidence_due`, then list it for a person."""
        actions = [self.row.rule.set(reason), *self.waits("unknown", effect, evidence_due)]
        return self.move(effect, "unknown", actions, self.is_claimed_as(effect))

    def list_for_a_person(self, effect: Effect, since: datetime) -> bool:
        """No evidence came in time: move it to the list that people settle. Its state stays."""
        actions = self.waits("listed", effect, since)
        return self.update(effect.person, effect.name, actions, self.is_in(self.unsettled))

    def load(self, person: str, name: str) -> Effect | None:
        """One effect, read consistently; None when there is none."""
        return self.load_many([(person, name)]).get((person, name))

    def load_many(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Effect]:
        """The known ones among the effects (person, name), read consistently in one batch per 100."""
        rows = self.row.batch_get(list(dict.fromkeys(keys)), consistent_read=True)
        return {(effect.person, effect.name): effect for effect in map(self.read, rows)}

    def of_person(self, person: str) -> list[Effect]:
        """Every effect on one person: one query."""
        return [self.read(row) for row in self.row.query(person)]

    def waiting(self, kind: Waiting, until: datetime) -> Iterator[tuple[str, str]]:
        """The (person, name) of what waits in a list with a moment up to `until`, earliest first within each bucket."""
        for bucket in range(BUCKETS):
            for row in self.row.due.query(f"{kind}#{bucket}", self.row.due_at <= times.written(until)):
                yield row.person, getattr(row, self.range_key)

    def every(self, campaign: str | None = None, state: str | None = None) -> Iterator[Effect]:
        """Every effect, filtered, in no order. Scans the table: for operators and checks, not for a request."""
        condition: Condition | None = None
        if campaign:
            condition = self.row.campaign == campaign
        if state:
            in_state = self.is_in([state])
            condition = condition & in_state if condition is not None else in_state
        return map(self.read, self.row.scan(filter_condition=condition))

    # what the moves of one kind are made of

    def waits(self, kind: Waiting, effect: Effect, due_at: datetime) -> list[Action]:
        return [self.row.bucket.set(self.bucket(kind, effect)), self.row.due_at.set(times.written(due_at))]

    def bucket(self, kind: Waiting, effect: Effect) -> str:
        number = hashlib.sha256(f"{effect.person}.{effect.name}".encode()).digest()[0] % BUCKETS
        return f"{kind}#{number}"

    def waits_no_more(self) -> list[Action]:
        return [self.row.bucket.remove(), self.row.due_at.remove()]

    def is_in(self, states: Iterable[str]) -> Condition:
        within: Condition = self.row.state.is_in(*(str(state) for state in states))
        return within

    def is_claimed_as(self, effect: Effect) -> Condition:
        ours: Condition = (self.row.claim == effect.claim) & (self.row.state == "claimed")
        return ours

    def move(self, effect: Effect, after: str, actions: Sequence[Action], condition: Condition) -> bool:
        """Change the state, and what goes with it; False, and nothing changed, when the condition failed."""
        actions = [self.row.state.set(str(after)), *actions]
        return self.update(effect.person, effect.name, actions, condition)

    def update(self, person: str, name: str, actions: Sequence[Action], condition: Condition) -> bool:
        return update_if(self.row, person, name, actions=actions, condition=condition) is not None

    def _still(self, effect: Effect) -> Condition:
        """That nobody else has moved the effect since we loaded or claimed it."""
        return self.is_claimed_as(effect) if effect.state == "claimed" else self.is_in(_CLAIMABLE)


def moment(text: str | None) -> datetime | None:
    return times.read(text) if text else None

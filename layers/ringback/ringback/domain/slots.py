"""Slots: how many patches may hold a line at once, in one account and on one number, and what a recount may put right."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The most patches at once: what the provider's plan allows the account, and one of its numbers."""

    account: int
    per_number: int


@dataclass(frozen=True, slots=True)
class Held:
    """The slots of one account as they are counted. `version` moves with every slot that is taken, given back or put right."""

    version: int
    by_number: Mapping[str, int]
    """Number of ours, E.164 → slots; a number without any may be missing."""
    total: int

    @property
    def is_consistent(self) -> bool:
        return self.total == sum(self.by_number.values())


def corrected(held: Held, holding: Mapping[str, int], about_to: Mapping[str, int]) -> dict[str, int] | None:
    """What the count should be, by number; None when it may stand as it is.

    `holding` are the patches that hold a slot, `about_to` the live calls that may have taken one a moment ago and not have written it
    down yet. The truth lies between the two sums, so that a count within them is left alone, and one outside is set to the nearer end: the
    number of bridges must never pass the limit because of a correction.
    """
    numbers = {*held.by_number, *holding, *about_to}
    right = {
        number: min(
            max(held.by_number.get(number, 0), holding.get(number, 0)),
            holding.get(number, 0) + about_to.get(number, 0),
        )
        for number in numbers
    }
    right = {number: count for number, count in right.items() if count}
    return None if held.is_consistent and Counter(right) == Counter(held.by_number) else right

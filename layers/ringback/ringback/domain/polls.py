"""Polls: one question, a few answers, and the time in which an answer counts (F71–F76)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Poll:
    """A question put to callers. Answers before `opens_at` and from `closes_at` on are kept apart, not counted."""

    id: str
    questions: Mapping[str, str]
    """By language."""
    options: Mapping[str, Mapping[str, str]]
    """Option → language → its name."""
    opens_at: datetime
    closes_at: datetime

"""What law, operators and price lists oblige every campaign to: data, in `catalog/rules.yaml`, with sources.

A Lambda has no catalog. `publish` puts the rules of the day into the campaign's document, so a published
version says for good under which rules it was checked and is sent. What a number *is* (the numbering plan) is
code, in `phones`: it is needed before a campaign is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from ringback.domain.documents import Section
from ringback.domain.ledger import Rates, read_rates
from ringback.domain.phones import NumberClass
from ringback.domain.times import INDIA

DND_CHECKED_WITHIN = timedelta(days=7)
"""In content that was published before the rules said so."""


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of the Indian day in which people may be contacted: from `start` up to, not including, `end`."""

    start: time
    end: time

    def is_open(self, at: datetime) -> bool:
        """Whether contact is allowed at an aware time."""
        return self.start <= at.astimezone(INDIA).time() < self.end

    def next_opening(self, after: datetime) -> datetime:
        """Return when the window opens next, in UTC: today or tomorrow in India, never `after` itself."""
        local = after.astimezone(INDIA)
        opening = datetime.combine(local.date(), self.start, INDIA)
        return (opening if opening > local else opening + timedelta(days=1)).astimezone(UTC)

    def opening_tomorrow(self, at: datetime) -> datetime:
        """When the window opens on the next day of India, in UTC."""
        tomorrow = at.astimezone(INDIA).date() + timedelta(days=1)
        return datetime.combine(tomorrow, self.start, INDIA).astimezone(UTC)

    def is_within(self, other: "Window") -> bool:
        return other.start <= self.start < self.end <= other.end


@dataclass(frozen=True, slots=True)
class Rules:
    """What every campaign is held to. A campaign may be stricter, never laxer."""

    window: Window
    sms_classes: frozenset[NumberClass]
    """The kinds of number that may be sent an SMS."""
    sms_longest: int
    """Characters of a body the provider takes."""
    sms_part_paise: int
    """What one part of an SMS costs."""
    dlt_id_digits: range
    dlt_header_letters: range
    dlt_header_digits: int
    dlt_longest_values: Mapping[str, int]
    """Characters a template variable's value may have, by tag; `var` stands for the tags not named."""
    calls: "CallRules | None" = None
    """None in content that was published before there were any: then nobody is rung."""
    patch_legs: Rates | None = None
    """What the legs of a patched call cost. None likewise: then nobody is patched."""

    def is_dlt_id(self, text: str) -> bool:
        return text.isascii() and text.isdecimal() and len(text) in self.dlt_id_digits

    def is_header(self, text: str) -> bool:
        if not text.isascii():
            return False
        return (text.isalpha() and len(text) in self.dlt_header_letters) or (
            text.isdecimal() and len(text) == self.dlt_header_digits
        )


@dataclass(frozen=True, slots=True)
class CallRules:
    """What every call that we place is held to."""

    classes: frozenset[NumberClass]
    """The kinds of number that may be rung."""
    minute_paise: int
    """What a minute, or a part of one, costs once the call is answered."""
    dnd_called_within: timedelta
    """A number on the do-not-disturb list may be rung for so long after it rang us."""
    dnd_checked_within: timedelta
    """For so long an answer that a number is not on that list holds; then nobody knows any more."""


def read(section: Section) -> Rules:
    """Read the rules; each must say where it comes from (`source`) and as of when (`as_of`)."""
    window, classes, bodies, parts = (
        section.section(name) for name in ("window", "sms_classes", "sms_body", "sms_part")
    )
    ids, headers, values = (section.section(name) for name in ("dlt_ids", "dlt_headers", "dlt_values"))
    for rule in (window, classes, bodies, parts, ids, headers, values):
        rule.text("source")
        rule.text("as_of")
    longest = values.section("longest")
    return Rules(
        window=read_window(window),
        sms_classes=frozenset(classes.choices("allowed", NumberClass)),
        sms_longest=bodies.integer("longest"),
        sms_part_paise=parts.integer("paise"),
        dlt_id_digits=range(ids.integer("shortest"), ids.integer("longest") + 1),
        dlt_header_letters=range(headers.integer("fewest_letters"), headers.integer("most_letters") + 1),
        dlt_header_digits=headers.integer("digits"),
        dlt_longest_values={"var": longest.integer("var"), "alphanumeric": longest.integer("alphanumeric")},
        calls=_read_calls(section) if section.has("call_classes") else None,
        patch_legs=read_rates(section.section("patch_legs")) if section.has("patch_legs") else None,
    )


def _read_calls(section: Section) -> CallRules:
    classes, minutes, dnd = (section.section(name) for name in ("call_classes", "call_minute", "call_dnd"))
    for rule in (classes, minutes, dnd):
        rule.text("source")
        rule.text("as_of")
    return CallRules(
        classes=frozenset(classes.choices("allowed", NumberClass)),
        minute_paise=minutes.integer("paise"),
        dnd_called_within=dnd.duration("called_within"),
        dnd_checked_within=dnd.duration("checked_within", DND_CHECKED_WITHIN),
    )


def read_window(section: Section) -> Window:
    """Read a window; `start` must come before `end`, so a window never spans midnight."""
    window = Window(section.clock("start"), section.clock("end"))
    if window.start >= window.end:
        section.problem("end", "must be later than the start")
    return window

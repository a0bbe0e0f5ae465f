"""Facts are named by what they are, so a second telling of the same occurrence has the same key."""

from datetime import UTC, datetime

import pytest

from ringback.domain.facts import (
    CallMissed,
    ContactOptedOut,
    Delivery,
    Entry,
    Fact,
    FailureAction,
    SmsStatusChanged,
    Unparsed,
)

NOW = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fact", "name", "occurred_at"),
    [
        (CallMissed("exotel:1", "08040001001", "09000000101", NOW), "call-missed", NOW),
        (
            SmsStatusChanged(
                "p.c.t.d", Delivery.FAILED, "23005", FailureAction.SUPPRESS_CONTACT, "s", 1, NOW
            ),
            "sms-failed-23005",
            NOW,
        ),
        (
            SmsStatusChanged("p.c.t.d", Delivery.IN_PROGRESS, "queued", FailureAction.NONE, None, None, None),
            "sms-in-progress-queued",
            None,
        ),
        (ContactOptedOut("opt-out:p", "p", NOW), "contact-opted-out", NOW),
        (Unparsed("unparsed:0", "not JSON"), "unparsed", None),
    ],
)
def test_a_fact_is_named_by_what_happened(fact: Fact, name: str, occurred_at: datetime | None) -> None:
    assert name == fact.name
    assert occurred_at == fact.occurred_at


@pytest.mark.parametrize(("key", "is_variant"), [("call-missed", False), ("call-missed#0a1b2c3d", True)])
def test_a_second_telling_is_known_by_its_key(key: str, is_variant: bool) -> None:
    entry = Entry("exotel:1", key, "clean-water", "exotel", "missed-call", "", "", NOW)

    assert is_variant is entry.is_variant

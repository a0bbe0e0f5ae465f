"""When a text may be planned for a person (the store's condition says the same to DynamoDB)."""

from datetime import UTC, datetime, timedelta

import pytest

from ringback.domain.contacts import Contact, Planned, is_due

NOW = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
WINDOW = timedelta(days=30)


@pytest.mark.parametrize(
    ("planned", "due"),
    [
        (None, True),
        (Planned("this", NOW), True),
        (Planned("another", NOW - timedelta(seconds=1)), False),
        (Planned("another", NOW - WINDOW), False),
        (Planned("another", NOW - WINDOW - timedelta(seconds=1)), True),
        (Planned("a later one", NOW + timedelta(days=1)), False),
    ],
    ids=["never", "by this cause", "just now", "a window ago", "over a window ago", "replayed history"],
)
def test_a_text_is_due_once_per_window_and_always_for_its_own_cause(
    planned: Planned | None, due: bool
) -> None:
    assert due is is_due(planned, "this", NOW, WINDOW)


def test_a_contact_written_out_keeps_its_number_to_itself() -> None:
    """Whatever prints it: a log line, a failed assertion, a traceback."""
    contact = Contact("p", "clean-water", "+919000000101", "en", NOW, "+918040001001", "tv")

    assert "9000000101" not in repr(contact)


def test_a_new_contact_has_no_history() -> None:
    contact = Contact("p", "clean-water", "+919000000101", "en", NOW, "+918040001001", "tv")

    assert ({}, frozenset(), {}) == (contact.first_calls, contact.signals, contact.planned)
    assert contact.opted_out_at is contact.suppressed is contact.verified is None

"""When a text may be planned for a person (the store's condition says the same to DynamoDB)."""

from datetime import UTC, datetime, timedelta

import pytest

from ringback.domain.contacts import Consent, Contact, Planned, in_force, is_due

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


@pytest.mark.parametrize(
    ("given_at", "opted_out_at", "counts"),
    [
        (0, None, True),
        (0, 1, False),
        (1, 0, True),
        (0, 0, False),
    ],
    ids=["never opted out", "opted out since", "came back", "at the same moment"],
)
def test_a_consent_counts_until_an_opt_out_and_one_after_it_counts_again(
    given_at: int, opted_out_at: int | None, counts: bool
) -> None:
    given = {"sms": Consent("exotel:1/turn-4", NOW + timedelta(days=given_at))}
    left_at = None if opted_out_at is None else NOW + timedelta(days=opted_out_at)

    assert (given if counts else {}) == in_force(given, left_at)


def test_coming_back_for_one_channel_revives_no_older_consent_to_another() -> None:
    given = {"call": Consent("1", NOW), "sms": Consent("2", NOW + timedelta(days=2))}

    assert list(in_force(given, NOW + timedelta(days=1))) == ["sms"]

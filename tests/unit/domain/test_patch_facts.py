"""The facts of a patched call: written and read again, and counted once."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from ringback.domain import metrics
from ringback.domain.errors import Rejected
from ringback.domain.facts import Entry, PatchTold, TrackerDialled, VoterDialled
from ringback.services import patches

AT = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
CALL = "exotel:call-1"
VOTER = VoterDialled(
    CALL, 1, "voter", "influencer", "+918040001031", "clean-water/main", "ward-12", "b1-3", AT
)
NOWHERE = VoterDialled(
    CALL, 2, "voter", "influencer", "+918040001031", "clean-water/main", None, None, AT, True
)
TRACKER = TrackerDialled(CALL, 1, "tracker", "influencer", "+918040001031", "influencer-r001", AT)
TALKED = PatchTold(CALL, 1, "terminal", "voter", "talked", AT)
OVER = PatchTold(CALL, 0, "over", "voter", None, AT)


@pytest.mark.parametrize("fact", [VOTER, NOWHERE, TRACKER, TALKED, OVER])
def test_a_fact_is_read_as_it_was_written(fact: VoterDialled | TrackerDialled | PatchTold) -> None:
    assert type(fact).from_document(CALL, fact.to_document()) == fact


def test_every_fact_of_a_call_has_a_name_of_its_own() -> None:
    assert [fact.name for fact in (VOTER, NOWHERE, TRACKER, TALKED, OVER)] == [
        "dialled-1",
        "dialled-2",
        "tracker-dialled-1",
        "leg-1-terminal",
        "patch-over",
    ]


@pytest.mark.parametrize("told", [None, "", "{}", "[]", '{"is": "voter-dialled"}', '{"is": "nothing"}'])
def test_what_is_no_fact_of_a_patch_is_rejected(told: str | None) -> None:
    entry = Entry(CALL, "dialled-1", "clean-water", "exotel", "patch", "", "", AT)
    with pytest.raises(Rejected):
        patches.read(entry, told)


def test_a_voter_is_counted_when_rung_and_when_they_talk_and_a_second_telling_counts_nothing() -> None:
    put_through = {"patched number:+918040001031": 1}
    assert metrics.of_patch(VOTER, repeated_telling=False) == {metrics.VOTERS_DIALLED: 1} | put_through
    assert metrics.of_patch(NOWHERE, repeated_telling=False) == {metrics.VOTERS_DIALLED: 1}, "the same call"
    assert metrics.of_patch(TRACKER, repeated_telling=False) == {metrics.TRACKERS_DIALLED: 1} | put_through
    assert metrics.of_patch(TALKED, repeated_telling=False) == Counter({metrics.VOTERS_REACHED: 1})
    assert metrics.of_patch(TALKED, repeated_telling=True) == Counter()
    assert metrics.of_patch(OVER, repeated_telling=False) == Counter()

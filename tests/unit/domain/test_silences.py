"""Election silence: E1 and E2, and R24 as far as it is a rule."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain import campaigns
from ringback.domain.errors import Rejected
from ringback.domain.silences import Silence, silent_until
from tests.unit.domain.content import a_campaign, a_document

BEGIN = datetime(2026, 4, 9, 12, 30, tzinfo=UTC)
END = BEGIN + timedelta(hours=48)
SILENCE = Silence("eci:S13/26", BEGIN, END, "ECI, press note of 1 March")


@pytest.mark.parametrize(
    ("place", "silent"),
    [
        pytest.param("eci:S13/26", True, id="the area itself"),
        pytest.param("eci:S13/26/112", True, id="a polling station in it"),
        pytest.param("eci:S13/260", False, id="another that begins alike"),
        pytest.param("eci:S13/27", False, id="the area beside it"),
        pytest.param("eci:S13", True, id="told less exactly than the area: may be in it"),
        pytest.param("eci:S12", False, id="another state"),
        pytest.param("census:27/517", True, id="another gazetteer: nobody can tell"),
        pytest.param(None, True, id="E1: unknown"),
    ],
)
def test_whoever_may_be_in_the_area_is_left_alone(place: str | None, silent: bool) -> None:
    assert silent_until([SILENCE], place, BEGIN) == (END if silent else None)


@pytest.mark.parametrize(
    ("now", "silent"),
    [
        (BEGIN - timedelta(seconds=1), False),
        (BEGIN, True),
        (END - timedelta(seconds=1), True),
        (END, False),
    ],
)
def test_a_silence_runs_from_its_beginning_up_to_its_end(now: datetime, silent: bool) -> None:
    assert silent_until([SILENCE], "eci:S13/26/112", now) == (END if silent else None)


def test_an_officer_who_asks_for_more_is_one_more_entry_and_the_later_end_counts() -> None:
    """E2."""
    longer = replace(SILENCE, area="eci:S13/26/112", start=BEGIN - timedelta(hours=24))
    later = replace(SILENCE, end=END + timedelta(hours=2))

    assert silent_until([SILENCE, longer], "eci:S13/26/112", BEGIN - timedelta(hours=5)) == END
    assert silent_until([SILENCE, longer, later], "eci:S13/26/112", BEGIN) == later.end


@given(now=st.datetimes(datetime(2026, 4, 1), datetime(2026, 4, 20), timezones=st.just(UTC)))
def test_whoever_tells_no_place_is_silent_whenever_anybody_is(now: datetime) -> None:
    elsewhere = replace(
        SILENCE, area="eci:S04", start=BEGIN + timedelta(hours=40), end=END + timedelta(hours=40)
    )
    silences = [SILENCE, elsewhere]
    somebody = any(silent_until(silences, place, now) for place in ("eci:S13/26/1", "eci:S04/1", "eci:S09/1"))

    assert (silent_until(silences, None, now) is not None) == somebody


def test_silences_are_content_in_indian_time() -> None:
    told = {
        "area": "eci:S13/26",
        "from": "2026-04-09 18:00",
        "until": "2026-04-11 18:00",
        "source": SILENCE.source,
    }

    assert a_campaign(silences=[told]).silences == (SILENCE,)


def test_a_silence_without_an_area_a_length_or_a_source_is_refused() -> None:
    told = {"area": "S13", "from": "2026-04-11 18:00", "until": "2026-04-11 18:00"}

    with pytest.raises(Rejected) as caught:
        campaigns.parse(a_document(silences=[told]))

    assert caught.value.reasons == (
        "silences[0].area: must be a place such as `eci:S13/26/112`, not 'S13'",
        "silences[0].source: is missing",
        "silences[0].until: must be later than `from`",
    )

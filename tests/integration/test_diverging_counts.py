"""Watching whether a number's raw, unique and verified calls part (X8): a number that is spread under false pretences (F112)."""

import io
import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from ringback import observability
from ringback.domain.metrics import LEAST_CALLS, Divergence, hour_of
from ringback.services import metrics
from ringback.store import counters
from tests.deployment import CALLER, OPT_OUT, VOLUNTEER, Deployment, emitted
from tests.integration.patching import LINE
from tests.integration.wire import AwsRequest, Moment, listening

TRACKER_LINE = "+918040001033"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What our logger writes, formatted as in Lambda."""
    handler = observability.logger.registered_handler
    written, before = io.StringIO(), handler.stream  # type: ignore[attr-defined]
    handler.setStream(written)  # type: ignore[attr-defined]
    yield written
    handler.setStream(before)  # type: ignore[attr-defined]


def counted(
    deployment: Deployment,
    number: str = VOLUNTEER,
    *,
    hours_ago: int = 1,
    raw: int = 0,
    unique: int = 0,
    verified: int = 0,
    patched: int = 0,
    delivered: int = 0,
) -> None:
    """So many calls to a number in one hour, as reactions count them; delivered SMS are those of the whole campaign."""
    hour = hour_of("clean-water", deployment.clock.now() - timedelta(hours=hours_ago))
    place = f"number:{number}"
    counts = Counter({f"raw {place}": raw, f"unique {place}": unique, f"verified {place}": verified})
    counts[f"patched {place}"] = patched
    counters.add({hour: +(counts + Counter({"sms-delivered": delivered}))}, shard=hours_ago)


def found(deployment: Deployment) -> list[tuple[str, Divergence]]:
    pairs = metrics.diverging("clean-water", deployment.clock.now())
    return [(number.source, how) for number, how in pairs]


def test_a_storm_of_calls_from_few_phones_is_told_with_where_the_number_was_publicised(
    deployment: Deployment, log: io.StringIO
) -> None:
    counted(deployment, raw=6_800, unique=40, delivered=30)

    assert metrics.watch(deployment.runtime) == 1
    assert emitted("CountsDiverge") == 1
    line = json.loads(log.getvalue())
    assert (line["campaign"], line["source"], line["how"]) == ("clean-water", "tv", Divergence.CALLS)
    assert VOLUNTEER[3:] not in log.getvalue()


def test_callers_whom_no_sms_reached_within_a_day_are_told(deployment: Deployment) -> None:
    counted(deployment, hours_ago=30, raw=9_000, unique=8_000, verified=50, delivered=50)

    assert found(deployment) == [("tv", Divergence.CALLERS)]


def test_reports_that_take_a_night_are_waited_for(deployment: Deployment) -> None:
    """Whoever calls at ten in the evening is written to at ten in the morning."""
    counted(deployment, hours_ago=13, raw=9_000, unique=8_000)
    counted(deployment, hours_ago=1, delivered=1)

    assert found(deployment) == []


def test_nobody_is_doubted_where_nothing_is_sent(deployment: Deployment) -> None:
    """Of a number without a text, and while nothing of the campaign arrives: it is paused, or the provider is down."""
    counted(deployment, OPT_OUT, hours_ago=30, raw=500, unique=400, delivered=90)
    assert found(deployment) == []
    counted(deployment, hours_ago=30, raw=500, unique=400)
    assert found(deployment) == [("tv", Divergence.CALLERS)]


def test_nothing_arrives_and_nothing_is_told(deployment: Deployment) -> None:
    counted(deployment, hours_ago=30, raw=500, unique=400)

    assert found(deployment) == []
    assert metrics.watch(deployment.runtime) == 0
    assert emitted("CountsDiverge") == 0


def test_watching_costs_one_query_a_campaign(deployment: Deployment) -> None:
    """However many numbers and shards there are, and however old the campaign is."""
    for hours in range(0, 1_000, 10):
        counted(deployment, hours_ago=hours, raw=30, unique=20, verified=15, delivered=15)
    asked: list[str] = []

    def heard(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE:
            asked.append(request.operation)

    with listening(heard):
        metrics.watch(deployment.runtime)

    assert asked == ["Query"] * len(deployment.runtime.settings.dialects)


def test_a_storm_on_the_influencers_line_is_told(deployment: Deployment) -> None:
    """F112: the toll-free line is watched like any number that is only missed."""
    for call in range(LEAST_CALLS):
        deployment.begin(CALLER, LINE, call_id=f"call-{call}")
        deployment.react()

    assert found(deployment) == [("volunteers-page", Divergence.CALLS)]


def test_influencers_who_are_put_through_again_and_again_are_no_storm(deployment: Deployment) -> None:
    """One is known to have talked to 750 voters (F44)."""
    counted(deployment, LINE, hours_ago=1, raw=5_000, unique=30, patched=4_800)
    assert found(deployment) == []
    counted(deployment, LINE, hours_ago=2, raw=5_000, unique=30)
    assert found(deployment) == [("volunteers-page", Divergence.CALLS)]


def test_the_teams_own_line_is_rung_by_the_same_few_and_is_no_storm(deployment: Deployment) -> None:
    counted(deployment, TRACKER_LINE, hours_ago=1, raw=5_000, unique=30)

    assert found(deployment) == []

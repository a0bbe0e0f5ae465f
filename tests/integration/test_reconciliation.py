"""Reading a long gap of the provider's listing: slice by slice, run by run, and never more often than needed."""

from datetime import datetime, timedelta

import pytest

from ringback.domain.errors import ProviderError
from ringback.providers.base import CallPage, Direction, ListedCall
from ringback.services import calls
from ringback.services.calls import OVERLAP, SETTLED_AFTER, SLICE
from ringback.store import watermarks
from tests.deployment import CALLER, MORNING, VOLUNTEER, Deployment, emitted, local
from tests.integration.wire import AwsRequest, Moment, Throttler, listening

MARK = "calls-exotel"


def listed(call_id: str, at: datetime = MORNING) -> ListedCall:
    return ListedCall(
        call_id, local(VOLUNTEER), local(CALLER), Direction.INCOMING, "no-answer", at, custom_field=None
    )


def reconcile(deployment: Deployment, pages: int | None = None) -> calls.Reconciliation:
    """One run; `pages` is how many it has time for."""
    left = iter([True] * pages) if pages is not None else None
    return calls.reconcile(
        deployment.runtime,
        deployment.provider,
        has_time=lambda: left is None or next(left, False),
    )


def test_a_gap_too_long_for_one_run_is_closed_run_by_run(deployment: Deployment) -> None:
    watermarks.advance(MARK, MORNING)
    deployment.clock.move(hours=3)
    runs = 0
    while not reconcile(deployment, pages=1).complete:
        runs += 1
        assert watermarks.read(MARK) == MORNING + runs * (SLICE - OVERLAP)

    assert runs == 8
    assert watermarks.read(MARK) == deployment.clock.now() - SETTLED_AFTER


def test_the_whole_gap_is_asked_for_without_a_hole(deployment: Deployment) -> None:
    watermarks.advance(MARK, MORNING)
    deployment.clock.move(hours=2)
    assert reconcile(deployment).complete

    start = MORNING - OVERLAP
    assert deployment.provider.asked_since == [start + index * SLICE for index in range(5)]


def test_a_slice_that_fails_keeps_what_was_complete_before_it(deployment: Deployment) -> None:
    watermarks.advance(MARK, MORNING)
    deployment.clock.move(hours=3)
    deployment.provider.pages = [CallPage((), True, None), *([ProviderError("503", retryable=True)] * 3)]
    began = deployment.clock.now()
    run = reconcile(deployment)

    reached = MORNING - OVERLAP + SLICE
    assert not run.complete
    assert watermarks.read(MARK) == reached
    assert emitted("ReconcileLagSeconds") == (began - reached).total_seconds()


def test_a_page_that_fails_now_and_then_keeps_no_busy_half_hour_from_being_read(
    deployment: Deployment,
) -> None:
    """One in four of forty pages fails, and once one fails twice: the run goes on from that page, and is complete."""
    watermarks.advance(MARK, MORNING)
    deployment.clock.move(minutes=10)
    unavailable = ProviderError("503", retryable=True)
    pages = [CallPage((listed(f"call-{nth}"),), True, f"after={nth}") for nth in range(40)]
    asked: list[CallPage | Exception] = [unavailable]
    for nth, page in enumerate(pages):
        asked += [page] if nth % 4 else [unavailable, page]
    deployment.provider.pages = [*asked, CallPage((), True, None)]
    run = reconcile(deployment)

    assert (run.created, run.complete) == (40, True)
    assert deployment.provider.pages == []


def test_a_page_that_a_person_has_to_see_to_is_not_asked_for_again(deployment: Deployment) -> None:
    deployment.provider.pages = [ProviderError("401", retryable=False)] * 2

    assert not reconcile(deployment).complete
    assert len(deployment.provider.pages) == 1


def test_calls_after_a_slice_that_lacks_some_are_made_all_the_same(deployment: Deployment) -> None:
    """The provider may never list what it has counted; nobody else may wait for that."""
    watermarks.advance(MARK, MORNING)
    deployment.clock.move(hours=1)
    deployment.provider.pages = [CallPage((), False, None), CallPage((listed("late"),), True, None)]
    run = reconcile(deployment)

    assert (run.created, run.complete) == (1, False)
    assert watermarks.read(MARK) == MORNING


def test_how_far_behind_it_is_is_told_even_by_a_run_that_breaks(deployment: Deployment) -> None:
    watermarks.advance(MARK, MORNING)
    deployment.clock.move(hours=1)
    deployment.provider.pages = [CallPage((listed("call-1"),), True, None)]
    with listening(Throttler("BatchGetItem", "test-journal")), pytest.raises(Exception, match="slow down"):
        reconcile(deployment)

    assert emitted("ReconcileLagSeconds") == timedelta(hours=1).total_seconds()


def test_a_number_is_looked_up_once_however_many_calls_it_had(deployment: Deployment) -> None:
    watermarks.advance(MARK, MORNING)
    deployment.clock.move(hours=1)
    pages = [CallPage(tuple(listed(f"call-{page}-{nth}") for nth in range(3)), True, None) for page in "ab"]
    deployment.provider.pages = [*pages]
    asked: list[str] = []

    def count_reads(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE and "test-catalog" in request.places:
            asked.append(request.operation)

    with listening(count_reads):
        assert reconcile(deployment).created == 6

    assert asked.count("BatchGetItem") == 1
    assert asked.count("GetItem") == 2, "the campaign's content: its version in force, and that version"


def test_an_entry_was_received_when_it_was_put_not_when_its_run_began(deployment: Deployment) -> None:
    """A replay of what the stream gave up goes by the moment of receipt."""
    watermarks.advance(MARK, MORNING)
    deployment.clock.move(hours=1)
    began = deployment.clock.now()

    def slowly() -> bool:
        deployment.clock.move(minutes=1)
        return True

    deployment.provider.pages = [CallPage((), True, None), CallPage((listed("call-1"),), True, None)]
    calls.reconcile(deployment.runtime, deployment.provider, has_time=slowly)

    assert deployment.entry().received_at == began + timedelta(minutes=2)

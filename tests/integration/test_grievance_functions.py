"""The functions of grievances as Lambda runs them."""

from collections.abc import Iterator

import pytest

from ringback.domain.feedback import OPEN
from ringback.store import feedback as store
from tests.integration.functions import Functions, running, sqs
from tests.integration.test_grievances import record


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Iterator[Functions]:
    with running(monkeypatch) as functions:
        yield functions


def test_a_stranger_in_the_recording_queue_ends_in_the_dead_letters(functions: Functions) -> None:
    """A body that is no ticket, and a ticket of no grievance; what is refused for good is done with."""
    name = record(functions, url="http://169.254.169.254/latest/meta-data/").id

    reply = functions.invoke("copy_recording", sqs("not a ticket", f'["{name}", "1"]', '["nothing", "1"]'))

    assert reply == {"batchItemFailures": [{"itemIdentifier": "message-0"}, {"itemIdentifier": "message-2"}]}
    stored = store.load(name)
    assert stored is not None
    assert stored.recording_problem == "the address is not https"


def test_the_clocks_tasks_are_those_of_its_machine(functions: Functions) -> None:
    """Step Functions writes a computed number as 1 or as 1.0."""
    name = record(functions).id

    assert functions.invoke("grievance_clock", {"task": "wait", "feedback": name, "token": "t"}) == {
        "open": True
    }
    for nth, reminded in ((1, True), (1.0, False), (2.0, True)):
        event = {"task": "remind", "feedback": name, "nth": nth}
        assert functions.invoke("grievance_clock", event) == {"reminded": reminded}
    assert functions.invoke("grievance_clock", {"task": "strike", "feedback": name}) == {"breached": True}
    stored = store.load(name)
    assert stored is not None
    assert (stored.state in OPEN, stored.reminders, stored.token) == (True, 2, "t")


@pytest.mark.parametrize(
    "event", [{}, {"task": "sing"}, {"task": "wait", "feedback": "a"}, {"task": "remind"}]
)
def test_a_task_nobody_knows_is_an_error_that_the_machine_catches(
    functions: Functions, event: dict[str, str]
) -> None:
    with pytest.raises(Exception, match="no task of the clock"):
        functions.invoke("grievance_clock", event)

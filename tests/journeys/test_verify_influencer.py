"""A review on the whole stack: the call, the tracker, the verdict; and a redeploy, a lost callback and silence on the way."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import pytest

from ringback import settings, workflows
from ringback.domain.influencers import Stage
from ringback.domain.phones import person_id
from ringback.domain.reviews import Review, State
from ringback.domain.turns import Verdict
from ringback.runtime import Clock, Runtime
from ringback.services import campaigns, influencers, reviews
from ringback.store import reviews as store
from ringback_local import template
from ringback_local.network import parsed, sample_documents
from ringback_local.stack import Options, Stack
from tests.deployment import Deployment
from tests.integration import people

pytestmark = pytest.mark.enable_socket


@dataclass(frozen=True)
class Here:
    """The running stack, as the helpers of the integration tests take a deployment."""

    runtime: Runtime

    @property
    def clock(self) -> Clock:
        return self.runtime.clock

    def person(self, phone: str) -> str:
        return person_id(self.runtime.secrets.person_pepper, "clean-water", phone)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(parsed(sample_documents()), Options(enforces_rights=True)) as stack:
        yield stack


@pytest.fixture
def here(stack: Stack, fresh_clients: None, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    runtime = Runtime(settings.from_environment())
    for document in sample_documents():
        campaigns.publish(runtime, document)
    return cast(Deployment, Here(runtime))


def eventually(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def states(here: Deployment, review: Review) -> list[str]:
    return [each.state for each in workflows.story(here.runtime.settings.verify_influencer_arn, review.id)]


def waits(review: Review) -> bool:
    found = store.load(review.id)
    return found is not None and found.token is not None


def asked(here: Deployment, n: int) -> tuple[Review, str]:
    """A review whose tracker has talked and is waited for; with the influencer's number."""
    phone, tracker = f"+91900000014{n}", f"+91900000024{n}"
    staff = people.enrol(here, tracker)
    people.inform(here, phone)
    review = people.open_review(here, staff, phone, f"exotel:talk-{n}")
    eventually(lambda: waits(review))
    people.talk(here, review)
    eventually(lambda: states(here, review)[-1:] == ["Wait for the verdict"] and waits(review))
    return review, phone


def verdict(here: Deployment, review: Review, n: int, said: Verdict = Verdict.GENUINE) -> None:
    people.judge(here, review, said, phone=f"+91900000024{n}", call=f"exotel:verdict-{n}")


def test_the_story_of_an_approval_stands_in_the_history(here: Deployment) -> None:
    review, phone = asked(here, 1)

    verdict(here, review, 1)

    eventually(lambda: states(here, review)[-1] == "Approved")
    assert states(here, review) == [
        "The tracker is rung",
        "Wait for the call to end",
        "Did they talk?",
        "Ask the tracker",
        "Wait for the verdict",
        "What is the verdict?",
        "Approved",
    ]
    assert people.stage(here, phone) is Stage.APPROVED


def test_a_verdict_before_the_machine_has_started_ends_it_at_once(here: Deployment) -> None:
    staff = people.enrol(here, "+919000000242")
    people.inform(here, "+919000000142")
    review = reviews.open(
        here.runtime, people.content(), people.known(here, "+919000000142"), staff, "exotel:talk-2", 1
    )
    assert review is not None
    people.talk(here, review)
    verdict(here, review, 2, Verdict.NOT_GENUINE)
    assert states(here, review) == []

    here_state = store.load(review.id)
    assert here_state is not None
    workflows.start(
        here.runtime.settings.verify_influencer_arn, review.id, {"review": review.id, "ends_within": 60}
    )

    eventually(lambda: states(here, review)[-1:] == ["Rejected"])
    assert "Ask the tracker" not in states(here, review)


def test_without_a_verdict_another_tracker_will_talk_to_them(here: Deployment) -> None:
    staff = people.enrol(here, "+919000000243")
    people.inform(here, "+919000000143")
    review = people.open_review(here, staff, "+919000000143", "exotel:talk-3")
    nearly_over = here.clock.now() - timedelta(minutes=30) + timedelta(seconds=4)
    reviews.call_ended(
        here.runtime, people.content(), review.id, "exotel:talk-3", staff.person, 60, nearly_over
    )

    eventually(lambda: states(here, review)[-1:] == ["Another tracker will talk to them"])
    influencer = people.known(here, "+919000000143")
    assert (influencer.stage, influencer.promised_at is not None) == (Stage.INFORMED, True)
    assert influencers.must_not_be_asked(people.content(), influencer) == (staff.person,)


def test_a_verdict_whose_machine_was_not_told_is_told_by_the_sweep(stack: Stack, here: Deployment) -> None:
    """The process died after the verdict, before telling the machine."""
    review, phone = asked(here, 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workflows, "answer", lambda token, output: _dies())
        with pytest.raises(SystemExit):
            verdict(here, review, 4)
    assert people.stage(here, phone) is Stage.APPROVED

    assert stack.invoke("Reconcile")["reviews_settled"] >= 1

    eventually(lambda: states(here, review)[-1] == "Approved")


def test_a_review_survives_a_redeploy_with_changed_code_and_definition(
    stack: Stack, here: Deployment
) -> None:
    review, phone = asked(here, 5)
    changed = redeploy(stack, here)

    verdict(here, review, 5)

    eventually(lambda: states(here, review)[-1] == "Approved")
    assert people.stage(here, phone) is Stage.APPROVED
    following, _ = asked(here, 6)
    verdict(here, following, 6)
    eventually(lambda: states(here, following)[-1] == "Approved")
    assert states(here, following)[0] == changed, "a new execution runs the new definition"


def redeploy(stack: Stack, here: Deployment) -> str:
    """Change the machine's definition and its function's code; returns the name of the state that it begins with now."""
    machines, arn = stack.client("stepfunctions"), here.runtime.settings.verify_influencer_arn
    definition = json.loads(machines.describe_state_machine(stateMachineArn=arn)["definition"])
    begins = "The tracker's phone rings"
    definition["States"][begins] = definition["States"].pop(definition["StartAt"])
    definition["StartAt"] = begins
    machines.update_state_machine(stateMachineArn=arn, definition=json.dumps(definition))
    functions = stack.client("lambda")
    name = stack.function("VerifyInfluencerTasks").name
    source = (template.ROOT / "functions" / "verify_influencer" / "app.py").read_text(encoding="utf-8")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("app.py", source + "\n# The code has changed.\n")
    functions.update_function_code(FunctionName=name, ZipFile=archive.getvalue())
    return begins


def _dies() -> Any:
    raise SystemExit


def test_no_execution_or_log_names_a_phone_number_and_nothing_was_refused(
    stack: Stack, here: Deployment
) -> None:
    machines = stack.client("stepfunctions")
    arn = here.runtime.settings.verify_influencer_arn
    executions = machines.list_executions(stateMachineArn=arn)["executions"]
    told = json.dumps(
        [machines.describe_execution(executionArn=each["executionArn"]).get("input") for each in executions]
    )
    lines = "\n".join(line for _, line in stack.logs())

    assert len(executions) >= 6
    assert "90000001" not in told + lines
    assert "90000002" not in told + lines
    assert "AccessDenied" not in lines
    assert "not authorized" not in lines
    assert State.APPROVED in {each.state for each in map(store.load, _names(executions)) if each}


def _names(executions: list[dict[str, Any]]) -> list[str]:
    return [each["name"] for each in executions]

"""The stage a story is played on: a stack of its own with shortened constants, its phones, and the hands of an operator.

with Stage(campaign_documents(), Setting(seed=1)) as stage:
    stage.phones.ring_many([...], at_once=16)
    stage.settle(tell)
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from phone_network import faults as network_faults
from phone_network.faults import FaultPlan
from ringback import settings
from ringback.domain import campaigns
from ringback.domain.campaigns import Campaign
from ringback.domain.errors import Rejected
from ringback.domain.times import INDIA
from ringback.runtime import Clock, Runtime
from ringback.services import calls, effects, metrics
from ringback.services import campaigns as publishing
from ringback.store import sending
from ringback_cli.stories import Tell, Unplayable
from ringback_cli.stories.phones import Phones
from ringback_local import faults as our_faults
from ringback_local import template
from ringback_local.network import sample_documents
from ringback_local.stack import Options, Stack

LEASE_SECONDS = 2.5
VISIBILITY_SECONDS = 3
"""Longer than the lease: when a killed worker's message comes round again, its claim has run out."""

PAUSES = {"THROTTLED_SECONDS": "0.5", "CIRCUIT_OPEN_SECONDS": "0.5"}
"""What the sender keeps away from its provider for, by its own clock: the clock of `Release` shortens no such wait."""

NETWORK_TIMING: Mapping[str, Any] = {
    "ring_seconds": 0.1,
    "sms_seconds": 0.2,
    "report_timeout_seconds": 15.0,
    "report_retry_seconds": [0.5, 1.0],
    "fault_delay_seconds": 1.0,
    "hang_seconds": 1.0,
    "retry_after_seconds": 1,
}

RELEASE_AHEAD = effects.BLOCKED_FOR + timedelta(minutes=1)
"""By how much the clock of `Release` runs ahead: whatever is held for minutes is due, what waits for the morning is not."""

RECONCILE_AHEAD = calls.SETTLED_AFTER + timedelta(seconds=5)
"""By how much the clock of `Reconcile` runs ahead, so that it takes calls of a moment ago for settled."""


WITHOUT_LIMITS = {"sms_budget_rupees": 10_000_000, "prefix_per_minute": 1_000_000}

PATIENCE_SECONDS = 60.0
"""How long nothing may move while something is still to be done."""

_LONGEST_SECONDS = 1800.0
_MOST_ROUNDS = 60
_QUIET_TIMES = 2
_LOOK_EVERY_SECONDS = 0.2


class Restless(Exception):
    """A story did not come to rest in time."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How a stage is set: when the story starts (Indian time of day), what goes wrong, and who has an unusual phone."""

    starts_at: time_of_day = time_of_day(11, 0)
    seed: int = 0
    faults: str = "none"
    handsets: Sequence[Mapping[str, Any]] = ()
    root: Path = template.ROOT
    """The sources that are put on stage."""
    environments: int = 4
    limits: Mapping[str, int] = field(default_factory=lambda: dict(WITHOUT_LIMITS))
    settings: Mapping[str, str] = field(default_factory=dict)
    """Time constants of the functions that the story sets besides those of every stage."""
    timing: Mapping[str, Any] = field(default_factory=dict)
    """The same of the phone network."""
    unhurried: frozenset[str] = frozenset()
    """Queues whose messages may wait for long; rest does not wait for them."""
    content: Callable[[dict[str, Any]], dict[str, Any]] = lambda document: document
    """Changes a sample campaign's document for the story."""
    lease: timedelta | None = None
    """How long a patch may hold its slot untold: once settling begins, the clocks run ahead by that. Until then they are right, and the
    story runs the schedules itself."""


def documents(root: Path = template.ROOT, limits: Mapping[str, int] = WITHOUT_LIMITS) -> list[dict[str, Any]]:
    """The sample campaigns as `publish` takes them, with other limits."""
    return [{**document, "limits": {**document["limits"], **limits}} for document in sample_documents(root)]


class Stage:
    """A running stack and everything a story does with it. Use it as a context manager; it leaves nothing behind."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._documents = [setting.content(each) for each in documents(setting.root, setting.limits)]
        try:
            self.campaigns: list[Campaign] = [campaigns.parse(document) for document in self._documents]
        except Rejected as problem:
            raise Unplayable(f"The sample campaigns cannot be published: {problem}") from problem
        self._plan = fault_plan(setting.faults, setting.seed)
        self.stack = Stack(self.campaigns, self._options(), root=setting.root)
        self.resumed = 0
        """How often a campaign's sending was paused and we resumed it."""
        self._leaving = ExitStack()

    def _options(self) -> Options:
        today = datetime.now(INDIA).date()
        return Options(
            clock_starts_at=datetime.combine(today, self._setting.starts_at, INDIA),
            settings={
                "SEND_LEASE_SECONDS": str(LEASE_SECONDS),
                "CATALOG_CACHE_SECONDS": "30",
                **PAUSES,
                **self._setting.settings,
            },
            parameters={"SmsPerMinute": "0", "CallsPerMinute": "0", "Schedules": "DISABLED"},
            visibility_seconds=VISIBILITY_SECONDS,
            environments=self._setting.environments,
            faults=on_our_side(self._plan),
            network_faults=self._setting.faults,
            seed=self._setting.seed,
            timing={**NETWORK_TIMING, **self._setting.timing},
            handsets=self._setting.handsets,
        )

    def constants(self) -> dict[str, Any]:
        """The limits and time constants that differ from those on AWS."""
        return {
            "sms_per_minute": "no limit",
            "calls_per_minute": "no limit, nor of listings",
            **self._setting.limits,
            "environments_of_each_function": f"{self._setting.environments}, warm",
            "send_lease_seconds": LEASE_SECONDS,
            "queue_visibility_seconds": VISIBILITY_SECONDS,
            **{name.lower(): float(value) for name, value in PAUSES.items()},
            "release_clock_ahead_seconds": int(RELEASE_AHEAD.total_seconds()),
            "reconcile_clock_ahead_seconds": int(self._reconcile_ahead.total_seconds()),
            **{name.lower(): value for name, value in self._setting.settings.items()},
            **{
                f"network_{name}": value for name, value in {**NETWORK_TIMING, **self._setting.timing}.items()
            },
        }

    # Life

    def __enter__(self) -> Self:
        self.stack.start()
        try:
            environment = self.stack.environment()
            self._leaving.enter_context(_environment(environment))
            self.runtime = Runtime(settings.from_environment(environment))
            self.phones = Phones(self.stack.addresses.network_url)
            for document in self._documents:
                publishing.publish(self.runtime, document)
            if self._setting.lease is None:
                self._look_ahead()
            self._warm()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        self._leaving.close()
        self.stack.stop()

    def _look_ahead(self) -> None:
        self._set_clock_ahead("Release", RELEASE_AHEAD)
        self._set_clock_ahead("Reconcile", self._reconcile_ahead)

    @property
    def _reconcile_ahead(self) -> timedelta:
        return max(RECONCILE_AHEAD, self._setting.lease or RECONCILE_AHEAD)

    def _warm(self) -> None:
        """Start every environment before the story does: on this machine they would all start at once, and slow each other down."""
        with ThreadPoolExecutor(self._setting.environments) as threads:
            for _ in range(self._setting.environments):
                threads.submit(self.stack.warm)

    def _set_clock_ahead(self, function: str, by: timedelta) -> None:
        client, name = self.stack.client("lambda"), self.stack.function(function).name
        variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        offset = float(variables["CLOCK_OFFSET_SECONDS"]) + by.total_seconds()
        client.update_function_configuration(
            FunctionName=name,
            Environment={"Variables": {**variables, "CLOCK_OFFSET_SECONDS": str(offset)}},
        )

    # Coming to rest

    def quiet(self, tell: Tell, step: str) -> None:
        """Wait until nobody rings, sends or reacts any more; an operator resumes meanwhile what the provider made us pause.

        Raises `Restless`, with what was still to be done, when nothing moves for `PATIENCE_SECONDS`, or all of it takes too long.
        """
        started = moved = time.monotonic()
        times, most = 0, 1
        before: dict[str, int] = {}
        while times < _QUIET_TIMES:
            self._resume()
            left = {"on the phone": self.phones.pending(), **self._unfinished()}
            undone = sum(left.values())
            times = 0 if undone else times + 1
            most = max(most, undone)
            tell(step, most - undone, most)
            now = time.monotonic()
            moved, before = (moved, before) if left == before else (now, left)
            if now - moved > PATIENCE_SECONDS or now - started > _LONGEST_SECONDS:
                waiting = ", ".join(f"{name} {n}" for name, n in left.items() if n)
                raise Restless(f"{step} does not end: {waiting} after {now - started:.0f} s")
            time.sleep(_LOOK_EVERY_SECONDS)

    def undone(self) -> int:
        """How much the stack has still to do: facts to react to, messages, invocations."""
        return sum(self._unfinished().values())

    def _unfinished(self) -> dict[str, int]:
        return {
            name: n
            for name, n in self.stack.unfinished().items()
            if name.partition("-")[2] not in self._setting.unhurried
        }

    def settle(self, tell: Tell) -> None:
        """Run the scheduled functions until they find nothing more to do, letting their work finish each time."""
        if self._setting.lease is not None:
            self._look_ahead()
        clean = 0
        for nth in range(_MOST_ROUNDS):
            resumed = self.resumed
            is_complete, created = self._reconcile()
            if created:
                self.quiet(tell, "bringing back lost calls")
            if released := self._release():
                self.quiet(tell, "releasing what waits")
            is_clean = is_complete and not created and not released and self.resumed == resumed
            clean = clean + 1 if is_clean else 0
            tell("settling", nth, 0)
            if clean == _QUIET_TIMES:
                return
        raise Restless(f"the scheduled functions still find work after {_MOST_ROUNDS} rounds")

    def run_schedules(self) -> None:
        """Run each scheduled function once, as its schedule does."""
        self._release()
        self._reconcile()

    def _reconcile(self) -> tuple[bool, int]:
        result = self._invoke("Reconcile")
        return bool(result.get("complete")), int(result.get("created", 0))

    def _release(self) -> int:
        """How many messages were put back, and how many calls ended that had gone quiet."""
        result = self._invoke("Release")
        return int(result.get("released", 0)) + int(result.get("gone_quiet", 0))

    def _invoke(self, function: str) -> Mapping[str, Any]:
        """Run a scheduled function; a fault may kill it, and then its next run does its work, as on AWS."""
        try:
            result: Mapping[str, Any] = self.stack.invoke(function)
        except RuntimeError:
            return {}
        return result

    def _resume(self) -> None:
        for campaign in self.campaigns:
            if sending.standing(campaign.id, ()).paused:
                sending.resume(campaign.id)
                self.resumed += 1

    # What is left behind

    def recount(self) -> int:
        """Make every counter again from the journal; returns how far they were off.

        The scheduled functions' clocks are ahead, and so is what they wrote: the recount leaves none of it out.
        """
        clock = Clock(
            self.runtime.settings.clock_offset
            + max(RELEASE_AHEAD, self._reconcile_ahead)
            + timedelta(seconds=1)
        )
        drift = metrics.recount(Runtime(self.runtime.settings, clock))
        return sum(abs(n) for counted in drift.values() for n in counted.values())

    def dead_letters(self) -> list[tuple[str, str]]:
        """(queue, body) of everything in a dead-letter queue."""
        client, found = self.stack.client("sqs"), []
        for url in client.list_queues().get("QueueUrls", []):
            while url.endswith("-dead-letters") and (
                messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages")
            ):
                found += [(url.rpartition("/")[2], message["Body"]) for message in messages]
        return found

    def secrets(self) -> list[str]:
        """Everything that must not stand in a log."""
        keys = self.stack.keys
        document = json.loads(keys.secret())
        return [
            *keys.voice_tokens.values(),
            document["person_pepper"],
            document["callback_key"],
            document["exotel"]["api_key"],
            document["exotel"]["api_token"],
        ]

    def keep_logs(self, folder: Path) -> None:
        """Copy every log of the stack to a folder."""
        shutil.copytree(self.stack.state / "logs", folder / "functions", dirs_exist_ok=True)
        for log in self.stack.state.glob("*.log"):
            shutil.copy(log, folder)


def fault_plan(faults: str, seed: int) -> FaultPlan:
    """The plan behind `none`, `rough` or a file. Raises `Unplayable`."""
    try:
        return network_faults.load(faults, seed)
    except network_faults.FaultPlanError as problem:
        raise Unplayable(str(problem)) from problem


def on_our_side(plan: FaultPlan) -> our_faults.Plan:
    """The part of a fault plan that strikes our own machinery, as the local stack takes it."""
    rates = plan.ours

    def either(fault: str) -> float:
        return min(1.0, rates.get(fault, 0.0) + rates.get(f"{fault}_at_once", 0.0))

    return our_faults.Plan(
        seed=plan.seed,
        stream_twice=either("stream_batch_twice"),
        queue_twice=either("queue_message_twice"),
        kill_before=rates.get("worker_killed_before_provider", 0.0),
        kill_after=rates.get("worker_killed_after_provider", 0.0),
    )


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Our own process works on the stack while this lasts."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value

"""Whatever comes in whatever order, however often: what people receive, and what we know, stays right.

A machine plays provider, stream, queue, clock and operators at random; after every step the people's side is looked at, and at the end
everything that was ever told is let through once more.
"""

import itertools
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ringback.domain.facts import Entry
from ringback.domain.messages import FINAL, State
from ringback.domain.times import INDIA
from ringback.providers.base import Outcome, OutgoingSms, Throttled, Unclear
from ringback.queues import Ticket
from ringback.services import contacts, metrics
from ringback.services.messages import Sender
from ringback.store import messages as ledger
from tests.deployment import OPT_OUT, TRAINING, VOLUNTEER, Deployment, callers, deployed
from tests.integration.wire import AwsRequest, Killed, Moment, listening

PEOPLE = callers(2)
CALLS = [f"call-{index}" for index in range(5)]
TEXTS = {VOLUNTEER: "welcome", TRAINING: "training"}


class Interleavings(RuleBasedStateMachine):
    """Each rule is one thing that may happen next."""

    def __init__(self) -> None:
        super().__init__()
        self._deployment = deployed(["clean-water"])
        self.world: Deployment = self._deployment.__enter__()
        self.stream: list[Entry] = []
        self.queue: list[Ticket] = []
        self.told: dict[str, tuple[str, str]] = {}
        self.rivals = 0
        """How many workers will have taken the same batch before the next message is claimed."""
        self._wire = listening(self.heard)
        self._wire.__enter__()
        self.out_since: dict[str, int] = {}
        """Person → how many SMS had left for them when their opt-out had been reacted to."""

    def teardown(self) -> None:
        try:
            self.drain()
        finally:
            self._wire.__exit__(None, None, None)
            self._deployment.__exit__(None, None, None)

    @initialize(hour=st.sampled_from([9, 11, 20]))
    def begin(self, hour: int) -> None:
        self.world.clock.set(self.world.clock.now().replace(hour=hour, minute=50))

    def heard(self, moment: Moment, request: AwsRequest) -> None:
        """Where money is spent, between gate and claim, another worker may go all the way with the same messages."""
        spends = request.operation == "UpdateItem" and "spent#" in str(request.params["Key"])
        if self.rivals and moment is Moment.BEFORE and spends:
            self.rivals -= 1
            Sender(self.world.runtime, self.world.provider).send(self.queue)

    @rule()
    def a_rival_overtakes_the_next_worker(self) -> None:
        self.rivals = 1

    # What comes from outside

    @rule(
        call=st.sampled_from(CALLS), caller=st.sampled_from(PEOPLE), number=st.sampled_from([*TEXTS, OPT_OUT])
    )
    def a_callback_comes(self, call: str, caller: str, number: str) -> None:
        """A call keeps its caller and number however often it is told; a forged second telling names another."""
        self.told.setdefault(call, (caller, number))
        self.world.ring(caller, number, call_id=call)

    @rule(caller=st.sampled_from(PEOPLE))
    def a_person_opts_out_with_an_operator(self, caller: str) -> None:
        if self.world.contact(caller) is not None:
            contacts.opt_out(self.world.runtime, "clean-water", caller)
            self.note_opt_outs()

    @rule(
        data=st.data(), status=st.sampled_from([("sent", "20005"), ("queued", "21010"), ("failed", "23060")])
    )
    def a_delivery_report_comes(self, data: st.DataObject, status: tuple[str, str]) -> None:
        messages = [message for who in PEOPLE for message in self.world.messages(who)]
        if messages:
            self.world.report(data.draw(st.sampled_from(messages)), *status)

    @rule(
        answer=st.sampled_from(["time-out", "time-out after all", "throttled", "killed", "killed after all"])
    )
    def the_next_sms_goes_wrong(self, answer: str) -> None:
        def go_wrong(sms: OutgoingSms) -> Outcome:
            if answer.endswith("after all"):
                self.world.provider.take(sms)
            if answer.startswith("killed"):
                raise Killed
            return Throttled(30) if answer == "throttled" else Unclear(answer)

        self.world.provider.answers.append(go_wrong)

    # What AWS does

    @rule(data=st.data(), times=st.integers(1, 2))
    def the_stream_delivers(self, data: st.DataObject, times: int) -> None:
        """A batch of anything in the journal, new or old, in any order, once or twice."""
        entries = self.world.entries()
        if entries:
            chosen = data.draw(
                st.lists(st.sampled_from(range(len(entries))), min_size=1, max_size=4, unique=True)
            )
            for _ in range(times):
                assert self.world.reaction.react([entries[index] for index in chosen]) == []
        self.queue += self.world.queued()
        self.note_opt_outs()

    @precondition(lambda self: self.queue)
    @rule(data=st.data(), times=st.integers(1, 2))
    def the_queue_delivers(self, data: st.DataObject, times: int) -> None:
        """A batch of any tickets that ever were in the queue, once or twice; a worker may die of it."""
        batch = data.draw(st.lists(st.sampled_from(self.queue), min_size=1, max_size=3))
        for _ in range(times):
            try:
                self.world.send(batch)
            except Killed:
                self.world.restart()

    @rule()
    def all_goes_its_way_for_a_while(self) -> None:
        for entry in self.world.entries():
            self.world.reaction.react([entry])
        self.queue += self.world.queued()
        self.note_opt_outs()
        for ticket in self.queue:
            try:
                self.world.send([ticket])
            except Killed:
                self.world.restart()

    @rule(minutes=st.sampled_from([1, 13, 60, 60 * 11, 60 * 25, 60 * 24 * 31]))
    def time_passes(self, minutes: int) -> None:
        self.world.clock.move(minutes=minutes)
        self.world.release()
        self.queue += self.world.queued()

    # What must hold

    def note_opt_outs(self) -> None:
        for who in PEOPLE:
            contact = self.world.contact(who)
            if contact is not None and contact.opted_out_at is not None:
                self.out_since.setdefault(who, self.taken_by(who))

    def taken_by(self, who: str) -> int:
        return sum(sms.to == who for sms in self.world.provider.taken)

    @invariant()
    def nobody_gets_one_message_twice(self) -> None:
        times = Counter(sms.custom_field for sms in self.world.provider.taken)
        assert all(count == 1 for count in times.values())

    @invariant()
    def nobody_gets_a_text_twice_in_its_window(self) -> None:
        windows = {"welcome": timedelta(days=30), "training": timedelta(days=7)}
        by_person_and_text: dict[tuple[str, str], list[object]] = {}
        for sms in self.world.provider.taken:
            person, name = sms.custom_field.split(".", 1)
            message = ledger.load(person, name)
            assert message is not None
            by_person_and_text.setdefault((person, message.text), []).append(message.caused_at)
        for (_, text), causes in by_person_and_text.items():
            ordered = sorted(causes)  # type: ignore[type-var]
            for one, other in itertools.pairwise(ordered):
                assert other - one > windows[text]  # type: ignore[operator]

    @invariant()
    def nothing_leaves_after_an_opt_out_or_outside_the_window(self) -> None:
        for who, count in self.out_since.items():
            assert count == self.taken_by(who)
        assert all(10 <= at.astimezone(INDIA).hour < 21 for at in self.world.provider.taken_at)

    def drain(self) -> None:
        """Let everything through once more, days long: then every promise must be kept."""
        self.world.provider.answers.clear()
        for entry in self.world.entries():
            self.world.reaction.react([entry])
        self.note_opt_outs()
        for _ in range(4):
            self.queue += self.world.queued()
            for ticket in self.queue:
                self.world.send([ticket])
            self.world.clock.move(hours=13)
            self.world.release()
        self.nobody_gets_one_message_twice()
        self.nobody_gets_a_text_twice_in_its_window()
        self.nothing_leaves_after_an_opt_out_or_outside_the_window()
        met = {caller for caller, _ in self.told.values()}
        assert met == {who for who in PEOPLE if self.world.contact(who) is not None}
        for who in met:
            for message in self.world.messages(who):
                assert message.state in (*FINAL, State.SENT, State.UNKNOWN), message
        metrics.recount(self.world.runtime)
        assert metrics.recount(self.world.runtime) == {}
        assert len(self.told) == self.world.counts().get("raw", 0)
        assert len(met) == self.world.counts().get("unique", 0)


TestInterleavings = pytest.mark.usefixtures("_no_account")(Interleavings.TestCase)
Interleavings.TestCase.settings = settings(
    derandomize=True,
    max_examples=12,
    stateful_step_count=20,
    deadline=None,
    phases=[Phase.generate],  # an example takes a second: the one found is printed, not a smaller one
    suppress_health_check=list(HealthCheck),
)

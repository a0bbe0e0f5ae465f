"""Sending what the ledger holds: gate, pace, claim, provider, outcome. And bringing back what was held.

The order is the promise. The gate is asked at the last moment. A departure is taken before the claim, so that waiting costs no claim.
The claim comes before the provider, so no two workers send one message, and the outcome comes after. A worker that dies in between
leaves a claim without an outcome, which its own queue message, coming round again, turns into `unknown`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import assert_never
from uuid import uuid4

from ringback import observability, queues
from ringback.domain import messages, phones, policy
from ringback.domain.campaigns import Campaign, Rendered
from ringback.domain.contacts import Contact
from ringback.domain.errors import NotFound
from ringback.domain.messages import Message, State
from ringback.domain.policy import Hold, Refuse, Rule, Send, SmsEffect, Spent
from ringback.providers.base import (
    Accepted,
    AccountBlocked,
    Declined,
    OutgoingSms,
    Provider,
    Throttled,
    Unclear,
)
from ringback.queues import Ticket
from ringback.runtime import Runtime
from ringback.services.callbacks import report_address
from ringback.services.campaigns import Shelf
from ringback.store import contacts, counters
from ringback.store import messages as ledger

LONGEST_WAIT = timedelta(seconds=5)
"""A departure further away than this is a hold: a worker must not sleep through its time-out."""

LATE = timedelta(seconds=1)
"""A departure missed by more than this is given up for a new one, so that late sends never bunch up."""

EVIDENCE_DUE = timedelta(hours=24)
"""How long an unknown message waits for its delivery report before a person is asked."""

RELEASE_AHEAD = timedelta(seconds=60)
"""`release` runs every minute and hands over what falls due before its next run, with the queue's own delay."""

SHARE_OF_RATE = 0.97
"""We plan for 97 % of the allowed rate: a departure may be used up to `LATE` late, and the provider counts arrivals."""

THROTTLED_FOR = timedelta(seconds=30)
"""How long to stay away when the provider throttles us without saying for how long (R16)."""

PACE = "pace"
THROTTLED = "throttled"
"""Why a message is held when the policy gate let it pass."""

BLOCKED_FOR = timedelta(minutes=15)
"""How long messages are set aside when the account is blocked; sending is paused until somebody resumes it (R17)."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A message past the gate, with everything the provider needs."""

    message: Message
    contact: Contact
    campaign: Campaign
    rendered: Rendered
    departs_at: datetime


class Sender:
    """Sends batches of messages; keeps the provider's connections and the campaigns' content from one batch to the next."""

    def __init__(self, runtime: Runtime, provider: Provider) -> None:
        self._runtime = runtime
        self._provider = provider
        self._shelf = Shelf(runtime.settings.catalog_cache_seconds)
        rate = runtime.settings.sms_per_minute
        self._gap = timedelta(seconds=60 / rate / SHARE_OF_RATE) if rate else timedelta()

    def send(self, tickets: Sequence[Ticket]) -> list[Ticket]:
        """See to every message named; returns the tickets that must come round again.

        Any ticket may come any number of times, also to two workers at once. A message that is held, refused, claimed, sent or over
        is left as it is, except that a claim older than the lease becomes `unknown`.
        """
        found = ledger.load_many((ticket.hash_key, ticket.range_key) for ticket in tickets)
        again: list[Ticket] = []
        claimable: list[Message] = []
        for ticket in dict.fromkeys(tickets):
            message = found.get((ticket.hash_key, ticket.range_key))
            if message is None:
                observability.logger.warning(
                    "A ticket named no message", extra={"message_id": ticket.range_key}
                )
            elif message.state is State.CLAIMED:
                if not self._settle_claim(message):
                    again.append(ticket)
            elif message.state in messages.CLAIMABLE:
                claimable.append(message)
        ready = self._with_departures(self._past_the_gate(claimable))
        with ThreadPoolExecutor(max_workers=max(len(ready), 1)) as workers:
            unsent = sum(workers.map(self._dispatch, ready))
        observability.count("MessagesUnsent", unsent)
        return again

    def _settle_claim(self, message: Message) -> bool:
        """Whether the claim is settled: it is once its worker can no longer be at work."""
        now = self._runtime.clock.now()
        if not messages.claim_expired(message, self._runtime.settings.send_lease_seconds, now):
            return False
        if ledger.lost_sight(message, "worker-lost", now + EVIDENCE_DUE):
            observability.count("MessageUnknown")
            observability.logger.warning(
                "A worker was lost with a claim", extra={"message_id": message.message_id}
            )
        return True

    # Gate

    def _past_the_gate(self, candidates: Iterable[Message]) -> list[_Ready]:
        by_campaign: dict[str, list[Message]] = defaultdict(list)
        for message in candidates:
            by_campaign[message.campaign].append(message)
        people = contacts.load_many(message.person for group in by_campaign.values() for message in group)
        return [
            ready
            for campaign_id, group in by_campaign.items()
            for ready in self._judge(self._content(campaign_id), group, people)
        ]

    def _judge(
        self, campaign: Campaign, group: Sequence[Message], people: Mapping[str, Contact]
    ) -> Iterable[_Ready]:
        now = self._runtime.clock.now()
        known = [(message, people[message.person]) for message in group if message.person in people]
        standing = counters.standing(campaign.id, {phones.prefix(contact.phone) for _, contact in known})
        spent = standing.paise
        for message, contact in known:
            rendered = campaign.rendered(message.text, contact.language)
            effect = SmsEffect(
                message.text,
                contact.phone,
                rendered.body,
                rendered.template,
                rendered.cost_paise,
                message.caused_at,
            )
            decision = policy.decide(
                effect,
                policy.Standing(contact.opted_out_at, contact.suppressed, _was_overtaken(message, contact)),
                campaign,
                Spent(spent, standing.paused, standing.prefixes.get(phones.prefix(contact.phone))),
                now,
            )
            match decision:
                case Send():
                    spent += rendered.cost_paise
                    yield _Ready(message, contact, campaign, rendered, message.departs_at or now)
                case Hold(until=until, rule=rule):
                    self._hold(message, rule, until)
                case Refuse(rule=rule, detail=detail):
                    self._refuse(message, rule, detail)

    def _hold(self, message: Message, rule: str, until: datetime, departs_at: datetime | None = None) -> None:
        if ledger.hold(message, rule, until, departs_at=departs_at):
            observability.count("MessageHeld")
            observability.logger.info(
                "Held a message",
                extra={"message_id": message.message_id, "rule": rule, "until": until.isoformat()},
            )

    def _refuse(self, message: Message, rule: str, detail: str = "") -> None:
        if ledger.refuse(message, rule):
            observability.count("MessageRefused")
            observability.logger.info(
                "Refused a message", extra={"message_id": message.message_id, "rule": rule, "detail": detail}
            )

    def _content(self, campaign_id: str) -> Campaign:
        content = self._shelf.current(campaign_id)
        if content is None:
            raise NotFound(f"campaign {campaign_id} has no published content: publish it, then redrive")
        return content

    # Pace

    def _with_departures(self, ready: Sequence[_Ready]) -> list[_Ready]:
        """Give every message its departure: the one granted before, if its moment is now, or the next free one."""
        now = self._runtime.clock.now()
        if not self._gap:
            return [_at(each, now) for each in ready]
        granted = [each for each in ready if self._keeps_departure(each, now)]
        fresh = [each for each in ready if not self._keeps_departure(each, now)]
        if fresh:
            first = counters.depart(self._account, now, self._gap, len(fresh))
            granted += [_at(each, first + index * self._gap) for index, each in enumerate(fresh)]
        soon = []
        for each in granted:
            if each.departs_at > now + LONGEST_WAIT:
                self._hold(each.message, PACE, each.departs_at, departs_at=each.departs_at)
            else:
                soon.append(each)
        return soon

    def _keeps_departure(self, ready: _Ready, now: datetime) -> bool:
        return ready.message.departs_at is not None and now <= ready.message.departs_at + LATE

    @property
    def _account(self) -> str:
        return f"{self._provider.name}-sms"

    # Claim, provider, outcome

    def _dispatch(self, ready: _Ready) -> bool:
        """Send one message at its departure; True when it did not go."""
        clock, message = self._runtime.clock, ready.message
        clock.sleep(max(0.0, (ready.departs_at - clock.now()).total_seconds()))
        budget, cost = ready.campaign.limits.sms_budget_paise, ready.rendered.cost_paise
        if not counters.spend(ready.campaign.id, cost, budget):
            self._refuse(message, Rule.BUDGET)
            return True
        claimed = replace(message, state=State.CLAIMED, claim=uuid4().hex, claimed_at=clock.now())
        if not ledger.claim(claimed):
            counters.give_back(ready.campaign.id, cost)
            return True
        return self._ask_provider(replace(ready, message=claimed))

    def _ask_provider(self, ready: _Ready) -> bool:
        """Make the one request that cannot be taken back, and write down what came of it."""
        runtime, message = self._runtime, ready.message
        if messages.claim_expired(message, runtime.settings.send_lease_seconds, runtime.clock.now()):
            return True  # We slept past our lease: others count this claim as unknown by now, so nothing may leave (R15).
        outcome = self._provider.send_sms(
            OutgoingSms(
                to=ready.contact.phone,
                body=ready.rendered.body,
                sender=ready.campaign.sender,
                template_id=ready.rendered.template.template_id,
                callback_url=report_address(runtime, message.message_id),
                custom_field=message.message_id,
            )
        )
        now = runtime.clock.now()
        match outcome:
            case Accepted(provider_id=provider_id, parts=parts):
                ledger.sent(message, provider_id, parts)
                observability.count("MessageSent")
                observability.gauge("HandOffSeconds", (now - message.caused_at).total_seconds())
                self._log("Sent a message", ready, provider_id=provider_id)
                return False
            case Unclear(detail=detail):
                ledger.lost_sight(message, detail, now + EVIDENCE_DUE)
                observability.count("MessageUnknown")
                self._log("Lost sight of a message", ready, detail=detail)
                return False
            case Declined(code=code, detail=detail):
                ledger.declined(message, code)
                observability.count("MessageFailed")
                self._log("The provider declined a message", ready, code=code, detail=detail)
            case Throttled(retry_after_seconds=seconds):
                until = now + (THROTTLED_FOR if seconds is None else timedelta(seconds=seconds))
                counters.back_off(self._account, until)
                self._hold(message, THROTTLED, until)
                observability.count("ProviderThrottled")
            case AccountBlocked(code=code, detail=detail):
                counters.pause(message.campaign, f"the provider blocked the account: {code}")
                self._hold(message, Rule.PAUSED, now + BLOCKED_FOR)
                observability.count("SendingPaused")
                self._log("Sending paused", ready, code=code, detail=detail)
            case never:
                assert_never(never)
        counters.give_back(ready.campaign.id, ready.rendered.cost_paise)
        return True

    def _log(self, what: str, ready: _Ready, **more: str) -> None:
        observability.logger.info(
            what, extra={"message_id": ready.message.message_id, "campaign": ready.campaign.id, **more}
        )


def _was_overtaken(message: Message, contact: Contact) -> bool:
    """Whether a later cause has planned the same text for the person since: the later one is sent, not both."""
    planned = contact.planned.get(message.text)
    return planned is not None and planned.cause != message.cause


def _at(ready: _Ready, departs_at: datetime) -> _Ready:
    return replace(ready, departs_at=departs_at)


def release(runtime: Runtime, has_time: Callable[[], bool] = lambda: True) -> int:
    """Put back what was held and falls due before the next run; returns how many. Stops early when `has_time` says so.

    Each goes to the queue with the delay it has left, and only then out of the list of the held: a crash in between repeats it, and a
    repeat finds the message claimed.
    """
    now = runtime.clock.now()
    released = 0
    for keys in _chunks(ledger.waiting("held", now + RELEASE_AHEAD), 10):
        held = [message for message in ledger.load_many(keys).values() if message.state is State.HELD]
        tickets = [
            Ticket(message.person, message.name, max(0, int(((message.due_at or now) - now).total_seconds())))
            for message in held
        ]
        queues.put(runtime.settings.send_queue_url, tickets)
        released += sum(ledger.release(message) for message in held)
        if not has_time():
            break
    return released


def list_for_people(runtime: Runtime) -> int:
    """Move unknown messages without evidence in time to the list that people settle; returns how many."""
    now = runtime.clock.now()
    overdue = ledger.load_many(ledger.waiting("unknown", now))
    listed = sum(ledger.list_for_a_person(message, now) for message in overdue.values())
    observability.count("MessagesListed", listed)
    return listed


def _chunks(keys: Iterable[tuple[str, str]], size: int) -> Iterator[list[tuple[str, str]]]:
    iterator = iter(keys)
    while chunk := list(islice(iterator, size)):
        yield chunk

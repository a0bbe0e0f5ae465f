"""Sending what the ledger holds: gate, pace, claim, provider, outcome. And bringing back what was held.

The order is the promise. The gate is asked at the last moment. A departure is taken before the claim, so that waiting costs no claim.
The claim comes before the provider, so no two workers send one message, and the outcome comes after. A worker that dies in between
leaves a claim without an outcome, which its own queue message, coming round again, turns into `unknown`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from ringback.domain.errors import Misconfigured, NotFound, Rejected
from ringback.domain.messages import Message, State
from ringback.domain.policy import Hold, Occasion, Refuse, Rule, Send, SmsEffect, Spent, Standing
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
from ringback.services import answers, failures
from ringback.services.callbacks import report_address
from ringback.services.campaigns import Shelf
from ringback.store import contacts, sending
from ringback.store import messages as ledger

LONGEST_WAIT = timedelta(seconds=5)
"""A departure further away than this is a hold: a worker must not sleep through its time-out."""

LATE = timedelta(seconds=1)
"""A departure missed by more than this is given up for a new one, so that late sends never bunch up."""

EVIDENCE_DUE = timedelta(hours=24)
"""How long an unknown message waits for its delivery report before a person is asked."""

RELEASE_AHEAD = timedelta(seconds=75)
"""`release` runs every minute and hands over what falls due before its next run, and a little more: a run may come late."""

AHEAD_OF_DEPARTURE = timedelta(seconds=1)
"""How much before its departure a ticket leaves the queue: a worker that has it late would miss the departure."""

SHARE_OF_RATE = 0.97
"""We plan for 97 % of the allowed rate: a departure may be used up to `LATE` late, and the provider counts arrivals."""

THROTTLED_FOR = timedelta(seconds=30)
"""How long to stay away when the provider throttles us without saying for how long (R16)."""

PACE = "pace"
THROTTLED = "throttled"
"""Why a message is held when the policy gate let it pass."""

_NOT_ABOUT_THE_PERSON = (Rule.STALE, Rule.BUDGET, Rule.DLT_IDS, Rule.DLT_MISMATCH)
"""Refusals after which a new call of the person may get the text after all: it doesn't count as their one in the window."""

BLOCKED_FOR = timedelta(minutes=15)
"""How long messages are set aside when the account is blocked; sending is paused until somebody resumes it (R17)."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A message with everything that decides about it and everything the provider needs."""

    message: Message
    contact: Contact
    campaign: Campaign
    rendered: Rendered
    spent: Spent
    departs_at: datetime
    occasion: Occasion | None = None

    @property
    def ticket(self) -> Ticket:
        return Ticket(self.message.person, self.message.name)

    @property
    def account(self) -> str:
        """Whose pace it keeps: each provider allows so many a minute."""
        return f"{self.campaign.provider}-sms"

    def decision(self, now: datetime) -> Send | Hold | Refuse:
        """What the policy gate says of it at `now`."""
        planned = self.contact.planned.get(self.message.text)
        effect = SmsEffect(
            text=self.message.text,
            phone=self.contact.phone,
            body=self.rendered.body,
            template=self.rendered.template,
            cost_paise=self.rendered.cost_paise,
            caused_at=self.message.caused_at,
            occasion=self.occasion,
        )
        standing = Standing(
            opted_out_at=self.contact.opted_out_at,
            suppressed=self.contact.suppressed,
            # A later cause has planned the same text since: that one is sent, not both.
            already_sent=planned is not None and planned.cause != self.message.cause,
        )
        return policy.decide(effect, standing, self.campaign, self.spent, now)


class Sender:
    """Sends batches of messages; keeps the provider's connections and the campaigns' content from one batch to the next."""

    def __init__(self, runtime: Runtime, *providers: Provider) -> None:
        if not runtime.settings.public_url:
            raise Misconfigured("cannot start: PUBLIC_URL is not set")
        self._runtime = runtime
        self._providers = {provider.name: provider for provider in providers}
        self._shelf = Shelf(runtime.settings.catalog_cache_seconds)
        rate = runtime.settings.sms_per_minute
        self._gap = timedelta(seconds=60 / rate / SHARE_OF_RATE) if rate else timedelta()

    def send(self, tickets: Sequence[Ticket]) -> list[Ticket]:
        """See to every message named; returns the tickets that must come round again.

        Any ticket may come any number of times, also to two workers at once. A message that is held, refused, claimed, sent or over
        is left as it is, except that a claim older than the lease becomes `unknown`. A message that fails does not keep the others.
        """
        for provider in self._providers.values():
            provider.close()
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
        candidates = self._candidates(claimable, again)
        passed = [each for each in candidates if self._passes_gate(each)]
        ready = self._paid_for(self._with_departures(passed))
        with ThreadPoolExecutor(max_workers=max(len(ready), 1)) as workers:
            done = list(workers.map(self._dispatch, ready))
        again += [each.ticket for each, is_done in zip(ready, done, strict=True) if not is_done]
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

    def _candidates(self, claimable: Sequence[Message], again: list[Ticket]) -> list[_Candidate]:
        """Load what decides about the messages; one that cannot be made out goes to `again`."""
        now = self._runtime.clock.now()
        people = contacts.load_many(message.person for message in claimable)
        prefixes: dict[str, set[str]] = defaultdict(set)
        for message in claimable:
            if message.person in people:
                prefixes[message.campaign].add(phones.prefix(people[message.person].phone))
        standings = {campaign: sending.standing(campaign, blocks) for campaign, blocks in prefixes.items()}
        candidates = []
        for message in claimable:
            try:
                contact = people[message.person]
                campaign = self._shelf.current(message.campaign)
                rendered = campaign.rendered(message.text, contact.language)
                self._providers[campaign.provider]
            except (KeyError, NotFound, Rejected):
                observability.logger.exception(
                    "A message cannot be made out", extra={"message_id": message.message_id}
                )
                again.append(Ticket(message.person, message.name))
                continue
            standing = standings[campaign.id]
            spent = Spent(
                standing.paise, standing.paused, standing.prefixes.get(phones.prefix(contact.phone))
            )
            candidates.append(
                _Candidate(message, contact, campaign, rendered, spent, message.departs_at or now)
            )
        return _with_occasions(candidates)

    def _passes_gate(self, candidate: _Candidate) -> bool:
        """Ask the policy gate, and write down a hold or a refusal with its rule."""
        match candidate.decision(self._runtime.clock.now()):
            case Send():
                return True
            case Hold(until=until, rule=rule):
                self._hold(candidate.message, rule, until)
            case Refuse(rule=rule, detail=detail):
                self._refuse(candidate.message, rule, detail)
        return False

    def _hold(self, message: Message, rule: str, until: datetime, departs_at: datetime | None = None) -> None:
        if ledger.hold(message, rule, until, departs_at=departs_at):
            observability.count("MessageHeld")
            observability.logger.info(
                "Held a message",
                extra={"message_id": message.message_id, "rule": rule, "until": until.isoformat()},
            )
        else:
            self._look_again(message)

    def _refuse(self, message: Message, rule: str, detail: str = "") -> None:
        if ledger.refuse(message, rule):
            if rule in _NOT_ABOUT_THE_PERSON:
                contacts.forget_plan(message.person, message.text, message.cause)
            observability.count("MessageRefused")
            observability.logger.info(
                "Refused a message", extra={"message_id": message.message_id, "rule": rule, "detail": detail}
            )
        else:
            self._look_again(message)

    def _look_again(self, message: Message) -> None:
        """Another worker has claimed the message meanwhile. Should it die, only a later ticket can settle its claim."""
        lease = int(self._runtime.settings.send_lease_seconds)
        queues.put(self._runtime.settings.send_queue_url, [Ticket(message.person, message.name, lease + 1)])

    # Pace

    def _with_departures(self, passed: Sequence[_Candidate]) -> list[_Candidate]:
        """Give every message its departure: the one granted before, if it can still be met, or the next free one."""
        now = self._runtime.clock.now()
        if not self._gap:
            return [replace(each, departs_at=now) for each in passed]
        granted: list[_Candidate] = []
        for account in dict.fromkeys(each.account for each in passed):
            closed_until = sending.closed_until(account) or now - LATE
            earliest = max(now - LATE, closed_until)
            ours = [each for each in passed if each.account == account]
            kept = [each for each in ours if each.message.departs_at and each.departs_at >= earliest]
            fresh = [each for each in ours if each not in kept]
            granted += kept
            if fresh:
                first = sending.depart(account, max(now, closed_until), self._gap, len(fresh))
                granted += [
                    replace(each, departs_at=first + index * self._gap) for index, each in enumerate(fresh)
                ]
        soon = [each for each in granted if each.departs_at <= now + LONGEST_WAIT]
        later = [each for each in granted if each.departs_at > now + LONGEST_WAIT]
        for each in later:
            self._hold(each.message, PACE, each.departs_at, departs_at=each.departs_at)
        # `release` may have run a moment ago: what departs before its next run would miss its departure, and the pace with it.
        before_release = [each for each in later if each.departs_at <= now + RELEASE_AHEAD]
        queues.put(
            self._runtime.settings.send_queue_url,
            [_returning(each.message, each.departs_at - AHEAD_OF_DEPARTURE, now) for each in before_release],
        )
        return soon

    # Budget

    def _paid_for(self, candidates: Sequence[_Candidate]) -> list[_Candidate]:
        """Take what the messages cost from their campaigns' budgets, in one write a campaign; what no longer fits is refused."""
        groups: dict[str, list[_Candidate]] = defaultdict(list)
        for each in candidates:
            groups[each.campaign.id].append(each)
        paid: list[_Candidate] = []
        for group in groups.values():
            if _spend_on(group):
                paid += group
                continue
            for each in group:
                if _spend_on([each]):
                    paid.append(each)
                else:
                    self._refuse(each.message, Rule.BUDGET)
        return paid

    # Claim, provider, outcome

    def _dispatch(self, candidate: _Candidate) -> bool:
        """Send one message at its departure. False when its ticket must come round again: that failed, or another worker has it."""
        try:
            return self._wait_claim_and_send(candidate)
        except Exception:
            observability.logger.exception(
                "A message failed", extra={"message_id": candidate.message.message_id}
            )
            return False

    def _wait_claim_and_send(self, candidate: _Candidate) -> bool:
        clock, message = self._runtime.clock, candidate.message
        is_ready = False
        try:
            is_ready = self._is_still_ready(candidate)
        finally:
            if not is_ready:
                _give_back(candidate)
        if not is_ready:
            return True
        claimed = replace(message, state=State.CLAIMED, claim=uuid4().hex, claimed_at=clock.now())
        is_ours = ledger.claim(claimed)
        if not (is_ours and self._ask_provider(replace(candidate, message=claimed))):
            _give_back(candidate)
        # Should the worker that was faster die, then nobody but this ticket settles its claim: it comes round again.
        return is_ours

    def _is_still_ready(self, candidate: _Candidate) -> bool:
        """Wait for the departure. Meanwhile the window may close (R23) or the person opt out (R25), so the gate is asked again."""
        wait = (candidate.departs_at - self._runtime.clock.now()).total_seconds()
        if wait <= 0:
            return True
        self._runtime.clock.sleep(wait)
        contact = contacts.load(candidate.message.person) or candidate.contact
        (candidate,) = _with_occasions([replace(candidate, contact=contact)])
        return self._passes_gate(candidate)

    def _ask_provider(self, candidate: _Candidate) -> bool:
        """Make the one request that cannot be taken back and write down what came of it. False when nothing can have left."""
        runtime, message = self._runtime, candidate.message
        if messages.claim_expired(message, runtime.settings.send_lease_seconds, runtime.clock.now()):
            # We slept past our lease: others may count this claim as unknown by now, so nothing may leave (R15).
            self._hold(message, PACE, runtime.clock.now())
            return False
        outcome = self._providers[candidate.campaign.provider].send_sms(
            OutgoingSms(
                to=candidate.contact.phone,
                body=candidate.rendered.body,
                sender=candidate.campaign.sender,
                template_id=candidate.rendered.template.template_id,
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
                self._log("Sent a message", candidate, provider_id=provider_id)
                return True
            case Unclear(detail=detail):
                ledger.lost_sight(message, detail, now + EVIDENCE_DUE)
                observability.count("MessageUnknown")
                self._log("Lost sight of a message", candidate, detail=detail)
                return True
            case Declined(code=code, detail=detail, action=action):
                ledger.declined(message, code)
                failures.heed(action, message.campaign, message.person, code)
                observability.count("MessageFailed")
                self._log("The provider declined a message", candidate, code=code, detail=detail)
            case Throttled(retry_after_seconds=seconds):
                until = now + (THROTTLED_FOR if seconds is None else timedelta(seconds=seconds))
                sending.back_off(candidate.account, until)
                self._hold(message, THROTTLED, until)
                observability.count("ProviderThrottled")
            case AccountBlocked(code=code, detail=detail):
                failures.pause(message.campaign, f"the provider blocks the account: {code} {detail}")
                self._hold(message, Rule.PAUSED, now + BLOCKED_FOR)
            case never:
                assert_never(never)
        return False

    def _log(self, what: str, candidate: _Candidate, **more: str) -> None:
        observability.logger.info(
            what,
            extra={"message_id": candidate.message.message_id, "campaign": candidate.campaign.id, **more},
        )


def _with_occasions(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Add what binds the messages about gatherings, as it stands now; no read where there are none."""
    occasions = answers.occasions((each.campaign, each.message) for each in candidates)
    return [replace(each, occasion=occasions.get(each.message.message_id)) for each in candidates]


def _spend_on(group: Sequence[_Candidate]) -> bool:
    """Take the cost of messages of one campaign from its budget; False, and nothing taken, when that would pass it."""
    campaign = group[0].campaign
    cost = sum(each.rendered.cost_paise for each in group)
    return sending.spend(campaign.id, cost, campaign.limits.sms_budget_paise)


def _give_back(candidate: _Candidate) -> None:
    sending.give_back(candidate.campaign.id, candidate.rendered.cost_paise)


def release(runtime: Runtime, has_time: Callable[[], bool] = lambda: True) -> int:
    """Put back what was held and falls due before the next run; returns how many. Stops early when `has_time` says so.

    Each goes to the queue with the delay it has left, and only then out of the list of the held: a crash in between repeats it, and a
    repeat finds the message claimed.
    """
    now = runtime.clock.now()
    released = 0
    for keys in _chunks(ledger.waiting("held", now + RELEASE_AHEAD), 10):
        held = [message for message in ledger.load_many(keys).values() if message.state is State.HELD]
        tickets = [_returning(message, _back_at(message, now), now) for message in held]
        queues.put(runtime.settings.send_queue_url, tickets)
        released += sum(ledger.release(message) for message in held)
        if not has_time():
            break
    return released


def _back_at(held: Message, now: datetime) -> datetime:
    """When the queue should give a held message out again: when it is due, or just before its departure."""
    return (held.due_at or now) - (AHEAD_OF_DEPARTURE if held.departs_at else timedelta())


def _returning(message: Message, at: datetime, now: datetime) -> Ticket:
    """A ticket that the queue keeps back until `at`."""
    return Ticket(message.person, message.name, max(0, int((at - now).total_seconds())))


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

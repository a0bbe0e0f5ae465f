"""How what leaves once leaves: gate, pace, budget, claim, provider, outcome. And bringing back what was held.

The order is the promise. The gate is asked at the last moment. A departure is taken before the claim, so that waiting costs no claim.
The claim comes before the provider, so no two workers make one request, and the outcome comes after. A worker that dies in between
leaves a claim without an outcome, which its own queue message, coming round again, turns into `unknown`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Generic, assert_never
from uuid import uuid4

from ringback import observability, queues
from ringback.domain import messages, phones
from ringback.domain.campaigns import Campaign
from ringback.domain.contacts import Contact
from ringback.domain.policy import Hold, Refuse, Rule, Send, Spent
from ringback.providers.base import Accepted, AccountBlocked, Declined, Outcome, Throttled, Unclear
from ringback.queues import Ticket
from ringback.runtime import Runtime
from ringback.services import circuits, failures
from ringback.services.circuits import Breaker
from ringback.store import sending
from ringback.store.ledgers import Effect, Ledger

LONGEST_WAIT = timedelta(seconds=5)
"""A departure further away than this is a hold: a worker must not sleep through its time-out."""

LATE = timedelta(seconds=1)
"""A departure missed by more than this is given up for a new one, so that late requests never bunch up."""

EVIDENCE_DUE = timedelta(hours=24)
"""How long what may have left waits for evidence before a person is asked."""

RELEASE_AHEAD = timedelta(seconds=75)
"""`release` runs every minute and hands over what falls due before its next run, and a little more: a run may come late."""

RELEASED_AGAIN_AFTER = timedelta(minutes=2)
"""A ticket that has come to nothing for so long after its effect was due is given out once more: it may have been lost."""

AHEAD_OF_DEPARTURE = timedelta(seconds=1)
"""How much before its departure a ticket leaves the queue: a worker that has it late would miss the departure."""

BEHIND_CIRCUIT = AHEAD_OF_DEPARTURE + timedelta(seconds=1)
"""How long after an open circuit the first departure is: the queue counts whole seconds, and a ticket must not come before that."""

SHARE_OF_RATE = 0.97
"""We plan for 97 % of the allowed rate: a departure may be used up to `LATE` late, and the provider counts arrivals."""

BLOCKED_FOR = timedelta(minutes=15)
"""How long effects are set aside when the account is blocked; sending is paused until somebody resumes it (R17)."""

PACE = "pace"
THROTTLED = "throttled"
CIRCUIT_OPEN = "circuit-open"
"""Why an effect is held when the policy gate let it pass."""


@dataclass(frozen=True, slots=True)
class Candidate(Generic[Effect]):
    """An effect with what decides about it and what the provider is to be asked."""

    effect: Effect
    campaign: Campaign
    cost_paise: int
    departs_at: datetime
    decide: Callable[[datetime], Send | Hold | Refuse]
    """What the policy gate says of it at a moment."""
    ask: Callable[[], Outcome]
    """Make the one request that cannot be taken back."""
    refreshed: Callable[[], "Candidate[Effect]"]
    """Load again what may have changed while it waited for its departure."""

    @property
    def ticket(self) -> Ticket:
        return Ticket(self.effect.person, self.effect.name)


@dataclass(frozen=True, slots=True)
class Trade(Generic[Effect]):
    """What one kind of effect has of its own."""

    noun: str
    """`dial`: in logs; with a capital, in metrics."""
    done: str
    """`Placed`: what the log says when the provider took it."""
    channel: str
    """`calls`: each provider allows so many requests a minute on each, and has a circuit on each."""
    ledger: Ledger[Effect]
    queue_url: str
    per_minute: int
    """0 sets no pace."""
    candidates: Callable[[Sequence[Effect]], tuple[list[Candidate[Effect]], list[Effect]]]
    """Load what decides about effects; and those that cannot be made out."""
    spend: Callable[[Campaign, int], bool]
    """Take paise from the campaign's budget; False, and nothing taken, when that would pass it."""
    give_back: Callable[[Campaign, int], None]
    accepted: Callable[[Effect, Accepted, datetime], None]
    """Write down that the provider took it."""
    refused: Callable[[Effect, str], None]
    """Do what follows from a refusal, besides writing it down."""
    declined: Callable[[Effect], None]
    """The same when the provider declined it for good."""

    def id(self, effect: Effect) -> dict[str, str]:
        """What names an effect in a log line."""
        return {f"{self.noun}_id": f"{effect.person}.{effect.name}"}

    def count(self, what: str) -> None:
        observability.count(f"{self.noun.title()}{what}")


class Worker(Generic[Effect]):
    """Sees to batches of effects of one trade."""

    def __init__(self, runtime: Runtime, trade: Trade[Effect]) -> None:
        self._runtime = runtime
        self._trade: Trade[Effect] = trade
        self._gap = (
            timedelta(seconds=60 / trade.per_minute / SHARE_OF_RATE) if trade.per_minute else timedelta()
        )
        self._breakers: dict[str, Breaker] = {}
        """Account → its circuit, as this batch found it."""

    def see_to(self, tickets: Sequence[Ticket]) -> list[Ticket]:
        """See to every effect named; returns the tickets that must come round again.

        Any ticket may come any number of times, also to two workers at once. An effect that is held, refused, claimed or over is left
        as it is, except that a claim older than the lease becomes `unknown`. An effect that fails does not keep the others.
        """
        self._breakers.clear()
        found = self._trade.ledger.load_many((ticket.hash_key, ticket.range_key) for ticket in tickets)
        again: list[Ticket] = []
        claimable: list[Effect] = []
        for ticket in dict.fromkeys(tickets):
            effect = found.get((ticket.hash_key, ticket.range_key))
            if effect is None:
                observability.logger.warning(
                    f"A ticket named no {self._trade.noun}", extra={"range_key": ticket.range_key}
                )
            elif effect.state == "claimed":
                if not self._settle_claim(effect):
                    again.append(ticket)
            elif effect.state in ("planned", "held"):
                claimable.append(effect)
        candidates, unclear = self._trade.candidates(claimable)
        again += [Ticket(effect.person, effect.name) for effect in unclear]
        passed = [each for each in candidates if self._passes_gate(each)]
        ready = self._paid_for(self._with_departures(passed))
        with ThreadPoolExecutor(max_workers=max(len(ready), 1)) as workers:
            done = list(workers.map(self._dispatch, ready))
        for breaker in self._breakers.values():
            breaker.give_back(self._runtime.clock.now())
        again += [each.ticket for each, is_done in zip(ready, done, strict=True) if not is_done]
        return again

    def _settle_claim(self, effect: Effect) -> bool:
        """Whether the claim is settled: it is once its worker can no longer be at work."""
        now = self._runtime.clock.now()
        if not self._has_expired(effect, now):
            return False
        if self._trade.ledger.lost_sight(effect, "worker-lost", now + EVIDENCE_DUE):
            self._trade.count("Unknown")
            observability.logger.warning("A worker was lost with a claim", extra=self._trade.id(effect))
        return True

    def _has_expired(self, effect: Effect, now: datetime) -> bool:
        return messages.claim_expired(effect.claimed_at, self._runtime.settings.send_lease_seconds, now)

    # Gate

    def _passes_gate(self, candidate: Candidate[Effect]) -> bool:
        """Ask the policy gate, and write down a hold or a refusal with its rule."""
        match candidate.decide(self._runtime.clock.now()):
            case Send():
                return True
            case Hold(until=until, rule=rule):
                self._hold(candidate.effect, rule, until)
            case Refuse(rule=rule, detail=detail):
                self._refuse(candidate.effect, rule, detail)
        return False

    def _hold(self, effect: Effect, rule: str, until: datetime, departs_at: datetime | None = None) -> None:
        if self._trade.ledger.hold(effect, rule, until, departs_at=departs_at):
            self._trade.count("Held")
            self._log("Held", effect, rule=rule, until=until.isoformat())
        else:
            self._look_again(effect)

    def _refuse(self, effect: Effect, rule: str, detail: str = "") -> None:
        if self._trade.ledger.refuse(effect, rule):
            self._trade.refused(effect, rule)
            self._trade.count("Refused")
            self._log("Refused", effect, rule=rule, detail=detail)
        else:
            self._look_again(effect)

    def _look_again(self, effect: Effect) -> None:
        """Another worker has claimed the effect meanwhile. Should it die, only a later ticket can settle its claim."""
        lease = int(self._runtime.settings.send_lease_seconds)
        queues.put(self._trade.queue_url, [Ticket(effect.person, effect.name, lease + 1)])

    # Pace

    def _account(self, candidate: Candidate[Effect]) -> str:
        return f"{candidate.campaign.provider}-{self._trade.channel}"

    def _with_departures(self, passed: Sequence[Candidate[Effect]]) -> list[Candidate[Effect]]:
        """Give every effect its departure and return those that depart soon; the others are held until theirs.

        Behind an open circuit departures lie after it, so what a storm has held leaves at the pace as well.
        """
        now = self._runtime.clock.now()
        lease = timedelta(seconds=self._runtime.settings.send_lease_seconds)
        soon: list[Candidate[Effect]] = []
        for account in dict.fromkeys(map(self._account, passed)):
            ours = [each for each in passed if self._account(each) == account]
            found = sending.load_account(account)
            opens_for = timedelta(seconds=self._runtime.settings.circuit_open_seconds)
            breaker = self._breakers[account] = Breaker(account, found.circuit, opens_for)
            admitted = ours[: breaker.admit(now, now + lease)]
            granted = self._granted(admitted, now, found.closed_until)
            soon += [each for each in granted if each.departs_at <= now + LONGEST_WAIT]
            self._hold_until_departure([each for each in granted if each not in soon], PACE, now)
            if barred := ours[len(admitted) :]:
                after = max(filter(None, (found.closed_until, breaker.asked_again_at(now))), default=now)
                later = self._granted(barred, now, after + BEHIND_CIRCUIT)
                self._hold_until_departure(later, CIRCUIT_OPEN, now)
        return soon

    def _granted(
        self, ours: Sequence[Candidate[Effect]], now: datetime, not_before: datetime | None
    ) -> list[Candidate[Effect]]:
        """One account's effects with the departures granted before, where those can still be met, or else the next free ones."""
        if not self._gap:
            return [replace(each, departs_at=max(now, not_before or now)) for each in ours]
        earliest = max(now - LATE, not_before or now - LATE)
        kept = [each for each in ours if each.effect.departs_at and each.departs_at >= earliest]
        fresh = [each for each in ours if each not in kept]
        if not fresh:
            return kept
        first = sending.depart(self._account(fresh[0]), max(now, earliest), self._gap, len(fresh))
        return kept + [
            replace(each, departs_at=first + index * self._gap) for index, each in enumerate(fresh)
        ]

    def _hold_until_departure(self, later: Sequence[Candidate[Effect]], rule: str, now: datetime) -> None:
        for each in later:
            self._hold(each.effect, rule, each.departs_at, departs_at=each.departs_at)
        # `release` may have run a moment ago: what departs before its next run would miss its departure, and the pace with it.
        before_release = [each for each in later if each.departs_at <= now + RELEASE_AHEAD]
        queues.put(
            self._trade.queue_url,
            [_returning(each.effect, each.departs_at - AHEAD_OF_DEPARTURE, now) for each in before_release],
        )

    # Budget

    def _paid_for(self, candidates: Sequence[Candidate[Effect]]) -> list[Candidate[Effect]]:
        """Take what the effects cost from their campaigns' budgets, in one write a campaign; what no longer fits is refused."""
        groups: dict[str, list[Candidate[Effect]]] = defaultdict(list)
        for each in candidates:
            groups[each.campaign.id].append(each)
        paid: list[Candidate[Effect]] = []
        for group in groups.values():
            if self._spend_on(group):
                paid += group
                continue
            for each in group:
                if self._spend_on([each]):
                    paid.append(each)
                else:
                    self._refuse(each.effect, Rule.BUDGET)
        return paid

    def _spend_on(self, group: Sequence[Candidate[Effect]]) -> bool:
        cost = sum(each.cost_paise for each in group)
        return not cost or self._trade.spend(group[0].campaign, cost)

    def _give_back(self, candidate: Candidate[Effect]) -> None:
        if candidate.cost_paise:
            self._trade.give_back(candidate.campaign, candidate.cost_paise)

    # Claim, provider, outcome

    def _dispatch(self, candidate: Candidate[Effect]) -> bool:
        """See one effect off at its departure. False when its ticket must come round again: that failed, or another worker has it."""
        try:
            return self._wait_claim_and_ask(candidate)
        except Exception:
            observability.logger.exception(
                f"A {self._trade.noun} failed", extra=self._trade.id(candidate.effect)
            )
            return False

    def _wait_claim_and_ask(self, candidate: Candidate[Effect]) -> bool:
        is_ready = False
        try:
            is_ready = self._is_still_ready(candidate)
        finally:
            if not is_ready:
                self._give_back(candidate)
        if not is_ready:
            return True
        claimed = self._claimed(candidate.effect)
        is_ours = self._trade.ledger.claim(claimed)
        if not (is_ours and self._ask_provider(candidate, claimed)):
            self._give_back(candidate)
        # Should the worker that was faster die, then nobody but this ticket settles its claim: it comes round again.
        return is_ours

    def _claimed(self, effect: Effect) -> Effect:
        state = type(effect.state)("claimed")
        return replace(effect, state=state, claim=uuid4().hex, claimed_at=self._runtime.clock.now())

    def _is_still_ready(self, candidate: Candidate[Effect]) -> bool:
        """Wait for the departure. Meanwhile the window may close (R23) or the person opt out (R25), so the gate is asked again."""
        wait = (candidate.departs_at - self._runtime.clock.now()).total_seconds()
        if wait > 0:
            self._runtime.clock.sleep(wait)
            if not self._passes_gate(candidate.refreshed()):
                return False
        # Others of the batch may have opened the circuit meanwhile.
        until = self._breakers[self._account(candidate)].barred_until(self._runtime.clock.now())
        if until is not None:
            self._hold(candidate.effect, CIRCUIT_OPEN, until + BEHIND_CIRCUIT)
        return until is None

    def _ask_provider(self, candidate: Candidate[Effect], claimed: Effect) -> bool:
        """Make the request and write down what came of it. False when nothing can have left."""
        now = self._runtime.clock.now()
        if self._has_expired(claimed, now):
            # We slept past our lease: others may count this claim as unknown by now, so nothing may leave (R15).
            self._hold(claimed, PACE, now)
            return False
        outcome = candidate.ask()
        now = self._runtime.clock.now()
        has_left = self._conclude(candidate, claimed, outcome, now)
        self._breakers[self._account(candidate)].heard(failed=circuits.is_failure(outcome), now=now)
        return has_left

    def _conclude(
        self, candidate: Candidate[Effect], claimed: Effect, outcome: Outcome, now: datetime
    ) -> bool:
        trade = self._trade
        match outcome:
            case Accepted():
                trade.accepted(claimed, outcome, now)
                self._log(trade.done, claimed, provider_id=outcome.provider_id)
                return True
            case Unclear(detail=detail):
                trade.ledger.lost_sight(claimed, detail, now + EVIDENCE_DUE)
                trade.count("Unknown")
                self._log("Lost sight of", claimed, detail=detail)
                return True
            case Declined(code=code, detail=detail, action=action):
                trade.ledger.declined(claimed, code)
                failures.heed(action, claimed.campaign, claimed.person, code)
                trade.declined(claimed)
                trade.count("Failed")
                self._log("The provider declined", claimed, code=code, detail=detail)
            case Throttled(retry_after_seconds=seconds):
                usual = self._runtime.settings.throttled_seconds
                until = now + timedelta(seconds=usual if seconds is None else seconds)
                sending.back_off(self._account(candidate), until)
                self._hold(claimed, THROTTLED, until)
                observability.count("ProviderThrottled")
            case AccountBlocked(code=code, detail=detail):
                failures.pause(claimed.campaign, f"the provider blocks the account: {code} {detail}")
                self._hold(claimed, Rule.PAUSED, now + BLOCKED_FOR)
            case never:
                assert_never(never)
        return False

    def _log(self, what: str, effect: Effect, **more: str) -> None:
        observability.logger.info(
            f"{what} a {self._trade.noun}",
            extra={**self._trade.id(effect), "campaign": effect.campaign, **more},
        )


def spent_on(
    effects: Sequence[Effect],
    people: Mapping[str, Contact],
    purse: Callable[[str], str] = lambda campaign: campaign,
) -> dict[str, Spent]:
    """Person → how their campaign stands, for the people of these effects who are known: one batch read for each campaign.

    A person is one campaign's. `purse` names whose money counts.
    """
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for effect in effects:
        if effect.person in people:
            groups[effect.campaign][effect.person] = phones.prefix(people[effect.person].phone)
    spent = {}
    for campaign, prefixes in groups.items():
        found = sending.standing(campaign, prefixes.values(), purse(campaign))
        for person, prefix in prefixes.items():
            spent[person] = Spent(found.paise, found.paused, found.prefixes.get(prefix))
    return spent


def release(
    ledger: Ledger[Effect], queue_url: str, now: datetime, has_time: Callable[[], bool] = lambda: True
) -> int:
    """Put back what was held and falls due before the next run; returns how many. Stops early when `has_time` says so.

    Each goes to the queue with the delay it has left. Its hold ends before that: a worker may hold it anew the moment the queue has it,
    and that hold must stand. So that a crash in between loses nothing it stays in the list, due again when its ticket must have come
    to something.
    """
    released = 0
    for keys in _chunks(ledger.waiting("held", now + RELEASE_AHEAD), 10):
        # The list may be behind the row.
        due = [each for each in ledger.load_many(keys).values() if _is_due(each, now + RELEASE_AHEAD)]
        ours = [each for each in due if ledger.release(each, _again_at(each, now))]
        queues.put(queue_url, [_returning(effect, _back_at(effect, now), now) for effect in ours])
        released += len(ours)
        if not has_time():
            break
    return released


def list_for_people(ledger: Ledger[Effect], now: datetime) -> int:
    """Move what had no evidence in time to the list that people settle; returns how many."""
    overdue = ledger.load_many(ledger.waiting("unknown", now))
    return sum(ledger.list_for_a_person(effect, now) for effect in overdue.values())


def _is_due(effect: Effect, until: datetime) -> bool:
    return effect.state in ("planned", "held") and effect.due_at is not None and effect.due_at <= until


def _again_at(held: Effect, now: datetime) -> datetime:
    """When to release it once more if nothing has come of its ticket."""
    return max(held.due_at or now, now) + RELEASED_AGAIN_AFTER


def _back_at(held: Effect, now: datetime) -> datetime:
    """When the queue should give a held effect out again: when it is due, or just before its departure."""
    return (held.due_at or now) - (AHEAD_OF_DEPARTURE if held.departs_at else timedelta())


def _returning(effect: Effect, at: datetime, now: datetime) -> Ticket:
    """A ticket that the queue keeps back until `at`."""
    return Ticket(effect.person, effect.name, max(0, int((at - now).total_seconds())))


def _chunks(keys: Iterable[tuple[str, str]], size: int) -> Iterator[list[tuple[str, str]]]:
    iterator = iter(keys)
    while chunk := list(islice(iterator, size)):
        yield chunk

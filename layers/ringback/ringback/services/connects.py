"""Whom a Connect is answered: the caller is connected to a voter, or to a tracker.

The answer to a Connect *is* the dial, so this door itself passes the gate, takes the slot and claims the person. What is told of the
person, and how a patch comes to its end, is for `patches`; what follows from that, for `ledger`.
"""

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from pynamodb.transactions import TransactWrite

from ringback import observability
from ringback.domain import influencers, patches, phones, policy, pools, reviews
from ringback.domain.campaigns import Campaign
from ringback.domain.contacts import Contact
from ringback.domain.conversations import Call
from ringback.domain.dials import Kind as DialKind
from ringback.domain.errors import Conflict
from ringback.domain.facts import TrackerDialled, VoterDialled
from ringback.domain.influencers import Blocked, Influencer, Stage
from ringback.domain.ledger import Side
from ringback.domain.legs import LegEvent
from ringback.domain.patches import (
    MOST_REFUSALS,
    Attempt,
    Kind,
    Nobody,
    Open,
    Patch,
    Patching,
    Reason,
    Same,
    claim_of,
)
from ringback.domain.policy import CallEffect, Hold, Refuse, Rule, Send, Spent, Standing, Stranger
from ringback.domain.pools import Rung, Ticket, Voter
from ringback.domain.times import INDIA
from ringback.domain.trackers import Tracker
from ringback.domain.turns import Dial, Party, Reach, Utterance, Words
from ringback.providers.base import (
    Answer,
    CallbackRequest,
    Dialect,
    Pairs,
    Reaching,
    Reply,
    TurnRequest,
    Unreadable,
)
from ringback.runtime import Runtime
from ringback.services import callbacks, trackers
from ringback.services import influencers as people
from ringback.services import reviews as staff_reviews
from ringback.services.callbacks import Line
from ringback.services.campaigns import Shelf
from ringback.services.patches import PAUSE_SECONDS, RACED_FOR, commit, entry_of, legible, without_keys
from ringback.services.phones import read as read_phone
from ringback.services.pools import Pools
from ringback.store import calls, slots, voters
from ringback.store import influencers as influencer_store
from ringback.store import patches as store
from ringback.store.patches import Climate, Commit
from ringback.store.tables import CallRow, InfluencerRow, PatchRow, read_together

CLIMATE_SECONDS = 5.0
"""How long a process goes by what it knows of pauses, of money spent and of calls to each area. So these are soft: in that time all doors
together may pass a cap by what they dial. A patched call is added to what was spent when it is booked, after its end, so the voice budget
may also be passed by the calls that go on when it is met: by as many as there are slots, each at most both legs of `longest_seconds`, of
the menu before it, and of what rang.
"""

WHISPER, BRIEF = "whisper", "brief"
"""What the utterances are called that the person dialled hears."""

OUTRUN = "outrun"
"""Why a voter waits whom nobody rang although a ticket was taken."""

_NOT_ABOUT_THE_PERSON = (Rule.BUDGET, Rule.CALLER_ID, Rule.STALE)
"""Refusals that say nothing of the voter: nobody else would be rung either."""


_REASONS = {Blocked.DAY_CAP: Reason.CAP, Blocked.AT_ONCE: Reason.SLOTS}
"""What a caller is told who is not put through; whoever has no go-ahead is told that."""


@dataclass(frozen=True, slots=True)
class _Spare:
    """What was taken for a question, when another one of its call was faster."""

    tickets: list[Ticket] = field(default_factory=list)
    staff: list[Attempt] = field(default_factory=list)
    """Attempts that were to ring a tracker."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question at the Connect URL, and all that is known of who is behind it."""

    call: Call
    patch: Patch | None
    influencer: Influencer
    content: Campaign
    patching: Patching
    party: Party
    pairs: Pairs
    provider: str
    now: datetime
    spare: _Spare

    @property
    def call_id(self) -> str:
        return self.call.call_id


class _Raced(Exception):
    """Another request about the same call was faster: look again."""


class Connects:
    """Answers Connect questions and takes in what is told of the legs; keeps content, pools and tickets at hand from one to the next."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._shelf = Shelf(runtime.settings.catalog_cache_seconds)
        self._pools = Pools(runtime)
        self._climates: dict[tuple[str, str], tuple[float, Climate]] = {}

    # whom to dial

    def answer(self, line: Line, request: CallbackRequest) -> Reply | None:
        """Answer a Connect question about one of a campaign's calls; None when the call was asked nothing of the kind, but put through to a
        number that its menu names. A HEAD has no effect.

        A forged or misplaced question is kept as an `Unparsed` fact, and nobody is dialled (A3, A22).
        """
        dialect = line.dialect
        nobody = Answer((), Reach(Party.VOTER))
        if request.method == "HEAD":
            return dialect.render(request.step, nobody)
        try:
            if len(request.body) > callbacks.LARGEST_BODY:
                raise Unreadable(f"{len(request.body)} bytes")
            pairs = dialect.read_pairs(request)
            asked = dialect.read_turn(request.step, pairs)
            answer = self.connect(dialect, line.campaign, asked, without_keys(dialect, pairs))
        except Unreadable as problem:
            observability.count("ConnectRefused")
            callbacks.keep_unparsed(self._runtime, line, callbacks.without_keys(request), str(problem))
            answer = nobody
        if answer is None:
            return None
        return dialect.render(request.step, replace(answer, address=line.address(self._runtime)))

    def connect(
        self, dialect: Dialect, campaign: str, asked: TurnRequest, pairs: Pairs = ()
    ) -> Answer | None:
        """Whom to dial now in a call; an answer without `reach`: nobody. None when the call is being put through to a number of its menu.

        A new voter takes five requests to AWS: the call, its patch and the influencer; the slot; the cursor; the voter and what the
        campaign knows of them; one transaction. Each voter whom the gate refuses takes three more. The same question again takes one.

        `Unreadable` for a question that the call's own story does not bear out; `Conflict` when other requests about the same call won
        every race for a second.
        """
        call_id = f"{dialect.name}:{asked.call_id}"
        until = self._runtime.clock.now() + RACED_FOR
        spare = _Spare()
        try:
            while True:
                found = self._known(campaign, call_id, asked, pairs, spare)
                if found is None:
                    return None
                try:
                    return self._answered(found, legible(asked.leg), is_over=asked.is_over)
                except _Raced:
                    observability.count("PatchRaced")
                if self._runtime.clock.now() >= until:
                    raise Conflict(f"{call_id} moved on each time it was looked at")
                self._runtime.clock.sleep(PAUSE_SECONDS)
        finally:
            self._put_back(spare.tickets)
            self._let_go(campaign, call_id, spare.staff)

    def _put_back(self, tickets: list[Ticket]) -> None:
        """Whoever was to be rung and then was not, because another question of the call was faster, is queued again with the next release."""
        now = self._runtime.clock.now()
        for ticket in tickets:
            voter = voters.load(ticket.pool, ticket.person)
            if voter is not None and pools.is_claimable(voter, ticket):
                self._pools.set_aside(voter, ticket, pools.held(OUTRUN, now))

    def _let_go(self, campaign: str, call_id: str, staff: list[Attempt]) -> None:
        """A tracker whom another question of the call left unrung is free for the next caller; the review that was opened for the talk
        ends, and the influencer is promised a call.
        """
        patch = store.load(call_id) if staff else None
        for unrung in staff:
            if patch is None or not (patch.is_over or len(patch.attempts) >= unrung.n):
                continue  # the attempt is yet to be opened, and then rings the same tracker
            if all((each.n, each.who) != (unrung.n, unrung.who) for each in patch.attempts):
                trackers.free(campaign, unrung.who, call_id, unrung.n)
                if unrung.kind is Kind.TRACKER and unrung.review:
                    staff_reviews.no_end(self._runtime, unrung.review)

    def _known(
        self, campaign: str, call_id: str, asked: TurnRequest, pairs: Pairs, spare: _Spare
    ) -> _Asked | None:
        """Read the call, its patch and who is behind it, in one request, where the question says who calls."""
        person = self._person(campaign, asked.caller)
        people = [influencer_store.key(person)] if person else []
        wanted = {CallRow: [calls.key(call_id)], PatchRow: [store.key(call_id)]}
        found = read_together(wanted | ({InfluencerRow: people} if people else {}))
        call = next(map(calls.read, found[CallRow]), None)
        if call is None or call.campaign != campaign:
            raise Unreadable("a connect for a call that nobody knows")
        ask = call.answers[-1].ask
        if isinstance(ask, Dial):
            return None
        if not call.is_live or not isinstance(ask, Reach):
            raise Unreadable("a connect for a call that is asked something else, or over")
        if call.person is None or person not in (None, call.person):
            raise Unreadable("a connect from somebody who is not the caller")
        influencer = next(map(influencer_store.read, found.get(InfluencerRow, ())), None)
        if not people:
            influencer = influencer_store.load(call.person)
        content = self._shelf.current(campaign)
        if content.patching is None or influencer is None:
            raise Unreadable("a connect for somebody who is no influencer")
        return _Asked(
            call=call,
            patch=next(map(store.read, found[PatchRow]), None),
            influencer=influencer,
            content=content,
            patching=content.patching,
            party=ask.party,
            pairs=pairs,
            provider=call_id.partition(":")[0],
            now=self._runtime.clock.now(),
            spare=spare,
        )

    def _answered(self, asked: _Asked, leg: LegEvent | None, *, is_over: bool) -> Answer:
        if is_over:
            told = patches.told(asked.patch, leg, asked.now) if asked.patch and leg else asked.patch
            return self._nobody(asked, told, Reason.LEFT)
        match patches.next_step(asked.patch, leg, asked.patching, asked.now):
            case Same(attempt=attempt):
                observability.conclude("Repeated a connect", "ConnectRepeated", call_id=asked.call_id)
                return self._reaching(asked, attempt)
            case Nobody(reason=reason, patch=moved):
                return self._nobody(asked, moved, reason)
            case Open(n=n, patch=moved):
                return self._opened(asked, moved, n)

    def _opened(self, asked: _Asked, moved: Patch | None, n: int) -> Answer:
        """Open the `n`-th attempt: slot, then somebody to ring. A slot taken for nothing is given back; what a crash keeps, a recount."""
        if reason := self._barred(asked):
            return self._nobody(asked, moved, reason)
        account, limits = asked.provider, asked.patching.slots
        is_new = moved is None or not moved.holds_slot
        if is_new:
            held = slots.acquire(account, asked.call.number, limits)
            if held is None:
                observability.count("SlotsFull")
                return self._nobody(asked, moved, Reason.SLOTS)
            observability.count("SlotsTaken", held)
        patch = moved or _fresh(asked)
        if is_new:
            patch = replace(patch, slot=account)
        try:
            attempt = self._rung(asked, patch, n)
        except _Raced:
            if is_new:
                slots.release(account, asked.call.number)
            raise
        if attempt is not None:
            return self._reaching(asked, attempt)
        if is_new:
            slots.release(account, asked.call.number)
        return self._nobody(asked, moved, Reason.NOBODY_FREE)

    def _going_on(self, asked: _Asked) -> int:
        """How many other calls of the caller may be going on. Only where that are too many is looked which of them have ended and are not
        booked yet: one request more, for who rings again at once and again.
        """
        others = asked.influencer.live_beside(asked.call_id, asked.now)
        if len(others) < asked.patching.calls_at_once:
            return len(others)
        return len(others) - sum(patch.is_over for patch in store.load_many(others))

    def _barred(self, asked: _Asked) -> Reason | None:
        """Why nobody may be opened for this caller; the stage was read a moment ago, consistently."""
        if asked.party is Party.TRACKER:
            return None if asked.influencer.stage in (Stage.INFORMED, Stage.IN_REVIEW) else Reason.NOT_ALLOWED
        blocked = influencers.may_be_patched(
            asked.influencer, people.limits_of(asked.content), asked.now, self._going_on(asked)
        )
        if blocked is not None:
            observability.count("PatchBlocked")
            observability.logger.warning(
                "A caller was not patched", extra={"call_id": asked.call_id, "rule": str(blocked)}
            )
            return _REASONS.get(blocked, Reason.NOT_ALLOWED)
        climate = self._climate(asked)
        is_open = asked.content.window.is_open(asked.now) and climate.paused is None
        return None if is_open else Reason.NOBODY_FREE

    def _rung(self, asked: _Asked, patch: Patch, n: int) -> Attempt | None:
        """Somebody to ring, claimed for this attempt; None when nobody is left."""
        if asked.party is Party.TRACKER:
            return self._tracker_rung(asked, patch, n)
        is_mystery = self._is_mystery(asked, n) and self._rings_voters(asked)
        if is_mystery and (attempt := self._mystery_rung(asked, patch, n)):
            return attempt
        return self._voter_rung(asked, patch, n)

    # a voter

    def _voter_rung(self, asked: _Asked, patch: Patch, n: int) -> Attempt | None:
        pool, claim = pools.pool_id(asked.content.id, asked.patching.pool), claim_of(asked.call_id, n)
        for _ in range(MOST_REFUSALS + 1):
            ticket = asked.spare.tickets.pop() if asked.spare.tickets else self._pools.take(pool, claim)
            if ticket is None:
                return None
            known = voters.load_known(pool, ticket.person, self._pools.others(pool))
            voter = known.voter
            if (
                voter is None
                or not pools.is_claimable(voter, ticket)
                or voter.phone == asked.influencer.phone
            ):
                observability.count("TicketStale")
                continue
            match self._gate(asked, voter, known.contact, known.rung.and_in(voter)):
                case Send():
                    attempt = _voters_attempt(asked, voter, ticket, n)
                    if self._claimed(asked, patch, attempt, ticket):
                        return attempt
                case Hold(until=until, rule=rule):
                    self._set_aside(voter, ticket, pools.held(rule, until), rule)
                case Refuse(rule=rule) if rule in _NOT_ABOUT_THE_PERSON:
                    self._stopped(asked, rule)
                    return None
                case Refuse(rule=rule):
                    self._set_aside(voter, ticket, pools.refused(rule), rule)
        return None

    def _gate(self, asked: _Asked, voter: Voter, contact: Contact | None, rung: Rung) -> Send | Hold | Refuse:
        """What the policy gate says of ringing a voter: they never asked for it, so what nobody knows speaks against it."""
        climate, content = self._climate(asked), asked.content
        effect = CallEffect(
            kind=DialKind.STRANGER,
            phone=voter.phone,
            number=asked.call.number,
            caused_at=asked.call.began_at,
            cost_paise=_cost(asked),
            stranger=Stranger(
                consent=voter.consent.evidence if voter.consent else None,
                is_dnd=voter.is_dnd,
                dnd_checked_at=voter.dnd_checked_at,
                called_us_at=contact.last_called_at if contact else None,
                settled=rung.settled,
                attempts=rung.attempts,
                last_attempt_at=rung.last_at,
                area_calls_today=climate.areas.get(voter.area or "", 0),
            ),
        )
        standing = Standing(
            opted_out_at=contact.opted_out_at if contact else None,
            suppressed=contact.suppressed if contact else None,
            place=voter.area,
        )
        return policy.decide(effect, standing, content, self._spent(asked), asked.now)

    def _set_aside(self, voter: Voter, ticket: Ticket, settled: pools.Settled, rule: Rule) -> None:
        self._pools.set_aside(voter, ticket, settled)
        observability.count("VoterHeld" if settled.due_at else "VoterRefused")
        observability.logger.info("A voter was not rung", extra={"person": voter.person, "rule": str(rule)})

    def _stopped(self, asked: _Asked, rule: Rule) -> None:
        observability.count("PatchingStopped")
        observability.logger.error(
            "Nobody can be rung", extra={"campaign": asked.content.id, "rule": str(rule)}
        )

    def _claimed(self, asked: _Asked, patch: Patch, attempt: Attempt, ticket: Ticket) -> bool:
        """Make an attempt stand: the voter's claim, the patch and the fact in one transaction. False when the voter was lost."""
        fact = VoterDialled(
            source_id=asked.call_id,
            attempt=attempt.n,
            person=attempt.who,
            influencer=asked.influencer.person,
            dialled=asked.call.number,
            pool=ticket.pool,
            area=attempt.area,
            ticket=ticket.name,
            occurred_at=asked.now,
        )
        try:
            return self._dialled(
                asked,
                patch,
                attempt,
                fact,
                lambda transaction: voters.add_claim(
                    transaction, ticket, claim_of(asked.call_id, attempt.n), asked.now
                ),
            )
        except _Raced:
            asked.spare.tickets.append(ticket)
            raise

    # a tracker

    def _tracker_rung(self, asked: _Asked, patch: Patch, n: int) -> Attempt | None:
        """A free tracker, with the review that their call opens; the influencer's stage moves with it."""
        exclude = {*(attempt.who for attempt in patch.attempts)}
        exclude |= {*people.must_not_be_asked(asked.content, asked.influencer)}
        tracker = trackers.choose(
            self._runtime,
            asked.content,
            asked.influencer,
            asked.call_id,
            n,
            exclude,
            number=asked.call.number,
        )
        if tracker is None:
            return None
        review = staff_reviews.open(self._runtime, asked.content, asked.influencer, tracker, asked.call_id, n)
        if review is None:
            trackers.free(asked.content.id, tracker.person, asked.call_id, n)
            return None
        attempt = _trackers_attempt(asked, tracker, n, Kind.TRACKER, review.id)
        fact = TrackerDialled(
            source_id=asked.call_id,
            attempt=n,
            person=tracker.person,
            influencer=asked.influencer.person,
            dialled=asked.call.number,
            review=review.id,
            occurred_at=asked.now,
        )
        return self._staff_dialled(asked, patch, attempt, fact)

    def _staff_dialled(
        self, asked: _Asked, patch: Patch, attempt: Attempt, fact: VoterDialled | TrackerDialled
    ) -> Attempt | None:
        try:
            return attempt if self._dialled(asked, patch, attempt, fact) else None
        except _Raced:
            asked.spare.staff.append(attempt)
            raise

    def _is_mystery(self, asked: _Asked, n: int) -> bool:
        """Whether this attempt rings a tracker in a voter's stead: a share that nobody can foretell who lacks our key (X3)."""
        if not asked.patching.mystery_percent:
            return False
        message = f"mystery\0{claim_of(asked.call_id, n)}".encode()
        digest = hmac.digest(self._runtime.secrets.callback_key, message, "sha256")
        return int.from_bytes(digest[:4]) % 100 < asked.patching.mystery_percent

    def _rings_voters(self, asked: _Asked) -> bool:
        """Whether voters are rung at all now. Where none is, no tracker is in a voter's stead either: whoever was put through all the same would
        know to whom.
        """
        budget = asked.content.limits.voice_budget_paise
        if not policy.is_affordable(_cost(asked), self._spent(asked), budget):
            return False
        return self._pools.has_tickets(pools.pool_id(asked.content.id, asked.patching.pool))

    def _mystery_rung(self, asked: _Asked, patch: Patch, n: int) -> Attempt | None:
        exclude = {attempt.who for attempt in patch.attempts}
        tracker = trackers.choose(
            self._runtime,
            asked.content,
            asked.influencer,
            asked.call_id,
            n,
            exclude,
            number=asked.call.number,
            mystery=True,
        )
        if tracker is None:
            return None
        review = f"{asked.influencer.person}-{reviews.mystery_number(claim_of(asked.call_id, n))}"
        attempt = _trackers_attempt(asked, tracker, n, Kind.MYSTERY, review)
        fact = VoterDialled(
            source_id=asked.call_id,
            attempt=n,
            person=tracker.person,
            influencer=asked.influencer.person,
            dialled=asked.call.number,
            pool=pools.pool_id(asked.content.id, asked.patching.pool),
            area=None,
            ticket=None,
            occurred_at=asked.now,
            mystery=True,
        )
        return self._staff_dialled(asked, patch, attempt, fact)

    # what is written, and what is answered

    def _dialled(
        self,
        asked: _Asked,
        patch: Patch,
        attempt: Attempt,
        fact: VoterDialled | TrackerDialled,
        also: Callable[[TransactWrite], None] | None = None,
    ) -> bool:
        opened = patches.opened(patch, attempt, asked.patching)
        entry = entry_of(fact, asked.content.id, asked.provider, asked.pairs, asked.now)
        match store.save(opened, entry, also):
            case Commit.DONE:
                observability.conclude(
                    "Dialled somebody",
                    "PersonDialled",
                    call_id=asked.call_id,
                    attempt=str(attempt.n),
                    person=attempt.who,
                )
                return True
            case Commit.REFUSED:
                observability.count("ClaimLost")
                return False
        raise _Raced

    def _nobody(self, asked: _Asked, moved: Patch | None, reason: Reason) -> Answer:
        """Dial nobody, and keep why, so that the menu can say it. That is the end of the patch."""
        before = asked.patch
        after = patches.ended(moved or _fresh(asked), reason, asked.now)
        if before is None:
            is_kept = store.note(after)
        else:
            is_kept = after == before or commit(before, after, asked.provider, asked.pairs, asked.now)
        if not is_kept:
            raise _Raced
        observability.conclude("Dialled nobody", "NobodyDialled", call_id=asked.call_id, reason=str(reason))
        return Answer((), Reach(asked.party), asked.call.turn)

    def _reaching(self, asked: _Asked, attempt: Attempt) -> Answer:
        reaching = Reaching(
            number=attempt.phone,
            caller_id=asked.call.number,
            ring_seconds=asked.patching.ring_seconds,
            longest_seconds=asked.patching.longest_seconds,
            whisper=_whisper(asked.patching, asked.content.default_language, attempt),
            attempt=attempt.n,
        )
        return Answer((), Reach(asked.party), asked.call.turn, reach=reaching)

    # what changes slowly

    def _climate(self, asked: _Asked) -> Climate:
        key = asked.content.id, asked.now.astimezone(INDIA).date().isoformat()
        read_at, climate = self._climates.get(key, (float("-inf"), None))
        fresh = min(CLIMATE_SECONDS, self._runtime.settings.catalog_cache_seconds)
        if climate is None or time.monotonic() - read_at > fresh:
            climate = store.climate(*key)
            self._climates = {key: (time.monotonic(), climate)}
        return climate

    def _spent(self, asked: _Asked) -> Spent:
        climate = self._climate(asked)
        return Spent(climate.spent_paise, climate.paused, prefix_tripped_until=None)

    def _person(self, campaign: str, caller: str | None) -> str | None:
        """The id of the caller as a question tells them; None when it tells nobody."""
        try:
            phone = read_phone(caller)
        except phones.Withheld:
            return None
        except phones.Unreadable:
            return "-"
        return phones.person_id(self._runtime.secrets.person_pepper, campaign, phone)


def _fresh(asked: _Asked) -> Patch:
    call = asked.call
    return Patch(
        call_id=call.call_id,
        campaign=call.campaign,
        version=asked.content.version,
        number=call.number,
        influencer=asked.influencer.person,
        party=asked.party,
        began_at=call.began_at,
        last_at=asked.now,
        lease_until=asked.now + asked.patching.lease,
    )


def _cost(asked: _Asked) -> int:
    """What a patch may cost at most, in paise: both legs, for as long as a talk may last."""
    legs = asked.content.rules.patch_legs
    return sum(legs.paise(side, asked.patching.longest_seconds) for side in Side) if legs else 0


def _voters_attempt(asked: _Asked, voter: Voter, ticket: Ticket, n: int) -> Attempt:
    return Attempt(
        n=n,
        who=voter.person,
        phone=voter.phone,
        kind=Kind.VOTER,
        opened_at=asked.now,
        pool=ticket.pool,
        ticket=ticket.name,
        area=voter.area,
        language=voter.language,
    )


def _trackers_attempt(asked: _Asked, tracker: Tracker, n: int, kind: Kind, review: str) -> Attempt:
    spoken = asked.influencer.language
    return Attempt(
        n=n,
        who=tracker.person,
        phone=tracker.phone,
        kind=kind,
        opened_at=asked.now,
        language=next(
            (each for each in tracker.languages if each == spoken), next(iter(tracker.languages), spoken)
        ),
        review=review,
    )


def _whisper(patching: Patching, default_language: str, attempt: Attempt) -> tuple[Utterance, ...]:
    """What the person hears before the bridge, in their language or else the campaign's."""
    texts = {
        Kind.VOTER: patching.whisper,
        Kind.TRACKER: patching.brief,
        Kind.MYSTERY: patching.mystery_brief or patching.brief,
    }[attempt.kind]
    language = attempt.language if attempt.language and attempt.language in texts else default_language
    if language not in texts:
        return ()
    name = WHISPER if attempt.kind is Kind.VOTER else BRIEF
    return (Utterance(name, Words(texts[language]), language),)

"""The one place where kept facts have consequences.

Idempotent step by step: a repeat performs every step again, and a failed condition means "already done", never "stop". Facts may come
in any order. A fact that fails goes by its key to the retry queue and the rest of the batch goes on, so a poison fact blocks nobody.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never
from urllib.parse import parse_qsl
from zlib import crc32

from ringback import observability, queues
from ringback.domain import calls, messages, metrics, phones
from ringback.domain.calls import Caller, Recognised
from ringback.domain.campaigns import Campaign, Number, Purpose
from ringback.domain.contacts import Consent, Contact, Planned
from ringback.domain.dials import Dial
from ringback.domain.facts import (
    AttendeeCheckedIn,
    CallMissed,
    ContactOptedOut,
    DialEnded,
    Entry,
    Fact,
    PatchTold,
    SmsStatusChanged,
    TrackerDialled,
    TurnTaken,
    Unparsed,
    VoterDialled,
)
from ringback.domain.legs import Progress
from ringback.domain.messages import Message, State
from ringback.domain.metrics import Hour, Increments
from ringback.domain.patches import Reason
from ringback.domain.times import INDIA
from ringback.domain.turns import (
    AgendaHeard,
    CallbackRequested,
    ConnectEnded,
    DispositionGiven,
    DutyChanged,
    Effect,
    FeedbackRecorded,
    FieldSet,
    LanguageChosen,
    MenuEnded,
    OptedIn,
    OptedOut,
    Party,
    Pledged,
    ReasonGiven,
    Recruited,
    Rsvped,
    VerdictGiven,
    Voted,
)
from ringback.providers import dialect
from ringback.runtime import Runtime
from ringback.services import (
    answers,
    callbacks,
    dials,
    failures,
    feedback,
    influencers,
    patches,
    reviews,
    ring_backs,
    trackers,
    turns,
)
from ringback.services import ledger as books
from ringback.services.campaigns import Shelf
from ringback.services.phones import read as read_phone
from ringback.store import calls as call_store
from ringback.store import catalog, contacts, counters, journal, sending
from ringback.store import messages as ledger
from ringback.store import patches as patch_store

OPT_OUT = "opt-out"
CHECK_IN = "check-in"

_SUSPICIOUS_SHARE = 2
"""How many calls of one batch must come from one block of ten thousand numbers before they are counted. A batch is small and spread
over lanes, so two are rare enough to cost nothing: India has a hundred thousand blocks."""

_NEWS_FOR = timedelta(hours=1)
"""How long a report is news: a retry completes it, a replay of old ones pauses nobody."""

_PREFIX_HOLD = timedelta(hours=1)


def read(entry: Entry) -> Fact:
    """The fact an entry tells, read again from its raw parameters; `Rejected` when a later reader no longer understands it."""
    pairs = tuple(parse_qsl(entry.raw, keep_blank_values=True))
    if entry.step == "unparsed":
        return Unparsed(entry.source_id, dict(pairs).get("reason", ""))
    if entry.step == OPT_OUT:
        told = dict(pairs)
        return ContactOptedOut(entry.source_id, told["person"], entry.received_at)
    if entry.step == CHECK_IN:
        told = dict(pairs)
        return AttendeeCheckedIn(entry.source_id, told["gathering"], told["person"], entry.received_at)
    if entry.step == turns.TURN:
        return turns.read(entry, dict(pairs).get(turns.TURN))
    if entry.step == callbacks.DIAL_STATUS:
        return dialect(entry.provider).read_dial_status(entry.source_id, pairs)
    if entry.step == patches.STEP:
        return patches.read(entry, dict(pairs).get(patches.STEP))
    if entry.step == callbacks.SMS_STATUS:
        return dialect(entry.provider).read_sms_status(entry.source_id, pairs)
    return dialect(entry.provider).read_call(entry.step, pairs)


def named_a_caller(variant: Entry, campaign: Campaign) -> bool:
    """Whether the first telling of this call named its caller: then a variant brings nothing new (the first one stands)."""
    first = journal.load(variant.source_id, variant.key.partition("#")[0])
    if first is None:
        return False
    call = read(first)
    return (
        isinstance(call, CallMissed)
        and calls.recognise(call, campaign, first.received_at, read_phone).caller is Caller.PERSON
    )


@dataclass(slots=True)
class _Batch:
    """What the facts of one batch come to together."""

    increments: Increments = field(default_factory=dict)
    tickets: list[queues.Ticket] = field(default_factory=list)
    dials: list[queues.Ticket] = field(default_factory=list)
    blocks: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(campaign, prefix) → how many of the batch's callers are of that block of numbers."""
    areas: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(campaign, Indian day, area) → how many of its voters were rung."""

    def count(self, hour: Hour, added: Counter[str]) -> None:
        metrics.merge(self.increments, hour, added)

    def dialled_in(self, campaign: str, fact: VoterDialled) -> None:
        """Count a call to a voter for their area and the day, which caps are about; a tracker in a voter's stead has no area."""
        if fact.area is not None:
            day = fact.occurred_at.astimezone(INDIA).date().isoformat()
            self.areas[campaign, day, fact.area] += 1

    def plan(self, message: Message) -> None:
        ledger.plan(message)
        self.tickets.append(queues.Ticket(message.person, message.name))

    def ring(self, dial: Dial | None) -> None:
        """Have a planned dial placed."""
        if dial is not None:
            self.dials.append(queues.Ticket(dial.person, dial.name))


class Reaction:
    """Reacts to batches of entries; keeps campaign content at hand from one batch to the next."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._shelf = Shelf(runtime.settings.catalog_cache_seconds)

    def react(self, entries: Sequence[Entry], *, counting: bool = True) -> list[Entry]:
        """Carry out the consequences of a batch; returns the entries that failed, for the caller to retry.

        Messages are queued and increments added once per batch, after every fact has been seen to. Everything but the counters
        is idempotent, so a replay leaves them out (`counting`).
        """
        failed: list[Entry] = []
        batch = _Batch()
        for entry in entries:
            try:
                self._consequences(entry, batch)
            except Exception:
                observability.logger.exception(
                    "A fact failed", extra={"source_id": entry.source_id, "fact": entry.key}
                )
                observability.count("FactFailed")
                failed.append(entry)
        if counting:
            self._hold_suspicious(batch.blocks)
        queues.put(self._runtime.settings.send_queue_url, batch.tickets)
        queues.put(self._runtime.settings.dial_queue_url, batch.dials)
        if counting and entries:
            counters.add(batch.increments, shard=crc32(entries[0].source_id.encode()))
            for (campaign, day, area), calls in batch.areas.items():
                patch_store.count_area(campaign, day, area, calls)
        return failed

    def _consequences(self, entry: Entry, batch: _Batch) -> None:
        match read(entry):
            case CallMissed() as call:
                self._missed(entry, call, batch)
            case TurnTaken() as turn:
                self._turned(entry, turn, batch)
            case VoterDialled() | TrackerDialled() | PatchTold() as told:
                self._patched(entry, told, batch)
            case SmsStatusChanged() as report:
                self._reported(entry, report, batch)
            case DialEnded() as ending:
                self._ended(entry, ending, batch)
            case ContactOptedOut(person=person):
                contacts.opt_out(person, entry.received_at)
                influencers.complained(
                    self._runtime, self._shelf.current(entry.campaign), person, entry.received_at
                )
            case AttendeeCheckedIn(gathering=gathering, person=person):
                answers.check_in(entry.campaign, gathering, person, entry.received_at)
            case Unparsed():
                batch.count(
                    metrics.hour_of(entry.campaign, entry.received_at),
                    Counter({metrics.UNPARSED: 1}),
                )
            case never:
                assert_never(never)

    def _missed(self, entry: Entry, call: CallMissed, batch: _Batch) -> None:
        campaign = self._shelf.current(entry.campaign)
        recognised = calls.recognise(call, campaign, entry.received_at, read_phone)
        hour = metrics.hour_of(campaign.id, recognised.occurred_at)
        if is_foreign(recognised, campaign, catalog.owner):
            observability.count("ForeignNumber")
            observability.logger.warning(
                "A call named a number of another campaign", extra={"source_id": entry.source_id}
            )
            batch.count(hour, Counter({metrics.FOREIGN_NUMBER: 1}))
            return
        if entry.is_variant and named_a_caller(entry, campaign):
            return
        new_at: tuple[str, ...] = ()
        is_verified = False
        if recognised.number is not None and recognised.phone is not None:
            batch.blocks[campaign.id, phones.prefix(recognised.phone)] += 1
            contact, message = self._meet(campaign, recognised.number, recognised, recognised.phone)
            if recognised.number.purpose is Purpose.SUPPORT:
                answers.keep_support(
                    campaign, contact, recognised.number, recognised.cause, recognised.occurred_at
                )
            if calls.asks_to_be_left_alone(recognised.number):
                # By when they called: one that was found in the provider's listing is heard of minutes later.
                influencers.complained(self._runtime, campaign, contact.person, recognised.occurred_at)
            new_at = metrics.first_met(contact, recognised.cause, recognised.number)
            is_verified = contact.verified is not None
            if message is not None:
                batch.plan(message)
            if (menu := recognised.number.callback) is not None:
                self._rung_back(campaign, contact, recognised, recognised.number, menu, batch)
        added = metrics.of_call(
            recognised, repeated_telling=entry.is_variant, new_at=new_at, is_verified=is_verified
        )
        batch.count(hour, added)

    def _rung_back(
        self, campaign: Campaign, contact: Contact, call: Recognised, number: Number, menu: str, batch: _Batch
    ) -> None:
        """Have whoever gave a missed call rung back, unless another campaign of ours did: the two would ring each other for ever (A9)."""
        if catalog.owner(contact.phone) is not None:
            observability.count("LoopCall")
            observability.logger.warning(
                "A number of ours gave us a missed call", extra={"cause": call.cause}
            )
            return
        if not ring_backs.missed(self._runtime, campaign, number, contact, call.cause, call.occurred_at):
            batch.ring(_call_back(campaign, contact, call, menu))

    def _turned(self, entry: Entry, turn: TurnTaken, batch: _Batch) -> None:
        """What a caller did in a menu. One who withholds their number has no answers, but what they record is kept."""
        campaign = self._shelf.version(entry.campaign, turn.version)
        called = calls.recognise(turn, campaign, entry.received_at, read_phone)
        if turn.dial is not None and turn.turn == 1:
            dials.answered(turn.dial, turn.source_id.partition(":")[2])
        known = None
        if called.number is not None and called.phone is not None:
            known = self._met_in_menu(
                campaign, called.number, called, called.phone, turn, entry.received_at, batch
            )
        self._offered(entry, turn, called, known)
        for effect in turn.effects:
            match effect:
                case AgendaHeard() if known is not None:
                    influencers.heard(campaign, known.person, effect, turn.cause, called.occurred_at)
                case ConnectEnded(party=Party.TRACKER, talked=False) if known is not None:
                    influencers.promise(self._runtime, known.person, turn.cause, called.occurred_at)
                case ConnectEnded(party=Party.VOTER, reason=Reason.NOT_ALLOWED) if known is not None:
                    # Where a rule was made stricter, they meet it now, and no call of theirs is booked any more.
                    influencers.heed(self._runtime, self._shelf.current(entry.campaign), known.person)
                case VerdictGiven():
                    reviews.verdict_given(
                        self._runtime,
                        self._shelf.current(entry.campaign),
                        effect,
                        turn.source_id,
                        turn.cause,
                        called.occurred_at,
                    )
                case ReasonGiven():
                    reviews.reason_given(entry.campaign, effect, turn.source_id)
                case DutyChanged(on=on):
                    trackers.duty_changed(entry.campaign, turn.source_id, on, called.occurred_at)
                case DispositionGiven(disposition=disposition):
                    campaign_now = self._shelf.current(entry.campaign)
                    books.disposed(campaign_now, turn.source_id, disposition, called.occurred_at)
                case MenuEnded():
                    patches.over(self._runtime, entry.campaign, turn.source_id)
                case FeedbackRecorded():
                    speaker = known or _somebody(campaign, turn)
                    feedback.received(
                        self._runtime, campaign, speaker, effect, turn.cause, called.occurred_at
                    )
                case CallbackRequested(menu=str() as menu) if known is not None:
                    batch.ring(_call_back(campaign, known, replace(called, cause=turn.cause), menu))
                case Voted() | Rsvped() | Pledged() if known is not None:
                    # Under what is in force now: the call may have begun before a poll or a room was changed.
                    now_in_force = self._shelf.current(entry.campaign)
                    kept = answers.keep(
                        self._runtime, now_in_force, known, effect, turn.cause, called.occurred_at
                    )
                    for message in kept.messages:
                        batch.plan(message)
        hour = metrics.hour_of(campaign.id, called.occurred_at)
        batch.count(hour, metrics.of_turn(turn))
        if turn.opens_a_call_in:
            new_at: tuple[str, ...] = ()
            if known is not None and called.number is not None:
                new_at = metrics.first_met(known, called.cause, called.number)
            is_verified = known is not None and known.verified is not None
            added = metrics.of_call(
                called, repeated_telling=entry.is_variant, new_at=new_at, is_verified=is_verified
            )
            batch.count(hour, added)

    def _offered(self, entry: Entry, turn: TurnTaken, call: Recognised, known: Contact | None) -> None:
        """Who walks the influencers' menu, or asks to be one in another, is an influencer from then on (F34, F49)."""
        campaign = self._shelf.current(entry.campaign)
        if known is None or campaign.reviews is None:
            return
        recruited = any(isinstance(effect, Recruited) for effect in turn.effects)
        walks = turn.menu == campaign.reviews.menu and (turn.turn == 1 or any(map(_is_agenda, turn.effects)))
        if recruited or walks:
            by = influencers.brought_by(campaign, known.person, entry.received_at) if recruited else None
            influencers.met(known, call.occurred_at, by)
        if walks and turn.turn == 1:
            influencers.chained(campaign, known.person)

    def _patched(self, entry: Entry, fact: VoterDialled | TrackerDialled | PatchTold, batch: _Batch) -> None:
        """What happened in a patched call: its machine, its people, and once it is over its cost."""
        campaign = self._shelf.current(entry.campaign)
        if not isinstance(fact, PatchTold):
            books.dialled(self._runtime, campaign, fact)
            self._end_if_left(entry.campaign, fact.source_id)
        if _ends_something(fact):
            patch = books.settle(self._runtime, campaign, fact.source_id)
            if patch is not None and patch.is_over:
                ring_backs.heard(call_store.load(patch.call_id), patch)
                if patch.party is Party.VOTER:
                    influencers.complained_in(self._runtime, campaign, patch)
                    # By the rules of today, and also if whoever booked the call died before this.
                    influencers.heed(self._runtime, campaign, patch.influencer)
        if isinstance(fact, VoterDialled):
            batch.dialled_in(campaign.id, fact)
        hour = metrics.hour_of(entry.campaign, fact.occurred_at)
        batch.count(hour, metrics.of_patch(fact, repeated_telling=entry.is_variant))

    def _end_if_left(self, campaign: str, call_id: str) -> None:
        """End the patch of a call that was over when somebody was given out for it: its end came before there was a patch to end."""
        call = call_store.load(call_id)
        if call is not None and not call.is_live:
            patches.over(self._runtime, campaign, call_id)

    def _met_in_menu(
        self,
        campaign: Campaign,
        number: Number,
        call: Recognised,
        phone: str,
        turn: TurnTaken,
        told_at: datetime,
        batch: _Batch,
    ) -> Contact:
        """Make or update the contact by what a turn told of them; the first turn plans what the number sends its callers.

        Whom we rang has not rung the number: that call says nothing of them, and nothing is sent for it.
        """
        contact = self._contact(campaign, number, call, phone, counts=turn.opens_a_call_in)
        if turn.dial is not None:
            contact = contacts.record_call(
                replace(contact, signals=frozenset(), last_called_at=None), opts_out=False
            )
        elif number.text is not None and turn.turn == 1:
            contact, message = self._planned(campaign, number.text, contact, call)
            if message is not None:
                batch.plan(message)
        else:
            contact = contacts.record_call(contact, opts_out=False)
        for effect in turn.effects:
            match effect:
                case OptedOut():
                    contacts.opt_out(contact.person, turn.occurred_at)
                    influencers.complained(self._runtime, campaign, contact.person, told_at)
                case LanguageChosen(language=language):
                    contacts.choose_language(contact.person, language, turn.occurred_at)
                case OptedIn(channel=channel):
                    contacts.consent(contact.person, channel, Consent(turn.cause, turn.occurred_at))
                case FieldSet(field=name, value=value):
                    contacts.set_field(contact.person, name, value, turn.occurred_at)
        return contact

    def _meet(
        self, campaign: Campaign, number: Number, call: Recognised, phone: str
    ) -> tuple[Contact, Message | None]:
        """Make or update the contact, and plan what the number sends its callers."""
        contact = self._contact(campaign, number, call, phone, counts=True)
        if number.text is None:
            return contacts.record_call(contact, opts_out=calls.asks_to_be_left_alone(number)), None
        return self._planned(campaign, number.text, contact, call)

    def _contact(
        self, campaign: Campaign, number: Number, call: Recognised, phone: str, *, counts: bool
    ) -> Contact:
        """Whom a call tells of. One that came in `counts`: it makes its caller unique wherever it is the first."""
        return Contact(
            person=phones.person_id(self._runtime.secrets.person_pepper, campaign.id, phone),
            campaign=campaign.id,
            phone=phone,
            language=number.language,
            first_called_at=call.occurred_at,
            first_number=number.number,
            first_source=number.source,
            last_called_at=call.occurred_at,
            first_calls=dict.fromkeys(metrics.places(number), call.cause) if counts else {},
            signals=frozenset({calls.signal(number)}),
        )

    def _planned(
        self, campaign: Campaign, text: str, contact: Contact, call: Recognised
    ) -> tuple[Contact, Message | None]:
        """Make or update the contact, and plan a text for them unless it was planned a short while ago."""
        planned = Planned(call.cause, call.occurred_at)
        contact, due = contacts.record_call_and_plan(contact, text, planned, campaign.texts[text].once_per)
        if not due:
            return contact, None
        return contact, Message(
            person=contact.person,
            name=messages.name_for(campaign.id, text, call.cause),
            campaign=campaign.id,
            text=text,
            language=contact.language,
            cause=call.cause,
            caused_at=call.occurred_at,
        )

    def _ended(self, entry: Entry, ending: DialEnded, batch: _Batch) -> None:
        """How a call that we placed ended; the attempt that follows waits in the ledger until it is due."""
        dials.ended(self._shelf.current(entry.campaign), ending, entry.received_at)
        batch.count(
            metrics.hour_of(entry.campaign, entry.received_at),
            metrics.of_ending(ending, repeated_telling=entry.is_variant),
        )

    def _reported(self, entry: Entry, report: SmsStatusChanged, batch: _Batch) -> None:
        person, name = messages.split_id(report.source_id)
        state = messages.state_reported(report.delivery)
        if state is None:
            observability.count("ReportUnrecognised")
            return
        changed = ledger.report(
            person, name, state, code=report.code, provider_id=report.provider_id, parts=report.parts
        )
        if not (changed or _stands_as(person, name, state)):
            return
        # The ledger says what the report says, now or since an earlier try; what that try left undone is done now.
        is_news = self._runtime.clock.now() - entry.received_at < _NEWS_FOR
        failures.heed(report.action, entry.campaign, person, report.code, is_news=is_news)
        contact = contacts.verify(person, report.source_id) if state is State.DELIVERED else None
        if not changed:
            return
        added: Counter[str] = Counter()
        if state is State.DELIVERED:
            added[metrics.DELIVERED] += 1
            if contact is not None and contact.verified == report.source_id:
                added += metrics.of_verification(contact)
        elif state is State.FAILED:
            added[metrics.FAILED] += 1
        batch.count(metrics.hour_of(entry.campaign, entry.received_at), added)

    def _hold_suspicious(self, blocks: Counter[tuple[str, str]]) -> None:
        """Hold what a burst from one block of ten thousand numbers would be sent (A13). Their calls are recorded all the same."""
        now = self._runtime.clock.now()
        for (campaign_id, prefix), calls_made in blocks.items():
            if calls_made < _SUSPICIOUS_SHARE:
                continue
            limit = self._shelf.current(campaign_id).limits.prefix_per_minute
            if sending.count_prefix(campaign_id, prefix, now, calls_made, limit, _PREFIX_HOLD):
                observability.count("PrefixHeld")


def _ends_something(fact: VoterDialled | TrackerDialled | PatchTold) -> bool:
    """Whether an attempt or the patch may be over: the dial of a later attempt tells that the one before it is."""
    if isinstance(fact, PatchTold):
        return fact.event != Progress.ANSWERED
    return fact.attempt > 1


def _call_back(campaign: Campaign, contact: Contact, call: Recognised, menu: str) -> Dial | None:
    """Plan to ring somebody back for a call of theirs."""
    return dials.plan_call_back(campaign, contact, call.dialled, menu, call.cause, call.occurred_at)


def _is_agenda(effect: Effect) -> bool:
    return isinstance(effect, AgendaHeard)


def _somebody(campaign: Campaign, turn: TurnTaken) -> Contact:
    """A caller of whom nothing is known but the call; nobody is kept under this id."""
    return Contact(
        person=f"withheld:{turn.source_id}",
        campaign=campaign.id,
        phone="",
        language=turn.language,
        first_called_at=turn.occurred_at,
        first_number=turn.dialled,
        first_source="",
    )


def is_foreign(call: Recognised, campaign: Campaign, owner: Callable[[str], str | None]) -> bool:
    """Whether the number rung belongs to another campaign: then its token was used where it does not belong (A2)."""
    return call.number is None and call.is_readable and owner(call.dialled) not in (None, campaign.id)


def _stands_as(person: str, name: str, reported: State) -> bool:
    """Whether a message stands where a report that changed nothing says. One that ended otherwise keeps its first end, and the
    contradiction is counted (R5); the journal has both.
    """
    message = ledger.load(person, name)
    if message is None or message.state is reported:
        return message is not None
    if {message.state, reported} <= set(messages.FINAL):
        observability.count("ReportConflict")
        observability.logger.warning(
            "A report contradicts an earlier one", extra={"message_id": message.message_id}
        )
    return False


def replay(
    runtime: Runtime, start: datetime, end: datetime, on_entry: Callable[[], None] = lambda: None
) -> list[Entry]:
    """React again to everything received in [start, end); returns what failed. Safe to run any number of times: nothing that was
    done is done again, and nothing is counted again (`metrics.recount` makes the counters).
    """
    reaction, failed = Reaction(runtime), []
    for entry in journal.between(start, end):
        failed += reaction.react([entry], counting=False)
        on_entry()
    return failed

"""The one place where kept facts have consequences.

Idempotent step by step: a repeat performs every step again, and a failed condition means "already done", never "stop". Facts may come
in any order. A fact that fails goes by its key to the retry queue and the rest of the batch goes on, so a poison fact blocks nobody.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never
from urllib.parse import parse_qsl
from zlib import crc32

from ringback import observability, queues
from ringback.domain import calls, messages, metrics, phones
from ringback.domain.calls import Caller, Recognised
from ringback.domain.campaigns import Campaign, Number
from ringback.domain.contacts import Contact, Planned
from ringback.domain.facts import (
    CallMissed,
    ContactOptedOut,
    Entry,
    Fact,
    SmsStatusChanged,
    Unparsed,
)
from ringback.domain.messages import Message, State
from ringback.domain.metrics import Hour, Increments
from ringback.providers import exotel
from ringback.runtime import Runtime
from ringback.services import callbacks, failures
from ringback.services.campaigns import Shelf
from ringback.services.phones import read as read_phone
from ringback.store import catalog, contacts, counters, journal, sending
from ringback.store import messages as ledger

OPT_OUT = "opt-out"

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
    if entry.step == callbacks.SMS_STATUS:
        return exotel.read_sms_status(entry.source_id, pairs)
    return exotel.read_call(entry.step, pairs)


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
    blocks: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(campaign, prefix) → how many of the batch's callers are of that block of numbers."""

    def count(self, hour: Hour, added: Counter[str]) -> None:
        metrics.merge(self.increments, hour, added)


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
        self._hold_suspicious(batch.blocks)
        queues.put(self._runtime.settings.send_queue_url, batch.tickets)
        if counting and entries:
            counters.add(batch.increments, shard=crc32(entries[0].source_id.encode()))
        return failed

    def _consequences(self, entry: Entry, batch: _Batch) -> None:
        match read(entry):
            case CallMissed() as call:
                self._missed(entry, call, batch)
            case SmsStatusChanged() as report:
                self._reported(entry, report, batch)
            case ContactOptedOut(person=person):
                contacts.opt_out(person, entry.received_at)
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
            new_at = metrics.first_met(contact, recognised.cause, recognised.number)
            is_verified = contact.verified is not None
            if message is not None:
                ledger.plan(message)
                batch.tickets.append(queues.Ticket(message.person, message.name))
        added = metrics.of_call(
            recognised, repeated_telling=entry.is_variant, new_at=new_at, is_verified=is_verified
        )
        batch.count(hour, added)

    def _meet(
        self, campaign: Campaign, number: Number, call: Recognised, phone: str
    ) -> tuple[Contact, Message | None]:
        """Make or update the contact, and plan what the number sends its callers."""
        person = phones.person_id(self._runtime.secrets.person_pepper, campaign.id, phone)
        contact = Contact(
            person=person,
            campaign=campaign.id,
            phone=phone,
            language=number.language,
            first_called_at=call.occurred_at,
            first_number=number.number,
            first_source=number.source,
            first_calls=dict.fromkeys(metrics.places(number), call.cause),
            signals=frozenset({calls.signal(number)}),
        )
        if number.text is None:
            return contacts.record_call(contact, opts_out=calls.asks_to_be_left_alone(number)), None
        planned = Planned(call.cause, call.occurred_at)
        contact, due = contacts.record_call_and_plan(
            contact, number.text, planned, campaign.texts[number.text].once_per
        )
        if not due:
            return contact, None
        return contact, Message(
            person=person,
            name=messages.name_for(campaign.id, number.text, call.cause),
            campaign=campaign.id,
            text=number.text,
            language=contact.language,
            cause=call.cause,
            caused_at=call.occurred_at,
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

"""The promises of the story, each a function that yields what breaks it.

A promise is judged by what the phone network counted people received; our tables come second, to say that they tell the truth about
it. Every function can fail: `tests/unit/ringback_cli` breaks each of them.
"""

from collections import Counter
from collections.abc import Iterator

from ringback.domain import messages
from ringback.domain.messages import Message, State
from ringback.domain.phones import mask
from ringback_cli.stories import Verdict
from ringback_cli.stories.missed_calls.cast import NOBODY, Kind
from ringback_cli.stories.missed_calls.evidence import Evidence
from ringback_cli.stories.promises import by_name, judged, unexplained

_LEFT = (State.SENT, State.DELIVERED, State.FAILED, State.UNKNOWN)
"""Where a message may stand that the provider has accepted."""


def verdicts(evidence: Evidence) -> list[Verdict]:
    """Judge every promise, in the order of `INVARIANTS`."""
    return judged(evidence, INVARIANTS)


def came_to_rest(evidence: Evidence) -> Iterator[str]:
    """Everything ended by itself, within its time."""
    if evidence.unrest:
        yield evidence.unrest


def every_accepted_callback_stored(evidence: Evidence) -> Iterator[str]:
    """Each telling of a call that we answered with 200 stood in the journal before anything was brought back."""
    for call in evidence.told:
        if call.entries < call.tellings:
            yield f"call {call.call_id}: {call.entries} of {call.tellings} tellings were kept"


def every_call_stored_in_the_end(evidence: Evidence) -> Iterator[str]:
    """Reconciliation brought back each call whose callback was lost."""
    for call in evidence.calls:
        if not evidence.journal.get(call.call_id):
            yield f"call {call.call_id} of {mask(call.caller)} is not in the journal"


def contacts_are_distinct_callers(evidence: Evidence) -> Iterator[str]:
    """One contact for each person and campaign, and nobody else."""
    known = Counter((contact.campaign, contact.phone) for contact in evidence.contacts)
    for campaign, phone in evidence.script.contacts - known.keys():
        yield f"{campaign} does not know {mask(phone)}, who rang"
    for (campaign, phone), count in known.items():
        if (campaign, phone) not in evidence.script.contacts:
            yield f"{campaign} knows {mask(phone)}, who never rang"
        elif count > 1:
            yield f"{campaign} knows {mask(phone)} {count} times"


def no_caller_got_two_welcomes(evidence: Evidence) -> Iterator[str]:
    """Of each text, nobody's handset shows two, and the provider accepted no second. (Every window is longer than the story.)"""
    shown: Counter[tuple[str, object]] = Counter()
    for received in evidence.received:
        shown[received.phone, evidence.text_of(received.header, received.template_id)] += received.count
    for (phone, text), count in shown.items():
        if count > 1:
            yield f"{mask(phone)} received {text} {count} times"
    accepted = Counter((sms.to, evidence.text_of(sms.header, sms.template_id)) for sms in evidence.accepted)
    for (phone, accepted_text), count in accepted.items():
        if count > 1:
            yield f"the provider accepted {accepted_text} for {mask(phone)} {count} times"


def every_accepted_sms_was_meant(evidence: Evidence) -> Iterator[str]:
    """Behind each SMS that the provider accepted stands a message of the ledger: to this person, in these words, gone out."""
    ledger = {message.message_id: message for message in evidence.messages}
    people = {contact.person: contact for contact in evidence.contacts}
    for sms in evidence.accepted:
        message = ledger.get(sms.message_id)
        contact = people.get(message.person) if message else None
        if message is None or contact is None:
            yield f"an SMS to {mask(sms.to)} is in nobody's ledger"
            continue
        words = evidence.campaigns[message.campaign].rendered(message.text, contact.language)
        if sms.to != contact.phone:
            yield f"{message.message_id} went to {mask(sms.to)} and was for {mask(contact.phone)}"
        elif (sms.body, sms.template_id) != (words.body, words.template.template_id):
            yield f"{message.message_id} said something else than {message.text}"
        elif message.state not in _LEFT:
            yield f"{message.message_id} left, and stands in the ledger as {message.state}"


def every_caller_whose_sms_was_accepted_got_it(evidence: Evidence) -> Iterator[str]:
    """Each accepted SMS reached the handset once, unless the network itself says that it failed on the way."""
    shown: Counter[tuple[str, str, str]] = Counter()
    for received in evidence.received:
        shown[received.phone, received.header, received.template_id] += received.count
    meant = Counter((sms.to, sms.header, sms.template_id) for sms in evidence.accepted if sms.is_delivered)
    for key in shown.keys() | meant.keys():
        if shown[key] != meant[key]:
            yield f"{mask(key[0])} received {shown[key]} of {meant[key]} under template {key[2]}"
    for sms in evidence.accepted:
        if not sms.is_over:
            yield f"the SMS {sms.message_id} is still on its way"


def every_other_message_accounted(evidence: Evidence) -> Iterator[str]:
    """Each text that a call asked for stands in the ledger, and where none left, it says why."""
    accepted = {sms.message_id for sms in evidence.accepted}
    phones = {contact.person: contact.phone for contact in evidence.contacts}
    written = set()
    for message in evidence.messages:
        written.add((message.campaign, phones.get(message.person, ""), message.text))
        if message.message_id not in accepted and (problem := _unaccounted(message)):
            yield f"{message.message_id} {problem}"
    for campaign, phone, text in evidence.script.texts - written:
        yield f"{campaign} has nothing in its ledger of {text} for {mask(phone)}"
    ids = {(message.person, message.name) for message in evidence.messages}
    for contact in evidence.contacts:
        for text, planned in contact.planned.items():
            name = messages.name_for(contact.campaign, text, planned.cause)
            if (contact.person, name) not in ids:
                yield f"{text} was planned for {contact.person} and is not in the ledger"


def _unaccounted(message: Message) -> str | None:
    match message.state:
        case State.HELD if message.rule and message.due_at:
            return None
        case State.REFUSED | State.UNKNOWN if message.rule:
            return None
        case State.FAILED if message.code:
            return None
        case State.SENT | State.DELIVERED:
            return f"stands as {message.state}, and the provider never accepted it"
        case _:
            return f"stands as {message.state} without a reason"


def nobody_waits_or_fails_without_need(evidence: Evidence) -> Iterator[str]:
    """In the end only a closed window holds a message, and the provider found nothing wrong with what we asked of it."""
    accepted = {sms.message_id for sms in evidence.accepted}
    for message in evidence.messages:
        window = evidence.campaigns[message.campaign].window
        if message.state is State.HELD and window.is_open(evidence.second_act_at):
            yield f"{message.message_id} is held for {message.rule} in the middle of the day"
        if message.state is State.FAILED and message.message_id not in accepted:
            yield f"the provider declined {message.message_id}: {message.code}"


def every_report_reached_the_ledger(evidence: Evidence) -> Iterator[str]:
    """A message whose delivery report we took is over in the ledger."""
    ledger = {message.message_id: message for message in evidence.messages}
    for sms in evidence.accepted:
        message = ledger.get(sms.message_id)
        if sms.is_reported and message and message.state not in (State.DELIVERED, State.FAILED):
            yield f"{sms.message_id} was reported on, and stands as {message.state}"


def counters_equal_recount(evidence: Evidence) -> Iterator[str]:
    """What a recount leaves, another recount finds."""
    if evidence.drift_after:
        yield f"a second recount finds a drift of {evidence.drift_after}"


def counts_equal_calls_made(evidence: Evidence) -> Iterator[str]:
    """Raw, unique and withheld calls are what people did, campaign by campaign, number by number."""
    kinds = {caller.phone: caller.kind for caller in evidence.script.callers}
    counted: dict[str, Counter[str]] = {name: Counter() for name in evidence.campaigns}
    for call in evidence.calls:
        campaign = evidence.by_number[call.exophone]
        counted[campaign.id]["raw"] += 1
        counted[campaign.id][f"raw number:{call.exophone}"] += 1
        counted[campaign.id]["withheld"] += kinds[call.caller] is Kind.WITHHELD
    for name, _ in evidence.script.contacts:
        counted[name]["unique"] += 1
    for name, expected in counted.items():
        told = evidence.totals.get(name, {})
        for count, n in expected.items():
            if told.get(count, 0) != n:
                yield f"{name} counts {told.get(count, 0)} {count}, and there were {n}"


def nothing_sent_outside_window(evidence: Evidence) -> Iterator[str]:
    """The provider accepted nothing while a campaign's window was closed."""
    for sms in evidence.accepted:
        campaign = evidence.by_header.get(sms.header)
        if campaign is None or not campaign.window.is_open(sms.accepted_at):
            yield f"an SMS of {sms.header} to {mask(sms.to)} was accepted at {sms.accepted_at.isoformat()}"


def nothing_after_opt_out(evidence: Evidence) -> Iterator[str]:
    """Who had rung the opt-out number received nothing more from that campaign."""
    for sms in evidence.accepted:
        campaign = evidence.by_header.get(sms.header)
        if (
            campaign
            and (campaign.id, sms.to) in evidence.script.opted_out
            and sms.accepted_at >= evidence.second_act_at
        ):
            yield f"{campaign.id} wrote to {mask(sms.to)} after they had opted out"
    known = {(contact.campaign, contact.phone): contact for contact in evidence.contacts}
    for key in evidence.script.opted_out:
        contact = known.get(key)
        if contact and contact.opted_out_at is None:
            yield f"{key[0]} does not know that {mask(key[1])} opted out"


def no_sms_to_who_is_no_person(evidence: Evidence) -> Iterator[str]:
    """Hidden callers and service numbers got nothing; neither did landlines and other countries, which take no SMS of ours."""
    spared = {
        caller.phone: caller.kind
        for caller in evidence.script.callers
        if caller.kind in (*NOBODY, Kind.LANDLINE, Kind.FOREIGN)
    }
    for sms in evidence.accepted:
        if sms.to in spared:
            yield f"an SMS went to {mask(sms.to)}, {spared[sms.to]}"


def no_phone_number_in_clear_in_logs(evidence: Evidence) -> Iterator[str]:
    """No line that a function logged holds a caller's number, a token or a key."""
    yield from evidence.leaks


def no_dead_letters_unexplained(evidence: Evidence) -> Iterator[str]:
    """What ended in a dead-letter queue was settled all the same: its message stands in the ledger with an outcome."""
    settled = {
        (message.person, message.name): message.state
        for message in evidence.messages
        if message.state not in (State.PLANNED, State.CLAIMED)
    }
    yield from unexplained(evidence.dead_letters, settled)


INVARIANTS = by_name(
    came_to_rest,
    every_accepted_callback_stored,
    every_call_stored_in_the_end,
    contacts_are_distinct_callers,
    no_caller_got_two_welcomes,
    every_accepted_sms_was_meant,
    every_caller_whose_sms_was_accepted_got_it,
    every_other_message_accounted,
    nobody_waits_or_fails_without_need,
    every_report_reached_the_ledger,
    counters_equal_recount,
    counts_equal_calls_made,
    nothing_sent_outside_window,
    nothing_after_opt_out,
    no_sms_to_who_is_no_person,
    no_phone_number_in_clear_in_logs,
    no_dead_letters_unexplained,
)

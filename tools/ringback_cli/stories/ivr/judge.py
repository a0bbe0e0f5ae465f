"""The promises of the story, each a function that yields what breaks it.

A promise is judged by what handsets did and heard, as the phone network saw it; our tables are held to that. Every function can fail:
`tests/unit/ringback_cli` breaks each of them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from ringback.domain import metrics
from ringback.domain.answers import Record
from ringback.domain.conversations import ANSWERS_KEPT
from ringback.domain.feedback import Grievance
from ringback.domain.messages import State
from ringback.domain.phones import mask
from ringback_cli.stories import Verdict
from ringback_cli.stories.ivr.evidence import Evidence
from ringback_cli.stories.ivr.reckoning import Said
from ringback_cli.stories.promises import by_name, judged, unexplained


def verdicts(evidence: Evidence) -> list[Verdict]:
    """Judge every promise, in the order of `INVARIANTS`."""
    return judged(evidence, INVARIANTS)


def came_to_rest(evidence: Evidence) -> Iterator[str]:
    """Everything ended by itself, within its time."""
    if evidence.unrest:
        yield evidence.unrest


def every_request_was_answered(evidence: Evidence) -> Iterator[str]:
    """No caller waited in vain: whatever the provider asked was answered with 200."""
    if evidence.unanswered:
        yield f"{evidence.unanswered} requests were not answered with 200"


def answers_are_what_was_pressed(evidence: Evidence) -> Iterator[str]:
    """The turns of each call are what its own handset did and the network delivered, in that order; nobody else's, none twice."""
    for outcome in evidence.outcomes:
        sid = outcome.call.call_id
        turns = [turn for turn in evidence.turns.get(sid, ()) if turn.is_told]
        if [turn.keys for turn in turns] != outcome.keys:
            yield f"call {sid} took {[turn.keys for turn in turns]}, and its handset told {outcome.keys}"
        if any((turn.caller or "") != outcome.call.shown for turn in turns):
            yield f"call {sid} has a turn of another caller than {mask(outcome.call.caller)}"
    for sid in evidence.turns.keys() - {outcome.call.call_id for outcome in evidence.outcomes}:
        yield f"call {sid} stands in the journal, and nobody made it"


def every_call_ended(evidence: Evidence) -> Iterator[str]:
    """No call that reached us goes on, and each is its caller's."""
    phones = _phones(evidence)
    shown = {outcome.call.caller for people in evidence.by_person.values() for outcome in people}
    for outcome in (outcome for outcome in evidence.outcomes if outcome.reached):
        sid, caller = outcome.call.call_id, outcome.call.caller
        call = evidence.calls.get(sid)
        if call is None:
            yield f"call {sid} of {mask(caller)} is not known"
        elif call.is_live:
            yield f"call {sid} of {mask(caller)} still goes on at {call.session.node}"
        elif phones.get(call.person or "", "") != (caller if caller in shown else ""):
            yield f"call {sid} of {mask(caller)} is somebody else's"


def contacts_are_who_called(evidence: Evidence) -> Iterator[str]:
    """One contact for each person whose call reached us and who shows their number, and nobody else."""
    known = Counter(contact.phone for contact in evidence.contacts)
    for phone in evidence.by_person.keys() - known.keys():
        yield f"nobody knows {mask(phone)}, who called"
    for phone, count in known.items():
        if phone not in evidence.by_person:
            yield f"{mask(phone)} is known, who never called or hid their number"
        elif count > 1:
            yield f"{mask(phone)} is known {count} times"


def votes_and_pledges_are_what_people_pressed(evidence: Evidence) -> Iterator[str]:
    """Of each topic stands, for each person, what their handset answered: every answer once, the last one last."""
    phones = _phones(evidence)
    for topic, records in evidence.answers.items():
        said = _said_by_phone(evidence, topic)
        kept = {phones.get(record.person, record.person): record for record in records}
        for phone in said.keys() | kept.keys():
            expected = [each.answer for each in said.get(phone, ())]
            found = [each.answer for each in kept[phone].said] if phone in kept else []
            if expected != found:
                yield f"{mask(phone)} said {expected} to {topic}, and {found} is kept"


def places_are_of_who_comes(evidence: Evidence) -> Iterator[str]:
    """Who said yes last holds a place or waits for one, nobody else does; nobody waits while there is room."""
    phones = _phones(evidence)
    voice = evidence.campaign.voice
    for name, gathering in voice.gatherings.items() if voice else ():
        records = evidence.answers.get(f"gathering:{name}", ())
        said = _said_by_phone(evidence, f"gathering:{name}")
        seated = {phones.get(record.person, ""): record for record in records if record.seat}
        coming = {phone for phone, answers in said.items() if answers[-1].answer == "yes"}
        for phone in coming ^ seated.keys():
            yield f"{mask(phone)} {'has no place' if phone in coming else 'has a place'} at {name}"
        places = sum(_has_place(record) for record in records)
        if places != min(gathering.capacity, len(coming)):
            yield f"{places} of {gathering.capacity} places at {name} are taken, and {len(coming)} people come"


def opt_outs_and_consents_are_what_people_pressed(evidence: Evidence) -> Iterator[str]:
    """Who pressed 9 is opted out unless they agreed to SMS later, who agreed has consented unless they pressed 9 later, and nobody
    else."""
    for contact in evidence.contacts:
        outcomes = evidence.by_person.get(contact.phone, ())
        left = _latest(outcome.opted_out_at for outcome in outcomes)
        agreed = _latest(outcome.opted_in_at for outcome in outcomes)
        has_agreed = agreed is not None and (left is None or agreed > left)
        if (contact.opted_out_at is not None) != (left is not None and not has_agreed):
            yield f"{mask(contact.phone)} {'is' if contact.opted_out_at else 'is not'} opted out"
        if ("sms" in contact.consents) != has_agreed:
            yield f"{mask(contact.phone)} {'has' if 'sms' in contact.consents else 'has not'} consented to SMS"


def languages_kept(evidence: Evidence) -> Iterator[str]:
    """Whatever a caller heard was the menu's words in their language: the one they chose, else that of the number."""
    for outcome in evidence.outcomes:
        for text in outcome.in_other_words:
            yield f"call {outcome.call.call_id}, in {outcome.language}, heard: {text[:80]}"
    for contact in evidence.contacts:
        chosen = [each for each in evidence.by_person.get(contact.phone, ()) if each.language_chosen]
        if chosen and contact.language != chosen[-1].language:
            yield f"{mask(contact.phone)} chose {chosen[-1].language} and is known to speak {contact.language}"


def furthest_and_completion_match_recount(evidence: Evidence) -> Iterator[str]:
    """How many called, came to an end and how far is what handsets heard and did; and a second recount changes nothing."""
    expected: Counter[str] = Counter()
    for outcome in (outcome for outcome in evidence.outcomes if outcome.reached):
        expected[metrics.IVR] += 1
        expected[metrics.IVR_COMPLETE if outcome.complete else metrics.IVR_ABANDONED] += 1
        expected[f"{_FURTHEST}{outcome.menu} {outcome.furthest}"] += 1
    counted = {name: n for name, n in evidence.totals.items() if n and _is_of_menus(name)}
    for name in sorted(expected.keys() | counted.keys()):
        if counted.get(name, 0) != expected[name]:
            yield f"{name} counts {counted.get(name, 0)}, and there were {expected[name]}"
    if evidence.drift_after:
        yield f"a second recount finds a drift of {evidence.drift_after}"


def every_recording_kept_once(evidence: Evidence) -> Iterator[str]:
    """What somebody recorded and did not take back is one grievance and one copy, byte by byte; what never appeared has no copy."""
    made = {recording.name: recording for recording in evidence.recordings}
    meant = {name: outcome for outcome in evidence.outcomes for name in outcome.kept}
    kept: dict[str, list[Grievance]] = {}
    for grievance in evidence.grievances:
        kept.setdefault(grievance.url.rpartition("/")[2], []).append(grievance)
    for name in kept.keys() - meant.keys():
        yield f"{name} is kept, and its caller took it back or never left it"
    copies = set()
    for name, outcome in meant.items():
        if len(found := kept.get(name, [])) != 1:
            yield f"{name} of {mask(outcome.call.caller)} is kept {len(found)} times"
            continue
        copy = found[0].recording
        copies.add(copy)
        if made[name].is_ready and evidence.objects.get(copy or "") != made[name].sha256:
            yield f"{name} of {mask(outcome.call.caller)} has no copy like it"
        if not made[name].is_ready and copy:
            yield f"{name} never appeared, and has a copy"
    for key in evidence.objects.keys() - copies:
        yield f"{key} is a copy of nothing"


def replays_change_nothing(evidence: Evidence) -> Iterator[str]:
    """Reacting again to the whole journal leaves every row and copy as it was; and who asks again gets the first answer again."""
    yield from evidence.changed_by_replay
    for outcome in evidence.outcomes:
        for nth, answers in enumerate(outcome.call.answers):
            # An answer that nobody waits for any more is not kept; our turns may be one ahead of what the network has heard by then.
            near = {answer.body for answer in answers if answer.behind < ANSWERS_KEPT - 1}
            if len(near) > 1:
                yield f"telling {nth + 1} of call {outcome.call.call_id} was answered {sorted(near)}"


def nothing_unparsed_that_was_well_formed(evidence: Evidence) -> Iterator[str]:
    """Every request could be read: whatever strange comes with one of the network's, what it must hold is in it."""
    yield from evidence.unparsed


def nobody_got_a_text_twice(evidence: Evidence) -> Iterator[str]:
    """Of each text the provider accepted one for each person at most."""
    accepted = Counter((sms.to, sms.header, sms.template_id) for sms in evidence.accepted)
    for (phone, _, template), count in accepted.items():
        if count > 1:
            yield f"the provider accepted {count} SMS under template {template} for {mask(phone)}"


def no_phone_number_in_clear_in_logs(evidence: Evidence) -> Iterator[str]:
    """No line that a function logged holds a caller's number, a token or a key."""
    yield from evidence.leaks


def no_dead_letters_unexplained(evidence: Evidence) -> Iterator[str]:
    """What ended in a dead-letter queue was settled all the same: its message stands in the ledger with an outcome."""
    settled = {
        (message.person, message.name)
        for message in evidence.messages
        if message.state not in (State.PLANNED, State.CLAIMED)
    }
    yield from unexplained(evidence.dead_letters, settled)


_FURTHEST = "furthest "


def _is_of_menus(name: str) -> bool:
    return name in (metrics.IVR, metrics.IVR_COMPLETE, metrics.IVR_ABANDONED) or name.startswith(_FURTHEST)


def _phones(evidence: Evidence) -> dict[str, str]:
    """Person → phone."""
    return {contact.person: contact.phone for contact in evidence.contacts}


def _latest(moments: Iterable[datetime | None]) -> datetime | None:
    """The last of the moments there are, in the provider's whole seconds."""
    return max((moment.replace(microsecond=0) for moment in moments if moment), default=None)


def _said_by_phone(evidence: Evidence, topic: str) -> dict[str, list[Said]]:
    """What everybody's handset answered to a topic, in the order of the provider's times, which are whole seconds."""
    said: dict[str, list[Said]] = {}
    for phone, outcomes in evidence.by_person.items():
        if given := [each for outcome in outcomes for each in outcome.said if each.topic == topic]:
            said[phone] = sorted(given, key=lambda each: each.at.replace(microsecond=0))
    return said


def _has_place(record: Record) -> bool:
    return record.seat is not None and record.seat.is_place


INVARIANTS = by_name(
    came_to_rest,
    every_request_was_answered,
    answers_are_what_was_pressed,
    every_call_ended,
    contacts_are_who_called,
    votes_and_pledges_are_what_people_pressed,
    places_are_of_who_comes,
    opt_outs_and_consents_are_what_people_pressed,
    languages_kept,
    furthest_and_completion_match_recount,
    every_recording_kept_once,
    replays_change_nothing,
    nothing_unparsed_that_was_well_formed,
    nobody_got_a_text_twice,
    no_phone_number_in_clear_in_logs,
    no_dead_letters_unexplained,
)

"""What is sent for one callback: usually one request, under a fault plan none, several, late or altered ones.

Pure: a plan and a cause go in, the requests to send come out.
"""

from dataclasses import dataclass, replace
from typing import Final

from phone_network.faults import FaultPlan

Fields = tuple[tuple[str, str], ...]

_SPARSE_PASSTHRU: Final = frozenset({"CallSid", "From", "To", "CurrentTime", "digits", "RecordingUrl"})
_SPARSE_REPORT: Final = frozenset({"SmsSid", "To", "Status"})

# Values with surrogate escapes leave as the bytes they stand for: these are not UTF-8.
_MALFORMED: Final[Fields] = (
    ("ForwardedFrom", "null"),
    ("ProcessStatus", ""),
    ("Legs[0][Number]", "null"),
    ("Legs[0][Insights][Status]", "\udcff\udcfe"),
    ("Stream", '{"StreamSID": "st\u202e1", "Status": '),
    ("HangupLatencyStartTime", "0000-00-00 00:00:00"),
    ("x-unknown\x00", "9" * 300),
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request: its fields, how long after the event it leaves, how often at once, and whether it is held.

    `waits_for_next`: leaves only when the next request to the same URL has gone out, or after the fault
    delay.
    """

    fields: Fields
    after_seconds: float = 0.0
    copies: int = 1
    waits_for_next: bool = False


def of_passthru(
    plan: FaultPlan, cause: tuple[object, ...], fields: Fields, late_seconds: float, is_live: bool = False
) -> list[Delivery]:
    """Return the requests of one Passthru; none if it is dropped. The first is the one the applet meant.

    `is_live`: the flow waits for it, so nothing can say of the call that it is over.
    """
    if plan.strikes("passthru_drop", *cause):
        return []
    if plan.strikes("passthru_sparse", *cause):
        fields = _only(fields, _SPARSE_PASSTHRU)
    if plan.strikes("passthru_malformed", *cause):
        fields += _MALFORMED
    first = Delivery(
        fields,
        after_seconds=late_seconds if plan.strikes("passthru_delay", *cause) else 0.0,
        copies=3 if plan.strikes("passthru_concurrent", *cause) else 1,
        waits_for_next=plan.strikes("passthru_reorder", *cause),
    )
    sent = [first]
    if plan.strikes("passthru_duplicate", *cause):
        sent += [_later(first, late_seconds * times) for times in (1, 2)]
    if plan.strikes("passthru_changed", *cause):
        sent.append(_later(first, late_seconds, ("CallType", "client-hangup")))
    if not is_live and plan.strikes("passthru_terminal_first", *cause):
        sent[0] = replace(first, fields=_with(fields, ("CallStatus", "completed")))
        sent.append(_later(first, late_seconds, ("CallStatus", "ringing")))
    if not is_live and plan.strikes("passthru_two_terminals", *cause):
        sent.append(_later(first, late_seconds, ("CallStatus", "completed")))
        sent.append(_later(first, late_seconds * 2, ("CallStatus", "failed")))
    return sent


def of_leg(plan: FaultPlan, cause: tuple[object, ...], fields: Fields, late_seconds: float) -> list[Delivery]:
    """Return the requests for one event of a person whom a Connect applet dials; none if it is lost."""
    if plan.strikes("leg_drop", *cause):
        return []
    return of_passthru(plan, cause, fields, late_seconds)


def of_fragment(
    plan: FaultPlan, cause: tuple[object, ...], fields: Fields, late_seconds: float
) -> list[Delivery]:
    """Return the requests for one fragment (Greeting, Gather, Connect, SMS URL); none if it is dropped.

    The first is the one the applet waits for.
    """
    if plan.strikes("fragment_drop", *cause):
        return []
    first = Delivery(
        fields,
        after_seconds=late_seconds if plan.strikes("fragment_delay", *cause) else 0.0,
        copies=3 if plan.strikes("fragment_concurrent", *cause) else 1,
        waits_for_next=plan.strikes("fragment_reorder", *cause),
    )
    if plan.strikes("fragment_duplicate", *cause):
        return [first, _later(first, late_seconds), _later(first, late_seconds * 2)]
    return [first]


def of_status(
    plan: FaultPlan, cause: tuple[object, ...], fields: Fields, late_seconds: float
) -> list[Delivery]:
    """Return the posts of one StatusCallback event of a call; none if it is never sent."""
    if plan.strikes("status_never", *cause):
        return []
    first = Delivery(
        fields,
        after_seconds=late_seconds if plan.strikes("status_delay", *cause) else 0.0,
        copies=3 if plan.strikes("status_concurrent", *cause) else 1,
    )
    if plan.strikes("status_duplicate", *cause):
        return [first, _later(first, late_seconds)]
    return [first]


def respelt(plan: FaultPlan, cause: tuple[object, ...], fields: Fields) -> Fields:
    """Return the fields with `digits` in another of the spellings met: bare, blanks, or one of four ways to be absent.

    SOURCE: captures of Passthru requests, and the list of absent values' spellings.
    """
    if not plan.strikes("digits_spelling", *cause):
        return fields
    share = plan.share("spelling", *cause)
    given = dict(fields).get("digits")
    if given is None:
        ways = ("", "null", '""', '"null"')
        return (*fields, ("digits", ways[int(share * len(ways))]))
    keys = given.strip('"')
    spelt = (keys, f'"{keys} "', f' "{keys}" ', f'" {keys}"')
    return _with(fields, ("digits", spelt[int(share * len(spelt))]))


def of_report(
    plan: FaultPlan,
    cause: tuple[object, ...],
    fields: Fields,
    earlier: Fields,
    opposite: Fields,
    late_seconds: float,
) -> list[Delivery]:
    """Return the delivery reports of one SMS; none if it never gets one.

    Args:
        fields: the final report.
        earlier: the report of the state before, sent only when it is to overtake.
        opposite: a final report that says otherwise.
    """
    if plan.strikes("dlr_never", *cause):
        return []
    if plan.strikes("dlr_sparse", *cause):
        fields, earlier, opposite = (_only(each, _SPARSE_REPORT) for each in (fields, earlier, opposite))
    first = Delivery(
        fields,
        after_seconds=late_seconds if plan.strikes("dlr_delay", *cause) else 0.0,
        copies=3 if plan.strikes("dlr_concurrent", *cause) else 1,
    )
    sent = [first]
    if plan.strikes("dlr_duplicate", *cause):
        sent.append(_later(first, late_seconds))
    if plan.strikes("dlr_reorder", *cause):
        sent.append(replace(_later(first, late_seconds), fields=earlier))
    if plan.strikes("dlr_two_terminals", *cause):
        sent.append(replace(_later(first, late_seconds), fields=opposite))
    return sent


def _later(first: Delivery, seconds: float, *changes: tuple[str, str]) -> Delivery:
    return Delivery(_with(first.fields, *changes), first.after_seconds + seconds)


def _only(fields: Fields, names: frozenset[str]) -> Fields:
    return tuple((name, value) for name, value in fields if name in names)


def _with(fields: Fields, *changes: tuple[str, str]) -> Fields:
    changed = dict(changes)
    kept = tuple((name, changed.pop(name, value)) for name, value in fields)
    return kept + tuple(changed.items())

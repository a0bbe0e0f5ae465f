"""Grievances: taking them in, tagging and answering them, and the clock that holds us to the answer.

The clock is an execution of `statemachines/answer_grievance.asl.yaml`; it calls `clock_waits`, `clock_reminds` and `clock_strikes`.
Every step may be repeated. What a lost call leaves open, `sweep` settles from the rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ringback import observability, queues, workflows
from ringback.domain import feedback
from ringback.domain.campaigns import Campaign
from ringback.domain.contacts import Contact
from ringback.domain.errors import Conflict, NotFound
from ringback.domain.feedback import Grievance, Kind, State, Tagged, Tagger
from ringback.domain.turns import FeedbackRecorded
from ringback.runtime import Runtime
from ringback.services import recordings
from ringback.store import catalog
from ringback.store import feedback as store

_GRACE = timedelta(minutes=5)
"""How long after its moment an alarm is left to the clock, before the sweep sounds it."""


def received(
    runtime: Runtime,
    campaign: Campaign,
    contact: Contact,
    effect: FeedbackRecorded,
    cause: str,
    at: datetime,
) -> None:
    """A caller recorded a grievance: keep it once per cause, start its clock, have the audio copied.

    `at` is the moment of the recording, as the provider tells it: the clock runs from there, but never from later than now. Repeating
    it completes what an interruption left out.
    """
    now = runtime.clock.now()
    recorded_at = min(at, now)
    by_menu = feedback.fitting(Kind.ISSUE, effect.issue) | feedback.fitting(
        Kind.AREA, contact.fields.get("place")
    )
    by_rule = campaign.feedback.tags(by_menu.items())
    tags = {kind: Tagged(value, Tagger.MENU) for kind, value in by_menu.items()}
    tags |= {kind: Tagged(value, Tagger.RULE) for kind, value in by_rule.items()}
    within = runtime.settings.answer_within
    new = Grievance(
        id=feedback.id_for(campaign.id, cause),
        campaign=campaign.id,
        person=contact.person,
        topic=effect.topic,
        language=effect.language,
        provider=campaign.provider,
        cause=cause,
        url=effect.url,
        recorded_at=recorded_at,
        due_at=recorded_at + within,
        seconds=effect.seconds,
        state=State.TAGGED if feedback.is_tagged(tags) else State.NEW,
        tags=tags,
    )
    stored = store.keep(new)
    if stored.is_open and stored.breached_at is None:
        waits = feedback.waits(stored.recorded_at, within, now)
        given = {"feedback": stored.id, "waits": list(waits)}
        if workflows.start(runtime.settings.answer_grievance_arn, stored.id, given):
            observability.count("FeedbackReceived")
    if recordings.is_wanted(stored, now):
        queues.put(runtime.settings.recording_queue_url, [recordings.first_ticket(runtime, stored)])


# ── what the team does ──


def find(name: str) -> Grievance:
    """One grievance; `NotFound` when there is none by that id."""
    grievance = store.load(name)
    if grievance is None:
        raise NotFound(f"there is no grievance {name}: `ringback grievances list` shows those there are")
    return grievance


def tag(name: str, tags: Mapping[Kind, str], note: str | None = None) -> Grievance:
    """Tag a grievance by hand, and then by the campaign's rules from the note and the issue. Repeating it changes nothing."""
    grievance = find(name)
    rules = catalog.current(grievance.campaign).feedback
    store.tag(name, tags, Tagger.PERSON, note)
    known = {kind: tagged.value for kind, tagged in find(name).tags.items()}
    store.tag(name, rules.tags(known.items(), note or ""), Tagger.RULE)
    return find(name)


def answer(runtime: Runtime, name: str, words: str) -> Grievance:
    """Note that somebody answered the caller, and stop the clock; `Conflict` when it was answered or closed before."""
    answered = store.answer(name, runtime.clock.now(), words)
    if answered is None:
        raise Conflict(f"{name} is {find(name).state} already")
    _settle(answered)
    return answered


def close(runtime: Runtime, name: str, note: str | None = None) -> Grievance:
    """Close a grievance, answered or not, and stop its clock; `Conflict` when it was closed before."""
    closed = store.close(name, runtime.clock.now(), note)
    if closed is None:
        raise Conflict(f"{name} is {find(name).state} already")
    _settle(closed)
    return closed


# ── what the clock does ──


def clock_waits(name: str, token: str) -> Mapping[str, object]:
    """The clock waits for the answer by a token; if the answer is there already, it hears of it at once."""
    grievance = store.wait(name, token)
    if grievance is None:
        raise NotFound(f"there is no grievance {name}")
    if not grievance.is_open:
        _settle(grievance)
    return {"open": grievance.is_open}


def clock_reminds(name: str, nth: int) -> Mapping[str, object]:
    """Part of the time is over: remind the team, once for each `nth`."""
    reminded = store.remind(name, nth)
    if reminded:
        observability.count("FeedbackWaiting")
        observability.logger.warning("A grievance waits", extra={"feedback": name, "reminder": nth})
    return {"reminded": reminded}


def clock_strikes(runtime: Runtime, name: str) -> Mapping[str, object]:
    """The time is over: sound the alarm, once, unless an answer came in the last moment."""
    _breach(runtime, name)
    grievance = find(name)
    return {"breached": grievance.breached_at is not None}


# ── what goes missing ──


@dataclass(frozen=True, slots=True)
class Swept:
    settled: int
    breached: int


def sweep(runtime: Runtime) -> Swept:
    """Settle what lost its clock: answers that no execution heard of, and moments that passed unnoticed. Safe at any time.

    An answer whose clock waits is told to it; the alarm of a clock that is gone (stopped, never started) is sounded here.
    """
    now = runtime.clock.now()
    settled = breached = 0
    for name in list(store.waiting("settling", now + 2 * runtime.settings.answer_within)):
        grievance = find(name)
        if grievance.token is not None:
            settled += _settle(grievance)
        elif now > grievance.due_at + _GRACE:  # its clock has run out, or never ran
            store.settled(name, None)
    for name in list(store.waiting("open", now - _GRACE)):
        breached += _breach(runtime, name)
    return Swept(settled, breached)


def _settle(grievance: Grievance) -> bool:
    """Tell a clock that waits that its grievance is answered or closed; one that does not wait yet will see for itself."""
    if grievance.token is not None:
        workflows.answer(grievance.token, {"state": str(grievance.state)})
        return store.settled(grievance.id, grievance.token)
    return False


def _breach(runtime: Runtime, name: str) -> bool:
    breached = store.breach(name, runtime.clock.now())
    if breached:
        observability.count("FeedbackBreached")
        observability.logger.error("A grievance was not answered in time", extra={"feedback": name})
    return breached

"""`ringback play missed-calls`: people give missed calls to two campaigns, in two acts, and each gets what was promised.

In the first act everybody rings, all at once; some ring the opt-out number. In the second, some ring again, and so do those who have
opted out. After each act everything comes to rest and the scheduled functions bring back what was lost.
"""

from ringback.domain import campaigns as content
from ringback_cli.stories import Report, Request, Tell, Unplayable
from ringback_cli.stories.missed_calls import cast, evidence, figures, judge
from ringback_cli.stories.missed_calls.cast import Call, Script
from ringback_cli.stories.missed_calls.evidence import Evidence, Told
from ringback_cli.stories.missed_calls.figures import Watch
from ringback_cli.stories.stage import Restless, Setting, Stage
from ringback_cli.stories.stage import documents as sample_documents

_AT_ONCE = 24
"""Calls under way at the same time."""


def play(request: Request, tell: Tell) -> Report:
    """Play the whole story and judge it. Raises `Unplayable`."""
    if not 1 <= request.size <= cast.MOST_CALLERS:
        raise Unplayable(f"The story needs 1 to {cast.MOST_CALLERS:,} handsets, not {request.size:,}.")
    known = [content.parse(document) for document in sample_documents()]
    script = cast.write(request.size, request.seed, known)
    setting = Setting(script.starts_at, request.seed, request.faults, cast.handsets(script))
    tell("starting a stack", 0, 0)
    with Stage(setting) as stage:
        try:
            return _perform(stage, script, tell)
        finally:
            if request.keep_logs:
                stage.keep_logs(request.keep_logs)


def _perform(stage: Stage, script: Script, tell: Tell) -> Report:
    told: list[Told] = []
    unrest = ""
    second_act_at = stage.stack.now()
    watch = Watch(stage, script)
    try:
        with watch:
            told += _act(stage, script.acts[0], "first act", told, tell)
        stage.settle(tell)
        second_act_at = stage.stack.now()
        told += _act(stage, script.acts[1], "second act", told, tell)
        stage.settle(tell)
    except Restless as problem:
        unrest = str(problem)
    tell("judging", 0, 0)
    found = evidence.gather(stage, script, told, second_act_at, unrest)
    summary = stage.phones.summary()
    return Report(
        constants=stage.constants(),
        received=_received(found, summary),
        stored=_stored(found),
        verdicts=judge.verdicts(found),
        figures={
            **figures.figures(found, watch, summary, stage.phones.answered_at(), stage.stack.struck()),
            "pauses_resumed": stage.resumed,
        },
    )


def _act(stage: Stage, calls: tuple[Call, ...], name: str, before: list[Told], tell: Tell) -> list[Told]:
    """Let everybody ring, wait for quiet, and see what the journal holds before anything is brought back."""
    if calls:
        stage.phones.ring_many([_as_told(call) for call in calls], _AT_ONCE)
    stage.quiet(tell, name)
    earlier = {call.call_id for call in before}
    return [call for call in evidence.told(stage.phones) if call.call_id not in earlier]


def _as_told(call: Call) -> dict[str, object]:
    shown = {} if call.shown is None else {"withheld": call.shown}
    return {"from": call.caller.phone, "to": call.number.number, **shown}


def _received(found: Evidence, summary: dict[str, dict[str, int]]) -> dict[str, int]:
    return {
        "handsets": len(found.script.callers),
        "missed calls given": len(found.calls),
        "missed calls whose callback we took": sum(call.accepted for call in found.calls),
        "SMS the provider accepted": len(found.accepted),
        "SMS on handsets": sum(text.count for text in found.received),
        "people with an SMS": len({text.phone for text in found.received}),
        "delivery reports we took": summary["reports"]["answered_200"],
    }


def _stored(found: Evidence) -> dict[str, int]:
    states: dict[str, int] = {}
    for message in sorted(found.messages, key=lambda message: (message.state, message.rule or "")):
        because = (
            f" ({message.rule})" if message.rule and message.state in ("held", "refused", "unknown") else ""
        )
        name = f"messages {message.state}{because}"
        states[name] = states.get(name, 0) + 1
    return {
        "journal entries of calls": sum(found.journal.values()),
        "contacts": len(found.contacts),
        "opted out": sum(contact.opted_out_at is not None for contact in found.contacts),
        **states,
        "dead letters": len(found.dead_letters),
    }

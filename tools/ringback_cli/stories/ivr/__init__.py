"""`ringback play ivr`: people call a campaign's menus in two acts, many at once, and each answer must be theirs.

In the first act everybody calls; in the second, some call again, in the language they chose. They press wrong keys, say nothing, go
back, opt out, record what troubles them, and leave wherever they are. After each act everything comes to rest, and calls that went
quiet are ended; at last the whole journal is reacted to again.
"""

import time
from dataclasses import dataclass

from ringback.domain import campaigns as content
from ringback.domain.campaigns import Campaign
from ringback.store import feedback
from ringback_cli.stories import Report, Request, Tell, Unplayable
from ringback_cli.stories.ivr import cast, evidence, figures, judge
from ringback_cli.stories.ivr.cast import Script
from ringback_cli.stories.ivr.evidence import Evidence
from ringback_cli.stories.stage import PATIENCE_SECONDS, Restless, Setting, Stage
from ringback_cli.stories.stage import documents as sample_documents

CAMPAIGN = "clean-water"

_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class _Pace:
    """How fast calls come in, and voice time runs."""

    calls_per_second: float
    speech_speed: float


_BRISK, _LONG = _Pace(25.0, 40.0), _Pace(13.0, 6.0)
_MANY = 1000
"""From so many handsets on voice time runs slowly, so that hundreds of calls are live at once; a few are soon through."""

_SETTINGS = {"RECORDING_WAIT_SECONDS": "0.5"}
_TIMING = {
    "fault_delay_seconds": 0.3,
    "passthru_timeout_seconds": 60.0,
    "fragment_timeout_seconds": 60.0,
    "recording_ready_seconds": 0.5,
}
"""Repeats come as soon as voice time runs fast; nobody is cut off because this machine is slow."""


@dataclass(slots=True)
class _Live:
    """How many calls were live at most, seen whenever the story tells how far it is."""

    stage: Stage
    tell: Tell
    most: int = 0

    def __call__(self, step: str, done: int, of: int) -> None:
        self.most = max(self.most, self.stage.phones.live())
        self.tell(step, done, of)


def play(request: Request, tell: Tell) -> Report:
    """Play the whole story and judge it. Raises `Unplayable`."""
    if not 1 <= request.size <= cast.MOST_CALLERS:
        raise Unplayable(f"The story needs 1 to {cast.MOST_CALLERS:,} handsets, not {request.size:,}.")
    known = {campaign.id: campaign for campaign in map(content.parse, sample_documents())}
    campaign = known[CAMPAIGN]
    script = cast.write(request.size, request.seed, campaign)
    pace = _LONG if request.size >= _MANY else _BRISK
    setting = Setting(
        seed=request.seed,
        faults=request.faults,
        settings=_SETTINGS,
        timing={**_TIMING, "speech_speed": pace.speech_speed},
        unhurried=frozenset({"recordings"}),
    )
    tell("starting a stack", 0, 0)
    with Stage(setting) as stage:
        try:
            return _perform(stage, campaign, script, pace, tell)
        finally:
            if request.keep_logs:
                stage.keep_logs(request.keep_logs)


def _perform(stage: Stage, campaign: Campaign, script: Script, pace: _Pace, tell: Tell) -> Report:
    started, unrest = time.monotonic(), ""
    live = _Live(stage, tell)
    try:
        for name, calls in zip(("first act", "second act"), script.acts, strict=True):
            if calls:
                told = [call.to_network() for call in calls]
                stage.phones.ring_many(told, _AT_ONCE, pace.calls_per_second)
            stage.quiet(live, name)
            stage.settle(tell)
        _wait_for_copies(stage, tell)
    except Restless as problem:
        unrest = str(problem)
    tell("judging", 0, 0)
    summary = stage.phones.summary()
    found = evidence.gather(stage, campaign, script, tell, unrest)
    return Report(
        constants=stage.constants(),
        received=_received(found),
        stored=_stored(found),
        verdicts=judge.verdicts(found),
        figures=figures.figures(found, summary, stage.stack.struck(), live.most, time.monotonic() - started),
    )


def _wait_for_copies(stage: Stage, tell: Tell) -> None:
    """Wait until every recording that has appeared is copied; some never appear, and are asked for again for a day.

    Raises `Restless` when the copies of some do not come.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        ready = {recording.name for recording in stage.phones.recordings() if recording.is_ready}
        kept = [each for each in feedback.every(CAMPAIGN) if each.url.rpartition("/")[2] in ready]
        missing = sum(each.recording is None and each.recording_problem is None for each in kept)
        tell("copying recordings", len(kept) - missing, len(kept))
        if not missing:
            return
        if time.monotonic() > deadline:
            raise Restless(f"{missing} recordings are not copied after {PATIENCE_SECONDS:.0f} s")
        time.sleep(0.5)


def _received(found: Evidence) -> dict[str, int]:
    outcomes = found.outcomes
    return {
        "handsets": len(found.script.callers),
        "calls made": len(outcomes),
        "calls that reached us": sum(outcome.reached for outcome in outcomes),
        "keys that reached us": sum(bool(key) for outcome in outcomes for key in outcome.keys),
        "answers to polls, gatherings and issues": sum(len(outcome.said) for outcome in outcomes),
        "recordings left with us": sum(len(outcome.kept) for outcome in outcomes),
        "SMS the provider accepted": len(found.accepted),
    }


def _stored(found: Evidence) -> dict[str, int]:
    return {
        "calls": len(found.calls),
        "turns": sum(len(turns) for turns in found.turns.values()),
        "contacts": len(found.contacts),
        "opted out": sum(contact.opted_out_at is not None for contact in found.contacts),
        "answers": sum(len(record.said) for records in found.answers.values() for record in records),
        "grievances": len(found.grievances),
        "recordings": len(found.objects),
        "messages": len(found.messages),
        "dead letters": len(found.dead_letters),
    }

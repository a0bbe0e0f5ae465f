"""What a played story left behind: what handsets did and heard, and what stands in our tables and our bucket."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from ringback.domain.answers import Kind, Record, Topic
from ringback.domain.campaigns import Campaign
from ringback.domain.contacts import Contact
from ringback.domain.conversations import Call
from ringback.domain.facts import Entry
from ringback.domain.feedback import Grievance
from ringback.domain.messages import Message
from ringback.domain.times import BEGINNING
from ringback.domain.turns import KeyPressed
from ringback.services import metrics, turns
from ringback.store import answers, calls, contacts, feedback, journal
from ringback.store import messages as ledger
from ringback_cli.stories import Tell
from ringback_cli.stories.ivr import cast, reckoning
from ringback_cli.stories.ivr.cast import Script
from ringback_cli.stories.ivr.reckoning import Outcome
from ringback_cli.stories.logs import leaks
from ringback_cli.stories.phones import AcceptedSms, MadeRecording, WalkedCall
from ringback_cli.stories.replays import END, changed_by_replay
from ringback_cli.stories.stage import Stage


@dataclass(frozen=True, slots=True)
class Taken:
    """A turn as the journal keeps it."""

    turn: int
    caller: str | None
    """As the provider told us."""
    keys: str
    """What was pressed in it by our account; empty for nothing."""
    is_told: bool
    """Whether a request made it; the turn that ends a call gone quiet is our own."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything the judge looks at. Handsets speak first: `outcomes` is made of what the network saw of them, and nothing else."""

    campaign: Campaign
    script: Script

    outcomes: Sequence[Outcome]
    """Of every call, in the order they were made."""
    recordings: Sequence[MadeRecording]
    accepted: Sequence[AcceptedSms]
    unanswered: int
    """Requests of the network that we did not answer with 200."""

    turns: Mapping[str, Sequence[Taken]]
    """By the provider's call id, in order."""
    unparsed: Sequence[str]
    """Why requests could not be read."""
    calls: Mapping[str, Call]
    contacts: Sequence[Contact]
    answers: Mapping[str, Sequence[Record]]
    """By topic: everybody's answers."""
    grievances: Sequence[Grievance]
    objects: Mapping[str, str]
    """Our copies: key in the bucket → SHA-256 of what is there."""
    messages: Sequence[Message]
    dead_letters: Sequence[tuple[str, str]]

    totals: Mapping[str, int]
    """The campaign's counts after the recount."""
    drift_before: int
    drift_after: int
    changed_by_replay: Sequence[str]
    leaks: Sequence[str]
    unrest: str = ""
    """Why the story did not come to rest, if it did not."""

    by_person: Mapping[str, Sequence[Outcome]] = field(init=False)
    """The calls of everybody who shows their number, by it."""

    def __post_init__(self) -> None:
        hidden = {caller.phone for caller in self.script.callers if caller.kind is cast.Kind.WITHHELD}
        people: dict[str, list[Outcome]] = {}
        for outcome in self.outcomes:
            if outcome.reached and outcome.call.caller not in hidden:
                people.setdefault(outcome.call.caller, []).append(outcome)
        object.__setattr__(self, "by_person", people)


def outcomes_of(walked: Iterable[WalkedCall], campaign: Campaign, script: Script) -> list[Outcome]:
    """What every call came to. Whoever has been offered languages begins their next call in the one they chose."""
    hidden = {caller.phone for caller in script.callers if caller.kind is cast.Kind.WITHHELD}
    chosen: dict[str, str] = {}
    found = []
    for call in sorted(walked, key=lambda call: call.began_at):
        language = chosen.get(call.caller, campaign.numbers[call.exophone].language)
        outcome = reckoning.reckon(call, campaign, language, is_offered=call.caller not in chosen)
        if outcome.language_chosen and call.caller not in hidden:
            chosen[call.caller] = outcome.language
        found.append(outcome)
    return found


def taken(entries: Iterable[Entry]) -> tuple[dict[str, list[Taken]], list[str]]:
    """The turns in the journal by call, in order, and why what could not be read could not."""
    found: dict[str, list[Taken]] = {}
    unparsed = []
    for entry in entries:
        pairs = dict(parse_qsl(entry.raw, keep_blank_values=True))
        if entry.step == turns.TURN:
            fact = turns.read(entry, pairs[turns.TURN])
            keys = "".join(effect.key for effect in fact.effects if isinstance(effect, KeyPressed))
            told = Taken(fact.turn, fact.caller, keys, is_told=len(pairs) > 1)
            found.setdefault(fact.source_id.partition(":")[2], []).append(told)
        elif entry.step == "unparsed":
            unparsed.append(pairs.get("reason", ""))
    for each in found.values():
        each.sort(key=lambda turn: turn.turn)
    return found, unparsed


def gather(stage: Stage, campaign: Campaign, script: Script, tell: Tell, unrest: str = "") -> Evidence:
    """Collect everything. Recounts twice: first to mend and tell the drift, then to see that none is left; replays last."""
    drift_before, drift_after = stage.recount(), stage.recount()
    by_call, unparsed = taken(journal.between(BEGINNING, END))
    walked, summary = stage.phones.walked(), stage.phones.summary()
    placed = {call.call_id for call in stage.phones.calls()} - {call.call_id for call in walked}
    return Evidence(
        campaign=campaign,
        script=script,
        outcomes=outcomes_of(walked, campaign, script),
        recordings=stage.phones.recordings(),
        accepted=stage.phones.accepted_sms(),
        unanswered=sum(
            summary[kind][how]
            for kind in ("passthru", "fragments")
            for how in ("unanswered", "answered_otherwise")
        ),
        turns={sid: turns for sid, turns in by_call.items() if sid not in placed},
        unparsed=unparsed,
        calls={call.call_id.partition(":")[2]: call for call in calls.every()},
        contacts=list(contacts.every(campaign.id)),
        answers={str(topic): list(answers.every(campaign.id, topic)) for topic in topics(campaign)},
        grievances=list(feedback.every(campaign.id)),
        objects=_objects(stage),
        messages=list(ledger.every()),
        dead_letters=stage.dead_letters(),
        totals=metrics.totals(campaign.id),
        drift_before=drift_before,
        drift_after=drift_after,
        leaks=list(leaks(stage.stack.logs(), (caller.phone for caller in script.callers), stage.secrets())),
        changed_by_replay=[] if unrest else changed_by_replay(stage, tell),
        unrest=unrest,
    )


def topics(campaign: Campaign) -> list[Topic]:
    """Everything that can be answered in the campaign's menus."""
    voice = campaign.voice
    assert voice is not None
    return [
        *(Topic(Kind.POLL, name) for name in voice.polls),
        *(Topic(Kind.GATHERING, name) for name in voice.gatherings),
        *(Topic(Kind.ISSUE, name) for name in sorted(voice.issues)),
    ]


def _objects(stage: Stage) -> dict[str, str]:
    bucket, client = stage.runtime.settings.recordings_bucket, stage.stack.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
    return {
        key: hashlib.sha256(client.get_object(Bucket=bucket, Key=key)["Body"].read()).hexdigest()
        for key in keys
    }

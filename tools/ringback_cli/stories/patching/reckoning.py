"""What calls came to, reckoned from handsets alone: the verdicts that trackers keyed in, and what influencers were told.

No table of ours is asked: whether somebody had a go-ahead when a voter's phone rang follows from who talked to whom and who pressed what.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ringback_cli.stories.patching.hearing import Hearing
from ringback_cli.stories.patching.telephones import Leg
from ringback_cli.stories.phones import Happening, WalkedCall

GENUINE, NOT_GENUINE = "1", "2"
_COUNTS = ("noted", "why")
"""What a tracker hears whose verdict counts."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict that a tracker keyed in after their PIN, in a call of their own, and that reached us."""

    call_id: str
    tracker: str
    """The handset."""
    is_genuine: bool
    began_at: datetime
    ended_at: datetime
    """Of the call, by the network's own clock."""
    is_noted: bool = True
    """They heard that it counts."""


@dataclass(frozen=True, slots=True)
class Told:
    """A call of an influencer, and the prompts they heard in it."""

    call_id: str
    caller: str
    began_at: datetime
    ended_at: datetime
    heard: Sequence[str]


def judgements(
    walked: Iterable[WalkedCall], pins: Mapping[str, str], team: Hearing, ended_at: Mapping[str, datetime]
) -> list[Judgement]:
    """Every verdict keyed in by a tracker (`pins`: handset → PIN), oldest first."""
    found = [
        Judgement(call.call_id, call.caller, key == GENUINE, call.began_at, ended_at[call.call_id], is_noted)
        for call in walked
        if call.caller in pins and call.call_id in ended_at
        for key, is_noted in _verdicts(call, pins[call.caller], team)
    ]
    return sorted(found, key=lambda each: each.began_at)


def told(
    walked: Iterable[WalkedCall], influencers: Iterable[str], line: Hearing, ended_at: Mapping[str, datetime]
) -> list[Told]:
    """Every call of an influencer, oldest first."""
    callers = {*influencers}
    found = [
        Told(
            call.call_id,
            call.caller,
            call.began_at,
            ended_at[call.call_id],
            line.names(_text(each) for each in call.log if each.what == "heard"),
        )
        for call in walked
        if call.caller in callers and call.call_id in ended_at
    ]
    return sorted(found, key=lambda each: each.began_at)


def _verdicts(call: WalkedCall, pin: str, team: Hearing) -> Iterable[tuple[str, bool]]:
    """The keys pressed at the question for the verdict, in a call in which the PIN was given, and told to us; and whether they were told
    then that it counts.
    """
    has_pin, question, pressed, given = False, "", "", ""
    answers = iter(call.answers)
    for each in call.log:
        match each.what:
            case "heard":
                names = team.names([_text(each)])
                question = next(reversed(names), question)
                if given:
                    yield given, any(name in _COUNTS for name in names)
                    given = ""
            case "pressed" if each.detail["taken"]:
                keys = str(each.detail.get("kept", each.detail["keys"]))
                has_pin = has_pin or (question in ("pin", "wrong-pin") and keys.rstrip("#") == pin)
                pressed = keys if question == "verdict" and has_pin else ""
            case "told":
                if next(answers, ()) and pressed in (GENUINE, NOT_GENUINE):
                    given, pressed = pressed, ""
    if given:
        yield given, False


def _text(happening: Happening) -> str:
    return str(happening.detail.get("text", ""))


@dataclass(frozen=True, slots=True)
class Finding:
    """A tracker talked to an influencer and then keyed in what they think of them."""

    influencer: str
    tracker: str
    judgement: Judgement
    leg: Leg
    """Of their talk."""


def findings(
    given: Iterable[Judgement], legs: Iterable[Leg], trackers: Iterable[str], least_seconds: float
) -> list[Finding]:
    """What trackers found, as far as the network knows. A verdict is about the last talk of its tracker that ended before it, unless an earlier
    verdict was; one about none is about nobody.
    """
    staff = {*trackers}
    talks: dict[str, list[Leg]] = {}
    for leg in sorted(legs, key=lambda leg: leg.rang_at):
        if leg.callee in staff and leg.ended_at is not None and leg.talked_seconds >= least_seconds:
            talks.setdefault(leg.callee, []).append(leg)
    found = []
    for judgement in given:
        waiting = talks.get(judgement.tracker, [])
        before = [leg for leg in waiting if leg.ended_at and leg.ended_at <= judgement.ended_at]
        talks[judgement.tracker] = [leg for leg in waiting if leg not in before]
        if before:
            found.append(Finding(before[-1].caller, judgement.tracker, judgement, before[-1]))
    return found

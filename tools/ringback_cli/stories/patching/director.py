"""Has everybody act on what they hear: influencers ring and ring again, trackers give their verdicts, complainers opt out.

Nobody knows more than their own telephone tells them; the director looks at the phone network alone, never at our tables. Only how fast
people ring goes by how much the stack has still to do.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from random import Random
from statistics import median
from typing import Any

from ringback.domain.campaigns import Campaign
from ringback_cli.stories.patching import cast
from ringback_cli.stories.patching.cast import Kind, Manner, Script
from ringback_cli.stories.patching.hearing import Hearing
from ringback_cli.stories.patching.settings import (
    LEAST_TALK_SECONDS,
    LINES,
    OPT_OUT,
    TEAM_LINE,
)
from ringback_cli.stories.patching.telephones import Telephones

GENUINE_KEY, NOT_GENUINE_KEY, BEGIN_KEY, END_KEY, GOODBYE_KEY = "1", "2", "1", "2", "3"
OTHER_PARTY_KEY, BROKE_RULES_KEY = "1", "3"

_LOOK_EVERY_SECONDS = 0.1

_SLOW_SECONDS = 0.25
"""When half of what the network asked in the last seconds was answered more slowly, nobody rings for now: calls that this machine cannot
carry would only make those wait that go on.
"""

_MOST_UNDONE = 250
"""When the stack has more to do than that, nobody rings for now: at some fifty facts a second a reaction came seconds too late."""

_LOOK_AT_STACK_EVERY_SECONDS = 0.5

_RECENT_SECONDS = 2.0
_PATIENCE_SECONDS = 5.0
"""How long people wait to be rung who were told they will be; then they ring themselves."""

_NOES, _EMPTY_POOLS = 3, 2
"""How often somebody tries again who was turned away, or heard that there is nobody left to call."""

_LONGEST_WAIT = 5
"""How often in a row somebody asks whether they have been decided about; then they are to call again tomorrow, as they are told."""

_SETBACKS = 40
"""After so many calls in a row that came to nothing somebody gives up."""

_VERDICT_TRIES = 8


@dataclass(slots=True)
class _Caller:
    """An influencer between two calls, or in one."""

    phone: str
    kind: Kind
    due: float
    calls: int = 0
    call_id: str | None = None
    has_chosen: bool = False
    """Whether they have been offered languages: the menu does that once."""
    noes: int = 0
    empty: int = 0
    setbacks: int = 0
    waits: int = 0
    is_done: bool = False


@dataclass(slots=True)
class _Owed:
    """A verdict that a tracker has in mind."""

    is_genuine: bool
    is_mystery: bool
    tries: int = 0


@dataclass(slots=True)
class _Tracker:
    person: cast.Tracker
    due: float
    owed: _Owed | None = None
    """Of whoever they talked to last: nobody is asked about two people at once."""
    call_id: str | None = None
    is_on_duty: bool = False
    has_ended: bool = False
    has_chosen: bool = False
    given: int = 0


@dataclass(slots=True)
class View:
    """How far it is, for whoever watches."""

    calls: int = 0
    """In progress."""
    bridged: int = 0
    verified: int = 0
    rung: int = 0
    reached: int = 0
    refused: int = 0
    per_minute: float = 0.0

    def words(self, limit: int) -> str:
        return (
            f"{self.calls} calls · {self.bridged} of {limit} talk · {self.verified} verified · "
            f"{self.reached:,} voters reached, {self.per_minute:,.0f} a minute"
        )


Watch = Callable[[View, int, int], object]
"""Is told how it stands, how many influencers are through, and of how many."""


class Director:
    """Runs the story until every influencer has given up or has nobody left to call."""

    def __init__(
        self, telephones: Telephones, campaign: Campaign, script: Script, undone: Callable[[], int]
    ) -> None:
        """`undone`: how much the stack has still to do; people ring no faster than this machine can follow."""
        self._phones = telephones
        self._undone = undone
        self._is_closed = False
        self._looked_at: float = -inf
        self._is_behind = False
        self._script = script
        self._random = Random(f"director {script.seed}")
        self._line = Hearing.of(campaign, "influencer")
        self._team = Hearing.of(campaign, "tracker")
        patching = campaign.patching
        assert patching is not None
        self._mystery_briefs = frozenset(patching.mystery_brief.values())
        self._kinds = {each.phone: each.kind for each in script.influencers}
        self._manners = {each.phone: each.manner for each in script.voters}
        self._callers: dict[str, _Caller] = {}
        self._trackers: dict[str, _Tracker] = {}
        self._opting_out: list[tuple[float, str]] = []
        self._seen = 0
        self._live: set[str] = set()
        self._connected: set[str] = set()
        """Calls in which somebody else rings or talks: nobody listens to a menu."""
        self._reached_at: deque[float] = deque()
        self._answered: deque[tuple[float, float]] = deque()
        """When the network had an answer, and how many seconds that took."""
        self.view = View()
        self.ended_at: dict[str, datetime] = {}
        """When each call ended by the network's own clock."""
        self.stuck: list[str] = []
        """Who gave up because nothing went on."""
        self.heard: Counter[str] = Counter()
        """How often each prompt was the last that an influencer heard."""

    def run(self, watch: Watch, closes_after_seconds: float, longest_seconds: float) -> bool:
        """Let it happen until every influencer is through; from the closing on none of them rings, and who is on the phone talks on. False
        when the longest time was over before.
        """
        self._begin()
        began = time.monotonic()
        while any(not each.is_done for each in self._callers.values()):
            passed = time.monotonic() - began
            if passed > longest_seconds:
                return False
            if passed >= closes_after_seconds:
                self._close()
            self._look()
            self._act()
            through = sum(each.is_done for each in self._callers.values())
            watch(self.view, through, len(self._callers))
            time.sleep(_LOOK_EVERY_SECONDS)
        return True

    def finish(self) -> None:
        """See to what the trackers still owe, while nobody calls any more. Where the lines were closed their shift ends with it: nobody rings
        whom we promised a call.
        """
        end = (
            time.monotonic()
            + 2 * _PATIENCE_SECONDS
            + 2 * cast.VERIFICATION_SECONDS / self._script.size.speech_speed
        )
        while time.monotonic() < end and any(map(self._has_to_ring, self._trackers.values())):
            for tracker in self._trackers.values():
                if self._is_closed and tracker.is_on_duty and not tracker.owed and not tracker.call_id:
                    tracker.due = min(tracker.due, time.monotonic())
            self._look()
            self._act()
            time.sleep(_LOOK_EVERY_SECONDS)

    # what people do

    def _has_to_ring(self, tracker: _Tracker) -> bool:
        is_to_end = self._is_closed and tracker.is_on_duty
        return tracker.owed is not None or tracker.call_id is not None or is_to_end

    def _close(self) -> None:
        self._is_closed = True
        for caller in self._callers.values():
            caller.is_done = caller.is_done or caller.call_id is None

    def _begin(self) -> None:
        now = time.monotonic()
        first = [each for each in self._script.trackers if each.shift == 0] or list(self._script.trackers)
        self._trackers = {
            each.phone: _Tracker(each, now if each in first else inf) for each in self._script.trackers
        }
        self._callers = {
            each.phone: _Caller(
                each.phone, each.kind, now + 2.0 + nth / self._script.size.first_calls_a_second
            )
            for nth, each in enumerate(self._script.influencers)
        }

    def _act(self) -> None:
        now = time.monotonic()
        waiting = [each for each in self._callers.values() if each.due <= now and not each.is_done]
        room = max(0, self._script.size.menus_at_once - len(self._live - self._connected))
        if self._is_slow(now) or self._is_too_much(now):
            room = 0
        for caller in sorted(waiting, key=lambda each: each.due)[:room]:
            self._ring(caller)
        for tracker in self._trackers.values():
            if tracker.due <= now and tracker.call_id is None:
                tracker.due = inf
                keys = self._keys_of(tracker)
                tracker.call_id = self._phones.begin(
                    {"from": tracker.person.phone, "to": TEAM_LINE, "script": _presses(keys)}
                )
                if tracker.call_id is None:  # they talk to somebody, and have that one in mind afterwards
                    tracker.due = now + 1.0
        for due, voter in [each for each in self._opting_out if each[0] <= now]:
            self._opting_out.remove((due, voter))
            if self._phones.begin({"from": voter, "to": OPT_OUT}) is None:
                self._opting_out.append((now + 1.0, voter))

    def _is_slow(self, now: float) -> bool:
        while self._answered and now - self._answered[0][0] > _RECENT_SECONDS:
            self._answered.popleft()
        return bool(self._answered) and median(taken for _, taken in self._answered) > _SLOW_SECONDS

    def _is_too_much(self, now: float) -> bool:
        if now - self._looked_at > _LOOK_AT_STACK_EVERY_SECONDS:
            self._looked_at, self._is_behind = now, self._undone() > _MOST_UNDONE
        return self._is_behind

    def _ring(self, caller: _Caller) -> None:
        caller.due = inf
        caller.calls += 1
        after = cast.keys_after_talk(caller.phone, caller.calls, self._script.seed)
        leaves = cast.leaves_at(caller.phone, caller.calls, self._script.seed)
        keys = [*([] if caller.has_chosen else ["1"]), "1", *after]
        call: dict[str, Any] = {
            "from": caller.phone,
            "to": LINES[0] if caller.calls % 4 else LINES[1],
            "script": _presses(keys),
        }
        if leaves is not None:
            call["hang_up_at"] = leaves
        caller.call_id = self._phones.begin(call)
        if caller.call_id is None:  # they are being rung
            caller.calls -= 1
            caller.due = time.monotonic() + 1.0

    def _keys_of(self, tracker: _Tracker) -> list[str]:
        """What a tracker keys in on the team's line: language the first time, PIN, verdict, and what of the shift."""
        keys = [] if tracker.has_chosen else ["1"]
        keys.append(f"{tracker.person.pin}#")
        if tracker.owed is None:
            return [*keys, END_KEY if tracker.is_on_duty else BEGIN_KEY]
        reason = BROKE_RULES_KEY if tracker.owed.is_mystery else OTHER_PARTY_KEY
        verdict = [GENUINE_KEY] if tracker.owed.is_genuine else [NOT_GENUINE_KEY, reason]
        return [*keys, *verdict, END_KEY if self._is_relieved(tracker) else GOODBYE_KEY]

    def _is_relieved(self, tracker: _Tracker) -> bool:
        """Whether a tracker's shift is over with this verdict: somebody of the second shift takes over."""
        enough = max(2, self._script.size.influencers // (2 * len(self._trackers)))
        waiting = any(each.person.shift == 1 and not each.is_on_duty for each in self._trackers.values())
        return self._is_closed or (tracker.person.shift == 0 and tracker.given >= enough and waiting)

    # what the network tells

    def _look(self) -> None:
        for event in self._phones.happened(self._seen):
            self._seen = event["seq"]
            match event["event"]:
                case "callback.sent" if event["seconds"] is not None:
                    self._answered.append((time.monotonic(), event["seconds"]))
                case "call.ringing":
                    self._live.add(event["call_sid"])
                case "call.made":
                    self._live.add(event["call_sid"])
                    self._rung(event["to"], event["call_sid"])
                case "call.ended":
                    self._live.discard(event["call_sid"])
                    self._connected.discard(event["call_sid"])
                    self.ended_at[event["call_sid"]] = datetime.fromisoformat(event["at"])
                    self._ended(event["call_sid"])
                case "leg.ringing":
                    self._connected.add(event["call_sid"])
                    self.view.rung += event["to"] in self._manners
                case "leg.bridged":
                    self.view.bridged += 1
                case "leg.ended":
                    self._connected.discard(event["call_sid"])
                    self._talked(event)
        self.view.calls = len(self._live)
        now = time.monotonic()
        while self._reached_at and now - self._reached_at[0] > 60.0:
            self._reached_at.popleft()
        self.view.per_minute = len(self._reached_at)

    def _rung(self, phone: str, call_id: str) -> None:
        """We ring somebody: whatever they were about to do can wait."""
        if person := self._callers.get(phone) or self._trackers.get(phone):
            person.due, person.call_id = inf, call_id

    def _ended(self, call_id: str) -> None:
        for caller in self._callers.values():
            if caller.call_id == call_id:
                caller.call_id = None
                self._reconsider(caller, self._line.names(self._phones.heard(call_id)))
                return
        for tracker in self._trackers.values():
            if tracker.call_id == call_id:
                tracker.call_id = None
                self._note(tracker, self._team.names(self._phones.heard(call_id)))
                return

    def _talked(self, event: Mapping[str, Any]) -> None:
        """A second leg is over: voters were reached, trackers have a verdict in mind."""
        talked, callee = event["talked_seconds"], event["to"]
        self.view.bridged -= talked > 0
        if talked and callee in self._manners:
            self.view.reached += 1
            self._reached_at.append(time.monotonic())
            if self._manners[callee] is Manner.COMPLAINS:
                self._opting_out.append((time.monotonic() + 0.5, callee))
        if callee in self._trackers and event["from"] in self._kinds:
            is_mystery = bool(self._mystery_briefs & {*event["whispered"]})
            if talked >= (1 if is_mystery else LEAST_TALK_SECONDS):
                self._owes(self._trackers[callee], self._kinds[event["from"]], is_mystery)

    def _owes(self, tracker: _Tracker, kind: Kind, is_mystery: bool) -> None:
        is_genuine = kind is Kind.GENUINE or (kind is Kind.MISUSER and not is_mystery)
        tracker.owed = _Owed(is_genuine, is_mystery)
        self._prepare(tracker)
        if tracker.call_id is None:
            self._ready(tracker)

    def _prepare(self, tracker: _Tracker) -> None:
        """Say what a tracker does when they are rung: with nothing in mind they listen."""
        keys = self._keys_of(tracker) if tracker.owed is not None else []
        self._phones.prepare(tracker.person.phone, _presses(keys))

    def _ready(self, tracker: _Tracker, again_after: float = 0.0) -> None:
        """A tracker will give the verdict: by ringing, or when rung."""
        soon = self._random.uniform(3.0, 5.0) if tracker.person.rings else _PATIENCE_SECONDS
        tracker.due = time.monotonic() + max(soon, again_after)

    def _note(self, tracker: _Tracker, heard: Sequence[str]) -> None:
        """What a tracker's own call came to."""
        tracker.has_chosen = tracker.has_chosen or any(name in heard for name in ("pin", "shift", "verdict"))
        if tracker.owed is not None:
            tracker.owed.tries += 1
            if "noted" in heard or "why" in heard:
                self.view.verified += tracker.owed.is_genuine and not tracker.owed.is_mystery
                tracker.given += 1
                tracker.owed = None
            elif tracker.owed.tries >= _VERDICT_TRIES:
                tracker.owed = None
        if "on-duty" in heard:
            tracker.is_on_duty = True
        elif "off-duty" in heard:
            tracker.is_on_duty, tracker.has_ended = False, True
            if not self._is_closed:
                self._relieve()
        self._prepare(tracker)
        if tracker.owed is not None:
            self._ready(tracker, 2.0 * tracker.owed.tries)
        elif not tracker.is_on_duty and not (
            tracker.has_ended and (tracker.person.shift == 0 or self._is_closed)
        ):
            tracker.due = time.monotonic() + 1.0

    def _relieve(self) -> None:
        relief = next(
            (
                each
                for each in self._trackers.values()
                if each.person.shift == 1 and not each.is_on_duty and each.due == inf and not each.call_id
            ),
            None,
        )
        if relief is not None:
            relief.due = time.monotonic()

    def _reconsider(self, caller: _Caller, heard: Sequence[str]) -> None:
        """What somebody does next, by how their call ended."""
        caller.has_chosen = caller.has_chosen or any(name in _AFTER_LANGUAGE for name in heard)
        last = heard[-1] if heard else ""
        self.heard[last] += 1
        wait = self._wait(caller, last)
        if last not in _POLITE:
            caller.setbacks = 0 if last in _ADVANCES else caller.setbacks + 1
        if caller.setbacks >= _SETBACKS:
            self.stuck.append(caller.phone)
            caller.is_done = True
        caller.is_done = caller.is_done or wait is None
        caller.due = time.monotonic() + (wait or 0.0)

    def _wait(self, caller: _Caller, last: str) -> float | None:
        """Seconds until the next call; None: there is none."""
        caller.waits = caller.waits + 1 if last in _WAITS else 0
        match last:
            case "call-again":
                return self._random.uniform(1.5, 2.5)
            case "we-will-decide" | "in-review":
                if caller.waits > _LONGEST_WAIT:
                    return None
                return min(15.0, self._random.uniform(2.0, 3.0) * (1 + caller.waits))
            case "we-ring-back":
                return _PATIENCE_SECONDS * self._random.uniform(0.8, 1.2)
            case "lines-busy":
                self.view.refused += 1
                return self._random.uniform(0.2, 0.4) * self._script.size.talk_real_seconds + 0.5
            case "nobody-left":
                caller.empty += 1
                return None if caller.empty >= _EMPTY_POOLS else 3.0
            case "enough-today":
                return None
            case "not-now":
                caller.noes += 1
                return None if caller.noes >= _NOES else 1.0
        return self._random.uniform(0.1, 0.6)


_AFTER_LANGUAGE = frozenset(
    {"manifesto", "facts", "take-part", "talk-first", "in-review", "rules", "ready", "not-now"}
)
_ADVANCES = frozenset(
    {
        "call-again",
        "we-will-decide",
        "next-voter",
        "nobody-answered",
        "nobody-left",
        "enough-today",
        "not-now",
    }
)
_WAITS = frozenset({"we-will-decide", "in-review"})
_POLITE = frozenset({"lines-busy", "we-ring-back"}) | _WAITS
"""They are told to try later, which is no setback."""


def _presses(keys: Sequence[str]) -> list[dict[str, Any]]:
    """Everybody knows the questions by now, and does not hear them to their end."""
    return [{"press": key, "after_seconds": 1.5} for key in keys]

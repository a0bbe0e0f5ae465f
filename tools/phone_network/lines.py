"""A live call as the person on the phone has it: what they hear, when they are asked, and what they do.

Voice time is reckoned per call: a prompt of ten seconds takes ten seconds of the call's own clock, and
`10 / speed` of real time. So a call's times are those of a real call however fast it runs.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import inf

from phone_network.applets import Prompt
from phone_network.clock import Clock
from phone_network.scripts import HangUp, Press, Script, Silence, Speak, Step

# Nobody presses sooner: it takes this long to find the key, and for the network to be sure of the tone.
_QUICKEST_SECONDS = 1.0
_AFTER_PROMPT_SECONDS = 1.0
_LONGEST_PATIENCE_SECONDS = 3600.0


class State(StrEnum):
    """What a call is at."""

    RINGING = "ringing"
    LISTENING = "listening"
    ASKED = "asked"
    RECORDING = "recording"
    TALKING = "talking"
    ENDED = "ended"


class Gone(Exception):
    """The person has hung up."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A prompt and how long it takes to hear, in seconds."""

    prompt: Prompt
    seconds: float


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a call's log. `second`: of voice time, since the answer."""

    what: str
    at: datetime
    second: float
    detail: dict[str, object]


@dataclass(frozen=True, slots=True)
class Listening:
    """What the network waits for. `max_keys` 0 = no end but the finishing key or the time-out."""

    timeout_seconds: float
    max_keys: int = 1
    finish_on: str = ""
    takes_keys: bool = True
    takes_speech: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of it: keys, or speech, or neither. `keys` None = nothing was pressed at all."""

    keys: str | None = None
    speech: Speak | None = None
    finished_by: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """What was recorded. `ended_by`: `silence`, `key`, `length` or `hang-up`; `key`: which one."""

    seconds: float
    ended_by: str
    text: str = ""
    has_speech: bool = False
    key: str = ""


@dataclass(slots=True, eq=False)
class Line:
    """The person's end of one call.

    Attributes:
        script: what they do; None = somebody holds the phone, and acts through `act`.
        is_patient: while that somebody makes up their mind, the call's clock stands still.
        hang_up_at: second of voice time at which they leave, whatever is going on.
    """

    phone: str
    clock: Clock
    speed: float
    script: Script | None = ()
    is_patient: bool = True
    hang_up_at: float = inf
    state: State = State.RINGING
    second: float = 0.0
    answered_at: datetime | None = None
    log: list[Entry] = field(default_factory=list)
    is_gone: bool = False
    _ahead_seconds: float = 0.0
    _steps_taken: int = 0
    _acts: asyncio.Queue[Step] = field(default_factory=asyncio.Queue)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> datetime:
        """Return the time in this call: the network's, and the voice time that was skipped."""
        return self.clock.now() + timedelta(seconds=self._ahead_seconds)

    def note(self, what: str, /, **detail: object) -> None:
        """Add a line to the log."""
        self.log.append(Entry(what, self.now(), round(self.second, 3), detail))

    async def ring(self, seconds: float) -> None:
        """Let the phone ring: the call's clock goes on, its voice time has not begun."""
        started = asyncio.get_running_loop().time()
        await asyncio.sleep(seconds / self.speed)
        self._ahead_seconds += seconds - (asyncio.get_running_loop().time() - started)

    def answer(self) -> None:
        """Let voice time begin. Answering again changes nothing."""
        if self.answered_at is None:
            self.answered_at = self.now()
            self._enter(State.LISTENING)
            self.note("answered")

    def end(self, by: str) -> None:
        """Close the call; the first who ends it counts."""
        if self.state is not State.ENDED:
            self._enter(State.ENDED)
            self.note("ended", by=by)

    def act(self, step: Step) -> None:
        """Do something, as the one who holds the phone."""
        self._acts.put_nowait(step)

    async def rest(self, seconds: float) -> None:
        """Return when the call waits for the person or has ended, at the latest after so long in real time."""
        try:
            async with asyncio.timeout(seconds):
                while self.state not in (State.ASKED, State.RECORDING, State.ENDED) or not self._acts.empty():
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            pass

    async def hear(self, spoken: Sequence[Spoken]) -> None:
        """Play prompts; keys pressed meanwhile are lost.

        Raises:
            Gone: the person hung up.
        """
        self._enter(State.LISTENING)
        for each in spoken:
            began = self.second
            while (left := began + each.seconds - self.second) > 0:
                try:
                    act = await self._pass(left)
                except Gone:
                    self._note_heard(each, self.second - began)
                    raise
                if isinstance(act, HangUp):
                    self._note_heard(each, self.second - began)
                    self._leave()
                if act is not None:
                    self._note_act(act, taken=False)
            self._note_heard(each, each.seconds)

    async def ask(self, spoken: Sequence[Spoken], listening: Listening) -> Heard:
        """Play prompts, which a key cuts short, and wait for keys or speech.

        Raises:
            Gone: the person hung up.
        """
        heard = await self._listen(spoken, listening)
        self._enter(State.LISTENING)
        if heard.keys is None and heard.speech is None:
            self.note("silent")
        return heard

    async def _listen(self, spoken: Sequence[Spoken], listening: Listening) -> Heard:
        keys = ""
        act = await self._attend(spoken, listening.timeout_seconds, self._next_step())
        while act is not None:
            match act:
                case Press(pressed) if listening.takes_keys:
                    taken, finished_by, is_done = _collected(keys, pressed, listening)
                    keys += taken
                    self._note_act(act, taken=bool(taken or finished_by), kept=taken)
                    if is_done:
                        return Heard(keys, finished_by=finished_by)
                case Speak(seconds) if listening.takes_speech:
                    self._note_act(act, taken=True)
                    await self._talk(seconds)
                    return Heard(speech=act)
                case Silence():
                    break
                case _:
                    self._note_act(act, taken=False)
            act = await self._attend((), listening.timeout_seconds, None)
        return Heard(keys or None)

    async def record(self, max_seconds: float, silence_seconds: float, finish_on: str) -> Taken:
        """Record, as after a beep. A hang-up ends the recording and is no error; the line is gone then."""
        self._enter(State.RECORDING)
        began = self.second
        taken = Taken(min(silence_seconds, max_seconds), "silence")
        try:
            act = await self._attend((), silence_seconds, self._next_step())
            while act is not None:
                self._note_act(act, taken=isinstance(act, Speak) or bool(_ending(act, finish_on)))
                if isinstance(act, Speak):
                    seconds = min(act.seconds, max_seconds)
                    await self._talk(seconds)
                    ended_by = "length" if act.seconds >= max_seconds else "silence"
                    if act.then_hang_up and ended_by != "length":
                        self.is_gone, ended_by = True, "hang-up"
                        self.note("hung_up")
                    taken = Taken(seconds, ended_by, act.text, True)
                    break
                if key := _ending(act, finish_on):
                    taken = Taken(self.second - began, "key", key=key)
                    break
                if isinstance(act, Silence):
                    break
                act = await self._attend((), silence_seconds, None)
        except Gone:
            taken = Taken(self.second - began, "hang-up")
        self._enter(State.LISTENING)
        self.note("recorded", seconds=round(taken.seconds, 3), ended_by=taken.ended_by)
        return taken

    async def wait(self, seconds: float) -> None:
        """Hear ringing, or music.

        Raises:
            Gone: the person hung up.
        """
        self._enter(State.LISTENING)
        await self._talk(seconds)

    async def talk(self, seconds: float) -> None:
        """Talk with another person.

        Raises:
            Gone: the person hung up.
        """
        self._enter(State.TALKING)
        await self._talk(seconds)

    def hang_up(self) -> None:
        """Leave at once, between two things that are heard."""
        self.is_gone = True
        self.note("hung_up")

    def _enter(self, state: State) -> None:
        self.state = state
        self._moved.set()

    def _leave(self) -> None:
        self.hang_up()
        raise Gone

    def _next_step(self) -> Step | None:
        if self.script is None:
            return None
        self._steps_taken += 1
        return self.script[self._steps_taken - 1] if self._steps_taken <= len(self.script) else Silence()

    async def _attend(
        self, spoken: Sequence[Spoken], timeout_seconds: float, step: Step | None
    ) -> Step | None:
        """Play prompts and wait; return what the person did, or None if they did nothing in time."""
        length = sum(each.seconds for each in spoken)
        if self.script is None:
            return await self._attend_somebody(spoken, length, timeout_seconds)
        after = length + timeout_seconds
        match step:
            case Press(after_seconds=at) | HangUp(after_seconds=at):
                after = max(_QUICKEST_SECONDS, length + _AFTER_PROMPT_SECONDS if at is None else at)
            case Speak():
                after = length + _AFTER_PROMPT_SECONDS
            case _:
                step = None
        if after > length + timeout_seconds:
            step, after = None if isinstance(step, Press) else step, length + timeout_seconds
        began = self.second
        self._enter(State.ASKED if self.state is not State.RECORDING else State.RECORDING)
        try:
            await self._pass(after)
        finally:
            self._note_all_heard(spoken, self.second - began)
        if isinstance(step, HangUp):
            self._leave()
        return step

    async def _attend_somebody(
        self, spoken: Sequence[Spoken], length: float, timeout_seconds: float
    ) -> Step | None:
        began = self.second
        recording = self.state is State.RECORDING
        act: Step | None = None
        if spoken:
            self._enter(State.LISTENING)
            try:
                act = await self._pass(length)
            finally:
                self._note_all_heard(spoken, self.second - began)
        if act is None:
            self._enter(State.RECORDING if recording else State.ASKED)
            act = await (self._await_act() if self.is_patient else self._pass(timeout_seconds))
        if self.is_patient and isinstance(act, Silence):
            self._skip(timeout_seconds)
        self._skip(max(0.0, began + _QUICKEST_SECONDS - self.second))
        if isinstance(act, HangUp):
            self._leave()
        return act

    async def _await_act(self) -> Step:
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(_LONGEST_PATIENCE_SECONDS):
                act = await self._acts.get()
        except TimeoutError:
            act = HangUp()
        self._ahead_seconds -= asyncio.get_running_loop().time() - started
        return act

    async def _talk(self, seconds: float) -> None:
        end = self.second + seconds
        while (left := end - self.second) > 0:
            if isinstance(await self._pass(left), HangUp):
                self._leave()

    async def _pass(self, seconds: float) -> Step | None:
        """Let voice time pass; somebody with the phone in hand may cut it short by doing something."""
        left = min(seconds, max(0.0, self.hang_up_at - self.second))
        loop = asyncio.get_running_loop()
        started = loop.time()
        act: Step | None = None
        passed = left
        if self.script is None:
            try:
                async with asyncio.timeout(left / self.speed):
                    act = await self._acts.get()
                passed = min(left, (loop.time() - started) * self.speed)
            except TimeoutError:
                pass
        else:
            await asyncio.sleep(left / self.speed)
        self.second += passed
        self._ahead_seconds += passed - (loop.time() - started)
        if act is None and self.second >= self.hang_up_at:
            self._leave()
        return act

    def _skip(self, seconds: float) -> None:
        self.second += seconds
        self._ahead_seconds += seconds

    def _note_all_heard(self, spoken: Sequence[Spoken], seconds: float) -> None:
        for each in spoken:
            if seconds <= 0:
                return
            self._note_heard(each, min(each.seconds, seconds))
            seconds -= each.seconds

    def _note_heard(self, spoken: Spoken, seconds: float) -> None:
        said = {"text": spoken.prompt.text} if spoken.prompt.text else {"audio_url": spoken.prompt.audio_url}
        whole = seconds >= spoken.seconds - 1e-6
        self.note("heard", **said, seconds=round(seconds, 3), complete=whole)

    def _note_act(self, act: Step, taken: bool, kept: str = "") -> None:
        match act:
            case Press(keys):
                self.note(
                    "pressed", keys=keys, taken=taken, **({"kept": kept} if kept != keys and taken else {})
                )
            case Speak(seconds, text):
                self.note("spoke", seconds=seconds, text=text, taken=taken)
            case _:
                pass


def _collected(before: str, pressed: str, listening: Listening) -> tuple[str, str, bool]:
    """Return the keys that count, the key that ended them, and whether the input is complete."""
    room = listening.max_keys - len(before) if listening.max_keys else len(pressed)
    taken = ""
    for key in pressed:
        if key in listening.finish_on:
            return taken, key, True
        taken += key
        if listening.max_keys and len(taken) >= room:
            return taken, "", True
    return taken, "", False


def _ending(act: Step, finish_on: str) -> str:
    """Return the first key pressed that ends a recording, or nothing."""
    return next((key for key in act.keys if key in finish_on), "") if isinstance(act, Press) else ""

"""The person's end of a call: what they hear and do, on a clock of the call's own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from phone_network.applets import Prompt
from phone_network.clock import Clock
from phone_network.lines import Gone, Heard, Line, Listening, Spoken, State, Taken
from phone_network.scripts import HangUp, Press, Silence, Speak, Step

PROMPT = (Spoken(Prompt("Press a key"), 10.0),)
FIVE = Listening(timeout_seconds=5.0)


def a_line(*script: Step, **more: Any) -> Line:
    line = Line("+919000000101", Clock(), speed=100_000.0, script=script, **more)
    line.answer()
    return line


def run(line: Line, work: Callable[[Line], Awaitable[Any]]) -> Any:
    async def story() -> Any:
        return await work(line)

    return asyncio.run(story())


def ask(line: Line, listening: Listening = FIVE) -> Heard:
    heard: Heard = run(line, lambda line: line.ask(PROMPT, listening))
    return heard


@pytest.mark.parametrize(
    ("step", "keys", "second"),
    [
        (Press("1"), "1", 11.0),
        (Press("1", after_seconds=3), "1", 3.0),
        (Press("1", after_seconds=0), "1", 1.0),
        (Press("1", after_seconds=15), "1", 15.0),
        (Press("1", after_seconds=15.1), None, 15.0),
        (Silence(), None, 15.0),
        (Speak(3), None, 16.0),
    ],
)
def test_a_step_takes_its_time(step: Step, keys: str | None, second: float) -> None:
    line = a_line(step)

    assert (ask(line).keys, line.second) == (keys, pytest.approx(second))


def test_when_the_steps_are_used_up_there_is_silence() -> None:
    line = a_line(Press("1"))

    assert [ask(line).keys, ask(line).keys] == ["1", None]


def test_fewer_keys_than_wanted_are_taken_when_the_time_is_up() -> None:
    line = a_line(Press("12"))

    assert ask(line, Listening(5.0, max_keys=4)) == Heard("12")
    assert line.second == pytest.approx(16)


def test_speech_is_taken_where_it_is_listened_for() -> None:
    line = a_line(Speak(3, "water"))

    assert ask(line, Listening(5.0, takes_keys=False, takes_speech=True)).speech == Speak(3, "water")
    assert line.second == pytest.approx(14)


def test_keys_are_lost_where_only_speech_is_listened_for() -> None:
    line = a_line(Press("1"))

    assert ask(line, Listening(5.0, takes_keys=False, takes_speech=True)) == Heard()
    assert [entry.detail["taken"] for entry in line.log if entry.what == "pressed"] == [False]


def test_who_hangs_up_is_gone_and_heard_what_was_played_until_then() -> None:
    line = a_line(HangUp(after_seconds=4))

    with pytest.raises(Gone):
        ask(line)
    (heard,) = [entry.detail for entry in line.log if entry.what == "heard"]
    assert (line.is_gone, heard["seconds"], heard["complete"]) == (True, 4.0, False)


@pytest.mark.parametrize("second", [0.0, 4.0, 10.0, 14.9])
def test_a_hang_up_can_come_at_any_second(second: float) -> None:
    line = a_line(hang_up_at=second)

    with pytest.raises(Gone):
        ask(line)
    assert line.second == pytest.approx(second)


def test_a_recording_interrupted_by_a_hang_up_is_kept() -> None:
    line = a_line(Speak(20), hang_up_at=8.0)

    taken = run(line, lambda line: line.record(30.0, 5.0, "#"))

    assert taken == Taken(pytest.approx(8.0), "hang-up")
    assert line.is_gone


def test_the_calls_clock_runs_by_voice_time() -> None:
    line = a_line(Press("1"))
    before = line.now()
    ask(line)

    assert 10.9 < (line.now() - before).total_seconds() < 11.5


def test_a_person_cuts_a_prompt_short_by_hand() -> None:
    async def story() -> tuple[Heard, State, list[dict[str, object]]]:
        line = Line("+919000000101", Clock(), speed=10.0, script=None)
        line.answer()
        asking = asyncio.create_task(line.ask(PROMPT, FIVE))
        await asyncio.sleep(0.05)
        line.act(Press("7"))
        heard = await asking
        return heard, line.state, [entry.detail for entry in line.log if entry.what == "heard"]

    heard, state, (played,) = asyncio.run(story())

    assert (heard, state, played["complete"]) == (Heard("7"), State.LISTENING, False)


def test_an_impatient_call_does_not_wait_for_a_person() -> None:
    async def story() -> Heard:
        line = Line("+919000000101", Clock(), speed=1000.0, script=None, is_patient=False)
        return await line.ask(PROMPT, FIVE)

    assert asyncio.run(story()) == Heard()


def test_the_first_who_ends_a_call_has_ended_it() -> None:
    line = a_line()
    line.end("caller")
    line.end("network")

    assert [entry.detail["by"] for entry in line.log if entry.what == "ended"] == ["caller"]

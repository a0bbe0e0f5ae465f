"""Sounds have a length, and a make that is checked; recordings are made of their cause."""

import io
import wave

import pytest

from phone_network import sounds


@pytest.mark.parametrize("seconds", [0.08, 1.0, 12.34])
def test_a_wav_recording_is_one_that_may_be_played(seconds: float) -> None:
    assert sounds.played_seconds(sounds.recorded(sounds.WAV, seconds, "a")) == pytest.approx(seconds)


def test_an_mp3_recording_is_a_row_of_frames_of_its_length() -> None:
    content = sounds.recorded(sounds.MP3, 7.2, "a")

    assert len(content) == 100 * 72
    assert all(content[start : start + 4] == b"\xff\xe3\x18\xc4" for start in range(0, len(content), 72))


@pytest.mark.parametrize("kind", [sounds.WAV, sounds.MP3])
def test_the_same_cause_gives_the_same_bytes_and_another_others(kind: str) -> None:
    first, again, other = (sounds.recorded(kind, 3, cause) for cause in ("a", "a", "b"))

    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("rate", "channels", "width", "said"),
    [(16_000, 1, 2, "16000 Hz"), (8_000, 2, 2, "2 channels"), (8_000, 1, 1, "8 bit")],
)
def test_another_make_is_refused_with_what_it_is(rate: int, channels: int, width: int, said: str) -> None:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setframerate(rate)
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.writeframes(bytes(channels * width * 100))

    with pytest.raises(ValueError, match=said):
        sounds.played_seconds(buffer.getvalue())


def test_a_text_takes_longer_the_longer_it_is() -> None:
    assert sounds.spoken_seconds("") == 0.5
    assert sounds.spoken_seconds("x" * 140) == pytest.approx(10)

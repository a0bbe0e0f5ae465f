"""Sounds: how long one takes to hear, whether a file may be played, and recordings made of nothing.

SOURCE: Exotel, "Greeting using dynamic text or audio from URL": WAV, 8 kHz, mono, 16 bit.
"""

import io
import math
import wave
from array import array
from hashlib import blake2b

RATE = 8000
WAV = "audio/wav"
MP3 = "audio/mpeg"

# Slow, clear speech of a text-to-speech voice: some 150 words a minute.
_CHARACTERS_PER_SECOND = 14.0

# One frame of MPEG 2.5 layer III: 8 kbit/s, 8 kHz, mono, no checksum; 72 bytes hold 576 samples. Side
# information of zeros says that nothing sounds, and what follows it in the frame is free.
_FRAME_HEADER = b"\xff\xe3\x18\xc4" + bytes(9)
_FRAME_BYTES = 72
_FRAME_SAMPLES = 576


def spoken_seconds(text: str) -> float:
    """Return how long a text takes to be spoken; never less than half a second."""
    return max(0.5, len(text) / _CHARACTERS_PER_SECOND)


def played_seconds(content: bytes) -> float:
    """Return how long a sound file takes.

    Raises:
        ValueError: it is no WAV of 8 kHz, mono, 16 bit; the message says what it is.
    """
    try:
        with wave.open(io.BytesIO(content)) as file:
            kind = (file.getframerate(), file.getnchannels(), file.getsampwidth() * 8)
            frames: int = file.getnframes()
    except (wave.Error, EOFError) as error:
        raise ValueError(f"no WAV file ({error})") from error
    if kind != (RATE, 1, 16):
        raise ValueError(
            "WAV of {} Hz, {} channels, {} bit; must be 8000 Hz, 1 channel, 16 bit".format(*kind)
        )
    return frames / RATE


def recorded(content_type: str, seconds: float, *cause: object) -> bytes:
    """Make a recording of a length. The same cause gives the same bytes, another cause others."""
    mark = blake2b("\x1f".join(map(str, cause)).encode(), digest_size=16).digest()
    return _mp3(seconds, mark) if content_type == MP3 else _wav(seconds, mark)


def _mp3(seconds: float, mark: bytes) -> bytes:
    frame = (_FRAME_HEADER + mark).ljust(_FRAME_BYTES, b"\0")
    return frame * max(1, -(-round(seconds * RATE) // _FRAME_SAMPLES))


def _wav(seconds: float, mark: bytes) -> bytes:
    """A hum whose shape over its period of 80 ms depends on the mark."""
    period = array("h", (int(2000 * math.sin(math.tau * byte / 255)) for byte in mark for _ in range(40)))
    samples = round(seconds * RATE)
    hum = (period * (samples // len(period) + 1))[:samples]
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(hum.tobytes())
    return buffer.getvalue()

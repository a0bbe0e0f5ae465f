"""Words as they are spoken: reading what speech recognition wrote down, and telling how long saying something takes."""

import re
import unicodedata
from collections.abc import Mapping

_UNSEEN = dict.fromkeys(map(ord, "\u200b\u200c\u200d\ufeff"))


def spoken_words(text: str) -> tuple[str, ...]:
    """Split text into words alike however they were written: case, width, joiners and punctuation do not count."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_UNSEEN)
    return tuple("".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in plain).split())


def understood(text: str, words: Mapping[str, tuple[str, ...]]) -> str | None:
    """The key that was said itself or by one of its words; None when no key was, or several."""
    heard = f" {' '.join(spoken_words(text))} "
    keys = [
        key
        for key, several in words.items()
        if any(f" {' '.join(spoken_words(word))} " in heard for word in (key, *several))
    ]
    return keys[0] if len(keys) == 1 else None


CHARACTERS_A_SECOND: Mapping[str, float] = {"en": 14.0, "hi": 12.6, "mr": 13.0, "ta": 15.4, "ur": 12.6}
"""Letters, signs and blanks said in a second, by language.

ASSUMPTION: an unhurried 150 words of English a minute (5.6 characters each, with the blank). Languages carry information at about the
same rate (Coupé, Oh, Dediu & Pellegrino, Science Advances 5/9, 2019), so another language's rate is English's times the length of
the same text in it: measured on the prompts in `catalog/menus`.
"""

_OTHER_LANGUAGES = 12.6
_DIGIT_SECONDS = 0.45
"""ASSUMPTION: a digit of a telephone number, read out one by one."""
_PAUSE_SECONDS = 0.35
"""ASSUMPTION: what text-to-speech rests at a full stop."""


def seconds(text: str, language: str) -> float:
    """About how long it takes to say a text."""
    numbers = "".join(re.findall(r"\d{5,}", text))
    pauses = len(re.findall(r"[.!?।۔؟:;]", text))
    rate = CHARACTERS_A_SECOND.get(language, _OTHER_LANGUAGES)
    return (len(text) - len(numbers)) / rate + len(numbers) * _DIGIT_SECONDS + pauses * _PAUSE_SECONDS

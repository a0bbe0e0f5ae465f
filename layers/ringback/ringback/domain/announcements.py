"""How prompts announce keys and recordings, in the languages we know enough of to judge.

"For the agenda, press 1" is right; "press 1 for the agenda" makes people remember a key before they know whether they want it
(hdl.handle.net/1721.1/73000, and CSIR/IBM's field studies: hdl.handle.net/10204/3882).
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from ringback.domain.speech import spoken_words

_SENTENCE_END = re.compile(r"[.!?।۔؟;؛]")
_NEAR = 2
"""Words that may stand between a key and the verb that makes it one: `1-ஐ அழுத்தவும்`, `press key 1`."""


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """What the beginnings of words tell. `numbers` are the words for 0 to 9; `filler` says nothing about a purpose."""

    press: tuple[str, ...]
    numbers: tuple[str, ...]
    filler: frozenset[str]
    record: tuple[str, ...]


def _vocabulary(press: str, numbers: str, filler: str, record: str) -> _Vocabulary:
    return _Vocabulary(
        spoken_words(press), spoken_words(numbers), frozenset(spoken_words(filler)), spoken_words(record)
    )


_VOCABULARIES: Mapping[str, _Vocabulary] = {
    "en": _vocabulary(
        press="press dial push",
        numbers="zero one two three four five six seven eight nine",
        filler="please now then just key number button the on your phone keypad and or to for",
        record="record",
    ),
    "hi": _vocabulary(
        press="दबा",
        numbers="शून्य एक दो तीन चार पाँच छह सात आठ नौ",
        filler="कृपया अब फिर नंबर नम्बर अंक बटन का को और या तो के लिए",
        record="रिकॉर्ड रिकार्ड",
    ),
    "mr": _vocabulary(
        press="दाब",
        numbers="शून्य एक दोन तीन चार पाच सहा सात आठ नऊ",
        filler="कृपया आता मग क्रमांक नंबर अंक बटण हा हे आणि किंवा तर साठी",
        record="रेकॉर्ड ध्वनिमुद्र",
    ),
    "ta": _vocabulary(
        press="அழுத்த",
        numbers="பூஜ்ஜிய ஒன்ற இரண்ட மூன்ற நான்க ஐந்த ஆற ஏழ எட்ட ஒன்பத",
        filler="தயவுசெய்து இப்போது பிறகு எண் எண்ணை பொத்தானை ஐ என்ற மற்றும் அல்லது",
        record="பதிவ",
    ),
    "ur": _vocabulary(
        press="دبا",
        numbers="صفر ایک دو تین چار پانچ چھ سات آٹھ نو",
        filler="براہ کرم مہربانی اب پھر نمبر بٹن کا کو اور یا تو کے لیے",
        record="ریکارڈ",
    ),
}


def are_readable_in(language: str) -> bool:
    """Whether we know enough of a language to judge its prompts."""
    return language in _VOCABULARIES


def announced(text: str, language: str) -> dict[str, bool]:
    """The keys a prompt announces, each with whether its purpose comes first; empty in a language we do not know."""
    vocabulary = _VOCABULARIES.get(language)
    if vocabulary is None:
        return {}
    found: dict[str, bool] = {}
    for sentence in _SENTENCE_END.split(text):
        for key, is_first in _in_sentence(spoken_words(sentence), vocabulary):
            found[key] = found.get(key, True) and is_first
    return found


def tells_of_recording(text: str, language: str) -> bool:
    """Whether a prompt says that something is recorded; False in a language we do not know."""
    vocabulary = _VOCABULARIES.get(language)
    return vocabulary is not None and any(word.startswith(vocabulary.record) for word in spoken_words(text))


def _in_sentence(words: tuple[str, ...], vocabulary: _Vocabulary) -> list[tuple[str, bool]]:
    presses = [at for at, word in enumerate(words) if word.startswith(vocabulary.press)]
    keys = [
        (at, key)
        for at, word in enumerate(words)
        if (key := _key(word, vocabulary)) and any(abs(at - press) <= _NEAR for press in presses)
    ]
    begins = (0, *(at + 1 for at, _ in keys))
    purposes = [_telling(words[begin:at], vocabulary) for begin, (at, _) in zip(begins, keys, strict=False)]
    is_first = all(purposes) and _telling(words[begins[-1] :], vocabulary) <= sum(purposes[-1:])
    return [(key, is_first) for _, key in keys]


def _key(word: str, vocabulary: _Vocabulary) -> str | None:
    if len(word) == 1 and word.isdecimal():
        return str(unicodedata.decimal(word))
    return next((str(n) for n, number in enumerate(vocabulary.numbers) if _is_number(word, number)), None)


def _is_number(word: str, number: str) -> bool:
    """Case endings follow a number in Tamil: `ஒன்றை`."""
    return word == number or (len(number) > 2 and word.startswith(number) and len(word) <= len(number) + 2)


def _telling(words: tuple[str, ...], vocabulary: _Vocabulary) -> int:
    return sum(1 for word in words if word not in vocabulary.filler and not word.startswith(vocabulary.press))

"""An operator's DLT scrubbing: does a text equal its registered template, to the character?

SOURCE: TRAI Direction of 18 Nov 2025 for the typed tags; 40 characters is the most that any operator lets a
variable be. The length within it is the campaign's own affair: the network refuses only what every operator
would refuse.
"""

import re
from functools import lru_cache

MAX_VARIABLE_LENGTH = 40

_TAG = re.compile(r"\{#(\w+)#\}")
_ANYTHING = rf".{{0,{MAX_VARIABLE_LENGTH}}}?"
_TYPED = {
    "number": rf"\d{{1,{MAX_VARIABLE_LENGTH}}}?",
    "numeric": rf"\d{{1,{MAX_VARIABLE_LENGTH}}}?",
    "alphanumeric": _ANYTHING,
    "var": _ANYTHING,
    "url": r"https?://[^\s]+?",
    "urlott": r"https?://[^\s]+?",
    "cbn": r"\+?\d{3,15}?",
    "email": r"[^\s@]+@[^\s@]+?",
}


def matches(template: str, body: str) -> bool:
    """Say whether a text is its template with every tag filled in; an unknown tag matches itself only."""
    return _pattern(template).fullmatch(body) is not None


@lru_cache(maxsize=1024)
def _pattern(template: str) -> re.Pattern[str]:
    parts = []
    end = 0
    for tag in _TAG.finditer(template):
        parts.append(re.escape(template[end : tag.start()]))
        parts.append(_TYPED.get(tag[1], re.escape(tag[0])))
        end = tag.end()
    return re.compile("".join([*parts, re.escape(template[end:])]))

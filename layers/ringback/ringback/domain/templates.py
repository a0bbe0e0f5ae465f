"""DLT templates: whether a text is, to the character, what the operators have registered.

An SMS that differs from its registered template is dropped after the provider's API said yes, so it's found
here first. Operators differ in how they compare; the strictest compares exactly, and so do we.

SOURCE: the access providers' DLT platforms under TRAI's TCCCPR 2018; typed tags by TRAI's Direction of 18
November 2025.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from ringback.domain.texts import links, phone_numbers

TAGS = ("var", "alphanumeric", "number", "numeric", "url", "urlott", "cbn", "email")
"""What a variable of a template may be: anything (`var`), or one typed kind."""

_TAG = re.compile(rf"\{{#({'|'.join(TAGS)})#\}}")
_LINK_TAGS = frozenset({"url", "urlott"})
_SHAPES = {
    "number": re.compile(r"[0-9]+"),
    "numeric": re.compile(r"[0-9]+"),
    "cbn": re.compile(r"\+?[0-9][0-9 -]{2,}"),
    "email": re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+"),
}


@dataclass(frozen=True, slots=True)
class DltTemplate:
    """A text as registered: `Thank you {#var#}. To opt out, ring {#cbn#}`. Its id is digits, kept as text."""

    template_id: str
    body: str


def mismatches(
    template: DltTemplate, rendered: str, longest: Mapping[str, int], allowed: Collection[str] = ()
) -> tuple[str, ...]:
    """Return every reason why operators would drop the text; () when it is the template with legal values.

    `longest` limits a value's characters by tag; `var` also stands for the tags it doesn't name. `allowed` holds the links
    and E.164 numbers registered for the campaign; a link that ends in `/` allows all below it.
    """

    def fault(tag: str, value: str) -> str | None:
        return _fault(tag, value, longest.get(tag, longest["var"]), allowed)

    strangers = [
        f"the link {link} is not on the campaign's list"
        for link in links(rendered)
        if not _may_link(link, allowed)
    ]
    strangers += [
        f"the number {number} is not the campaign's"
        for number in phone_numbers(rendered)
        if number not in allowed
    ]
    if _is_reading(template.body, rendered, lambda tag, value: fault(tag, value) is None):
        return tuple(strangers)
    return (*strangers, *_differences(template.body, rendered, fault))


def _is_reading(body: str, rendered: str, is_legal: Callable[[str, str], bool]) -> bool:
    """Whether some choice of legal values makes the text out of the template.

    Goes through the template once, with every position that can be reached so far: it never backtracks.
    """
    opening, *rest = _TAG.split(body)
    reached = {len(opening)} if rendered.startswith(opening) else set()
    for tag, static in zip(rest[::2], rest[1::2], strict=True):
        reached = {
            end + len(static)
            for start in reached
            for end in range(start, len(rendered) + 1)
            if rendered.startswith(static, end) and is_legal(tag, rendered[start:end])
        }
    return len(rendered) in reached


def _differences(body: str, rendered: str, fault: Callable[[str, str], str | None]) -> Iterator[str]:
    """Say where the text leaves the template's own words, and what is wrong with the values up to there."""
    opening, *rest = _TAG.split(body)
    if not rendered.startswith(opening):
        yield f"does not begin with the template's {opening!r}"
        return
    start = len(opening)
    for tag, static in zip(rest[::2], rest[1::2], strict=True):
        end = rendered.find(static, start) if static else len(rendered)
        if end < 0:
            yield f"lacks the template's {static!r} after {{#{tag}#}}"
            return
        if why := fault(tag, rendered[start:end]):
            yield f"{{#{tag}#}} {why}"
        start = end + len(static)
    if start < len(rendered):
        yield f"goes on after the template's end: {rendered[start:]!r}"


def _fault(tag: str, value: str, longest: int, allowed: Collection[str]) -> str | None:
    if not value:
        return "is empty"
    if tag in _LINK_TAGS:
        return None if _may_link(value, allowed) else "is not a registered link"
    if len(value) > longest:
        return f"has {len(value)} characters, {longest} are allowed"
    if any(unicodedata.category(character) == "Cc" for character in value):
        return "holds a new line or another control character"
    if "{#" in value:
        return "holds template markup"
    if links(value):
        return "holds a link"
    if tag in _SHAPES and not _SHAPES[tag].fullmatch(value):
        return f"is not what a {tag} looks like"
    return None


def _may_link(link: str, allowed: Collection[str]) -> bool:
    return any(link == entry or (entry.endswith("/") and link.startswith(entry)) for entry in allowed)

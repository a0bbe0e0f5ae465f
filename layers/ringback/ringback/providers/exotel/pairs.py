"""A callback's query and body as name-value pairs, whichever of its four encodings Exotel chose.

A query string (Passthru), a urlencoded form, multipart/form-data (what a StatusCallback is unless asked
otherwise) or JSON. Whatever we do not know is kept: the pairs are what the journal stores. Nothing here needs
more memory than a few times the body.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ringback.providers import forms
from ringback.providers.base import CallbackRequest, Pairs, Unreadable
from ringback.providers.forms import MOST_PAIRS

if TYPE_CHECKING:
    from email.message import Message

DEEPEST = 8
"""`Legs[0][Insights][Status]` is 4 deep."""

_FORM = "application/x-www-form-urlencoded"


def read_pairs(request: CallbackRequest) -> Pairs:
    """Every parameter of the query and then of the body, decoded, in order; nothing is merged or judged here.

    Reading the `urlencode` of the result again gives the same result. The value of `passthru` is left out: it
    repeats our earlier address, and with it our token. Bytes of a form that are not UTF-8 are escaped (`\\xff`),
    so that what we do not read does no harm. Raises `Unreadable` for a body that is not what its content type
    says or not UTF-8, for more than 500 parameters and for JSON more than 8 deep.
    """
    pairs = forms.read(request.query, escaping=True)
    if request.body:
        pairs += _of_body(request.content_type, request.body)
    if len(pairs) > MOST_PAIRS:
        raise Unreadable(f"more than {MOST_PAIRS} parameters")
    return tuple(
        (forms.storable(name), forms.storable(_without_our_address(name, value))) for name, value in pairs
    )


def _of_body(content_type: str, body: bytes) -> list[tuple[str, str]]:
    media_type = content_type.partition(";")[0].strip().lower() or _FORM
    if media_type == "multipart/form-data":
        return _of_multipart(content_type, body)
    if media_type == "application/json":
        return _of_json(forms.text_of(body))
    if media_type == _FORM:
        return forms.read(forms.text_of(body).strip("\r\n"), escaping=True)
    raise Unreadable("a body that is neither a form nor JSON")


def _of_multipart(content_type: str, body: bytes) -> list[tuple[str, str]]:
    from email.parser import BytesParser  # Exotel's voice applets never need it

    header = f"Content-Type: {content_type}".encode("ascii", "replace")
    if b"\r" in header or b"\n" in header:
        raise Unreadable("multipart/form-data with a broken header")
    envelope = BytesParser().parsebytes(header + b"\r\n\r\n", headersonly=True)
    boundary = envelope.get_boundary()
    if not boundary:
        raise Unreadable("multipart/form-data without a boundary")
    if body.count(b"--" + boundary.encode("ascii", "replace")) > MOST_PAIRS + 1:
        raise Unreadable(f"more than {MOST_PAIRS} parameters")
    parts = BytesParser().parsebytes(header + b"\r\n\r\n" + body).get_payload()
    if not isinstance(parts, list):
        raise Unreadable("multipart/form-data without parts")
    return [_of_part(part) for part in parts if not isinstance(part, str)]


def _of_part(part: "Message") -> tuple[str, str]:
    name = part.get_param("name", header="content-disposition")
    value = part.get_payload(decode=True)
    if not isinstance(name, str) or not isinstance(value, bytes):
        raise Unreadable("a part of multipart/form-data without a name, or with parts of its own")
    return name, forms.text_of(value)


def _of_json(text: str) -> list[tuple[str, str]]:
    try:
        document = json.loads(
            text, object_pairs_hook=_Object, parse_int=str, parse_float=str, parse_constant=str
        )
    except (ValueError, RecursionError):
        raise Unreadable("a body that is not JSON") from None
    if not isinstance(document, _Object):
        raise Unreadable("JSON that is not an object")
    pairs: list[tuple[str, str]] = []
    for name, value in document:
        for pair in _flattened(name, value, depth=1):
            pairs.append(pair)
            if len(pairs) > MOST_PAIRS:
                raise Unreadable(f"more than {MOST_PAIRS} parameters")
    return pairs


class _Object(list[tuple[str, object]]):
    """A JSON object that keeps a repeated name, so that two different call ids are noticed."""


def _flattened(name: str, value: object, depth: int) -> Iterator[tuple[str, str]]:
    if depth > DEEPEST:
        raise Unreadable(f"JSON more than {DEEPEST} deep")
    match value:
        case list() if value:
            items = value if isinstance(value, _Object) else enumerate(value)
            for key, item in items:
                yield from _flattened(f"{name}[{key}]", item, depth + 1)
        case str():
            yield name, value
        case True:
            yield name, "true"
        case False:
            yield name, "false"
        case None:
            yield name, "null"
        case _:
            yield name, ""


def _without_our_address(name: str, value: str) -> str:
    return "" if name.partition("[")[0].lower() == "passthru" else value

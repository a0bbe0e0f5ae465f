"""Exotel's answers: JSON if the path ends in `.json`, else XML; errors as a RestException."""

import json
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from aiohttp import web


class RestError(Exception):
    """An answer that is no success.

    SOURCE: Exotel, "SMS Status Codes", the table of API errors.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: int | None = None,
        headers: Mapping[str, str] | None = None,
        html: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers
        self.html = html


def success(path: str, body: Mapping[str, object] | Sequence[Mapping[str, object]]) -> web.Response:
    """Answer 200 in the format that the path asks for."""
    return _answer(path, 200, body)


def failure(path: str, error: RestError) -> web.Response:
    """Answer with an error; a gateway's own pages are HTML whatever was asked."""
    if error.html:
        page = (
            f"<html><head><title>{error.message}</title></head><body><h1>{error.message}</h1></body></html>"
        )
        return web.Response(status=error.status, text=page, content_type="text/html")
    what: dict[str, object] = {"Status": error.status, "Message": error.message}
    if error.code is not None:
        what["Code"] = error.code
    return _answer(path, error.status, {"RestException": what}, error.headers)


def _answer(
    path: str,
    status: int,
    body: Mapping[str, object] | Sequence[Mapping[str, object]],
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    if path.endswith(".json"):
        return web.Response(
            status=status, text=json.dumps(body), content_type="application/json", headers=headers
        )
    xml = f'<?xml version="1.0" encoding="UTF-8"?>\n<TwilioResponse>{_xml(body)}</TwilioResponse>'
    return web.Response(status=status, text=xml, content_type="application/xml", headers=headers)


def _xml(value: object, name: str = "") -> str:
    if isinstance(value, list):
        return "".join(_xml(item, name) for item in value)
    if isinstance(value, Mapping):
        inner = "".join(_xml(item, key) for key, item in value.items())
    else:
        inner = "" if value is None else escape(str(value))
    return f"<{name}>{inner}</{name}>" if name else inner

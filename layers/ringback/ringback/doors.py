"""API Gateway's HTTP payload (version 2.0) at our doors: a request as the provider made it, and the answer.

Only `rawPath`, `rawQueryString` and the raw body are read: API Gateway joins repeated parameters with commas, and Exotel's dates hold
commas; forms arrive in base64. SOURCE: API Gateway developer guide, working with AWS Lambda proxy integrations for HTTP APIs.
"""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from ringback.providers import base
from ringback.providers.base import CallbackRequest
from ringback.services.callbacks import Verdict

Event = Mapping[str, Any]
Reply = dict[str, Any]


def path_after(event: Event, prefix: str, parts: int) -> tuple[str, ...] | None:
    """The `parts` path segments after `prefix` (`/voice/`); None when the path has another shape. A stage's name may stand before."""
    path: str = event["rawPath"]
    _, is_there, rest = path.partition(prefix)
    found = rest.split("/")
    return tuple(found) if is_there and len(found) == parts and all(found) else None


def request(event: Event, step: str) -> CallbackRequest:
    """The provider's request behind an event."""
    body, headers = event.get("body") or "", event.get("headers", {})
    return CallbackRequest(
        method=event["requestContext"]["http"]["method"],
        step=step,
        query=event.get("rawQueryString", ""),
        content_type=headers.get("content-type", ""),
        body=b64decode(body) if event.get("isBase64Encoded") else body.encode("utf-8", "surrogateescape"),
        headers=headers,
    )


def reply(verdict: Verdict) -> Reply:
    """200 for whatever was kept, 404 for an address we never gave out; never a word about why."""
    kept = verdict is Verdict.KEPT
    return {
        "statusCode": 200 if kept else 404,
        "headers": {"content-type": "text/plain", "cache-control": "no-store"},
        "body": "",
    }


def answer(said: base.Reply, request: CallbackRequest) -> Reply:
    """An answer in a provider's dialect. HEAD gets the same headers, and no body."""
    return {
        "statusCode": said.status,
        "headers": {"content-type": said.content_type, "cache-control": "no-store", **said.headers},
        "body": "" if request.method == "HEAD" else said.body,
    }

"""What the answer of a provider's REST API holds: statuses and codes decide, the rest is read without ever raising."""

import json
from typing import Any


def document(body: bytes) -> Any:
    """The JSON a body holds; None when it holds none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def text(value: object) -> str:
    """A JSON scalar as text, '' for anything else: the same field is now a number, now text, now null."""
    return str(value).strip() if isinstance(value, str | int | float) else ""


def seconds(retry_after: str | None) -> float | None:
    """A Retry-After header in seconds; None when there is none, or when it is a date."""
    return float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None

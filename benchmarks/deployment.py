"""A stack to measure on: the sample campaigns published on it, with limits that a benchmark's crowd of made-up callers does not meet."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from ringback import settings
from ringback.domain.times import INDIA
from ringback.runtime import Runtime
from ringback.services import campaigns
from ringback_local.catalog import Document
from ringback_local.network import parsed, sample_documents
from ringback_local.stack import Options, Stack

CAMPAIGN = "clean-water"
NUMBER = "+918040001001"
"""Rung by everybody here; it sends its callers a welcome."""


@contextmanager
def deployed(options: Options) -> Iterator[tuple[Stack, Runtime]]:
    """A stack of its own for as long as this lasts, and a runtime with which to look into it."""
    documents = [unlimited(document) for document in sample_documents()]
    with Stack(parsed(documents), options) as stack:
        os.environ.update(stack.environment())
        runtime = Runtime(settings.from_environment())
        for document in documents:
            campaigns.publish(runtime, document)
        yield stack, runtime


def caller(index: int) -> str:
    """The made-up number of caller `index`, up to 99,999; neighbours come from different blocks of ten thousand."""
    return f"090000{index % 10}{index // 10:04d}"


def missed_call(call_id: str, phone: str, at: datetime) -> str:
    """The query of the callback about a missed call, as Exotel writes it."""
    return flow_request(call_id, phone, NUMBER, at)


def flow_request(
    call_id: str, phone: str, number: str, began_at: datetime, seconds: int = 0, digits: str | None = None
) -> str:
    """The query of a Passthru, so many seconds into a call to a number, as Exotel writes it; with the keys pressed, if any."""
    dialled = f"0{number.removeprefix('+91')}"
    told = {
        "CallSid": call_id,
        "CallFrom": phone,
        "CallTo": dialled,
        "Direction": "incoming",
        "Created": _wall(began_at, "%a, %d %b %Y %H:%M:%S"),
        "DialCallDuration": "0",
        "StartTime": _wall(began_at),
        "EndTime": "1970-01-01 05:30:00",
        "CallType": "call-attempt",
        "DialWhomNumber": "",
        "flow_id": "11754",
        "tenant_id": "1409",
        "From": phone,
        "To": dialled,
        "CurrentTime": _wall(began_at + timedelta(seconds=seconds)),
    }
    return urlencode(told | ({"digits": f'"{digits}"'} if digits else {}))


def call_id(index: int, run: str = "bench") -> str:
    """32 characters, as Exotel's own ids."""
    return f"{run}{index:0{32 - len(run)}x}"


def _wall(at: datetime, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    return at.astimezone(INDIA).strftime(form)


def unlimited(document: Document) -> dict[str, Any]:
    """The document, with limits that no benchmark meets."""
    changed: dict[str, Any] = deepcopy(dict(document))
    changed["limits"] |= {"sms_budget_rupees": 1_000_000, "prefix_per_minute": 1_000_000}
    return changed

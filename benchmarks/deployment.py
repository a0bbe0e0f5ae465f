"""A stack to measure on: the sample campaigns published on it, with limits that a benchmark's crowd of made-up callers does not meet."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime
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
NUMBER = "08040001001"
"""Rung by everybody here; it sends its callers a welcome."""


@contextmanager
def deployed(options: Options) -> Iterator[tuple[Stack, Runtime]]:
    """A stack of its own for as long as this lasts, and a runtime with which to look into it."""
    documents = [_unlimited(document) for document in sample_documents()]
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
    wall_time = at.astimezone(INDIA).strftime("%Y-%m-%d %H:%M:%S")
    return urlencode(
        {
            "CallSid": call_id,
            "CallFrom": phone,
            "CallTo": NUMBER,
            "Direction": "incoming",
            "Created": at.astimezone(INDIA).strftime("%a, %d %b %Y %H:%M:%S"),
            "DialCallDuration": "0",
            "StartTime": wall_time,
            "EndTime": "1970-01-01 05:30:00",
            "CallType": "call-attempt",
            "DialWhomNumber": "",
            "flow_id": "11754",
            "tenant_id": "1409",
            "From": phone,
            "To": NUMBER,
            "CurrentTime": wall_time,
        }
    )


def call_id(index: int, run: str = "bench") -> str:
    """32 characters, as Exotel's own ids."""
    return f"{run}{index:0{32 - len(run)}x}"


def _unlimited(document: Document) -> dict[str, Any]:
    changed: dict[str, Any] = deepcopy(dict(document))
    changed["limits"] |= {"sms_budget_rupees": 1_000_000, "prefix_per_minute": 1_000_000}
    return changed

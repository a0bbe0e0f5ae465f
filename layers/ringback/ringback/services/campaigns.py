"""Campaign content: publishing it, and having it at hand."""

import time
from collections.abc import Mapping
from typing import Any

from ringback.domain import campaigns
from ringback.domain.campaigns import Campaign
from ringback.domain.errors import NotFound
from ringback.runtime import Runtime
from ringback.store import catalog


def publish(runtime: Runtime, document: Mapping[str, Any]) -> tuple[Campaign, tuple[str, ...]]:
    """Validate a campaign document and make it current; returns what is in force and the warnings.

    `Rejected` with every reason at once when it is not valid; `Conflict` when another campaign owns one of its numbers. Publishing
    the same document again changes nothing.
    """
    campaign = campaigns.parse(document)
    version = catalog.publish(campaign, document, runtime.clock.now())
    return catalog.load(campaign.id, version), campaigns.warnings(campaign)


class Shelf:
    """Campaign content kept in the process for a while: one read per campaign and `fresh_seconds`, another per new version."""

    def __init__(self, fresh_seconds: float) -> None:
        self._fresh_seconds = fresh_seconds
        self._contents: dict[str, tuple[float, Campaign]] = {}

    def current(self, campaign: str) -> Campaign:
        """The content in force at most `fresh_seconds` ago; `NotFound` when nothing was ever published."""
        asked_at, content = self._contents.get(campaign, (float("-inf"), None))
        if content is None or time.monotonic() - asked_at > self._fresh_seconds:
            version = catalog.current_version(campaign)
            if version is None:
                raise NotFound(f"campaign {campaign} has no published content: publish it, then redrive")
            if content is None or content.version != version:
                content = catalog.load(campaign, version)
            self._contents[campaign] = (time.monotonic(), content)
        return content

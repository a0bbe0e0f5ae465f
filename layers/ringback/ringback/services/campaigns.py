"""Campaign content: publishing it, and having it at hand."""

import time
from collections.abc import Mapping
from typing import Any

from ringback.domain import campaigns
from ringback.domain.campaigns import Campaign
from ringback.domain.errors import NotFound
from ringback.runtime import Runtime
from ringback.store import catalog

VERSIONS_KEPT = 16
"""Contents that a process keeps at hand, a megabyte or so each: calls go on with the version they began with."""


def publish(runtime: Runtime, document: Mapping[str, Any]) -> tuple[Campaign, tuple[str, ...]]:
    """Validate a campaign document and make it current; returns what is in force and the warnings.

    `Rejected` with every reason at once when it is not valid; `Conflict` when another campaign owns one of its numbers. Publishing
    the same document again changes nothing.
    """
    campaign = campaigns.parse(document)
    version = catalog.publish(campaign, document, runtime.clock.now())
    return catalog.load(campaign.id, version), campaigns.warnings(campaign)


class Shelf:
    """Campaign content kept in the process: the current one for a while (one read per campaign and `fresh_seconds`), and the last
    versions that were asked for (another read per version).
    """

    def __init__(self, fresh_seconds: float) -> None:
        self._fresh_seconds = fresh_seconds
        self._current: dict[str, tuple[float, int]] = {}
        self._contents: dict[tuple[str, int], Campaign] = {}

    def current(self, campaign: str) -> Campaign:
        """The content in force at most `fresh_seconds` ago; `NotFound` when nothing was ever published."""
        asked_at, version = self._current.get(campaign, (float("-inf"), None))
        if version is None or time.monotonic() - asked_at > self._fresh_seconds:
            version = catalog.current_version(campaign)
            if version is None:
                raise NotFound(f"campaign {campaign} has no published content: publish it, then redrive")
            self._current[campaign] = (time.monotonic(), version)
        return self.version(campaign, version)

    def version(self, campaign: str, version: int) -> Campaign:
        """One published version; `NotFound` when there is none. A version never changes, so it is read once."""
        content = self._contents.pop((campaign, version), None) or catalog.load(campaign, version)
        self._contents[campaign, version] = content  # the last one asked for is the last to go
        if len(self._contents) > VERSIONS_KEPT:
            del self._contents[next(iter(self._contents))]
        return content

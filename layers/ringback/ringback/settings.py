"""The settings of a deployment, read from the environment once and checked at start."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from ringback.domain.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting a function may need; the same environment for all of them, so local and deployed runs set it in one place."""

    table_prefix: str
    voice_tokens: Mapping[str, str]
    """SHA-256 (hex) of a live path token → the campaign it belongs to. Two at once per campaign allow a rotation."""
    send_queue_url: str
    react_retry_queue_url: str
    public_url: str
    """Base of our own HTTP API, no slash at the end: the callback addresses we hand to the provider start with it. Only the
    function that hands them out is told: the API cannot be named to the functions that it is made of. Empty elsewhere."""
    secrets_name: str
    exotel_base_url: str
    sms_per_minute: int
    """What the provider allows the account; 0 sets no pace. Source: Exotel allows 200 (exotel.md §2.13)."""
    send_lease_seconds: float
    """How long a worker may hold a claimed message before its outcome counts as unknown; longer than the worker's time-out."""
    catalog_cache_seconds: float
    clock_offset: timedelta


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; `Misconfigured` names every variable that is missing or unreadable, all at once."""
    problems: list[str] = []

    def text(name: str, default: str | None = None) -> str:
        value = environment.get(name, default)
        if not value:
            problems.append(f"{name} is not set")
            return ""
        return value

    def number(name: str, default: str, least: float = 0) -> float:
        value = environment.get(name, default)
        try:
            found = float(value)
        except ValueError:
            found = math.nan
        if not (math.isfinite(found) and found >= least):
            problems.append(f"{name} must be a number{' from 0 up' if least == 0 else ''}, not {value!r}")
            return 0.0
        return found

    def tokens(name: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for pair in filter(None, environment.get(name, "").split(",")):
            campaign, equals, digest = pair.strip().partition("=")
            if not (campaign and equals and len(digest) == 64 and set(digest) <= set("0123456789abcdef")):
                problems.append(f"{name} must be campaign=<SHA-256 in hex> joined by commas")
                break
            found[digest] = campaign
        return found

    settings = Settings(
        table_prefix=text("TABLE_PREFIX"),
        voice_tokens=tokens("VOICE_TOKENS"),
        send_queue_url=text("SEND_QUEUE_URL"),
        react_retry_queue_url=text("REACT_RETRY_QUEUE_URL"),
        public_url=environment.get("PUBLIC_URL", "").rstrip("/"),
        secrets_name=text("SECRETS_NAME"),
        exotel_base_url=text("EXOTEL_BASE_URL").rstrip("/"),
        sms_per_minute=int(number("SMS_PER_MINUTE", "200")),
        send_lease_seconds=number("SEND_LEASE_SECONDS", "90"),
        catalog_cache_seconds=number("CATALOG_CACHE_SECONDS", "30"),
        clock_offset=timedelta(seconds=number("CLOCK_OFFSET_SECONDS", "0", least=-math.inf)),
    )
    if problems:
        raise Misconfigured("cannot start: " + "; ".join(problems))
    return settings

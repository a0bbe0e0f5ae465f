"""The settings of a deployment, read from the environment once and checked at start."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from ringback.domain import providers
from ringback.domain.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting a function may need; the same environment for all of them, so local and deployed runs set it in one place."""

    table_prefix: str
    voice_tokens: Mapping[str, str]
    """SHA-256 (hex) of a live path token → the campaign it belongs to. Two at once per campaign allow a rotation."""
    dialects: Mapping[str, str]
    """Campaign → the provider that speaks to us about it, so that a door knows without a read; from `VOICE_TOKENS`."""
    send_queue_url: str
    dial_queue_url: str
    react_retry_queue_url: str
    recording_queue_url: str
    recordings_bucket: str
    recordings_origin: str
    """Where recordings come from besides the provider's own hosts, even without TLS: for the local run. Empty on AWS."""
    recording_wait_seconds: float
    """How long a recording is waited for before it is first asked for, and the unit of every later wait."""
    answer_grievance_arn: str
    answer_within: timedelta
    """How soon a grievance should be answered; the reminders stand at shares of it."""
    verify_influencer_arn: str
    patch_call_arn: str
    ring_back_patch_arn: str
    public_url: str
    """Base of our own HTTP API, no slash at the end: the callback addresses we hand to the provider start with it. `SendMessage` and
    `PlaceCall` are told the API's own unless the parameter `PublicUrl` names another; `VoiceWebhook` that parameter alone, for the API cannot
    be named to the functions that it is made of. Empty elsewhere."""
    secrets_name: str
    exotel_base_url: str
    twilio_base_url: str
    sms_per_minute: int
    """What the provider allows the account; 0 sets no pace. Source: Exotel allows 200 (exotel.md §2.13)."""
    calls_per_minute: int
    """What we place a minute; 0 sets no pace. Source: Exotel allows 200 voice requests, look-ups among them, and advises 150 at the
    most (exotel.md §2.13)."""
    send_lease_seconds: float
    """How long a worker may hold a claimed message before its outcome counts as unknown; longer than the worker's time-out."""
    throttled_seconds: float
    """How long we stay away from a provider that throttles us without saying for how long (R16)."""
    circuit_open_seconds: float
    """How long the circuit to a failing provider opens the first time (R18)."""
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

    def tokens(name: str) -> tuple[dict[str, str], dict[str, str]]:
        found: dict[str, str] = {}
        dialects: dict[str, str] = {}
        for pair in filter(None, environment.get(name, "").split(",")):
            owner, equals, digest = pair.strip().partition("=")
            campaign, colon, named = owner.partition(":")
            provider = named if colon else providers.USUAL
            is_digest = len(digest) == 64 and set(digest) <= set("0123456789abcdef")
            if not (campaign and equals and is_digest and provider in providers.NAMES):
                problems.append(f"{name} must be campaign[:provider]=<SHA-256 in hex> joined by commas")
                break
            if dialects.setdefault(campaign, provider) != provider:
                problems.append(f"{name} names two providers for {campaign}")
            found[digest] = campaign
        return found, dialects

    voice_tokens, dialects = tokens("VOICE_TOKENS")
    settings = Settings(
        table_prefix=text("TABLE_PREFIX"),
        voice_tokens=voice_tokens,
        dialects=dialects,
        send_queue_url=text("SEND_QUEUE_URL"),
        dial_queue_url=text("DIAL_QUEUE_URL"),
        react_retry_queue_url=text("REACT_RETRY_QUEUE_URL"),
        recording_queue_url=text("RECORDING_QUEUE_URL"),
        recordings_bucket=text("RECORDINGS_BUCKET"),
        recordings_origin=environment.get("RECORDINGS_ORIGIN", "").rstrip("/"),
        recording_wait_seconds=number("RECORDING_WAIT_SECONDS", "15"),
        answer_grievance_arn=text("ANSWER_GRIEVANCE_ARN"),
        answer_within=timedelta(seconds=number("ANSWER_WITHIN_SECONDS", "86400")),
        verify_influencer_arn=text("VERIFY_INFLUENCER_ARN"),
        patch_call_arn=text("PATCH_CALL_ARN"),
        ring_back_patch_arn=text("RING_BACK_PATCH_ARN"),
        public_url=environment.get("PUBLIC_URL", "").rstrip("/"),
        secrets_name=text("SECRETS_NAME"),
        exotel_base_url=text("EXOTEL_BASE_URL").rstrip("/"),
        twilio_base_url=text("TWILIO_BASE_URL", "https://api.twilio.com").rstrip("/"),
        sms_per_minute=int(number("SMS_PER_MINUTE", "200")),
        calls_per_minute=int(number("CALLS_PER_MINUTE", "150")),
        send_lease_seconds=number("SEND_LEASE_SECONDS", "90"),
        throttled_seconds=number("THROTTLED_SECONDS", "30"),
        circuit_open_seconds=number("CIRCUIT_OPEN_SECONDS", "60"),
        catalog_cache_seconds=number("CATALOG_CACHE_SECONDS", "30"),
        clock_offset=timedelta(seconds=number("CLOCK_OFFSET_SECONDS", "0", least=-math.inf)),
    )
    if problems:
        raise Misconfigured("cannot start: " + "; ".join(problems))
    return settings

"""From a provider's callback to a kept fact: the only work done before the 200."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote_plus, urlencode

from ringback import observability, providers
from ringback.domain import messages
from ringback.domain.facts import Entry, Fact, Unparsed
from ringback.domain.providers import USUAL
from ringback.providers.base import CallbackRequest, Dialect, Pairs, Unreadable
from ringback.runtime import Runtime
from ringback.store import journal

LARGEST_BODY = 64 * 1024
"""Bytes; of a larger body only size, digest and beginning are kept (A6)."""

SMS_STATUS = "sms-status"
DIAL_STATUS = "dial-status"
"""Steps under which reports stand in the journal; the provider reaches them by the id they are about."""

_KEPT_OF_UNPARSED = 4 * 1024


class Verdict(StrEnum):
    KEPT = "kept"
    """New, repeated or unparsed: in every case the provider gets its 200."""
    UNKNOWN_ADDRESS = "unknown-address"
    """The token or the proof in the address is wrong: 404, nothing written."""


def prepare(runtime: Runtime) -> None:
    """Get ready for the first callback while the environment starts."""
    journal.connect()
    for name in {USUAL, *runtime.settings.dialects.values()}:
        providers.dialect(name)


@dataclass(frozen=True, slots=True)
class Line:
    """What an address of ours at the voice door stands for: a campaign, and the provider that speaks about it."""

    campaign: str
    dialect: Dialect
    path: str = field(repr=False)
    """Of the address, without the step: `/voice/<token>`, or `/voice/dial/<dial id>/<proof>`."""
    dial_id: str | None = None
    """The call that we placed, where the address was given out for it alone."""

    @property
    def secret(self) -> str:
        """The part of the address that is not to be kept with what is told there."""
        return self.path.rpartition("/")[2]

    def address(self, runtime: Runtime) -> str:
        """The whole address without the step; empty where we were not told our own. Holds the secret."""
        base = runtime.settings.public_url
        return f"{base}{self.path}" if base else ""


def line_of(runtime: Runtime, token: str, request: CallbackRequest) -> Line | None:
    """The line that a voice callback came on; None for a token that is not live, and for a request its provider did not sign."""
    campaign = runtime.settings.voice_tokens.get(hashlib.sha256(token.encode()).hexdigest())
    if campaign is None:
        return None
    line = Line(campaign, _dialect_of(runtime, campaign), f"/voice/{token}")
    return line if _is_authentic(runtime, line, request) else None


def keep_told(runtime: Runtime, line: Line, request: CallbackRequest) -> Verdict:
    """Keep what a callback tells at an address: of a call that came in, or how one that we placed ended. A HEAD asks only for headers,
    so it writes nothing.
    """
    dialect, dial_id = line.dialect, line.dial_id
    if dial_id is None:
        step, read = request.step, lambda pairs: dialect.read_call(request.step, pairs)
    else:
        step, read = DIAL_STATUS, lambda pairs: dialect.read_dial_status(dial_id, pairs)
    return _keep(runtime, line.campaign, request, step, line.secret, read)


def _dialect_of(runtime: Runtime, campaign: str) -> Dialect:
    return providers.dialect(runtime.settings.dialects.get(campaign, USUAL))


def _is_authentic(runtime: Runtime, line: Line, request: CallbackRequest) -> bool:
    """Whether the provider itself made a request. What it signs is our public address, not the one this function sees."""
    dialect, base = line.dialect, line.address(runtime)
    if not dialect.is_signed:
        return True
    keys = runtime.secrets.signing_keys.get(dialect.name, ())
    if base and dialect.is_authentic(keys, f"{base}/{request.step}", request):
        return True
    observability.count("SignatureRejected")
    observability.logger.warning(
        "A request is not signed as its provider signs" if base and keys else "No signature can be checked",
        extra={"provider": dialect.name, "public_url": runtime.settings.public_url, "keys": len(keys)},
    )
    return False


def keep_unparsed(runtime: Runtime, line: Line, request: CallbackRequest, reason: str) -> None:
    """Keep a request that nobody can read."""
    fact, raw = _unparsed(line.campaign, request, line.secret, reason)
    _journal(runtime, fact, line.campaign, fact.name, raw)


_KEYS_TOLD = re.compile(rb"""(?i)(\bdigits\b["']?\s*[=:]\s*)("[^"]*"|[^&,}\s]*)""")


def without_keys(request: CallbackRequest) -> CallbackRequest:
    """A request that cannot be read, without the keys that it may tell of: nobody can say whether they are a PIN."""
    query = _KEYS_TOLD.sub(rb"\1", request.query.encode("utf-8", "surrogateescape"))
    return replace(
        request,
        query=query.decode("utf-8", "surrogateescape"),
        body=_KEYS_TOLD.sub(rb"\1", request.body),
    )


def keep_sms_status(runtime: Runtime, message_id: str, proof: str, request: CallbackRequest) -> Verdict:
    """Keep a delivery report. Its address names the message and proves that we gave the address out (`report_address`)."""
    if not hmac.compare_digest(proof.encode(), _proof(runtime, message_id).encode()):
        return unknown_address()
    campaign = messages.campaign_of(message_id)
    dialect = _dialect_of(runtime, campaign)
    return _keep(
        runtime,
        campaign,
        request,
        SMS_STATUS,
        proof,
        lambda pairs: dialect.read_sms_status(message_id, pairs),
    )


def dial_line_of(runtime: Runtime, dial_id: str, proof: str, request: CallbackRequest) -> Line | None:
    """The line of a call that we placed, by an address that we gave out for it alone (`dial_address`); None for any other address,
    and for a request its provider did not sign.
    """
    if not hmac.compare_digest(proof.encode(), _proof(runtime, _dial(dial_id)).encode()):
        return None
    campaign = dial_id.split(".")[1]
    line = Line(campaign, _dialect_of(runtime, campaign), f"/voice/dial/{dial_id}/{proof}", dial_id)
    return line if _is_authentic(runtime, line, request) else None


def dial_address(runtime: Runtime, dial_id: str, step: str) -> str:
    """Where the provider is to ask about one call that we place, or tell of it. The step stands last, so that an address relative
    to it stays with the call.
    """
    return f"{runtime.settings.public_url}/voice/dial/{dial_id}/{_proof(runtime, _dial(dial_id))}/{step}"


def _dial(dial_id: str) -> str:
    """What is proven of a dial: never the same as of a message, whose ids look alike."""
    return f"dial/{dial_id}"


def report_address(runtime: Runtime, message_id: str) -> str:
    """Where the provider is to report on a message: nobody who was not given the address can make it up."""
    return f"{runtime.settings.public_url}/sms/status/{message_id}/{_proof(runtime, message_id)}"


def _proof(runtime: Runtime, message_id: str) -> str:
    digest = hmac.digest(runtime.secrets.callback_key, message_id.encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:24]).decode()


def unknown_address() -> Verdict:
    """Count a request for an address we never gave out."""
    observability.count("CallbackRejected")
    return Verdict.UNKNOWN_ADDRESS


def _keep(
    runtime: Runtime,
    campaign: str,
    request: CallbackRequest,
    step: str,
    secret: str,
    read: Callable[[Pairs], Fact],
) -> Verdict:
    """Keep what a request tells; `secret` is the part of its address that must not be kept with it."""
    if request.method == "HEAD":
        return Verdict.KEPT
    fact: Fact
    try:
        if len(request.body) > LARGEST_BODY:
            raise Unreadable(f"{len(request.body)} bytes")
        pairs = _dialect_of(runtime, campaign).read_pairs(request)
        fact, raw = read(pairs), written(pairs)
        if len(raw) > LARGEST_BODY:
            raise Unreadable(f"{len(raw)} bytes")
    except Unreadable as problem:
        fact, raw = _unparsed(campaign, request, secret, str(problem))
    step = fact.name if isinstance(fact, Unparsed) else step
    _journal(runtime, fact, campaign, step, raw)
    return Verdict.KEPT


def _journal(runtime: Runtime, fact: Fact, campaign: str, step: str, raw: str) -> None:
    provider = _dialect_of(runtime, campaign).name
    kept = journal.keep(entry_of(fact, campaign, step, raw, runtime.clock.now(), provider=provider))
    observability.conclude(
        "Kept a callback",
        f"Callback{kept.title()}",
        source_id=fact.source_id,
        fact=fact.name,
        campaign=campaign,
        kept=kept,
    )


def written(pairs: Pairs) -> str:
    """`urlencode` for a hot path: most names and values have nothing to quote."""
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs)


def _quoted(text: str) -> str:
    return text if text.isalnum() and text.isascii() else quote_plus(text)


def entry_of(
    fact: Fact,
    campaign: str,
    step: str,
    raw: str,
    now: datetime,
    *,
    provider: str = USUAL,
    listed: bool = False,
) -> Entry:
    """The journal entry of a fact told in `raw`, the URL-encoded parameters it was read from."""
    return Entry(
        source_id=fact.source_id,
        key=fact.name,
        campaign=campaign,
        provider=provider,
        step=step,
        raw=raw,
        digest=hashlib.sha256(raw.encode()).hexdigest()[:32],
        received_at=now,
        listed=listed,
    )


def _unparsed(campaign: str, request: CallbackRequest, secret: str, reason: str) -> tuple[Unparsed, str]:
    """A fact of what cannot be read, keyed by its content: the same nonsense twice is kept once."""
    told = (request.query.encode("utf-8", "replace") + request.body).replace(
        secret.encode("utf-8", "replace"), b"-"
    )
    digest = hashlib.sha256(f"{campaign}/{request.step}/".encode() + told).hexdigest()
    raw = urlencode(
        {
            "reason": reason,
            "bytes": len(told),
            "sha256": hashlib.sha256(told).hexdigest(),
            "content_type": request.content_type[:200],
            "told": told[:_KEPT_OF_UNPARSED],
        }
    )
    return Unparsed(f"unparsed:{digest[:32]}", reason), raw

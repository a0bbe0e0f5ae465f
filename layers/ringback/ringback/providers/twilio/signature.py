"""Whether Twilio made a request: it signs each with the account's auth token.

Signed is the whole address as Twilio called it, then each parameter of a form, name and value, in the order of names, a repeated
value once: HMAC-SHA1, in base64, in the header X-Twilio-Signature. A body that is no form is not in the text itself: the address
then says its SHA-256.

SOURCE: twilio.com/docs/usage/security; twilio 9.13.0, `request_validator.py`.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from ringback.providers import forms
from ringback.providers.base import CallbackRequest, Pairs, Unreadable

HEADER: Final = "x-twilio-signature"

_FORM: Final = "application/x-www-form-urlencoded"
_PORTS: Final = {"https": 443, "http": 80}


def is_authentic(tokens: Iterable[str], url: str, request: CallbackRequest) -> bool:
    """Whether one of the account's auth tokens signed this request to `url`, our public address of it without the query.

    The address is ours, never the one the function sees: behind a gateway those differ. Whether Twilio signs it with its port has
    varied, so both spellings count. A query it was not signed with, a changed parameter or another body make it false.
    """
    given = request.headers.get(HEADER, "").encode("utf-8", "replace")
    try:
        signed = _parameters(request)
    except Unreadable:
        return False
    if not given or signed is None:
        return False
    addresses = [f"{spelling}?{request.query}" if request.query else spelling for spelling in _spellings(url)]
    computed = [sign(token, address, signed) for token in tokens if token for address in addresses]
    # Every one is compared, so that the time taken tells nothing.
    return any([hmac.compare_digest(each.encode(), given) for each in computed])


def sign(token: str, address: str, parameters: Pairs = ()) -> str:
    """The signature of a request to `address`, query included."""
    text = address + "".join(f"{name}{value}" for name, value in sorted(set(parameters)))
    return base64.b64encode(hmac.digest(token.encode(), text.encode("utf-8", "replace"), "sha1")).decode()


def _parameters(request: CallbackRequest) -> Pairs | None:
    """The parameters that were signed; None when the body is not the one that the address promises."""
    if not request.body:
        return ()
    if request.content_type.partition(";")[0].strip().lower() == _FORM:
        return tuple(forms.read(forms.text_of(request.body)))
    promised = dict(forms.read(request.query)).get("bodySHA256", "")
    digest = hashlib.sha256(request.body).hexdigest()
    return () if hmac.compare_digest(digest.encode(), promised.encode("utf-8", "replace")) else None


def _spellings(url: str) -> tuple[str, str]:
    """An address without a port and with one."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = parts.port or _PORTS.get(parts.scheme, 443)
    return f"{parts.scheme}://{host}{parts.path}", f"{parts.scheme}://{host}:{port}{parts.path}"

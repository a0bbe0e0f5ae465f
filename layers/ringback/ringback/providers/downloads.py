"""Fetching a recording from a provider, from an address that anybody may have made up (A25).

Only an https address on a host of the provider's, below our own account's path, is ever asked: for that host's certificate, at an address
that is public, which is looked up once and then used. No redirect is followed, our key goes nowhere else, and nothing over
`LARGEST` is read.
"""

import ipaddress
import socket
import time
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

import certifi
import urllib3

LARGEST: Final = 5_000_000
"""Bytes. 30 seconds take 240 KB as an 8 kHz, 16-bit WAV; the rest is room."""

LONGEST_URL: Final = 2048

_PATIENCE_SECONDS: Final = 30.0
"""How long one file may take altogether: 5 MB at 170 KB/s."""

_TIMEOUT: Final = urllib3.Timeout(connect=3.0, read=10.0)
_NOT_THERE_YET: Final = (404, 410)
_FOR_GOOD: Final = (400, 405, 406, 414, 451)


@dataclass(frozen=True, slots=True)
class Source:
    """Where one account's recordings come from."""

    hosts: tuple[str, ...]
    """The provider's hosts, asked by https alone."""
    path: str
    """What the path must begin with: it names our account, so no other's recording is ever asked for."""
    user: str
    password: str = field(repr=False)
    local_origin: str = ""
    """One more origin, `http://127.0.0.1:8090`, taken as it is: the phone network of a local run."""
    deletes: bool = False
    """Whether the provider documents how to delete a recording: by DELETE at its address."""


@dataclass(frozen=True, slots=True)
class Fetched:
    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class NotThere:
    """The provider does not have it (yet)."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It may not be fetched, or is no recording: asking again changes nothing."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The provider could not be asked, or would not answer: ask again later."""

    reason: str


Download = Fetched | NotThere | Refused | Failed


def refusal(url: str, source: Source) -> str | None:
    """Why an address may not be asked at all; None when it may. No secret and nothing of the address is in the reason."""
    if (
        not 0 < len(url) <= LONGEST_URL
        or not url.isascii()
        or not url.isprintable()
        or {" ", "\\"} & set(url)
    ):
        return "the address is no address"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "the address is no address"
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "the address names a user or a fragment"
    if not _is_local(parts, source):
        if parts.scheme != "https":
            return "the address is not https"
        if parts.hostname not in source.hosts or port not in (None, 443):
            return "the address is not at the provider's recordings"
    if not parts.path.startswith(source.path) or {".", ".."} & set(unquote(parts.path).split("/")):
        return "the address is not below our account"
    return None


def download(url: str, source: Source) -> Download:
    """Fetch a recording once. Every failure is an outcome, none is raised."""
    answered = _ask("GET", url, source)
    if not isinstance(answered, urllib3.BaseHTTPResponse):
        return answered
    try:
        return _read(answered)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        return Failed(type(error).__name__)
    finally:
        answered.close()


def delete(url: str, source: Source) -> bool:
    """Delete a recording at a provider that can; True when it is gone there, False to be tried again."""
    answered = _ask("DELETE", url, source)
    if not isinstance(answered, urllib3.BaseHTTPResponse):
        return False
    answered.close()
    return answered.status in (200, 204, *_NOT_THERE_YET)


def _ask(method: str, url: str, source: Source) -> urllib3.BaseHTTPResponse | Refused | Failed:
    if reason := refusal(url, source):
        return Refused(reason)
    parts = urlsplit(url)
    pool = _pool(parts, source)
    if not isinstance(pool, urllib3.HTTPConnectionPool):
        return pool
    credentials = b64encode(f"{source.user}:{source.password}".encode()).decode()
    headers = {
        "Host": parts.netloc,
        "Authorization": f"Basic {credentials}",
        "User-Agent": "ringback",
        "Accept": "audio/*",
        "Accept-Encoding": "identity",
    }
    try:
        return pool.urlopen(
            method,
            f"{parts.path}?{parts.query}" if parts.query else parts.path,
            headers=headers,
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
            timeout=_TIMEOUT,
        )
    except (urllib3.exceptions.HTTPError, OSError) as error:
        return Failed(type(error).__name__)


def _pool(parts: SplitResult, source: Source) -> urllib3.HTTPConnectionPool | Refused | Failed:
    """A connection to the very address that was found public: a second look-up might find another."""
    assert parts.hostname
    if _is_local(parts, source):
        return urllib3.HTTPConnectionPool(parts.hostname, parts.port or 80)
    try:
        found = socket.getaddrinfo(parts.hostname, 443, type=socket.SOCK_STREAM)
    except OSError as error:
        return Failed(type(error).__name__)
    addresses = [str(each[4][0]) for each in found]
    if not addresses or not all(map(is_public, addresses)):
        return Refused("the host is at an address that is not public")
    return pinned(addresses[0], parts.hostname)


def pinned(
    address: str, host: str, *, port: int = 443, ca_certs: str | None = None
) -> urllib3.HTTPSConnectionPool:
    """Connections to one address, which must show the certificate of the host; `ca_certs` in place of the usual authorities."""
    return urllib3.HTTPSConnectionPool(
        address,
        port,
        server_hostname=host,
        assert_hostname=host,
        cert_reqs="CERT_REQUIRED",
        ca_certs=ca_certs or certifi.where(),
    )


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet: no loopback, no private network, no metadata service."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None) or ip
    return bool(ip.is_global and inner.is_global and not ip.is_multicast)


def _read(response: urllib3.BaseHTTPResponse) -> Download:
    if response.status in _NOT_THERE_YET:
        return NotThere()
    if 300 <= response.status < 400:
        return Refused("the provider sends us elsewhere")
    if response.status in _FOR_GOOD:
        return Refused(f"the provider answered {response.status}")
    if response.status != 200:
        return Failed(f"the provider answered {response.status}")
    content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if not content_type.startswith("audio/"):
        return Refused("what came is no audio")
    content, deadline = bytearray(), time.monotonic() + _PATIENCE_SECONDS
    for chunk in response.stream(65_536, decode_content=False):
        content += chunk
        if len(content) > LARGEST:
            return Refused(f"the file is over {LARGEST:,} bytes")
        if time.monotonic() > deadline:
            return Failed("the file came too slowly")
    if not content:
        return NotThere()
    return Fetched(bytes(content), content_type)


def _is_local(parts: SplitResult, source: Source) -> bool:
    return bool(source.local_origin) and f"{parts.scheme}://{parts.netloc}" == source.local_origin

"""Copying recordings: from nowhere but the provider, nothing but audio, each once, for as long as a day (A25, F83)."""

import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest

from ringback import recordings as bucket
from ringback.domain import feedback as domain
from ringback.domain.errors import Misconfigured
from ringback.domain.feedback import Grievance
from ringback.providers import downloads
from ringback.providers.downloads import Failed, Fetched, NotThere, Refused, Source
from ringback.queues import Ticket
from ringback.services import accounts, recordings
from ringback.store import feedback as store
from tests.deployment import RECORDINGS, Deployment, client, deployed, emitted

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

PATH = "/exotelrecordings/ringback1/call-1.mp3"
AUDIO = b"ID3 a voice"
BASIC = "Basic " + b64encode(b"key-for-tests:token-for-tests").decode()


@dataclass
class Provider:
    """A host of recordings on loopback, whose answers a test chooses."""

    origin: str = ""
    status: int = 200
    content_type: str = "audio/mpeg"
    content: bytes = AUDIO
    length: int | None = None
    location: str | None = None
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)

    def source(self, **changes: object) -> Source:
        given: dict[str, object] = {
            "hosts": ("recordings.exotel.com",),
            "path": "/exotelrecordings/ringback1/",
            "user": "key-for-tests",
            "password": "token-for-tests",
            "local_origin": self.origin,
        }
        return Source(**(given | changes))  # type: ignore[arg-type]


def serve(provider: Provider, context: ssl.SSLContext | None = None) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append((self.command, self.path, self.headers.get("Authorization")))
            self.send_response(provider.status)
            self.send_header("Content-Type", provider.content_type)
            length = len(provider.content) if provider.length is None else provider.length
            self.send_header("Content-Length", str(length))
            if provider.location:
                self.send_header("Location", provider.location)
            self.end_headers()
            self.wfile.write(provider.content)

        do_DELETE = do_GET

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scheme = "http"
    if context:
        server.socket, scheme = context.wrap_socket(server.socket, server_side=True), "https"
    provider.origin = f"{scheme}://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    server = serve(provider)
    yield provider
    server.shutdown()
    server.server_close()


@pytest.fixture
def deployment(provider: Provider) -> Iterator[Deployment]:
    with deployed(publish=(), RECORDINGS_ORIGIN=provider.origin) as running:
        yield running


def keep(deployment: Deployment, url: str, provider: str = "exotel") -> Ticket:
    """A grievance with its recording at an address; returns the ticket to copy it."""
    now = deployment.clock.now()
    grievance = Grievance(
        id=domain.id_for("clean-water", "exotel:call-1/turn-3"),
        campaign="clean-water",
        person="4gp4wjhodgysggjt3zh62ntffn",
        topic="grievance",
        language="hi",
        provider=provider,
        cause="exotel:call-1/turn-3",
        url=url,
        recorded_at=now,
        due_at=now + domain.ANSWER_WITHIN,
    )
    return recordings.first_ticket(deployment.runtime, store.keep(grievance))


def kept(name: str) -> Grievance:
    grievance = store.load(name)
    assert grievance is not None
    return grievance


# What may be asked at all


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/exotelrecordings/ringback1/a.mp3",
        "https://169.254.169.254/exotelrecordings/ringback1/a.mp3",
        "http://recordings.exotel.com/exotelrecordings/ringback1/a.mp3",
        "https://recordings.exotel.com.evil.example/exotelrecordings/ringback1/a.mp3",
        "https://evil.example/exotelrecordings/ringback1/a.mp3",
        "https://recordings.exotel.com@evil.example/exotelrecordings/ringback1/a.mp3",
        "https://evil.example#@recordings.exotel.com/exotelrecordings/ringback1/a.mp3",
        "https://recordings.exotel.com:8443/exotelrecordings/ringback1/a.mp3",
        "https://recordings.exotel.com/exotelrecordings/somebodyelse/a.mp3",
        "https://recordings.exotel.com/exotelrecordings/ringback1/../somebodyelse/a.mp3",
        "https://recordings.exotel.com/exotelrecordings/ringback1/%2e%2e/somebodyelse/a.mp3",
        "https://recordings.exotel.com\\@evil.example/exotelrecordings/ringback1/a.mp3",
        "https://recordings.exotel.com/exotelrecordings/ringback1/a\r\nHost: evil.example",
        "https://recordings.exotel.com/exotelrecordings/ringback1/" + "a" * 2048,
        "https://recordings.exоtel.com/exotelrecordings/ringback1/a.mp3",
        "https://recordings.exotel.com:port/exotelrecordings/ringback1/a.mp3",
        "https://[::1/exotelrecordings/ringback1/a.mp3",
        "file:///etc/passwd",
        "ftp://recordings.exotel.com/exotelrecordings/ringback1/a.mp3",
        "//recordings.exotel.com/exotelrecordings/ringback1/a.mp3",
        "",
    ],
)
def test_an_address_anywhere_else_is_never_asked(url: str) -> None:
    """pytest lets no socket out, so asking would be another error than being refused."""
    source = Provider().source()

    assert isinstance(downloads.download(url, source), Refused)
    assert not downloads.delete(url, source)


def test_the_providers_own_address_may_be_asked() -> None:
    source = Provider().source()

    assert downloads.refusal(f"https://recordings.exotel.com{PATH}", source) is None
    assert downloads.refusal(f"https://RECORDINGS.exotel.com:443{PATH}?v=1", source) is None


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("172.16.9.9", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fd00:ec2::254", False),
        ("fe80::1", False),
        ("::ffff:169.254.169.254", False),
        ("2002:7f00:1::", False),
        ("not an address", False),
    ],
)
def test_only_addresses_of_the_open_internet_are_public(address: str, public: bool) -> None:
    assert downloads.is_public(address) is public


def test_a_providers_host_that_leads_into_our_network_is_refused() -> None:
    """A name may be made to point anywhere; `localhost` does so by itself."""
    source = Provider().source(hosts=("localhost",))

    refused = downloads.download(f"https://localhost{PATH}", source)

    assert refused == Refused("the host is at an address that is not public")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of its own making for recordings.exotel.com, with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "recordings.exotel.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("recordings.exotel.com")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


@pytest.mark.parametrize(("host", "fetched"), [("recordings.exotel.com", True), ("api.exotel.com", False)])
def test_the_address_that_was_looked_up_must_show_the_hosts_certificate(
    certificate: Path, host: str, fetched: bool
) -> None:
    """We connect to an IP address, so that no second look-up can lead elsewhere; the certificate is still for the name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    provider = Provider()
    server = serve(provider, context)
    pool = downloads.pinned("127.0.0.1", host, port=server.server_port, ca_certs=str(certificate))
    try:
        try:
            status = pool.urlopen("GET", PATH, retries=False).status
        except downloads.urllib3.exceptions.SSLError:
            status = 0
    finally:
        pool.close()
        server.shutdown()
        server.server_close()

    assert (status == 200) is fetched
    assert ip_address(pool.host)


# What comes


def test_a_recording_is_fetched_with_the_accounts_key(provider: Provider) -> None:
    assert downloads.download(provider.origin + PATH, provider.source()) == Fetched(AUDIO, "audio/mpeg")
    assert provider.asked == [("GET", PATH, BASIC)]


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"status": 404}, NotThere()),
        ({"status": 410}, NotThere()),
        ({"content": b""}, NotThere()),
        ({"status": 401}, Failed("the provider answered 401")),
        ({"status": 429}, Failed("the provider answered 429")),
        ({"status": 503}, Failed("the provider answered 503")),
        ({"length": 1000}, Failed("ProtocolError")),
        ({"content_type": "text/html; charset=utf-8"}, Refused("what came is no audio")),
        ({"content": b"x" * (downloads.LARGEST + 1)}, Refused("the file is over 5,000,000 bytes")),
        ({"status": 302, "location": "http://169.254.169.254/"}, Refused("the provider sends us elsewhere")),
    ],
)
def test_everything_but_audio_of_a_fitting_size_is_told_apart(
    provider: Provider, change: dict[str, object], outcome: object
) -> None:
    for name, value in change.items():
        setattr(provider, name, value)

    assert downloads.download(provider.origin + PATH, provider.source()) == outcome
    assert len(provider.asked) == 1


def test_a_host_that_does_not_answer_is_a_failure() -> None:
    source = Provider(origin="http://127.0.0.1:1").source()

    assert isinstance(downloads.download(f"http://127.0.0.1:1{PATH}", source), Failed)


# The copy


def test_a_recording_is_kept_once_however_often_it_is_asked_for(
    deployment: Deployment, provider: Provider
) -> None:
    ticket = keep(deployment, provider.origin + PATH)

    assert recordings.copy(deployment.runtime, [ticket, ticket]) == []
    provider.content = b"another voice"
    assert recordings.copy(deployment.runtime, [ticket]) == []

    key = kept(ticket.hash_key).recording
    assert key == f"clean-water/{ticket.hash_key}.mp3"
    assert bucket.load(RECORDINGS, key) == AUDIO
    assert len(provider.asked) == 1
    assert client("s3").head_object(Bucket=RECORDINGS, Key=key)["ContentType"] == "audio/mpeg"
    assert emitted("RecordingCopied") == 1


def test_a_copy_that_crashed_before_it_was_noted_is_noted_and_not_made_again(
    deployment: Deployment, provider: Provider
) -> None:
    ticket = keep(deployment, provider.origin + PATH)
    bucket.keep(RECORDINGS, f"clean-water/{ticket.hash_key}.mp3", b"the first", "audio/mpeg")

    recordings.copy(deployment.runtime, [ticket])

    key = kept(ticket.hash_key).recording
    assert key is not None
    assert bucket.load(RECORDINGS, key) == b"the first"


def test_what_is_not_there_yet_is_asked_for_again_after_longer_and_longer(
    deployment: Deployment, provider: Provider
) -> None:
    provider.status = 404
    keep(deployment, provider.origin + PATH)
    ticket, delays = Ticket(domain.id_for("clean-water", "exotel:call-1/turn-3"), "1"), []
    queue = deployment.runtime.settings.recording_queue_url
    for _ in range(9):
        assert recordings.copy(deployment.runtime, [ticket]) == []
        ((due_at, body),) = deployment._waiting.pop(queue)
        delays.append((due_at - deployment.clock.now()).total_seconds())
        deployment.clock.set(due_at)
        ticket = recordings.queues.read_or_none(body) or ticket

    assert delays == [30, 60, 120, 240, 480, 900, 900, 900, 900]
    provider.status = 200
    recordings.copy(deployment.runtime, [ticket])
    assert kept(ticket.hash_key).recording is not None


def test_what_is_not_there_after_a_day_ends_in_the_dead_letters(
    deployment: Deployment, provider: Provider
) -> None:
    provider.status = 404
    ticket = keep(deployment, provider.origin + PATH)
    deployment.clock.move(days=1)

    assert recordings.copy(deployment.runtime, [ticket]) == [ticket]

    assert emitted("RecordingMissing") == 1
    provider.status = 200
    assert recordings.copy(deployment.runtime, [ticket]) == []  # redriven once it is there after all
    assert kept(ticket.hash_key).recording is not None


def test_a_made_up_address_is_refused_for_good_and_told(deployment: Deployment, provider: Provider) -> None:
    ticket = keep(deployment, "http://169.254.169.254/latest/meta-data/")

    assert recordings.copy(deployment.runtime, [ticket]) == []

    assert kept(ticket.hash_key).recording_problem == "the address is not https"
    assert not recordings.is_wanted(kept(ticket.hash_key), deployment.clock.now())
    assert provider.asked == []


def test_one_recording_that_fails_keeps_no_other_from_being_copied(
    deployment: Deployment, provider: Provider
) -> None:
    unknown, good = Ticket("nothing", "1"), keep(deployment, provider.origin + PATH)

    assert recordings.copy(deployment.runtime, [unknown, good]) == [unknown]
    assert kept(good.hash_key).recording is not None


def test_a_provider_we_have_no_account_with_is_no_source(deployment: Deployment) -> None:
    with pytest.raises(Misconfigured):
        accounts.recordings(deployment.runtime, "somebody")


@pytest.mark.parametrize(("status", "gone"), [(204, True), (404, True), (401, False), (500, False)])
def test_a_recording_is_deleted_where_the_provider_can(provider: Provider, status: int, gone: bool) -> None:
    """Exotel documents no way to; DELETE at Twilio's address removes it."""
    provider.status, provider.content = status, b""

    assert downloads.delete(provider.origin + PATH, provider.source(deletes=True)) is gone
    assert provider.asked == [("DELETE", PATH, BASIC)]


def test_exotel_is_never_asked_to_delete(deployment: Deployment) -> None:
    assert accounts.recordings(deployment.runtime, "exotel").deletes is False

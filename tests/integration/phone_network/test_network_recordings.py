"""Recordings are private, appear after a while, and cannot be deleted at this provider."""

import base64
import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from phone_network import sounds

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

EXOPHONE = "+918040001001"


@pytest.fixture
def recorded(serve: Callable[..., Any]) -> Callable[..., Any]:
    """Return a factory: a network, and the address of what somebody said there for 12 seconds."""

    def start(**changes: Any) -> tuple[Any, str]:
        flow = [{"applet": "voicemail", "max_seconds": 30}]
        stage = serve(exophones=[{"number": EXOPHONE, "flow": flow}], **changes)
        return stage, stage.call(script=[{"speak": 12}])["recording_url"]

    return start


def fetch(url: str, key: str | None = "key1:token1", method: str = "GET") -> tuple[int, str, bytes]:
    request = urllib.request.Request(url, method=method)
    if key:
        request.add_header("Authorization", f"Basic {base64.b64encode(key.encode()).decode()}")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, "", b""


@pytest.mark.parametrize("kind", ["wav", "mpeg"])
def test_a_recording_is_a_file_of_its_length(recorded: Callable[..., Any], kind: str) -> None:
    stage, url = recorded(recording_type=kind)
    status, content_type, content = fetch(url)
    again = fetch(url)
    (row,) = stage.control("recordings")["recordings"]

    assert (status, content_type) == (200, f"audio/{kind}")
    assert again[2] == content
    assert (row["seconds"], row["bytes"], row["ready"], row["fetched"]) == (12.0, len(content), True, 2)
    assert row["sha256"] == hashlib.sha256(content).hexdigest()
    if kind == "wav":
        assert sounds.played_seconds(content) == 12.0
    else:
        assert content.startswith(b"\xff\xe3")
        assert len(content) == 72 * 167


@pytest.mark.parametrize(
    ("key", "status"), [(None, 401), ("key1:wrong", 401), ("key2:token2", 401), ("key1:token1", 200)]
)
def test_a_recording_is_for_its_account_alone(
    recorded: Callable[..., Any], key: str | None, status: int
) -> None:
    _, url = recorded()

    assert fetch(url, key)[0] == status


def test_a_recording_is_not_there_until_it_is_ready(recorded: Callable[..., Any]) -> None:
    stage, url = recorded(timing={"recording_ready_seconds": 120})
    before = fetch(url)[0]
    stage.control("clock", {"advance_seconds": 121})

    assert (before, fetch(url)[0]) == (404, 200)


@pytest.mark.parametrize(("fault", "after"), [("recording_late", 200), ("recording_never", 404)])
def test_a_fault_keeps_a_recording_back(recorded: Callable[..., Any], fault: str, after: int) -> None:
    stage, url = recorded(faults={fault: 1}, timing={"fault_delay_seconds": 600})
    before = fetch(url)[0]
    stage.control("clock", {"advance_seconds": 86_400})

    assert (before, fetch(url)[0]) == (404, after)


def test_nothing_can_be_deleted(recorded: Callable[..., Any]) -> None:
    _, url = recorded()

    assert fetch(url, method="DELETE")[0] == 405
    assert fetch(url, method="HEAD")[0] == 200
    assert fetch(url)[0] == 200


def test_each_recording_of_a_call_has_an_address_and_bytes_of_its_own(serve: Callable[..., Any]) -> None:
    voicemail = {"applet": "voicemail", "max_seconds": 30}
    stage = serve(exophones=[{"number": EXOPHONE, "flow": [voicemail, voicemail]}])
    call = stage.call(script=[{"speak": 5}, {"speak": 5}])
    names = [row["name"] for row in stage.control("recordings")["recordings"]]
    files = {fetch(f"{stage.url}/exotelrecordings/cleanwater1/{name}")[2] for name in names}

    assert names == [f"{call['call_sid']}.mp3", f"{call['call_sid']}.2_0.mp3"]
    assert len(files) == 2
    assert urlsplit(call["recording_url"]).path.endswith(names[1])

"""What journeys share."""

from collections.abc import Iterator

import boto3
import pytest

from ringback import queues, recordings, workflows


@pytest.fixture
def fresh_clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS clients of this process that know the stack of this test, and are forgotten after it."""
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for module in (queues, recordings, workflows):
        module._client.cache_clear()
    yield
    for module in (queues, recordings, workflows):
        module._client.cache_clear()

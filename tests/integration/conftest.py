from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment import CALLER, OTHER_CALLER, Deployment, deployed
from tests.integration import people
from tests.integration.patching import VOTERS, Patched


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    with deployed() as running:
        yield running


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens of waiting state machines that were answered."""
    return people.told(monkeypatch)


@pytest.fixture
def patched(deployment: Deployment, tmp_path: Path) -> Patched:
    """Two influencers with a go-ahead, and an open pool of `VOTERS`."""
    patched = Patched(deployment)
    patched.approve(CALLER, OTHER_CALLER)
    patched.fill(tmp_path, VOTERS)
    return patched

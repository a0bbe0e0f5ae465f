"""What every test stands on: no real account, no real region, no network unless a test asks for loopback."""

import pytest
from hypothesis import HealthCheck, settings

# The same examples on every run, and no clock in a verdict: a busy machine must not turn a test red.
settings.register_profile(
    "ringback", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ringback")


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that open nothing, so that a test which slips past its emulator fails instead of reaching AWS."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "test")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Ringback")

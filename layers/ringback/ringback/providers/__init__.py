"""The providers, by name. Each is a package: a dialect, light enough for the voice door, and an account behind its `Client`."""

from ringback.domain.errors import Misconfigured
from ringback.domain.providers import NAMES
from ringback.providers.base import Dialect


def dialect(name: str) -> Dialect:
    """How a provider speaks, loaded when it is first met; `Misconfigured` for a name nobody knows."""
    if name not in NAMES:
        raise Misconfigured(f"there is no provider {name!r}")
    if name == "twilio":
        from ringback.providers import twilio

        return twilio
    from ringback.providers import exotel

    return exotel

"""The accounts we hold with providers, as clients ready to use."""

from ringback.providers import exotel
from ringback.providers.base import Provider
from ringback.runtime import Runtime


def connect(runtime: Runtime) -> Provider:
    """The deployment's Exotel account; reads the secrets at first use. Make one a process: it keeps its connection."""
    secrets = runtime.secrets
    return exotel.Client(
        secrets.exotel_account_sid,
        secrets.exotel_api_key,
        secrets.exotel_api_token,
        runtime.settings.exotel_base_url,
    )

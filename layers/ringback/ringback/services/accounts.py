"""The accounts we hold with providers, as clients ready to use."""

from ringback.domain.errors import Misconfigured
from ringback.providers import exotel, twilio
from ringback.providers.base import Provider
from ringback.providers.downloads import Source
from ringback.runtime import Runtime


def connect(runtime: Runtime) -> tuple[Provider, ...]:
    """Every account of the deployment; reads the secrets at first use. Make them once a process: they keep their connections."""
    secrets, settings = runtime.secrets, runtime.settings
    accounts: list[Provider] = [
        exotel.Client(
            secrets.exotel_account_sid,
            secrets.exotel_api_key,
            secrets.exotel_api_token,
            settings.exotel_base_url,
        )
    ]
    if secrets.twilio_account_sid:
        token = secrets.twilio_auth_tokens[0]
        accounts.append(twilio.Client(secrets.twilio_account_sid, token, settings.twilio_base_url))
    return tuple(accounts)


def recordings(runtime: Runtime, provider: str) -> Source:
    """Where a provider keeps our recordings, and as whom to ask there; `Misconfigured` for one we have no account with."""
    secrets = runtime.secrets
    if provider == exotel.NAME:
        # SOURCE: Exotel, "Signed URL approach to access call recordings": HTTP Basic with the API's key and token since 8 October
        # 2024. It documents no call to delete a recording, and keeps each for about six months.
        return Source(
            hosts=("recordings.exotel.com",),
            path=f"/exotelrecordings/{secrets.exotel_account_sid}/",
            user=secrets.exotel_api_key,
            password=secrets.exotel_api_token,
            local_origin=runtime.settings.recordings_origin,
        )
    if provider == twilio.NAME and secrets.twilio_account_sid:
        # SOURCE: twilio.com/docs/voice/api/recording: WAV at its address, which DELETE removes; kept until then.
        return Source(
            hosts=("api.twilio.com",),
            path=f"/2010-04-01/Accounts/{secrets.twilio_account_sid}/Recordings/",
            user=secrets.twilio_account_sid,
            password=secrets.twilio_auth_tokens[0],
            local_origin=runtime.settings.recordings_origin,
            deletes=True,
        )
    raise Misconfigured(f"there is no account with {provider} to fetch recordings from")

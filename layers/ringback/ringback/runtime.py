"""What a process makes once and shares: settings, clock, secrets. Everything that asks for the time asks here."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property

from ringback import settings
from ringback.domain.errors import Misconfigured
from ringback.settings import Settings
from ringback.store import tables


@dataclass(frozen=True, slots=True)
class Clock:
    """The time, and waiting for it. The local run moves it by an offset; tests put their own in its place."""

    offset: timedelta = timedelta()
    sleep: Callable[[float], None] = time.sleep

    def now(self) -> datetime:
        """The moment, aware, UTC."""
        return datetime.now(UTC) + self.offset


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """What must not stand in an environment, a log or a `repr`."""

    person_pepper: bytes
    callback_key: bytes
    exotel_account_sid: str
    exotel_api_key: str
    exotel_api_token: str
    twilio_account_sid: str = ""
    """Empty when the deployment has no Twilio account."""
    twilio_auth_tokens: tuple[str, ...] = ()
    """The one we use, and during a rotation the other: Twilio may sign with either."""

    @property
    def signing_keys(self) -> Mapping[str, tuple[str, ...]]:
        """With what each provider that signs its requests may have signed them."""
        return {"twilio": self.twilio_auth_tokens}


class Runtime:
    """The process's settings, clock and secrets. Made by `current()`; tests build their own with another clock."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or Clock(settings.clock_offset)
        tables.bind(settings.table_prefix)

    @cached_property
    def secrets(self) -> Secrets:
        """The deployment's secrets, fetched by name at first use; `Misconfigured` when they are not as documented."""
        import boto3

        answer = boto3.client("secretsmanager").get_secret_value(SecretId=self.settings.secrets_name)
        try:
            document = json.loads(answer["SecretString"])
            exotel = document["exotel"]
            twilio = document.get("twilio", {})
            return Secrets(
                person_pepper=bytes.fromhex(document["person_pepper"]),
                callback_key=bytes.fromhex(document["callback_key"]),
                exotel_account_sid=exotel["account_sid"],
                exotel_api_key=exotel["api_key"],
                exotel_api_token=exotel["api_token"],
                twilio_account_sid=twilio["account_sid"] if twilio else "",
                twilio_auth_tokens=(twilio["auth_token"], *twilio.get("other_auth_tokens", ()))
                if twilio
                else (),
            )
        except (KeyError, TypeError, ValueError) as problem:
            raise Misconfigured(
                f"the secret {self.settings.secrets_name} lacks or misspells {type(problem).__name__} {problem}"
                if isinstance(problem, KeyError)
                else f"the secret {self.settings.secrets_name} is not the JSON that docs/operations.md describes"
            ) from None


@cache
def current() -> Runtime:
    """The runtime of this process; `Misconfigured` at the first call when the environment is not complete."""
    return Runtime(settings.from_environment())

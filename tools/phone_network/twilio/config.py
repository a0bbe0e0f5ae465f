"""Accounts of the second dialect: `{"kind": "twilio", "sid": "AC...", "auth_token": ..., "numbers": [...]}`."""

from dataclasses import dataclass

from phone_network.reading import Reader


@dataclass(frozen=True, slots=True)
class TwilioNumber:
    """A number, the URL that is asked about a call to it, and the one that is told of its end (or empty)."""

    number: str
    voice_url: str
    status_callback: str = ""


@dataclass(frozen=True, slots=True)
class TwilioAccount:
    """An account, its numbers, and the token that signs its requests."""

    sid: str
    auth_token: str
    numbers: tuple[TwilioNumber, ...]


def read_twilio_account(given: Reader) -> TwilioAccount:
    """Read an account.

    Raises:
        ConfigError: at the first thing that is wrong.
    """
    account = TwilioAccount(
        sid=given.matching("sid", r"AC[0-9a-f]{32}", "AC and 32 hexadecimal digits"),
        auth_token=given.matching("auth_token", r"[A-Za-z0-9]+", "letters and digits"),
        numbers=tuple(_number(Reader(item, where)) for item, where in given.items("numbers")),
    )
    given.finish()
    return account


def _number(given: Reader) -> TwilioNumber:
    number = TwilioNumber(given.phone("number"), given.url("voice_url"), given.url("status_callback", ""))
    given.finish()
    return number

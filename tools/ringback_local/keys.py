"""The secrets of a local stack: made at random once, and kept beside its state so that a second run knows them."""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """What must be secret in a deployment. Tokens are by campaign."""

    person_pepper: str
    callback_key: str
    account_sid: str
    api_key: str
    api_token: str
    twilio_account_sid: str
    twilio_auth_token: str
    voice_tokens: Mapping[str, str]

    def secret(self, *, has_twilio: bool = False) -> str:
        """The document that stands in Secrets Manager; Twilio's account is in it where a campaign has that provider."""
        exotel = {"account_sid": self.account_sid, "api_key": self.api_key, "api_token": self.api_token}
        twilio = {"account_sid": self.twilio_account_sid, "auth_token": self.twilio_auth_token}
        return json.dumps(
            {"person_pepper": self.person_pepper, "callback_key": self.callback_key, "exotel": exotel}
            | ({"twilio": twilio} if has_twilio else {})
        )


def load_or_make(path: Path, campaigns: Iterable[str]) -> Keys:
    """Read the keys kept at `path`, adding what is missing; the file is readable by its owner only."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    names = list(campaigns)

    def key(name: str, made: str) -> str:
        return str(kept.get(name, made))

    def tokens(name: str) -> dict[str, str]:
        return {**{campaign: secrets.token_urlsafe(32) for campaign in names}, **kept.get(name, {})}

    keys = Keys(
        person_pepper=key("person_pepper", secrets.token_hex(32)),
        callback_key=key("callback_key", secrets.token_hex(32)),
        account_sid=key("account_sid", "ringback1"),
        api_key=key("api_key", secrets.token_hex(24)),
        api_token=key("api_token", secrets.token_hex(24)),
        twilio_account_sid=key("twilio_account_sid", f"AC{secrets.token_hex(16)}"),
        twilio_auth_token=key("twilio_auth_token", secrets.token_hex(16)),
        voice_tokens=tokens("voice_tokens"),
    )
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        json.dump({name: getattr(keys, name) for name in Keys.__slots__}, file, indent=2)
    return keys


def digests(tokens: Mapping[str, str], providers: Mapping[str, str] | None = None) -> str:
    """Tokens as the functions may know them: `campaign:provider=sha256hex`, joined by commas; `providers` are by campaign."""
    speaks = providers or {}
    return ",".join(
        f"{name}{f':{speaks[name]}' if name in speaks else ''}={hashlib.sha256(token.encode()).hexdigest()}"
        for name, token in sorted(tokens.items())
    )

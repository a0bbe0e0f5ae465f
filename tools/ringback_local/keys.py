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
    voice_tokens: Mapping[str, str]

    def secret(self) -> str:
        """The document that stands in Secrets Manager."""
        exotel = {"account_sid": self.account_sid, "api_key": self.api_key, "api_token": self.api_token}
        return json.dumps(
            {"person_pepper": self.person_pepper, "callback_key": self.callback_key, "exotel": exotel}
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
        voice_tokens=tokens("voice_tokens"),
    )
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        json.dump({name: getattr(keys, name) for name in Keys.__slots__}, file, indent=2)
    return keys


def digests(tokens: Mapping[str, str]) -> str:
    """Tokens as the functions may know them: `campaign=sha256hex`, joined by commas."""
    return ",".join(
        f"{name}={hashlib.sha256(token.encode()).hexdigest()}" for name, token in sorted(tokens.items())
    )

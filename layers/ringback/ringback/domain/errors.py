"""The errors Ringback raises on purpose; each says who has to act."""


class RingbackError(Exception):
    """Base of every error raised on purpose."""


class Rejected(RingbackError):
    """The caller's input is wrong; repeating it changes nothing. Holds every reason found, not just the first."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class NotFound(RingbackError):
    """What was asked for does not exist."""


class Conflict(RingbackError):
    """The stored state moved on while we decided; load it again and decide anew."""


class Misconfigured(RingbackError):
    """The process cannot start: a setting is missing or unreadable. The message names the setting."""


class ProviderError(RingbackError):
    """The telephony provider could not be asked. `retryable` is False where a person has to act first."""

    def __init__(self, code: str, detail: str = "", *, retryable: bool) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.retryable = retryable

"""HTTP to a provider's REST API, asked once and judged by somebody else. Loads `requests`: not for doors."""

from dataclasses import dataclass
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError

Timeouts = tuple[float, float]
"""Seconds to connect, and seconds between two bytes of an answer."""


class NothingSent(Exception):
    """The connection was never made, so the provider knows nothing of the request."""


class NoAnswer(Exception):
    """The request may have reached the provider and not even a status came back."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer of any status, with whatever body came."""

    status: int
    retry_after: str | None
    body: bytes


class Http:
    """A kept-alive connection with credentials and time-outs. Repeats nothing and follows no redirect."""

    def __init__(self, base_url: str, user: str, password: str, timeouts: Timeouts) -> None:
        self.base_url = base_url
        self._timeouts = timeouts
        self._session = requests.Session()
        self._session.auth = (user, password)
        self._session.headers["User-Agent"] = "ringback"
        # No proxy or .netrc of the machine: what is sent, and as whom, is decided here alone.
        self._session.trust_env = False

    def request(self, method: str, url: str, form: dict[str, Any] | None = None) -> Answer:
        """Ask once. Raises `NothingSent` or `NoAnswer`, with the kind of failure and no address in it."""
        try:
            with self._session.request(
                method, url, data=form, timeout=self._timeouts, allow_redirects=False, stream=True
            ) as response:
                return Answer(response.status_code, response.headers.get("Retry-After"), _body(response))
        except requests.RequestException as error:
            failure = NothingSent if _was_before_sending(error) else NoAnswer
            raise failure(type(error).__name__) from None

    def close(self) -> None:
        self._session.close()


def _body(response: requests.Response) -> bytes:
    """The body, or nothing if it broke off: the status has been said by then and is judged all the same."""
    try:
        return response.content
    except requests.RequestException:
        return b""


def _was_before_sending(error: requests.RequestException) -> bool:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)

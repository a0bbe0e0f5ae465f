"""The one place where HTTP to Exotel happens, and exotelpy is fitted to it. Loads `requests`: not for
doors.
"""

from dataclasses import dataclass
from typing import Any

import requests
from exotelpy import Exotel
from urllib3.exceptions import NewConnectionError

Timeouts = tuple[float, float]
"""Seconds to connect, and seconds between two bytes of an answer."""


class NothingSent(Exception):
    """The connection was never made, so Exotel knows nothing of the request."""


class NoAnswer(Exception):
    """The request may have reached Exotel and not even a status came back."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer of any status, with whatever body came."""

    status: int
    retry_after: str | None
    body: bytes


class Http:
    """A kept-alive connection with credentials and time-outs. Repeats nothing and follows no redirect."""

    def __init__(self, base_url: str, api_key: str, api_token: str, timeouts: Timeouts) -> None:
        self.base_url = base_url
        self._timeouts = timeouts
        self._session = requests.Session()
        self._session.auth = (api_key, api_token)
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


class ExotelpySms(Exotel):  # type: ignore[misc]
    """exotelpy's SMS call, its checks, endpoint and form, over our `Http` in place of bare `requests`.

    exotelpy 0.1.1 sends everything through one private method. Its own has no time-out, reads the body before
    the status, takes a 5xx for success and logs phone numbers and texts to the root logger; this one hands
    back the answer for us to judge. It is also where the two form fields join that exotelpy has no parameter
    for. The pin `exotelpy==0.1.1` and the tests against a hanging socket hold it to that method.
    """

    def __init__(self, account_sid: str, http: Http, extra_fields: dict[str, str]) -> None:
        self.sid = account_sid
        self.baseurl = http.base_url
        self._http = http
        self._extra_fields = extra_fields

    def __repr__(self) -> str:
        return f"ExotelpySms({self.sid!r}, {self.baseurl!r})"

    def _Exotel__call_api(self, method: str, endpoint: str, version: str, data: dict[str, Any]) -> Answer:
        url = self._Exotel__api_url(version) + endpoint
        return self._http.request(method, url, data | self._extra_fields)

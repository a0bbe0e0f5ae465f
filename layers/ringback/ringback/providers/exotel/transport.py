"""exotelpy fitted to our HTTP, so that it asks the way we want."""

from typing import Any

from exotelpy import Exotel

from ringback.providers.transport import Answer, Http


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

"""Twilio's REST API as far as we use it: one SMS or one call at a time, and the listing of calls."""

from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

from ringback.domain.errors import ProviderError
from ringback.providers import bodies
from ringback.providers.base import (
    CallPage,
    FoundCall,
    Outcome,
    OutgoingCall,
    OutgoingSms,
    Throttled,
    Unclear,
)
from ringback.providers.transport import Http, NoAnswer, NothingSent, Timeouts
from ringback.providers.twilio import callbacks, details, listing, outcomes, values

_PAGE_SIZE: Final = 100

_NOT_IN_PROGRESS: Final = "21220"
"""SOURCE: twilio.com/docs/api/errors/21220: the call that was to be changed is not in progress; read 2026."""

_SECOND: Final = timedelta(seconds=1)


class Client:
    """One Twilio account. Satisfies `Provider`. Keeps its connection alive: make one a process."""

    name = values.NAME
    read_pairs = staticmethod(callbacks.read_pairs)
    read_call = staticmethod(callbacks.read_call)
    read_sms_status = staticmethod(callbacks.read_sms_status)

    def __init__(
        self, account_sid: str, auth_token: str, base_url: str, *, timeouts: Timeouts = (3.0, 10.0)
    ) -> None:
        self._account_sid = account_sid
        self._account = f"{base_url}/2010-04-01/Accounts/{account_sid}"
        self._http = Http(base_url, account_sid, auth_token, timeouts)

    def __repr__(self) -> str:
        return f"twilio.Client({self._account_sid!r}, base_url={self._http.base_url!r})"

    def close(self) -> None:
        """Drop the kept-alive connection; the next request makes another."""
        self._http.close()

    def send_sms(self, sms: OutgoingSms) -> Outcome:
        """Send one SMS and ask for delivery reports; `outcomes` says what comes of it.

        Twilio takes no DLT ids: it keeps the registered templates itself and finds the one that a text fits.
        """
        form = {
            "To": sms.to,
            "From": sms.sender.header,
            "Body": sms.body,
            "StatusCallback": sms.callback_url,
        }
        try:
            answer = self._http.request("POST", f"{self._account}/Messages.json", form)
        except NothingSent:
            return Throttled(None, is_reached=False)
        except NoAnswer as failure:
            return Unclear(str(failure))
        return outcomes.read(answer.status, answer.retry_after, answer.body)

    def place_call(self, call: OutgoingCall) -> Outcome:
        """Ring somebody and ask our door what they are to hear once they answer; `outcomes` says what comes of it.

        Twilio has neither an idempotency key nor a field of ours: its addresses name the dial.
        SOURCE: twilio.com/docs/voice/api/call-resource, create; read 2026.
        """
        form = {
            "To": call.to,
            "From": call.number,
            "Url": call.menu_url,
            "Method": "POST",
            "StatusCallback": call.callback_url,
            "StatusCallbackMethod": "POST",
            "Timeout": call.ring_seconds,
            "TimeLimit": call.longest_seconds,
        }
        try:
            answer = self._http.request("POST", f"{self._account}/Calls.json", form)
        except NothingSent:
            return Throttled(None, is_reached=False)
        except NoAnswer as failure:
            return Unclear(str(failure))
        return outcomes.read_call(answer.status, answer.retry_after, answer.body)

    def list_calls(self, since: datetime, until: datetime, cursor: str | None = None) -> CallPage:
        """One page, at most 100, of the calls that began from `since` to `until`, newest first.

        Both times are aware, taken to the second and included. Twilio counts no total: the last page is complete when it says that
        none follows. Raises `ProviderError`: `retryable` for a lost connection, a time-out, 429, 5xx and an answer that is no listing.
        """
        query = cursor or _first_query(since, until)
        document, records = self._listed(query)
        calls, skipped = listing.read(records)
        # Only the query is used, so that no answer can send our credentials to another address.
        following = bodies.text(document.get("next_page_uri")).partition("?")[2]
        is_last = not following or following == query or not records
        return CallPage(calls, complete=True, next=None if is_last else following, skipped=skipped)

    def find_call(self, call_id: str) -> FoundCall | None:
        """One call with those that were dialled in it; None when Twilio has none by that id. Two requests. Raises `ProviderError` as
        `list_calls` does.
        """
        answer = self._read(f"Calls/{quote(call_id, safe='')}.json")
        if answer is None:
            return None
        _, children = self._listed(urlencode({"ParentCallSid": call_id, "PageSize": _PAGE_SIZE}))
        return details.read(call_id, answer, children)

    def end_call(self, call_id: str) -> bool:
        """End a call and those that were dialled in it; False when it is over, or unknown. Raises `ProviderError` as `list_calls` does.

        SOURCE: twilio.com/docs/voice/api/call-resource, update: `Status=completed` ends a call that is in progress; read 2026.
        """
        path = f"{self._account}/Calls/{quote(call_id, safe='')}.json"
        try:
            answer = self._http.request("POST", path, {"Status": "completed"})
        except (NothingSent, NoAnswer) as failure:
            raise ProviderError("no-answer", str(failure), retryable=True) from None
        if 200 <= answer.status < 300:
            return True
        code, detail = outcomes.failure(answer.status, answer.body)
        if answer.status == 404 or code == _NOT_IN_PROGRESS:
            return False
        raise ProviderError(code, detail, retryable=answer.status in (408, 429) or answer.status >= 500)

    def _listed(self, query: str) -> tuple[dict[str, Any], list[Any]]:
        """One page of the call records, and the answer that it stands in."""
        document = self._read(f"Calls.json?{query}")
        records = document.get("calls") if isinstance(document, dict) else None
        if not isinstance(document, dict) or not isinstance(records, list):
            raise ProviderError("no-listing", "an answer without a list of calls", retryable=True)
        return document, records

    def _read(self, path: str) -> Any:
        """What the account's records answer; None for what they do not have."""
        try:
            answer = self._http.request("GET", f"{self._account}/{path}")
        except (NothingSent, NoAnswer) as failure:
            raise ProviderError("no-answer", str(failure), retryable=True) from None
        if answer.status == 404:
            return None
        if not 200 <= answer.status < 300:
            code, detail = outcomes.failure(answer.status, answer.body)
            raise ProviderError(code, detail, retryable=answer.status in (408, 429) or answer.status >= 500)
        return bodies.document(answer.body)


def _first_query(since: datetime, until: datetime) -> str:
    """The filters exclude the moments they name, so they name those around."""
    return urlencode(
        {
            "StartTime>": values.written(since - _SECOND),
            "StartTime<": values.written(until + _SECOND),
            "PageSize": _PAGE_SIZE,
        }
    )

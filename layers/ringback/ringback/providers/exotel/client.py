"""Exotel's REST API as far as we use it: one SMS or one call at a time, and the listing of calls."""

from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode, urljoin

from exotelpy import ValidationError
from exotelpy.validators import validate_url

from ringback.domain import texts
from ringback.domain.errors import ProviderError
from ringback.domain.facts import FailureAction
from ringback.providers import bodies
from ringback.providers.base import (
    AccountBlocked,
    CallPage,
    Declined,
    FoundCall,
    Outcome,
    OutgoingCall,
    OutgoingSms,
    Throttled,
    Unclear,
)
from ringback.providers.exotel import callbacks, details, listing, outcomes, pairs, values
from ringback.providers.exotel.transport import ExotelpySms
from ringback.providers.transport import Http, NoAnswer, NothingSent, Timeouts

LONGEST_CUSTOM_FIELD: Final = 128
"""Characters. SOURCE: developer.exotel.com/api/make-a-call-api, read 2025."""

_PAGE_SIZE: Final = 100
"""The most Exotel gives. SOURCE: developer.exotel.com, bulk call details, read 2025."""

_FLOWS: Final = "http://my.exotel.com/{account}/exoml/start_voice/{flow}"
"""What names a flow to the calls API: never fetched by us. SOURCE: Exotel, "Outgoing call to connect number to a call flow", read 2025."""

_ENCODINGS: Final = {"gsm-7": "plain", "ucs-2": "unicode"}


class Client:
    """One Exotel account. Satisfies `Provider`. Keeps its connection alive: make one a process."""

    name = values.NAME
    read_pairs = staticmethod(pairs.read_pairs)
    read_call = staticmethod(callbacks.read_call)
    read_sms_status = staticmethod(callbacks.read_sms_status)

    def __init__(
        self,
        account_sid: str,
        api_key: str,
        api_token: str,
        base_url: str,
        *,
        timeouts: Timeouts = (3.0, 10.0),
    ) -> None:
        self._account_sid = account_sid
        self._base_url = base_url
        self._http = Http(base_url, api_key, api_token, timeouts)

    def __repr__(self) -> str:
        return f"exotel.Client({self._account_sid!r}, base_url={self._base_url!r})"

    def close(self) -> None:
        """Drop the kept-alive connection; the next request makes another."""
        self._http.close()

    def send_sms(self, sms: OutgoingSms) -> Outcome:
        """Send one SMS with its DLT ids and ask for a delivery report; `outcomes` says what comes of it.

        Raises ValueError for a custom field over 128 characters, before anything is sent.
        """
        if len(sms.custom_field) > LONGEST_CUSTOM_FIELD:
            raise ValueError(f"custom_field is over {LONGEST_CUSTOM_FIELD} characters")
        # SOURCE: Exotel's own client (github.com/exotel/ExotelMCP) sends both; what exotelpy cannot.
        extra_fields = {"CustomField": sms.custom_field, "StatusCallbackContentType": "application/json"}
        try:
            answer = ExotelpySms(self._account_sid, self._http, extra_fields).send_bulk_sms(
                from_=sms.sender.header,
                to=[sms.to],
                body=sms.body,
                encoding_type=_ENCODINGS[texts.segments(sms.body).encoding],
                status_callback=sms.callback_url,
                dlt_entity_id=sms.sender.dlt_entity_id,
                dlt_template_id=sms.template_id,
                sms_type=sms.sender.sms_type,
            )
        except ValidationError:
            return _not_asked(sms)
        except NothingSent:
            return Throttled(None, is_reached=False)
        except NoAnswer as failure:
            return Unclear(str(failure))
        return outcomes.read(answer.status, answer.retry_after, answer.body)

    def place_call(self, call: OutgoingCall) -> Outcome:
        """Ring somebody and let the call walk a flow of ours; `outcomes` says what comes of it.

        There is no idempotency key: only `CustomField` finds a call whose answer was lost. StatusCallbackEvents have no effect
        with `Url`; the plain StatusCallback comes at the end. SOURCE: exotel.md §2.2, §2.3. A call without a flow is declined here.
        Raises ValueError for a custom field over 128 characters, before anything is asked.
        """
        if len(call.custom_field) > LONGEST_CUSTOM_FIELD:
            raise ValueError(f"custom_field is over {LONGEST_CUSTOM_FIELD} characters")
        if not call.flow:
            return Declined("no-flow", "the number has no flow to call with", FailureAction.NONE)
        form = {
            "From": call.to,
            "CallerId": call.number,
            "Url": _FLOWS.format(account=self._account_sid, flow=call.flow),
            "CallType": "trans",
            "TimeLimit": call.longest_seconds,
            "TimeOut": call.ring_seconds,
            "CustomField": call.custom_field,
            "StatusCallback": call.callback_url,
            "StatusCallbackContentType": "application/json",
        }
        url = urljoin(self._base_url, f"/v1/Accounts/{self._account_sid}/Calls/connect.json")
        try:
            answer = self._http.request("POST", url, form)
        except NothingSent:
            return Throttled(None, is_reached=False)
        except NoAnswer as failure:
            return Unclear(str(failure))
        return outcomes.read_call(answer.status, answer.retry_after, answer.body)

    def list_calls(self, since: datetime, until: datetime, cursor: str | None = None) -> CallPage:
        """One page, at most 100, of the calls made from `since` to `until`, oldest first.

        Both times are aware, taken to the second and included. Pages repeat calls and lack calls: the last
        page is `complete` only if as many came as Exotel counted. A window may be a month long and reach six
        months back. Costs one of the account's 200 voice requests a minute; repeating it is safe. Raises
        `ProviderError`: `retryable` for a lost connection, a time-out, 429, 5xx and an answer that is no
        listing; not for refused credentials.
        """
        seen, query = _opened(cursor) if cursor else (0, _first_query(since, until))
        body = self._read(f"Calls.json?{query}")
        return CallPage((), complete=seen == 0, next=None) if body is None else _page(body, seen, query)

    def find_call(self, call_id: str) -> FoundCall | None:
        """One call with what is known of its second leg; None when Exotel has none by that id. Costs one of the account's 200 voice requests
        a minute. Raises `ProviderError` as `list_calls` does.
        """
        body = self._read(f"Calls/{quote(call_id, safe='')}.json?details=true")
        return details.read(call_id, bodies.document(body)) if body is not None else None

    def end_call(self, call_id: str) -> bool:
        """SOURCE: developer.exotel.com, "Make a call" and "Call details": no request is documented that ends a call which goes on; read
        2026.
        """
        raise ProviderError("Exotel cannot end a call", retryable=False)

    def _read(self, path: str) -> bytes | None:
        """What the account's records answer; None for what they do not have."""
        try:
            answer = self._http.request(
                "GET", urljoin(self._base_url, f"/v1/Accounts/{self._account_sid}/{path}")
            )
        except (NothingSent, NoAnswer) as failure:
            raise ProviderError("no-answer", str(failure), retryable=True) from None
        if outcomes.is_not_found(answer.body):
            return None
        if not 200 <= answer.status < 300:
            code, detail = outcomes.failure(answer.status, answer.body)
            raise ProviderError(code, detail, retryable=answer.status in (408, 429) or answer.status >= 500)
        return answer.body


def _not_asked(sms: OutgoingSms) -> Outcome:
    """What it means that exotelpy checked the arguments and sent nothing."""
    try:
        validate_url(sms.callback_url)
    except ValidationError:
        return AccountBlocked("callback-address", "exotelpy refuses the address of our delivery reports")
    return Declined(
        "number", "exotelpy takes E.164 numbers of 11 to 15 digits only", FailureAction.BAD_NUMBER
    )


def _first_query(since: datetime, until: datetime) -> str:
    created = f"gte:{values.wall_time(since)};lte:{values.wall_time(until)}"
    return urlencode({"DateCreated": created, "PageSize": _PAGE_SIZE, "SortBy": "DateCreated:asc"})


def _opened(cursor: str) -> tuple[int, str]:
    """How many records came before the page, and its query."""
    seen, _, query = cursor.partition(" ")
    return int(seen), query


def _page(body: bytes, seen: int, query: str) -> CallPage:
    document = bodies.document(body)
    records = document.get("Calls") if isinstance(document, dict) else None
    if not isinstance(records, list):
        raise ProviderError("no-listing", "an answer without a list of calls", retryable=True)
    calls, skipped = listing.read(records)
    seen += len(calls) + skipped
    total, next_query = listing.metadata(document.get("Metadata"))
    if next_query and next_query != query and records:
        return CallPage(calls, complete=True, next=f"{seen} {next_query}", skipped=skipped)
    everything = len(records) < _PAGE_SIZE if total is None else seen >= total
    return CallPage(calls, complete=everything, next=None, skipped=skipped)

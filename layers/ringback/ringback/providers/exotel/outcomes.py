"""What Exotel's answer to an SMS or a call means. A request that may have had an effect is never made again.

    ======================================  ==================================================================
    connection refused, no route, no name,  Throttled: nothing reached Exotel
    connecting took too long
    2xx with a Sid                          Accepted; Declined when the answer itself reports a final failure
    2xx without a Sid, or not JSON          Unclear
    400 and other 4xx                       Declined, with Exotel's code if it gave one, else the status
    401, 402, 403, 404, 3xx                 AccountBlocked: key, balance, KYC, account id or host is wrong;
                                            but 403 with 40003 (country not allowed) is Declined
    429, 503 with 40405                     Throttled, with Retry-After
    408, 409, other 5xx                     Unclear
    reading took too long, reset            Unclear
    ======================================  ==================================================================

SOURCE: developer.exotel.com/docs/sms-api/api-reference/status-codes and developer.exotel.com/api/sms, read
2025. Exotel answers errors in JSON, XML or HTML whatever was asked for, and changes its messages: status and
code decide, the message is only kept for people.
"""

import re
from typing import Any, Final

from ringback.domain import phones
from ringback.domain.facts import Delivery, FailureAction
from ringback.providers.base import Accepted, AccountBlocked, Declined, Outcome, Throttled, Unclear
from ringback.providers.bodies import document, seconds, text
from ringback.providers.exotel import statuses, values

_COUNTRY_NOT_ALLOWED: Final = "40003"
_TOO_MANY_REQUESTS: Final = "40405"

_ACTIONS: Final = {
    _COUNTRY_NOT_ALLOWED: FailureAction.BAD_NUMBER,
    "40200": FailureAction.FIX_TEMPLATE,  # body empty
    "40202": FailureAction.FIX_TEMPLATE,  # body not acceptable
    "40203": FailureAction.BAD_NUMBER,  # no valid number
    "40204": FailureAction.FIX_ENTITY,  # SmsType
    "40205": FailureAction.FIX_ENTITY,  # From missing
    "40206": FailureAction.FIX_ENTITY,  # From does not fit SmsType
    "40210": FailureAction.FIX_ENTITY,  # From missing
    "40300": FailureAction.FIX_ENTITY,  # no header
    "40301": FailureAction.FIX_ENTITY,  # no header
}
"""What a declined request asks for, by code; other codes ask for nothing."""

_LONGEST_DETAIL: Final = 200


def read(status: int, retry_after: str | None, body: bytes) -> Outcome:
    """Judge an answer to an SMS by its HTTP status, its Retry-After header and its body. Never raises, whatever the
    body holds.
    """
    return _of_message(status, body) if 200 <= status < 300 else _refused(status, retry_after, body)


def read_call(status: int, retry_after: str | None, body: bytes) -> Outcome:
    """Judge an answer to a call; its `Status` says nothing yet, it is `in-progress` before anything rings (exotel.md §2.2)."""
    if not 200 <= status < 300:
        return _refused(status, retry_after, body)
    answer = document(body)
    call = answer.get("Call") if isinstance(answer, dict) else None
    provider_id = text(call.get("Sid")) if isinstance(call, dict) else ""
    if not values.is_opaque_id(provider_id):
        return Unclear(f"{status} without the id of a call")
    return Accepted(provider_id, None)


def _refused(status: int, retry_after: str | None, body: bytes) -> Outcome:
    code, detail = failure(status, body)
    if status == 429 or (status == 503 and code == _TOO_MANY_REQUESTS):
        return Throttled(seconds(retry_after))
    if status >= 500 or status in (408, 409):
        return Unclear(f"{code}: {detail}" if detail else code)
    if (status in (401, 402, 403, 404) or status < 400) and code != _COUNTRY_NOT_ALLOWED:
        return AccountBlocked(code, detail)
    return Declined(code, detail, _ACTIONS.get(code, FailureAction.NONE))


def failure(status: int, body: bytes) -> tuple[str, str]:
    """Code and message of an error answer, for people and for the table above; the HTTP status stands in for
    a code it lacks.

    Example: `{"RestException": {"Status": 403, "Message": "Insufficient balance", "Code": 40001}}`, or the
    same in XML.
    """
    answer = document(body)
    error = answer.get("RestException") if isinstance(answer, dict) else None
    if isinstance(error, dict):
        code, message = text(error.get("Code")), text(error.get("Message"))
    else:
        code, message = _element("Code", body), _element("Message", body)
    return code if code.isdigit() else str(status), phones.mask_all(message)[:_LONGEST_DETAIL]


def is_not_found(body: bytes) -> bool:
    """Whether an answer says that nothing matches; Exotel says so with HTTP 404, 400 or 200."""
    answer = document(body)
    error = answer.get("RestException") if isinstance(answer, dict) else None
    return isinstance(error, dict) and text(error.get("Status")) == "404"


def _of_message(status: int, body: bytes) -> Outcome:
    message = _message(document(body))
    provider_id = text(message.get("Sid"))
    if not values.is_opaque_id(provider_id):
        return Unclear(f"{status} without the id of a message")
    word, code = statuses.plain(text(message.get("Status"))), text(message.get("DetailedStatusCode"))
    delivery, action = statuses.read(word, code)
    if delivery is Delivery.FAILED:
        return Declined(code or word, text(message.get("DetailedStatus"))[:_LONGEST_DETAIL], action)
    return Accepted(provider_id, values.count(text(message.get("SmsUnits"))))


def _message(answer: Any) -> dict[str, Any]:
    """The one message in an answer: alone, or in a list, as answers to several recipients have it."""
    for _ in range(2):
        if isinstance(answer, list):
            answer = answer[0] if len(answer) == 1 else None
        if isinstance(answer, dict) and "SMSMessage" in answer:
            answer = answer["SMSMessage"]
    return answer if isinstance(answer, dict) else {}


def _element(name: str, body: bytes) -> str:
    """What an XML element holds. By a pattern: an XML parser would have to be kept from expanding
    entities.
    """
    found = re.search(rb"<%b>([^<]*)</%b>" % (name.encode(), name.encode()), body)
    return found[1].decode("utf-8", "replace").strip() if found else ""

"""What Twilio's answer to an SMS or a call means. A request that may have had an effect is never made again.

    ======================================  ==================================================================
    connection refused, no route, no name,  Throttled: nothing reached Twilio
    connecting took too long
    2xx with a sid                          Accepted; Declined when the answer itself reports a failure
    2xx without a sid, or not JSON          Unclear
    400 and other 4xx                       Declined, with Twilio's code if it gave one, else the status
    401, 402, 403, 404, 3xx                 AccountBlocked: token, balance, account or host is wrong; but 403
                                            with a code of `statuses.ACTIONS` is about this message: Declined
    429                                     Throttled, with Retry-After
    408, 409, 5xx                           Unclear
    reading took too long, reset            Unclear
    ======================================  ==================================================================

SOURCE: twilio.com/docs/usage/twilios-response, /docs/api/errors/20429, /docs/api/errors/20500 (a POST that failed with 5xx may have had
its effect); read 2026.
"""

from typing import Final

from ringback.domain import phones
from ringback.domain.facts import Delivery
from ringback.providers.base import Accepted, AccountBlocked, Declined, Outcome, Throttled, Unclear
from ringback.providers.bodies import document, seconds, text
from ringback.providers.twilio import statuses, values

_LONGEST_DETAIL: Final = 200


def read(status: int, retry_after: str | None, body: bytes) -> Outcome:
    """Judge an answer to an SMS by its HTTP status, its Retry-After header and its body. Never raises."""
    return _of_message(status, body) if 200 <= status < 300 else _refused(status, retry_after, body)


def read_call(status: int, retry_after: str | None, body: bytes) -> Outcome:
    """Judge an answer to a call; it is `queued` then, and says nothing more."""
    if not 200 <= status < 300:
        return _refused(status, retry_after, body)
    answer = document(body)
    provider_id = text(answer.get("sid")) if isinstance(answer, dict) else ""
    if not values.is_opaque_id(provider_id):
        return Unclear(f"{status} without the id of a call")
    return Accepted(provider_id, None)


def _refused(status: int, retry_after: str | None, body: bytes) -> Outcome:
    code, detail = failure(status, body)
    if status == 429:
        return Throttled(seconds(retry_after))
    if status >= 500 or status in (408, 409):
        return Unclear(f"{code}: {detail}")
    if status < 400 or (status in (401, 402, 403, 404) and code not in statuses.ACTIONS):
        return AccountBlocked(code, detail)
    return Declined(code, detail, statuses.read("failed", code)[1])


def failure(status: int, body: bytes) -> tuple[str, str]:
    """Code and message of an error answer; the HTTP status stands in for a code it lacks.

    Example: `{"code": 21211, "message": "The 'To' number … is not a valid phone number.", "status": 400}`
    """
    answer = document(body)
    error = answer if isinstance(answer, dict) else {}
    code = text(error.get("code"))
    return code if code.isdigit() else str(status), phones.mask_all(text(error.get("message")))[
        :_LONGEST_DETAIL
    ]


def _of_message(status: int, body: bytes) -> Outcome:
    answer = document(body)
    message = answer if isinstance(answer, dict) else {}
    provider_id, code = text(message.get("sid")), text(message.get("error_code"))
    if not values.is_opaque_id(provider_id):
        return Unclear(f"{status} without the id of a message")
    word = text(message.get("status")).lower()
    delivery, action = statuses.read(word, code)
    if delivery is Delivery.FAILED:
        detail = phones.mask_all(text(message.get("error_message")))[:_LONGEST_DETAIL]
        return Declined(code or word, detail, action)
    return Accepted(provider_id, values.count(text(message.get("num_segments"))))

"""What Twilio's SMS statuses and error codes mean.

Twilio changes its codes: one we do not know leaves the status word in charge and asks for nothing.

SOURCE: twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks (words); twilio.com/docs/api/errors, one page
for each code; read 2026.
"""

from typing import Final

from ringback.domain.facts import Delivery, FailureAction

WORDS: Final = {
    "accepted": Delivery.IN_PROGRESS,
    "scheduled": Delivery.IN_PROGRESS,
    "queued": Delivery.IN_PROGRESS,
    "sending": Delivery.IN_PROGRESS,
    "sent": Delivery.IN_PROGRESS,  # the operator took it; to Exotel the same word means delivered
    "delivered": Delivery.DELIVERED,
    "read": Delivery.DELIVERED,
    "undelivered": Delivery.FAILED,
    "failed": Delivery.FAILED,
    "canceled": Delivery.FAILED,
}
"""By MessageStatus, in lower case."""

ACTIONS: Final = {
    "21211": FailureAction.BAD_NUMBER,  # To is no number
    "21214": FailureAction.BAD_NUMBER,  # To cannot be reached
    "21265": FailureAction.BAD_NUMBER,  # To is a short code
    "21408": FailureAction.BAD_NUMBER,  # no permission for the number's region
    "21610": FailureAction.SUPPRESS_CONTACT,  # the person wrote STOP
    "21614": FailureAction.BAD_NUMBER,  # To is no mobile number
    "21635": FailureAction.BAD_NUMBER,  # To is a landline
    "21212": FailureAction.FIX_ENTITY,  # From is no sender
    "21603": FailureAction.FIX_ENTITY,  # From missing
    "21606": FailureAction.FIX_ENTITY,  # From is not ours
    "21612": FailureAction.FIX_ENTITY,  # From cannot write to To: in India, a header that Twilio has not registered
    "21657": FailureAction.FIX_ENTITY,  # the sender id is not valid there
    "21602": FailureAction.FIX_TEMPLATE,  # no body
    "21617": FailureAction.FIX_TEMPLATE,  # over 1,600 characters
    "21901": FailureAction.FIX_TEMPLATE,  # DLT template id
    "30001": FailureAction.MAY_RETRY,  # queue overflow
    "30003": FailureAction.MAY_RETRY,  # handset cannot be reached
    "30004": FailureAction.SUPPRESS_CONTACT,  # blocked, in India also by the do-not-disturb list
    "30005": FailureAction.BAD_NUMBER,  # unknown handset
    "30006": FailureAction.BAD_NUMBER,  # landline
    "30007": FailureAction.FIX_TEMPLATE,  # filtered by the operator
    "30008": FailureAction.MAY_RETRY,  # unknown error
    "30042": FailureAction.FIX_ENTITY,  # the sender id is blocked
}
"""By ErrorCode of a delivery report, and by `code` of a refused request; other codes ask for nothing."""


def read(word: str, code: str) -> tuple[Delivery, FailureAction]:
    """Read a status word and the error code beside it, either of which may be empty.

    An error beside a status that is no failure contradicts it: unrecognised, never taken for delivered.
    """
    delivery = WORDS.get(word, Delivery.UNRECOGNISED)
    if delivery is Delivery.FAILED:
        return delivery, ACTIONS.get(code, FailureAction.NONE)
    return (Delivery.UNRECOGNISED if code else delivery), FailureAction.NONE

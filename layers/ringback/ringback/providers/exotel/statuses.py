"""What Exotel's SMS statuses and codes mean: tables, and how a status word and a code are read together.

Exotel publishes two lists of SMS codes that contradict each other (20000-20002 and 30001-30009 mean other
things elsewhere, 30001 even "sent" for WhatsApp). Only the list that agrees with production traffic is here;
every other code is unrecognised.

SOURCE: developer.exotel.com/docs/sms-api/api-reference/status-codes and developer.exotel.com/api/sms (codes
2xxxx, API errors); support.exotel.com/support/solutions/articles/3000120944-dlt-platform-error-codes-in-india
(6xx); read 2025.
"""

from ringback.domain.facts import Delivery, FailureAction

Reading = tuple[Delivery, FailureAction]

_IN_PROGRESS: Reading = (Delivery.IN_PROGRESS, FailureAction.NONE)
_DELIVERED: Reading = (Delivery.DELIVERED, FailureAction.NONE)
_UNRECOGNISED: Reading = (Delivery.UNRECOGNISED, FailureAction.NONE)
_FAILED: Reading = (Delivery.FAILED, FailureAction.NONE)
_SUPPRESS: Reading = (Delivery.FAILED, FailureAction.SUPPRESS_CONTACT)
_BAD_NUMBER: Reading = (Delivery.FAILED, FailureAction.BAD_NUMBER)
_FIX_TEMPLATE: Reading = (Delivery.FAILED, FailureAction.FIX_TEMPLATE)
_FIX_ENTITY: Reading = (Delivery.FAILED, FailureAction.FIX_ENTITY)
_MAY_RETRY: Reading = (Delivery.FAILED, FailureAction.MAY_RETRY)

WORDS: dict[str, Reading] = {
    "queued": _IN_PROGRESS,
    "sending": _IN_PROGRESS,
    "submitted": _IN_PROGRESS,
    "pending-to-operator": _IN_PROGRESS,
    "sending-to-operator": _IN_PROGRESS,
    "pending-on-operator": _IN_PROGRESS,
    "sent": _DELIVERED,  # Exotel's word for delivered
    "delivered-to-handset": _DELIVERED,
    "delivered-to-operator": _DELIVERED,
    "failed": _FAILED,
    "failed-dnd": _SUPPRESS,  # also spelt failed_dnd
    "failed-rejected-dnd": _SUPPRESS,
}
"""By status word, in lower case with hyphens. Some callbacks carry the detailed word where the plain one
belongs.
"""

CODES: dict[str, Reading] = {
    "21010": _IN_PROGRESS,  # pending to operator
    "21015": _IN_PROGRESS,  # sending to operator
    "21020": _IN_PROGRESS,  # pending on operator: promotional SMS wait here outside 10:00-21:00
    "20005": _DELIVERED,  # to the handset
    "20006": _DELIVERED,  # to the operator
    "23005": _SUPPRESS,  # do-not-disturb
    "23010": _BAD_NUMBER,  # invalid destination
    "23040": _BAD_NUMBER,  # subscriber unknown
    "23015": _FAILED,  # spam
    "23020": _SUPPRESS,  # blacklisted: the person opted out
    "23060": _FAILED,  # rejected
    "23030": _MAY_RETRY,  # no route
    "23035": _MAY_RETRY,  # subscriber unavailable
    "23050": _MAY_RETRY,  # expired
    "24010": _MAY_RETRY,  # system error
    "24105": _MAY_RETRY,  # handset error
    "24110": _MAY_RETRY,  # operator error
    "24120": _MAY_RETRY,  # subscriber error
    "24990": _MAY_RETRY,  # unknown error
    "23070": _FIX_TEMPLATE,  # over 2,000 characters, a character that cannot be sent, or no entity id
    "23072": _FIX_ENTITY,  # invalid sender id
    "23080": _FIX_ENTITY,  # DLT: sender blocked
    "23081": _FIX_ENTITY,  # DLT: entity blocked
    "23082": _FIX_TEMPLATE,  # DLT: template blocked
    "23083": _FIX_TEMPLATE,  # DLT: scrubbing refused the text
    "23084": _SUPPRESS,  # DLT: no consent
    **dict.fromkeys(map(str, range(23181, 23187)), _FIX_TEMPLATE),  # DLT: invalid … variable too long
    "23281": _FIX_ENTITY,  # DLT: entity not found
    # The operators' own DLT codes, which some routes pass through as they are.
    **dict.fromkeys(map(str, range(600, 606)), _FIX_ENTITY),  # principal entity
    **dict.fromkeys(map(str, range(610, 619)), _FIX_ENTITY),  # telemarketer, and the chain to it
    **dict.fromkeys(map(str, range(620, 626)), _FIX_ENTITY),  # header
    **dict.fromkeys(map(str, range(630, 638)), _FIX_TEMPLATE),
    "650": _SUPPRESS,  # the person's preferences forbid it
    "660": _SUPPRESS,  # no consent
    "670": _MAY_RETRY,  # scrubbing failed for no stated reason
}
"""By DetailedStatusCode of a delivery report."""


def plain(word: str) -> str:
    """A status word in the one spelling the table has: `FAILED_DND` and `failed-dnd` are `failed-dnd`."""
    return "-".join(word.lower().replace("_", " ").split())


def read(word: str, code: str) -> Reading:
    """Read a status by its word (as `plain` gives it) and its code, either of which may be empty.

    Whatever is given must be known, and both must say the same, or the status is unrecognised: never taken
    for delivered. A word that says do-not-disturb counts whatever the reason the code gives for the failure.
    """
    by_word = WORDS.get(word, _UNRECOGNISED) if word else None
    by_code = CODES.get(code, _UNRECOGNISED) if code else None
    if by_word is None or by_code is None:
        return by_word or by_code or _UNRECOGNISED
    if by_word[0] is not by_code[0]:
        return _UNRECOGNISED
    return by_word if by_word == _SUPPRESS else by_code

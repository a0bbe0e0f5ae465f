"""Twilio's callbacks as pairs, facts and turns. Pure, and the same at the door and when the journal's pairs are read again."""

from typing import Final

from ringback.domain import endings
from ringback.domain.facts import CallMissed, DialEnded, Fact, SmsStatusChanged
from ringback.providers import forms
from ringback.providers.base import DIAL, CallbackRequest, Pairs, TurnRequest, Unreadable
from ringback.providers.twilio import legs, statuses, values

MISSED_CALL: Final = "missed-call"
TURN: Final = "turn"
WHISPER: Final = "whisper"
STEPS: Final = frozenset({TURN, DIAL, WHISPER})
"""The steps at which Twilio asks what now: one address is enough for a whole menu, one asks whom to connect its caller to, and one what
that person hears before.
"""

AFTER: Final = "after"
"""The parameter that our own addresses carry: the number of the turn that a request answers."""

_FORM: Final = "application/x-www-form-urlencoded"
_CALL_NAMES: Final = frozenset({"CallSid", "To", "From", "Direction", "CallStatus", "Timestamp"})
_TURN_NAMES: Final = (
    _CALL_NAMES
    | legs.DIAL_NAMES
    | {*(AFTER, "Digits", "SpeechResult", "Confidence", "RecordingSid", "RecordingUrl", "RecordingDuration")}
)
_ENDING_NAMES: Final = frozenset({"CallSid", "CallStatus", "CallDuration", "Timestamp"})
_SMS_NAMES: Final = frozenset(
    {"MessageSid", "SmsSid", "MessageStatus", "SmsStatus", "ErrorCode", "NumSegments"}
)

_OVER: Final = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""SOURCE: twilio.com/docs/voice/twiml, CallStatus values; read 2026."""

_KEYS: Final = frozenset("0123456789*#ABCD")
_MOST_KEYS: Final = 32
_LONGEST_SPEECH: Final = 500
_LONGEST_URL: Final = 2_000


def read_pairs(request: CallbackRequest) -> Pairs:
    """Every parameter of the query and then of the form, decoded, in order.

    Reading the `urlencode` of the result again gives the same result. Raises `Unreadable` for a body that is no form, for text that
    is not UTF-8 and for more than 500 parameters.
    """
    pairs = forms.read(request.query)
    if request.body:
        if (request.content_type.partition(";")[0].strip().lower() or _FORM) != _FORM:
            raise Unreadable("a body that is no form")
        pairs += forms.read(forms.text_of(request.body))
    if len(pairs) > forms.MOST_PAIRS:
        raise Unreadable(f"more than {forms.MOST_PAIRS} parameters")
    return tuple((forms.storable(name), forms.storable(value)) for name, value in pairs)


def read_call(step: str, pairs: Pairs) -> Fact:
    """The call that was refused at `step`, so that it cost its caller nothing.

    Raises `Unreadable` for any other step than `missed-call`, for a call we made, and for a parameter that says two things.
    """
    if step != MISSED_CALL:
        raise Unreadable("a step we do not have")
    given = values.given(pairs, _CALL_NAMES)
    _refuse_outgoing(given)
    return CallMissed(
        source_id=f"{values.NAME}:{values.opaque_id('CallSid', given.get('CallSid', ''))}",
        dialled=values.number(given.get("To")) or "",
        caller=values.number(given.get("From")),
        occurred_at=values.moment(given.get("Timestamp")),
    )


def is_fragment(step: str) -> bool:
    """Never: Twilio asks once and takes a document."""
    return False


def read_turn(step: str, pairs: Pairs) -> TurnRequest:
    """What the caller of a menu did.

    A request of Twilio's carries no time of its own. What tells two of them apart is the number of the turn they answer, which our
    address carried, and what the caller did. Raises `Unreadable`.

    Example: `after=3&CallSid=CA90…&CallStatus=in-progress&Digits=1&From=%2B919000000101&To=%2B918040001001`
    """
    if step not in STEPS:
        raise Unreadable("a step we do not have")
    given = values.given(pairs, _TURN_NAMES)
    call_id = values.opaque_id("CallSid", given.get("CallSid", ""))
    # Of a call that we placed, From is our number and To is whom we rang.
    is_ours = given.get("Direction", "").lower().startswith("outbound")
    ours, theirs = ("From", "To") if is_ours else ("To", "From")
    recording = _url(given.get("RecordingUrl"))
    digits = None if recording else _digits(given.get("Digits"))
    spoken = (values.present(given.get("SpeechResult")) or "")[:_LONGEST_SPEECH] or None
    # A caller who hangs up while speaking is told of twice: this is what they said, the status callback says that they left.
    is_over = recording is None and (given.get("CallStatus") or "").strip().lower() in _OVER
    does = (
        "over" if is_over else f"{digits or ''}/{given.get('RecordingSid') or recording or ''}/{spoken or ''}"
    )
    return TurnRequest(
        call_id=call_id,
        dialled=values.number(given.get(ours)) or "",
        caller=values.number(given.get(theirs)),
        digits=digits,
        recording_url=recording,
        recording_seconds=values.count(given.get("RecordingDuration")) if recording else None,
        spoken=None if recording or digits else spoken,
        confidence=(values.share(given.get("Confidence")) or 0.0)
        if spoken and not (recording or digits)
        else None,
        is_over=is_over,
        fingerprint=does if is_over else f"{_turn(given)}/{does}",
        occurred_at=values.moment(given.get("Timestamp")),
        leg=legs.of_dial(call_id, given),
    )


def read_sms_status(message_id: str, pairs: Pairs) -> Fact:
    """What a delivery report says of our message `message_id`, which its address carried.

    Example: `MessageSid=SM30…&MessageStatus=undelivered&ErrorCode=30003&To=%2B919000000101`
    Raises `Unreadable` for a report without a status and for a parameter that says two things or cannot be what it should.
    """
    given = values.given(pairs, _SMS_NAMES)
    word = (
        values.present(given.get("MessageStatus")) or values.present(given.get("SmsStatus")) or ""
    ).lower()
    code = values.present(given.get("ErrorCode")) or ""
    if not word:
        raise Unreadable("a delivery report without a status")
    delivery, action = statuses.read(word, code)
    provider_id = given.get("MessageSid") or given.get("SmsSid")
    return SmsStatusChanged(
        source_id=message_id,
        delivery=delivery,
        code=values.opaque_id("the status", code or word),
        action=action,
        provider_id=values.opaque_id("MessageSid", provider_id) if provider_id else None,
        parts=values.count(given.get("NumSegments")),
        occurred_at=None,
    )


def read_dial_status(dial_id: str, pairs: Pairs) -> Fact:
    """How a call that we placed as `dial_id`, which the callback's address carried, ended.

    `completed` means that the call was answered; its length counts from there. SOURCE: twilio.com/docs/voice/api/call-resource,
    read 2026. Example: `CallSid=CA90…&CallStatus=completed&CallDuration=30`. Raises `Unreadable` for a call that has not ended.
    """
    given = values.given(pairs, _ENDING_NAMES)
    ending = endings.WORDS.get(given.get("CallStatus", "").strip().lower())
    if ending is None:
        raise Unreadable("a call without an ending")
    return DialEnded(
        source_id=dial_id,
        ending=ending,
        talk_seconds=values.count(given.get("CallDuration")),
        provider_id=values.opaque_id("CallSid", given.get("CallSid", "")),
        occurred_at=values.moment(given.get("Timestamp")),
    )


def _refuse_outgoing(given: dict[str, str]) -> None:
    if given.get("Direction", "").lower().startswith("outbound"):
        raise Unreadable("an outgoing call at the missed-call step")


def _digits(value: str | None) -> str | None:
    keys = values.present(value)
    if keys is None or keys == "hangup":  # what a recording's Digits are when hanging up ended it
        return None
    if len(keys) > _MOST_KEYS or not _KEYS.issuperset(keys):
        raise Unreadable("Digits cannot be read")
    return keys


def _url(value: str | None) -> str | None:
    url = values.present(value)
    if url is None:
        return None
    if len(url) > _LONGEST_URL or not url.isprintable() or not url.startswith(("https://", "http://")):
        raise Unreadable("RecordingUrl cannot be read")
    return url


def _turn(given: dict[str, str]) -> str:
    turn = values.present(given.get(AFTER))
    if turn is not None and values.count(turn) is None:
        raise Unreadable(f"{AFTER} cannot be read")
    return turn or "0"

"""How a call that we placed ended, in both providers' words."""

import pytest

from ringback.domain.endings import Ending
from ringback.domain.facts import DialEnded
from ringback.providers import exotel, twilio
from ringback.providers.base import CallbackRequest, Dialect, Direction, ListedCall, Pairs, Unreadable

DIAL = "m2pbkf5zmukzow4hzyryepb77i.clean-water.main.7pn5nw2h7h63btyp"
STATUS = {"exotel": "Status", "twilio": "CallStatus"}
DIALECTS: dict[str, Dialect] = {"exotel": exotel, "twilio": twilio}


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    ("word", "ending"),
    [
        ("completed", Ending.COMPLETED),
        ("busy", Ending.BUSY),
        ("no-answer", Ending.NO_ANSWER),
        ("failed", Ending.FAILED),
        ("canceled", Ending.FAILED),
        (" Busy ", Ending.BUSY),
    ],
)
def test_each_word_for_an_end_is_read(name: str, word: str, ending: Ending) -> None:
    fact = DIALECTS[name].read_dial_status(DIAL, (("CallSid", "c1"), (STATUS[name], word)))

    assert fact == DialEnded(DIAL, ending, None, "c1", None)
    assert fact.name == f"dial-{ending}"


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    "told",
    [
        {},
        {"CallSid": "c1"},
        {"STATUS": "completed"},
        {"CallSid": "c1", "STATUS": "in-progress"},
        {"CallSid": "c1", "STATUS": "ringing"},
        {"CallSid": "c1", "STATUS": "answered by nobody"},
        {"CallSid": "c 1", "STATUS": "busy"},
    ],
)
def test_what_tells_of_no_end_is_unreadable(name: str, told: dict[str, str]) -> None:
    pairs = tuple((STATUS[name] if key == "STATUS" else key, value) for key, value in told.items())

    with pytest.raises(Unreadable):
        DIALECTS[name].read_dial_status(DIAL, pairs)


@pytest.mark.parametrize("name", DIALECTS)
def test_two_endings_in_one_telling_are_unreadable(name: str) -> None:
    pairs = (("CallSid", "c1"), (STATUS[name], "busy"), (STATUS[name], "failed"))

    with pytest.raises(Unreadable):
        DIALECTS[name].read_dial_status(DIAL, pairs)


MULTIPART = (
    b'--form-data-boundary-1\r\nContent-Disposition: form-data; name="CallSid"\r\n\r\nc1\r\n'
    b'--form-data-boundary-1\r\nContent-Disposition: form-data; name="Status"\r\n\r\nno-answer\r\n'
    b"--form-data-boundary-1--\r\n"
)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (
            "application/json",
            b'{"CallSid": "c1", "Status": "no-answer", "DateUpdated": "2024-07-31 16:43:30"}',
        ),
        ("application/x-www-form-urlencoded", b"CallSid=c1&Status=no-answer"),
        ("multipart/form-data; boundary=form-data-boundary-1", MULTIPART),
    ],
)
def test_exotel_tells_in_any_of_its_encodings(content_type: str, body: bytes) -> None:
    """JSON is asked for, multipart is what it does by itself."""
    pairs: Pairs = exotel.read_pairs(CallbackRequest("POST", "status", "", content_type, body))
    fact = exotel.read_dial_status(DIAL, pairs)

    assert isinstance(fact, DialEnded)
    assert fact.ending is Ending.NO_ANSWER


def test_twilio_tells_how_long_they_talked() -> None:
    told = (("CallSid", "c1"), ("CallStatus", "completed"), ("CallDuration", "31"))
    fact = twilio.read_dial_status(DIAL, told)

    assert isinstance(fact, DialEnded)
    assert fact.talk_seconds == 31


@pytest.mark.parametrize(("name", "talk"), [("exotel", None), ("twilio", 12)])
def test_a_listed_call_tells_what_its_own_callback_would_have(name: str, talk: int | None) -> None:
    listed = ListedCall("c1", "", None, Direction.OUTGOING, "completed", None, DIAL, talk)
    fact = DIALECTS[name].read_dial_status(DIAL, DIALECTS[name].pairs_of(listed))

    assert fact == DialEnded(DIAL, Ending.COMPLETED, talk, "c1", None)


def test_the_first_request_of_a_call_that_exotel_placed_names_the_dial_the_person_and_our_number() -> None:
    told = {
        "CallSid": "c1",
        "CallFrom": "09000000101",
        "CallTo": "09000000101",
        "From": "09000000101",
        "To": "08040001027",
        "Direction": "outbound-dial",
        "CustomField": DIAL,
    }
    asked = exotel.read_turn("turn", tuple(told.items()))

    assert (asked.custom_field, asked.dialled, asked.caller) == (DIAL, "08040001027", "09000000101")


def test_of_a_call_that_twilio_placed_from_is_our_number() -> None:
    told = {"CallSid": "c1", "From": "+918040001027", "To": "+919000000101", "Direction": "outbound-api"}
    asked = twilio.read_turn("turn", tuple(told.items()))

    assert (asked.custom_field, asked.dialled, asked.caller) == (None, "+918040001027", "+919000000101")

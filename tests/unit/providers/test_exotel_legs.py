"""The person dialled by a Connect applet, in every spelling in which Exotel tells of them."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from ringback.domain.legs import Ending, LegEvent, Progress
from ringback.providers import exotel
from ringback.providers.base import CallbackRequest, Unreadable

VOTER = "+919000000202"
CALL: Mapping[str, str] = {
    "CallSid": "e12e87v",
    "CallFrom": "09000000101",
    "From": "09000000101",
    "To": "08040001031",
    "Direction": "incoming",
    "CurrentTime": "2024-07-31 16:43:02",
}
OVER: Mapping[str, str] = {
    "DialWhomNumber": "09000000202",
    "DialCallStatus": "completed",
    "DialCallDuration": "17",
    "Legs[0][Number]": "09000000202",
    "Legs[0][Type]": "single",
    "Legs[0][OnCallDuration]": "10",
    "Legs[0][CauseCode]": "NORMAL_CLEARING",
    "Legs[0][Cause]": "16",
}


def by_query(told: Mapping[str, str]) -> CallbackRequest:
    return CallbackRequest("GET", "leg", urlencode(told), "", b"")


def by_form(told: Mapping[str, str]) -> CallbackRequest:
    return CallbackRequest("POST", "leg", "", "application/x-www-form-urlencoded", urlencode(told).encode())


def by_json(told: Mapping[str, str]) -> CallbackRequest:
    return CallbackRequest("POST", "leg", "", "application/json", json.dumps(_nested(told)).encode())


def by_multipart(told: Mapping[str, str]) -> CallbackRequest:
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in told.items()
    )
    return CallbackRequest("POST", "leg", "", "multipart/form-data; boundary=b", f"{parts}--b--\r\n".encode())


def _nested(told: Mapping[str, str]) -> dict[str, Any]:
    """What stands in brackets as JSON writes it."""
    plain: dict[str, Any] = {name: value for name, value in told.items() if "[" not in name}
    legs = {name.removeprefix("Legs[0][").rstrip("]"): value for name, value in told.items() if "[" in name}
    return plain | ({"Legs": [legs]} if legs else {})


def event(**told: str) -> LegEvent:
    return exotel.read_leg(tuple((CALL | {"DialWhomNumber": "09000000202"} | told).items()))


def of_turn(told: Mapping[str, str], step: str = "dial") -> LegEvent | None:
    return exotel.read_turn(step, tuple((CALL | told).items())).leg


@pytest.mark.parametrize("encoded", [by_query, by_form, by_json, by_multipart])
def test_an_ending_is_read_the_same_in_every_encoding(encoded: Any) -> None:
    pairs = exotel.read_pairs(encoded({**CALL, **OVER, "EventType": "Terminal", "Status": "free"}))
    leg = exotel.read_leg(pairs)

    assert (leg.call_id, leg.number, leg.event, leg.status) == (
        "e12e87v",
        VOTER,
        Progress.TERMINAL,
        Ending.COMPLETED,
    )
    assert (leg.talked_seconds, leg.rang_seconds, leg.attempt) == (10, 7, None)
    assert leg.occurred_at is not None
    assert leg.occurred_at.isoformat() == "2024-07-31T11:13:02+00:00"


@pytest.mark.parametrize(
    ("number", "read"),
    [
        ("09000000202", VOTER),
        ("9000000202", VOTER),
        ("+919000000202", VOTER),
        (" 919000000202", VOTER),
        ("919000000202", VOTER),
        ("0091 90000-00202", VOTER),
        ("sip:voter", "sip:voter"),
        ("", None),
        ("null", None),
    ],
)
def test_a_number_is_read_in_every_shape(number: str, read: str | None) -> None:
    assert event(EventType="Answered", DialWhomNumber=number).number == read


@pytest.mark.parametrize(
    ("kind", "progress"),
    [
        ("Dial", Progress.DIAL),
        ("Answered", Progress.ANSWERED),
        ("Terminal", Progress.TERMINAL),
        ("answered", Progress.ANSWERED),
        ("terminal", Progress.TERMINAL),
    ],
)
def test_each_event_says_how_far_the_leg_has_come(kind: str, progress: Progress) -> None:
    assert event(EventType=kind, Status="busy").event is progress


def test_before_the_end_nothing_of_an_earlier_person_is_taken_for_this_ones() -> None:
    """The parameters go on telling of the attempt before until this one is over."""
    earlier = {**OVER, "DialWhomNumber": "09000000303", "EventType": "Answered"}
    leg = exotel.read_leg(tuple((CALL | earlier).items()))

    assert (leg.number, leg.status, leg.talked_seconds, leg.rang_seconds) == (
        "+919000000303",
        None,
        None,
        None,
    )


def test_a_leg_of_another_number_tells_nothing_of_this_one() -> None:
    told = OVER | {"DialWhomNumber": "09000000303", "DialCallStatus": "no-answer"}
    leg = of_turn(told)

    assert leg is not None
    assert (leg.number, leg.status, leg.talked_seconds) == ("+919000000303", Ending.NO_ANSWER, None)


def test_the_address_says_which_attempt_is_meant() -> None:
    assert event(EventType="Dial", attempt="2").attempt == 2


@pytest.mark.parametrize(
    ("told", "ending"),
    [
        ({"DialCallStatus": "completed"}, Ending.COMPLETED),
        ({"DialCallStatus": "busy"}, Ending.BUSY),
        ({"DialCallStatus": "no-answer"}, Ending.NO_ANSWER),
        ({"DialCallStatus": "No_Answer"}, Ending.NO_ANSWER),
        ({"DialCallStatus": "failed"}, Ending.FAILED),
        ({"DialCallStatus": "canceled"}, Ending.CANCELED),
        ({"DialCallStatus": "cancelled"}, Ending.CANCELED),
        ({"DialCallStatus": "null", "Legs[0][CauseCode]": "RING_TIMEOUT"}, Ending.NO_ANSWER),
        ({"Legs[0][Status]": "busy"}, Ending.BUSY),
        ({"Legs[0][Insights][Status]": "failed"}, Ending.FAILED),
        ({"Legs[0][CauseCode]": "USER_BUSY"}, Ending.BUSY),
        ({"Legs[0][CauseCode]": "NORMAL_CLEARING"}, None),
        ({"DialCallStatus": "melted"}, None),
        ({}, None),
    ],
)
def test_an_ending_is_read_from_whatever_says_it(told: dict[str, str], ending: Ending | None) -> None:
    leg = event(EventType="Terminal", Status="free", **told)

    assert (leg.event, leg.status) == (Progress.TERMINAL, ending)


@pytest.mark.parametrize(
    ("told", "talked", "rang"),
    [
        ({"DialCallDuration": "17", "Legs[0][OnCallDuration]": "10"}, 10, 7),
        ({"DialCallDuration": "25", "Legs[0][OnCallDuration]": "0"}, 0, 25),
        ({"DialCallDuration": "17"}, None, None),
        ({"Legs[0][OnCallDuration]": "10"}, 10, None),
        ({"DialCallDuration": "9", "Legs[0][OnCallDuration]": "10"}, 10, 0),
        ({"Legs[0][OnCallDuration]": "10", "Legs[0][Insights][RingingDuration]": "6"}, 10, 6),
        (
            {
                "Legs[0][Number]": "09000000101",
                "Legs[0][OnCallDuration]": "60",
                "Legs[1][Number]": "09000000202",
                "Legs[1][OnCallDuration]": "12",
            },
            12,
            None,
        ),
    ],
    ids=["exo-09", "nobody took it", "ringing and talk in one", "talk alone", "rounded", "told", "both legs"],
)
def test_talk_is_told_apart_from_ringing(told: dict[str, str], talked: int | None, rang: int | None) -> None:
    """DialCallDuration counts from dialling. SOURCE: exotel.md, trap 6."""
    leg = event(EventType="Terminal", DialCallStatus="completed", **told)

    assert (leg.talked_seconds, leg.rang_seconds) == (talked, rang)


@pytest.mark.parametrize("step", ["dial", "turn"])
def test_the_next_question_tells_of_the_ending_too(step: str) -> None:
    leg = of_turn(OVER, step)

    assert leg == LegEvent(
        "e12e87v", VOTER, Progress.TERMINAL, Ending.COMPLETED, 10, 7, leg and leg.occurred_at
    )


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"DialWhomNumber": "", "DialCallDuration": "0"},
        {"DialWhomNumber": "09000000202"},
        {"DialCallStatus": "null"},
    ],
    ids=["nothing", "the first poll", "somebody who still rings", "an absent status"],
)
def test_a_question_that_tells_of_no_ending_has_no_leg(told: dict[str, str]) -> None:
    assert of_turn(told) is None


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"EventType": ""}, "no event of a leg"),
        ({"EventType": "Ringing"}, "no event of a leg"),
        ({"EventType": "Dial", "CallSid": ""}, "CallSid is missing"),
    ],
)
def test_what_is_no_event_is_unreadable(told: dict[str, str], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        event(**told)


def test_nested_ids_are_read_as_newer_applets_post_them() -> None:
    told = parse_qsl("Call[Sid]=c&Call[From]=09000000101&EventType=Dial&DialWhomNumber=09000000202")

    assert exotel.read_leg(tuple(told)).call_id == "c"

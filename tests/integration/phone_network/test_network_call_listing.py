"""The provider's records of calls: one call, and the listing with its filters, cursors and faults."""

import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest

from phone_network import running
from phone_network.config import parse

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


def some_calls(stage: Any, count: int) -> list[str]:
    """Give missed calls from different people, and return their CallSids in order."""
    sids = [stage.ring(f"+9190000003{index:02}")["call_sid"] for index in range(count)]
    stage.wait_until_idle()
    return sids


def listing(stage: Any, **asked: Any) -> Any:
    query = urllib.parse.urlencode(asked)
    return stage.exotel(f"Calls.json?{query}")


def walk(stage: Any, link: str) -> list[list[str]]:
    """Follow the links of the pages, and return the CallSids of each."""
    pages = []
    following: str | None = link
    while following:
        answer = stage.ask(following, key="key1:token1").json
        pages.append([call["Sid"] for call in answer["Calls"]])
        following = answer["Metadata"]["NextPageUri"]
        assert len(pages) < 50
    return pages


def test_a_missed_call_is_shown_as_never_answered(serve: Callable[..., Any]) -> None:
    stage = serve()
    (sid,) = some_calls(stage, 1)
    call = stage.exotel(f"Calls/{sid}.json").json["Call"]

    assert (call["Sid"], call["Status"], call["Direction"]) == (sid, "no-answer", "inbound")
    assert (call["From"], call["To"], call["PhoneNumberSid"]) == ("09000000300", "08040001001", "08040001001")
    assert (call["Duration"], call["Price"]) == (0, None)
    assert call["EndTime"] >= call["StartTime"] == call["DateCreated"]


def test_details_of_a_call_tell_of_its_legs(serve: Callable[..., Any]) -> None:
    stage = serve()
    (sid,) = some_calls(stage, 1)

    assert stage.exotel(f"Calls/{sid}.json?details=true").json["Call"]["Details"] == {
        "ConversationDuration": 0,
        "Leg1Status": "no-answer",
        "Leg2Status": None,
        "Legs": [{"Leg": {"Id": 1, "OnCallDuration": 0}}],
    }


def test_an_unknown_call_is_a_404(serve: Callable[..., Any]) -> None:
    answer = serve().exotel("Calls/unknown.json")

    assert answer.status == 404
    assert answer.json == {"RestException": {"Status": 404, "Message": "No matching results"}}


def test_pages_cover_every_call_once_newest_first(serve: Callable[..., Any]) -> None:
    stage = serve()
    sids = some_calls(stage, 7)

    assert walk(stage, "/v1/Accounts/cleanwater1/Calls.json?PageSize=3") == [
        sids[6:3:-1],
        sids[3:0:-1],
        sids[:1],
    ]


def test_pages_run_forward_if_asked_and_back_again(serve: Callable[..., Any]) -> None:
    stage = serve()
    sids = some_calls(stage, 5)
    first = listing(stage, PageSize=2, SortBy="DateCreated:asc").json
    second = stage.ask(first["Metadata"]["NextPageUri"], key="key1:token1").json
    back = stage.ask(second["Metadata"]["PrevPageUri"], key="key1:token1").json

    assert [call["Sid"] for call in second["Calls"]] == sids[2:4]
    assert [call["Sid"] for call in back["Calls"]] == sids[:2]
    assert first["Metadata"] | {"NextPageUri": ""} == {
        "Total": 5,
        "PageSize": 2,
        "FirstPageUri": "/v1/Accounts/cleanwater1/Calls.json?PageSize=2&SortBy=DateCreated%3Aasc",
        "PrevPageUri": None,
        "NextPageUri": "",
    }


def test_the_window_is_in_indian_wall_time_and_both_ends_belong_to_it(serve: Callable[..., Any]) -> None:
    stage = serve()
    some_calls(stage, 1)
    stage.control("clock", {"advance_seconds": 3600})
    (later,) = some_calls(stage, 1)
    at = stage.exotel(f"Calls/{later}.json").json["Call"]["DateCreated"]

    assert [call["Sid"] for call in listing(stage, DateCreated=f"gte:{at};lte:{at}").json["Calls"]] == [later]
    assert listing(stage, DateCreated=f"gte:{at}").json["Metadata"]["Total"] == 1
    assert listing(stage, DateCreated=f"lte:{at}").json["Metadata"]["Total"] == 2


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"From": "+919000000301"}, 1),
        ({"From": "09000000301,09000000302"}, 2),
        ({"From": " 919000000301"}, 0),
        ({"To": "+918040001001"}, 3),
        ({"PhoneNumber": "+918040001002"}, 0),
        ({"Status": "no-answer,busy"}, 3),
        ({"Status": "completed"}, 0),
        ({"Direction": "inbound"}, 3),
        ({"Direction": "outbound-api"}, 0),
        ({"Sid": "unknown"}, 0),
    ],
)
def test_filters_narrow_the_listing(serve: Callable[..., Any], asked: dict[str, str], found: int) -> None:
    stage = serve()
    some_calls(stage, 3)

    assert listing(stage, **asked).json["Metadata"]["Total"] == found


@pytest.mark.parametrize(
    "asked",
    [
        {"PageSize": "101"},
        {"PageSize": "0"},
        {"PageSize": "x"},
        {"SortBy": "Price:asc"},
        {"DateCreated": "gte:2026-01-05T11:00:00"},
        {"DateCreated": "gt:2026-01-05 11:00:00"},
        {"DateCreated": "gte:2001-01-01 00:00:00;lte:2001-01-02 00:00:00"},
        {"DateCreated": "lte:2999-01-01 00:00:00"},
        {"After": "nonsense"},
        {"From": ",".join(f"090000000{index:02}" for index in range(6))},
        {"CustomField": "m1"},
    ],
    ids=lambda asked: "&".join(asked),
)
def test_a_listing_asked_for_wrongly_is_a_400(serve: Callable[..., Any], asked: dict[str, str]) -> None:
    assert listing(serve(), **asked).status == 400


def test_the_listing_of_one_account_does_not_show_the_calls_of_another(
    serve: Callable[..., Any], a_config: Callable[..., Any]
) -> None:
    config = a_config()
    other = {
        **config["accounts"][0],
        "sid": "other1",
        "api_key": "key2",
        "exophones": [{"number": "+918040001002", "flow": []}],
    }
    config["accounts"].append(other)
    with running(parse(config)) as network:
        stage = type(serve())(network.url)
        stage.ring()

        assert stage.exotel("Calls.json").json["Metadata"]["Total"] == 1
        listed = stage.ask("/v1/Accounts/other1/Calls.json", key="key2:token1").json
        assert listed["Metadata"]["Total"] == 0


def test_a_dropped_callback_stands_in_the_listing(serve: Callable[..., Any], our_side: Any) -> None:
    stage = serve(faults={"passthru_drop": 1})
    sids = some_calls(stage, 2)

    assert our_side.received == []
    assert sorted(call["Sid"] for call in listing(stage).json["Calls"]) == sorted(sids)


def test_a_listing_can_be_down(serve: Callable[..., Any]) -> None:
    stage = serve(faults={"listing_503": 1})

    assert listing(stage).status == 503
    stage.control("faults", {"plan": "none"})
    assert listing(stage).status == 200


@pytest.mark.parametrize("fault", ["listing_partial", "listing_repeat"])
def test_whoever_follows_the_links_and_drops_repeats_has_every_call(
    serve: Callable[..., Any], fault: str
) -> None:
    stage = serve(faults={fault: 1})
    sids = some_calls(stage, 9)
    pages = walk(stage, "/v1/Accounts/cleanwater1/Calls.json?PageSize=4")

    shown = [sid for page in pages for sid in page]
    assert set(shown) == set(sids)
    if fault == "listing_partial":
        assert len(shown) == 9
        assert len(pages[0]) == 2
    else:
        assert len(shown) > 9


def test_a_late_call_is_in_the_next_listing(serve: Callable[..., Any]) -> None:
    stage = serve(faults={"listing_late": 1})
    sids = some_calls(stage, 2)

    assert listing(stage).json["Calls"] == []
    assert {call["Sid"] for call in listing(stage).json["Calls"]} == set(sids)

"""A call is walked through applets exactly as the documents say, and our URLs are asked as Exotel asks them."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from phone_network import sounds

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

EXOPHONE = "+918040001001"
SORRY = [{"applet": "greeting", "prompt": "Sorry"}, {"applet": "hangup"}]
JSON = "application/json"


def select(option: str) -> tuple[int, str, str]:
    return (200, JSON, json.dumps({"select": option}))


def order(**changes: Any) -> tuple[int, str, str]:
    usual = {
        "gather_prompt": {"text": "Press 1 or 2"},
        "max_input_digits": 1,
        "finish_on_key": "",
        "input_timeout": 6,
        "repeat_menu": 0,
    }
    return (200, JSON, json.dumps({**usual, **changes}))


@pytest.fixture
def flow(serve: Callable[..., Any]) -> Callable[..., Any]:
    """Return a factory of networks whose ExoPhone has a flow."""

    def start(*applets: dict[str, Any], **changes: Any) -> Any:
        return serve(exophones=[{"number": EXOPHONE, "flow": list(applets), "flow_id": "11754"}], **changes)

    return start


def failures(call: Any) -> list[str]:
    return [entry["reason"] for entry in call["log"] if entry["event"] == "failed"]


class TestGreeting:
    def test_is_answered_with_head_and_then_get_of_few_parameters(
        self, flow: Callable[..., Any], our_side: Any
    ) -> None:
        our_side.pages["/say"] = (200, "text/plain; charset=utf-8", "नमस्ते\nWelcome")
        call = flow({"applet": "greeting", "url": f"{our_side.url}/say"}).call()
        head, get = our_side.at("/say")

        assert (head.method, get.method) == ("HEAD", "GET")
        assert head.query == get.query
        assert get.parameters == {
            "CallSid": call["call_sid"],
            "From": "09000000101",
            "To": "08040001001",
            "DialWhomNumber": "",
        }
        assert call["heard"] == ["नमस्ते\nWelcome"]
        assert call["status"] == "completed"

    @pytest.mark.parametrize(
        ("page", "reason"),
        [
            ((200, "text/html", "Welcome"), "HEAD was answered with 200, text/html"),
            ((404, "text/plain", "Welcome"), "HEAD was answered with 404, text/plain"),
            ((200, "text/plain", "  \n"), "the answer is empty"),
            ((200, "text/plain", b"\xff\xfe"), "the answer is not UTF-8"),
            (
                lambda request: (200, "text/plain" if request.method == "HEAD" else "text/html", "Hi"),
                "HEAD said text/plain, GET text/html",
            ),
        ],
    )
    def test_that_is_answered_wrongly_plays_nothing_and_goes_on(
        self, flow: Callable[..., Any], our_side: Any, page: Any, reason: str
    ) -> None:
        our_side.pages["/say"] = page
        stage = flow(
            {"applet": "greeting", "url": f"{our_side.url}/say"}, {"applet": "greeting", "prompt": "Bye"}
        )
        call = stage.call()

        assert call["heard"] == ["Bye"]
        assert failures(call) == [reason]

    def test_plays_one_sound_a_line_and_keeps_a_sound_by_its_address(
        self, flow: Callable[..., Any], our_side: Any
    ) -> None:
        for name, seconds in (("a", 2), ("b", 1)):
            our_side.pages[f"/{name}.wav"] = (200, sounds.WAV, sounds.recorded(sounds.WAV, seconds, name))
        addresses = [f"{our_side.url}/{name}.wav" for name in "ab"]
        our_side.pages["/say"] = (200, "text/plain", "\n".join(addresses))
        stage = flow({"applet": "greeting", "url": f"{our_side.url}/say"})
        first, second = stage.call(), stage.call()

        heard = [(e["audio_url"], e["seconds"]) for e in first["log"] if e["event"] == "heard"]
        assert heard == [(addresses[0], 2.0), (addresses[1], 1.0)]
        assert second["heard"] == addresses
        assert len(our_side.at("/a.wav")) == len(our_side.at("/b.wav")) == 1

    def test_does_not_play_a_sound_of_the_wrong_make(self, flow: Callable[..., Any], our_side: Any) -> None:
        our_side.pages["/a.wav"] = (200, "audio/mpeg", sounds.recorded(sounds.MP3, 1))
        prompt = {"audio_url": f"{our_side.url}/a.wav"}
        call = flow({"applet": "greeting", "prompt": prompt}, {"applet": "greeting", "prompt": "Bye"}).call()

        assert call["heard"] == ["Bye"]
        assert failures(call)[0].startswith("no WAV file")


class TestGather:
    def test_by_url_names_its_version_and_the_keys_come_with_the_next_passthru_in_quotes(
        self, flow: Callable[..., Any], our_side: Any
    ) -> None:
        our_side.pages["/gather"] = order()
        stage = flow(
            {"applet": "gather", "url": f"{our_side.url}/gather"},
            {"applet": "passthru", "url": f"{our_side.url}/told", "async": False},
        )
        call = stage.call(script=[{"press": "2"}])
        (asked,), (told,) = our_side.at("/gather"), our_side.at("/told")

        assert (asked.method, asked.headers["Exotel-Version"]) == ("GET", "1.0")
        assert "digits" not in asked.parameters
        assert told.query.endswith("&digits=%222%22")
        assert "Exotel-Version" not in told.headers
        assert (call["heard"], call["keys"]) == (["Press 1 or 2"], ["2"])

    def test_asks_the_fallback_url_when_the_primary_fails(
        self, flow: Callable[..., Any], our_side: Any
    ) -> None:
        our_side.pages["/gather"] = (500, JSON, "{}")
        our_side.pages["/fallback"] = order()
        call = flow(
            {
                "applet": "gather",
                "url": f"{our_side.url}/gather",
                "fallback_url": f"{our_side.url}/fallback",
            }
        ).call()

        assert call["heard"] == ["Press 1 or 2"]
        assert failures(call) == ["the answer has status 500"]

    @pytest.mark.parametrize("seconds", [0.0, 0.3])
    def test_without_a_usable_answer_the_call_is_cut_off(
        self, flow: Callable[..., Any], our_side: Any, seconds: float
    ) -> None:
        our_side.answer_after_seconds = seconds
        our_side.pages["/gather"] = (200, "text/plain", "Press 1") if not seconds else order()
        stage = flow(
            {"applet": "gather", "url": f"{our_side.url}/gather"},
            {"applet": "passthru", "url": f"{our_side.url}/never"},
            timing={"fragment_timeout_seconds": 0.1},
        )
        call = stage.call()

        assert not our_side.at("/never")
        assert failures(call)[-1] == "gather: neither URL gave an order"
        assert call["log"][-1]["by"] == "network"

    def test_plays_the_repeat_prompt_as_often_as_told_and_then_sends_no_digits(
        self, flow: Callable[..., Any], our_side: Any
    ) -> None:
        our_side.pages["/gather"] = order(repeat_menu=2, repeat_gather_prompt={"text": "Again"})
        stage = flow(
            {"applet": "gather", "url": f"{our_side.url}/gather"},
            {"applet": "passthru", "url": f"{our_side.url}/told", "async": False},
        )
        silent = stage.call()
        late = stage.call(script=[{"silence": True}, {"press": "1"}])

        assert silent["heard"] == ["Press 1 or 2", "Again", "Again"]
        assert late["heard"] == ["Press 1 or 2", "Again"]
        assert [request.parameters.get("digits") for request in our_side.at("/told")] == [None, '"1"']

    @pytest.mark.parametrize(
        ("setting", "pressed", "digits"),
        [
            ({"max_input_digits": 1}, "12", '"1"'),
            ({"max_input_digits": 4}, "12", '"12"'),
            ({"max_input_digits": 0, "finish_on_key": "#"}, "1234#9", '"1234"'),
            ({"max_input_digits": 4, "finish_on_key": "#"}, "#", '""'),
            ({"max_input_digits": 1, "finish_on_key": ""}, "#", '"#"'),
            ({"max_input_digits": 1}, "*", '"*"'),
        ],
    )
    def test_takes_as_many_keys_as_it_is_set_to(
        self, flow: Callable[..., Any], our_side: Any, setting: dict[str, Any], pressed: str, digits: str
    ) -> None:
        stage = flow(
            {"applet": "gather", "prompt": "Keys", **setting},
            {"applet": "passthru", "url": f"{our_side.url}/told", "async": False},
        )
        stage.call(script=[{"press": pressed}])
        (told,) = our_side.at("/told")

        assert told.parameters["digits"] == digits

    def test_forgets_the_keys_of_the_one_before(self, flow: Callable[..., Any], our_side: Any) -> None:
        gather = {"applet": "gather", "prompt": "Keys"}
        passthru = {"applet": "passthru", "url": f"{our_side.url}/told", "async": False}
        flow(gather, passthru, gather, passthru).call(script=[{"press": "1"}])

        assert [request.parameters.get("digits") for request in our_side.at("/told")] == ['"1"', None]


class TestMenu:
    def test_branches_on_the_key_and_asks_nobody(self, flow: Callable[..., Any], our_side: Any) -> None:
        stage = flow(
            {
                "applet": "menu",
                "prompt": "1 for water",
                "options": {"1": [{"applet": "passthru", "url": f"{our_side.url}/water"}]},
                "otherwise": SORRY,
            }
        )
        right = stage.call(script=[{"press": "1"}])
        wrong = stage.call(script=[{"press": "7"}, {"silence": True}, {"press": "8"}])
        stage.wait_until_idle()

        assert right["heard"] == ["1 for water"]
        assert wrong["heard"] == ["1 for water"] * 3 + ["Sorry"]
        (told,) = our_side.received
        assert (told.path, told.parameters["digits"]) == ("/water", '"1"')


class TestPassthruAndSwitch:
    @pytest.mark.parametrize("kind", ["text/plain", JSON])
    def test_the_option_in_the_answer_is_the_branch_taken(
        self, flow: Callable[..., Any], our_side: Any, kind: str
    ) -> None:
        our_side.pages["/which"] = (200, kind, '{"select": "two"}')
        say = lambda text: [{"applet": "greeting", "prompt": text}]  # noqa: E731
        call = flow(
            {"applet": "passthru", "url": f"{our_side.url}/which", "async": False},
            {"applet": "switch", "cases": {"one": say("One"), "two": say("Two")}, "otherwise": say("None")},
        ).call()

        assert call["heard"] == ["Two"]

    @pytest.mark.parametrize(
        "page",
        [
            select("three"),
            (200, JSON, "two"),
            (200, JSON, '{"select": 2}'),
            (200, JSON, '{"select": "two", "more": 1}'),
            (200, "text/html", '{"select": "two"}'),
            (200, "text/plain", ""),
        ],
    )
    def test_anything_else_takes_the_default_branch(
        self, flow: Callable[..., Any], our_side: Any, page: Any
    ) -> None:
        our_side.pages["/which"] = page
        call = flow(
            {"applet": "passthru", "url": f"{our_side.url}/which", "async": False},
            {
                "applet": "switch",
                "cases": {"two": [{"applet": "greeting", "prompt": "Two"}]},
                "otherwise": SORRY,
            },
        ).call()

        assert call["heard"] == ["Sorry"]
        assert len(failures(call)) == 1

    def test_a_later_applet_is_told_the_request_before_in_json_quotes(
        self, flow: Callable[..., Any], our_side: Any
    ) -> None:
        passthru = {"applet": "passthru", "url": f"{our_side.url}/told?step=1", "async": False}
        call = flow(passthru, passthru, passthru).call()
        first, second, third = our_side.at("/told")

        assert "passthru" not in first.parameters
        assert json.loads(second.parameters["passthru"]).startswith(
            f"{our_side.url}/told?step=1&CallSid={call['call_sid']}"
        )
        assert len(third.query) == len(second.query)

    def test_a_flow_that_only_passes_through_never_answers(
        self, flow: Callable[..., Any], our_side: Any
    ) -> None:
        our_side.pages["/which"] = select("end")
        stage = flow(
            {"applet": "passthru", "url": f"{our_side.url}/which", "async": False},
            {"applet": "switch", "cases": {"end": [{"applet": "hangup"}]}},
        )
        call = stage.call()
        (logged,) = stage.control("handsets/+919000000101")["calls"]

        assert (call["status"], logged["answered"], logged["cost_rupees"]) == ("no-answer", False, 0.0)


class TestTransfer:
    def loop(self, our_side: Any) -> dict[str, Any]:
        """One flow that drives any menu: our answer chooses what the next round is."""
        again = {"applet": "transfer", "flow": "menu"}
        return {
            "menu": [
                {"applet": "passthru", "url": f"{our_side.url}/turn", "async": False, "otherwise": SORRY},
                {
                    "applet": "switch",
                    "cases": {
                        "gather": [{"applet": "gather", "url": f"{our_side.url}/gather"}, again],
                        "record": [{"applet": "voicemail", "max_seconds": 30}, again],
                        "say": [{"applet": "greeting", "prompt": "Bye"}, {"applet": "hangup"}],
                    },
                    "otherwise": SORRY,
                },
            ]
        }

    def test_to_itself_makes_one_flow_drive_any_menu(self, serve: Callable[..., Any], our_side: Any) -> None:
        turns = iter(["gather", "gather", "gather", "record", "say"])
        our_side.pages["/turn"] = lambda request: select(next(turns))
        our_side.pages["/gather"] = order()
        stage = serve(flows=self.loop(our_side), exophones=[{"number": EXOPHONE, "flow": "menu"}])
        call = stage.call(script=[{"press": "1"}, {"press": "1"}, {"press": "2"}, {"speak": 12}])
        told = [request.parameters for request in our_side.at("/turn")]

        assert [each.get("digits") for each in told] == [None, '"1"', '"1"', '"2"', '"2"']
        assert [each["CallType"] for each in told] == ["call-attempt"] * 4 + ["voicemail"]
        assert told[4]["RecordingUrl"].endswith(f"/exotelrecordings/cleanwater1/{call['call_sid']}.mp3")
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d", told[4]["RecordingAvailableBy"])
        assert {each["flow_id"] for each in told} == {"menu"}
        assert call["heard"][-1] == "Bye"

    def test_the_same_key_in_two_rounds_comes_at_two_times(
        self, serve: Callable[..., Any], our_side: Any
    ) -> None:
        our_side.pages["/turn"] = lambda request: select("gather" if len(our_side.at("/turn")) < 6 else "say")
        our_side.pages["/gather"] = order()
        stage = serve(flows=self.loop(our_side), exophones=[{"number": EXOPHONE, "flow": "menu"}])
        stage.call(script=[{"press": "1", "after_seconds": 0}] * 5)
        times = [request.parameters["CurrentTime"] for request in our_side.at("/turn")]

        assert len(set(times)) == 6
        assert times == sorted(times)

    def test_ends_the_call_at_the_configured_depth(self, serve: Callable[..., Any], our_side: Any) -> None:
        our_side.pages["/turn"] = select("gather")
        our_side.pages["/gather"] = order()
        stage = serve(
            flows=self.loop(our_side), exophones=[{"number": EXOPHONE, "flow": "menu"}], max_transfers=7
        )
        call = stage.call()

        assert len(our_side.at("/turn")) == 8
        assert failures(call) == ["more than 7 transfers in one call"]

    def test_goes_two_hundred_rounds_deep_if_it_may(self, serve: Callable[..., Any], our_side: Any) -> None:
        our_side.pages["/turn"] = lambda request: select(
            "gather" if len(our_side.at("/turn")) < 200 else "say"
        )
        our_side.pages["/gather"] = order()
        stage = serve(
            flows=self.loop(our_side), exophones=[{"number": EXOPHONE, "flow": "menu"}], max_transfers=200
        )
        call = stage.call(script=[{"press": "1"}] * 199)

        assert len(call["keys"]) == 199
        assert call["heard"][-1] == "Bye"


class TestSms:
    def test_sends_the_caller_what_the_url_answers(self, flow: Callable[..., Any], our_side: Any) -> None:
        our_side.pages["/text"] = (200, "text/plain", "Thank you Asha")
        stage = flow(
            {"applet": "gather", "prompt": "Key"},
            {"applet": "sms", "url": f"{our_side.url}/text"},
            headers=["CLNWTR"],
        )
        call = stage.call(script=[{"press": "1"}])
        stage.wait_until_idle()
        head, get = our_side.at("/text")
        (sms,) = stage.control("messages")["messages"]

        assert (head.method, get.method) == ("HEAD", "GET")
        assert get.parameters == {
            "CallSid": call["call_sid"],
            "From": "09000000101",
            "To": "08040001001",
            "digits": '"1"',
        }
        assert (sms["to"], sms["body"], sms["header"]) == ("+919000000101", "Thank you Asha", "CLNWTR")
        assert sms["detailed_status"] == "FAILED_INVALID_MESSAGE", "no DLT ids can come from there"

    def test_with_a_registered_text_is_delivered(self, flow: Callable[..., Any]) -> None:
        stage = flow(
            {
                "applet": "sms",
                "text": "Thank you Asha",
                "dlt_entity_id": "1101000000000000001",
                "dlt_template_id": "1107000000000000001",
            },
            headers=["CLNWTR"],
        )
        call = stage.call()
        stage.wait_until_idle()

        assert [sms["body"] for sms in stage.control("handsets/+919000000101")["inbox"]] == ["Thank you Asha"]
        assert call["status"] == "no-answer"

    def test_sends_nothing_for_an_empty_answer(self, flow: Callable[..., Any], our_side: Any) -> None:
        our_side.pages["/text"] = (200, "text/plain", "")
        stage = flow({"applet": "sms", "url": f"{our_side.url}/text"})
        call = stage.call()

        assert stage.control("messages")["messages"] == []
        assert failures(call) == []


class TestVoicemail:
    @pytest.mark.parametrize(
        ("step", "seconds", "ended_by"),
        [
            ({"speak": 12}, 12, "silence"),
            ({"speak": 90}, 30, "length"),
            ({"speak": 4, "then_hang_up": True}, 4, "hang-up"),
            ({"silence": True}, 5, "silence"),
            ({"press": "#"}, 1, "key"),
        ],
    )
    def test_ends_with_silence_length_key_or_hang_up_and_the_flow_goes_on(
        self, flow: Callable[..., Any], our_side: Any, step: Any, seconds: int, ended_by: str
    ) -> None:
        stage = flow(
            {"applet": "voicemail", "prompt": "Speak", "max_seconds": 30},
            {"applet": "passthru", "url": f"{our_side.url}/told", "async": False},
            {"applet": "greeting", "prompt": "Thanks"},
        )
        call = stage.call(script=[step])
        (told,) = our_side.at("/told")
        (recorded,) = [entry for entry in call["log"] if entry["event"] == "recorded"]

        assert (recorded["seconds"], recorded["ended_by"]) == (seconds, ended_by)
        assert told.parameters["CallType"] == "voicemail"
        assert (call["heard"][-1] == "Thanks") == (ended_by != "hang-up")


class TestHangingUp:
    def test_at_a_prompt_ends_the_flow_at_once(self, flow: Callable[..., Any], our_side: Any) -> None:
        stage = flow(
            {"applet": "gather", "prompt": "A prompt of some length, to be cut short"},
            {"applet": "passthru", "url": f"{our_side.url}/never"},
        )
        call = stage.call(script=[{"hang_up": True, "after_seconds": 2}])
        heard = next(entry for entry in call["log"] if entry["event"] == "heard")

        assert our_side.received == []
        assert (heard["complete"], heard["seconds"]) == (False, 2.0)
        assert (call["log"][-1]["by"], call["status"]) == ("caller", "completed")

    def test_can_come_at_any_second_of_the_call(self, flow: Callable[..., Any], our_side: Any) -> None:
        stage = flow(
            {"applet": "greeting", "prompt": "x" * 140},
            {"applet": "passthru", "url": f"{our_side.url}/never"},
        )
        call = stage.call(hang_up_at=3.5)

        assert our_side.received == []
        assert call["second"] == 3.5

    def test_as_the_key_is_pressed_tells_of_the_key_and_nothing_more(
        self, flow: Callable[..., Any], our_side: Any
    ) -> None:
        passthru = {"applet": "passthru", "url": f"{our_side.url}/told", "async": False}
        stage = flow(
            {"applet": "gather", "prompt": "Key"}, passthru, passthru, faults={"hangup_races_key": 1}
        )
        call = stage.call(script=[{"press": "3"}])

        assert [request.parameters["digits"] for request in our_side.at("/told")] == ['"3"']
        assert call["log"][-1]["by"] == "caller"


class TestFaults:
    GATHER = (
        ("fragment_drop", 0),
        ("fragment_duplicate", 3),
        ("fragment_concurrent", 3),
        ("fragment_delay", 1),
    )

    @pytest.mark.parametrize(("fault", "count"), [*GATHER, ("fragment_timeout", 1), ("fragment_reorder", 1)])
    def test_of_a_fragment_strike_the_request_for_it(
        self, flow: Callable[..., Any], our_side: Any, fault: str, count: int
    ) -> None:
        our_side.pages["/gather"] = order()
        stage = flow({"applet": "gather", "url": f"{our_side.url}/gather"}, faults={fault: 1})
        call = stage.call()
        stage.wait_until_idle()

        assert len(our_side.at("/gather")) == count
        assert bool(failures(call)) == (fault in ("fragment_drop", "fragment_timeout"))

    @pytest.mark.parametrize(
        ("fault", "requests", "heard"),
        [
            ("passthru_timeout", 1, "Sorry"),
            ("passthru_drop", 0, "Sorry"),
            ("passthru_retry", 2, "Fine"),
            ("passthru_duplicate", 3, "Fine"),
            ("passthru_concurrent", 3, "Fine"),
        ],
    )
    def test_of_a_synchronous_passthru_decide_the_branch(
        self, flow: Callable[..., Any], our_side: Any, fault: str, requests: int, heard: str
    ) -> None:
        stage = flow(
            {"applet": "passthru", "url": f"{our_side.url}/told", "async": False, "otherwise": SORRY},
            {"applet": "greeting", "prompt": "Fine"},
            faults={fault: 1},
        )
        call = stage.call()
        stage.wait_until_idle()

        assert (len(our_side.at("/told")), call["heard"]) == (requests, [heard])

    def test_digits_come_in_every_spelling(self, flow: Callable[..., Any], our_side: Any) -> None:
        passthru = {"applet": "passthru", "url": f"{our_side.url}/told", "async": False}
        stage = flow({"applet": "gather", "prompt": "Key"}, passthru, faults={"digits_spelling": 1})
        for nth in range(30):
            stage.call(f"+9190000001{nth:02}", script=[{"press": "1"}])
            stage.call(f"+9190000002{nth:02}")

        spelt = {request.parameters.get("digits") for request in our_side.at("/told")}
        assert spelt == {"1", '"1 "', ' "1" ', '" 1"', "", "null", '""', '"null"'}


def test_a_connect_dials_in_order_and_goes_on_when_they_have_talked(
    flow: Callable[..., Any], our_side: Any
) -> None:
    our_side.pages["/whom"] = (200, "text/plain", "09000000201,+919000000202")
    stage = flow(
        {
            "applet": "connect",
            "dial_whom_url": f"{our_side.url}/whom",
            "popup_url": f"{our_side.url}/event",
            "otherwise": SORRY,
        },
        {"applet": "passthru", "url": f"{our_side.url}/told", "async": False},
        handsets=[{"number": "+919000000201", "is_busy": True}],
    )
    call = stage.call()
    stage.wait_until_idle()
    (told,) = our_side.at("/told")

    assert told.parameters["DialWhomNumber"] == "09000000202"
    assert (told.parameters["DialCallStatus"], told.parameters["CallType"]) == ("completed", "completed")
    assert told.parameters["DialCallDuration"] == "34", "4 s of ringing, 30 s of talk"
    assert told.parameters["Legs[0][OnCallDuration]"] == "30"
    assert call["duration_seconds"] == 35
    events = [(r.parameters["EventType"], r.parameters["DialWhomNumber"]) for r in our_side.at("/event")]
    assert sorted(events) == [
        ("Answered", "09000000202"),
        ("Dial", "09000000201"),
        ("Dial", "09000000202"),
        ("Terminal", "09000000201"),
        ("Terminal", "09000000202"),
    ]


def test_a_programmable_connect_is_asked_again_after_each_failed_attempt_without_the_digits(
    flow: Callable[..., Any], our_side: Any
) -> None:
    polls = iter([["+919000000201"], ["+919000000202"], []])
    our_side.pages["/connect"] = lambda request: (
        200,
        JSON,
        json.dumps(
            {
                "fetch_after_attempt": True,
                "destination": {"numbers": next(polls)},
                "max_ringing_duration": 20,
                "max_conversation_duration": 120,
                "record": True,
            }
        ),
    )
    stage = flow(
        {"applet": "gather", "prompt": "Key"},
        {"applet": "connect", "url": f"{our_side.url}/connect", "otherwise": SORRY},
        handsets=[{"number": f"+91900000020{n}", "answers": False} for n in (1, 2)],
    )
    call = stage.call(script=[{"press": "1"}])
    asked = our_side.at("/connect")

    assert [request.parameters.get("digits") for request in asked] == ['"1"', None, None]
    assert [request.parameters.get("DialCallStatus") for request in asked] == [None, "no-answer", "no-answer"]
    assert asked[1].parameters["DialCallDuration"] == "20"
    assert asked[1].parameters["Legs[0][CauseCode]"] == "RING_TIMEOUT"
    assert (call["heard"][-1], call["call_type"]) == ("Sorry", "incomplete")


def test_a_whisper_is_asked_for_by_head_and_then_get(flow: Callable[..., Any], our_side: Any) -> None:
    playback = {"playback_to": "callee", "type": "text", "value": "A caller from the campaign"}
    our_side.pages["/whisper"] = (200, JSON, json.dumps({"start_call_playback": playback}))
    whisper = {"whisper_url": f"{our_side.url}/whisper"}
    call = flow({"applet": "connect", "numbers": ["+919000000201"], **whisper}).call()

    assert [request.method for request in our_side.at("/whisper")] == ["HEAD", "GET"]
    assert [entry["text"] for entry in call["log"] if entry["event"] == "whispered"] == [playback["value"]]


def test_a_caller_who_leaves_while_somebody_is_rung_is_told_of(
    flow: Callable[..., Any], our_side: Any
) -> None:
    told = [{"applet": "passthru", "url": f"{our_side.url}/told", "async": False}]
    stage = flow(
        {"applet": "connect", "numbers": ["+919000000201"], "otherwise": told},
        handsets=[{"number": "+919000000201", "answers": False}],
    )
    stage.call(hang_up_at=7)
    (request,) = our_side.at("/told")

    assert (request.parameters["CallType"], request.parameters["DialCallStatus"]) == (
        "client-hangup",
        "canceled",
    )


def test_a_caller_who_withholds_the_number_gets_no_sms(flow: Callable[..., Any]) -> None:
    stage = flow({"applet": "sms", "text": "Thank you Asha"})
    call = stage.call(withheld=True)

    assert failures(call) == ["the caller's number is not known"]
    assert stage.control("messages")["messages"] == []


def test_every_call_is_listed_with_what_was_heard(flow: Callable[..., Any]) -> None:
    stage = flow({"applet": "greeting", "prompt": "Hello"})
    stage.call()
    stage.call("+919000000102")

    assert [call["heard"] for call in stage.control("calls?whole=1")["calls"]] == [["Hello"]] * 2


@pytest.mark.parametrize(
    ("fault", "sent", "status"),
    [("passthru_drop", False, None), ("passthru_timeout", True, None), ("passthru_sparse", True, 200)],
)
def test_the_log_says_which_keys_we_were_told_of(
    flow: Callable[..., Any], our_side: Any, fault: str, sent: bool, status: int | None
) -> None:
    passthru = {"applet": "passthru", "url": f"{our_side.url}/told", "async": False}
    call = flow({"applet": "gather", "prompt": "Key"}, passthru, faults={fault: 1}).call(
        script=[{"press": "4"}]
    )
    (told,) = [entry for entry in call["log"] if entry["event"] == "told"]

    assert (told["digits"], told["sent"], told["status"]) == ("4", sent, status)
    assert [request.parameters["digits"] for request in our_side.at("/told")] == ['"4"'] * sent


def test_a_call_that_was_asked_for_nothing_never_has_digits(flow: Callable[..., Any], our_side: Any) -> None:
    flow({"applet": "passthru", "url": f"{our_side.url}/told"}, faults={"digits_spelling": 1}).call()
    (told,) = our_side.wait_for(1)

    assert "digits" not in told.parameters

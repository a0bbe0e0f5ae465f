"""Least privilege, held to what happens: every function may do what it was seen doing, and nothing it was never seen doing.

The tour takes each function along every path that asks something of AWS, and the wire says what was asked.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ringback.domain.trackers import Tracker
from ringback.services import callbacks, influencers
from ringback.store import feedback as grievances
from ringback.store import sending
from tests.deployment import (
    CALL_BACK_LINE,
    CALLER,
    EVENING_HOURS,
    EVENT_LINE,
    GRIEVANCE_LINE,
    MENU_IN_HINDI,
    OPT_OUT,
    OTHER_CALLER,
    POLL_LINE,
    TOKENS,
    VOLUNTEER,
    callers,
    local,
    template,
)
from tests.integration import patch_tour, people
from tests.integration.functions import (
    CONNECT_URL,
    LISTING_URL,
    NAMES,
    SCHEDULED,
    SEND_URL,
    Event,
    Functions,
    delivery_report,
    http,
    missed_call,
    running,
    sqs,
    stream,
    turn,
)
from tests.integration.test_recordings import Provider, serve
from tests.integration.wire import AwsRequest, Moment, Throttler, listening

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

RECORDING = "/exotelrecordings/ringback1/r-1.wav"

Grant = tuple[str, str]
"""An action and a place: (`dynamodb:PutItem`, `test-journal`)."""

BY_LAMBDA_ITSELF = {
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueAttributes",
}
"""What the event source mappings do in a function's name, out of the sight of its code."""

ON_FAILURE = ("sqs:SendMessage", "test-react-dead-letters")
"""The stream's mapping puts there what `react` could not even begin."""


@pytest.fixture(scope="module")
def seen() -> dict[str, set[Grant]]:
    """What each function asked of AWS on the tour."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
        provider = Provider()
        server = serve(provider)
        changes = {"SMS_PER_MINUTE": "200", "CALLS_PER_MINUTE": "150", "RECORDINGS_ORIGIN": provider.origin}
        with running(patch, **changes) as functions:
            take_the_tour(functions, provider)
        server.shutdown()
        server.server_close()
    found: dict[str, set[Grant]] = {name: set() for name in NAMES}
    for function, action, place in functions.recorder.asked:
        if function in found:
            found[function].add((action.replace("SendMessageBatch", "SendMessage"), place))
    return found


def take_the_tour(functions: Functions, provider: Provider) -> None:
    def react(name: str = "INSERT") -> None:
        entries = functions.pending()
        functions.invoke("react", stream(*entries, name=name))
        functions._reacted |= {(entry.source_id, entry.key) for entry in entries}

    def send() -> list[str]:
        bodies = functions.bodies(functions.runtime.settings.send_queue_url)
        for body in bodies:
            functions.invoke("send_message", sqs(body))
        return bodies

    # Doors: new, repeated, told differently, unparsed, unknown.
    for event in (missed_call(), missed_call(), missed_call(Status="completed"), http("/voice/x/y")):
        functions.invoke("voice_webhook", event)
    functions.invoke("voice_webhook", http(f"/voice/{TOKENS['clean-water']}/missed-call", "From=1&From=2"))
    functions.invoke("voice_webhook", missed_call("call-foreign", number=EVENING_HOURS))
    functions.invoke("voice_webhook", missed_call("call-out", OTHER_CALLER, OPT_OUT))
    for index, caller in enumerate(callers(6)):
        functions.invoke("voice_webhook", missed_call(f"call-{index}-of-many", caller))
    for index in range(25):
        functions.invoke("voice_webhook", missed_call(f"call-{index}-of-a-block", f"+9198765{index:05}"))
    with listening(Throttler("UpdateItem", "test-contacts")):
        react()
    functions.invoke(
        "react", sqs(*functions.bodies(functions.runtime.settings.react_retry_queue_url), '["no", "row"]')
    )

    # Sending: every outcome, a hold for the pace, a hold for the night, a lost worker.
    functions.exotel.replace("POST", SEND_URL, status=400, json={"RestException": {"Code": 40203}})
    bodies = functions.bodies(functions.runtime.settings.send_queue_url)
    functions.invoke("send_message", sqs(bodies[0]))
    functions.exotel.replace("POST", SEND_URL, status=500, json={})
    functions.invoke("send_message", sqs(bodies[1]))
    functions.exotel.replace("POST", SEND_URL, status=429, json={})
    functions.invoke("send_message", sqs(bodies[2]))
    functions.invoke("send_message", sqs(bodies[3]))  # its departure is half a minute away by now
    functions.clock.move(minutes=1)
    functions.exotel.replace("POST", SEND_URL, status=401, json={})
    functions.invoke("send_message", sqs(bodies[4]))
    sending.resume("clean-water")
    functions.exotel.replace("POST", SEND_URL, json={"SMSMessage": {"Sid": "9f1c", "Status": "queued"}})
    for body in bodies[5:]:
        functions.invoke("send_message", sqs(body, body, "{"))
    people = callers(6)
    sent = next(message for who in people for message in functions.messages(who) if message.provider_id)

    # Reports: delivered, repeated, contradicting, do-not-disturb, a template to mend.
    for status, code in (("sent", "20005"), ("sent", "20005"), ("failed", "23005"), ("failed", "23082")):
        functions.invoke("sms_webhook", delivery_report(functions, sent, status, code))
    functions.invoke("sms_webhook", http("/sms/status/x/y"))
    react()
    sending.resume("clean-water")

    # Menus: an answer, a message and a consent, each request twice, what the applets ask for, and callers who leave.
    for second, did in enumerate(({}, {}, {"digits": '"1"'})):
        for _ in range(2):
            functions.invoke("voice_webhook", turn("call-poll", POLL_LINE, second, **did))
    for second, did in enumerate(
        ({}, {}, {"digits": '"1"'}, {"RecordingUrl": provider.origin + RECORDING}, {"digits": '"1"'})
    ):
        functions.invoke("voice_webhook", turn("call-grievance", GRIEVANCE_LINE, second, **did))
    for second, did in enumerate(({}, {}, {"digits": '"4"'}, {"digits": '"1"'})):
        functions.invoke("voice_webhook", turn("call-main", MENU_IN_HINDI, second, **did))
    for step in ("gather", "say", "dial", "over"):
        functions.invoke("voice_webhook", turn("call-main", MENU_IN_HINDI, 9, step))
    functions.invoke("voice_webhook", turn("call-unread", MENU_IN_HINDI, 0, **{"Direction[0]": "incoming"}))
    functions.invoke("voice_webhook", turn("call-left", MENU_IN_HINDI, 0))
    react()

    # Dials: answered, busy, refused by the provider for good and for now, of unclear fate, throttled, forged, with a lost worker.
    people = callers(12)[6:]
    for index, caller in enumerate(people):
        functions.invoke("voice_webhook", missed_call(f"call-{index}-back", caller, CALL_BACK_LINE))
    react()
    bodies = functions.bodies(functions.runtime.settings.dial_queue_url)
    functions.invoke("place_call", sqs(bodies[0]))
    for body, status in zip(bodies[1:4], (400, 500, 429), strict=True):
        functions.exotel.replace("POST", CONNECT_URL, status=status, json={})
        functions.invoke("place_call", sqs(body))
    functions.invoke("place_call", sqs(bodies[4]))  # its departure is half a minute away by now
    functions.clock.move(minutes=1)
    functions.exotel.replace("POST", CONNECT_URL, status=401, json={})
    functions.invoke("place_call", sqs(bodies[4]))
    sending.resume("clean-water")
    functions.exotel.replace("POST", CONNECT_URL, json={"Call": {"Sid": "out-2"}})
    functions.clock.move(minutes=1)
    functions.invoke("place_call", sqs(bodies[5], bodies[5], "{"))
    (taken,), (busy,) = functions.dials(people[0]), functions.dials(people[5])
    functions.invoke("voice_webhook", picked_up(taken.dial_id, people[0], "out-1"))
    functions.invoke("voice_webhook", picked_up(taken.dial_id, people[1], "out-3"))
    for status in ("busy", "busy", "failed", "in-progress"):
        functions.invoke("voice_webhook", ending(functions, busy.dial_id, status, "out-2"))
    functions.invoke("voice_webhook", http("/voice/dial/x/y/status"))
    listed = {"Sid": "out-9", "Direction": "outbound-api", "Status": "busy"}
    functions.exotel.replace("GET", LISTING_URL, json={"Metadata": {"Total": 1}, "Calls": [listed]})
    functions.invoke("reconcile", SCHEDULED)
    functions.exotel.replace("GET", LISTING_URL, json={"Metadata": {"Total": 0}, "Calls": []})
    react()

    # Answers: the one place, the waiting list, and who moves up when somebody cancels; each told twice.
    functions.publish("clean-water", with_one_place)
    for index, (who, key) in enumerate(((CALLER, "1"), (callers(2)[1], "1"), (CALLER, "2"))):
        functions.begin(who, EVENT_LINE, call_id=f"call-{index}-to-the-event-line").press(key)
        answered = functions.pending()
        react()
        functions.invoke("react", stream(*answered))
        send()

    # Grievances: told twice, copied when it is there, and a clock whose token is stale.
    told = [entry for entry in functions.entries() if entry.source_id == "exotel:call-grievance"]
    functions.invoke("react", stream(*told))
    (name,) = (grievance.id for grievance in grievances.every())
    for provider.status in (404, 200):
        functions.invoke("copy_recording", sqs(f'["{name}", "1"]'))
    with listening(stale):
        functions.invoke("grievance_clock", {"task": "wait", "feedback": name, "token": "token-1"})
        functions.invoke("grievance_clock", {"task": "remind", "feedback": name, "nth": 1})
        functions.invoke("grievance_clock", {"task": "strike", "feedback": name})
        grievances.answer(name, functions.clock.now(), "called back")
        functions.invoke("reconcile", SCHEDULED)
        functions.invoke("grievance_clock", {"task": "wait", "feedback": name, "token": "token-2"})

    # Schedules.
    functions.clock.move(days=1, hours=1)
    functions.invoke("release", SCHEDULED)
    send()
    for body in functions.bodies(functions.runtime.settings.dial_queue_url):
        functions.invoke("place_call", sqs(body))  # nobody remembers by now what they asked for
    record = {
        "Sid": "call-listed",
        "From": local(CALLER),
        "To": local(VOLUNTEER),
        "Direction": "inbound",
        "StartTime": "2026-03-03 11:30:00",
    }
    functions.exotel.replace("GET", LISTING_URL, json={"Metadata": {"Total": 1}, "Calls": [record]})
    functions.invoke("reconcile", SCHEDULED)
    functions.exotel.replace(
        "GET", LISTING_URL, json={"Metadata": {"Total": 1}, "Calls": [record | {"Sid": "call-race"}]}
    )

    def callback_comes_after_all(moment: Moment, request: AwsRequest) -> None:
        """Between the look for the call and the write of it, so that the write finds it there."""
        if (
            moment is Moment.AFTER
            and request.operation == "BatchGetItem"
            and "test-journal" in request.places
        ):
            functions.invoke("voice_webhook", missed_call("call-race", CallType="call-attempt"))

    with listening(callback_comes_after_all):
        functions.invoke("reconcile", SCHEDULED)

    take_the_tour_of_reviews(functions, react)
    patch_tour.take(functions, react)


def picked_up(dial_id: str, caller: str, call_id: str) -> Event:
    """Whom we rang comes to the menu."""
    told = {"Direction": "outbound-dial", "CallTo": local(caller), "CustomField": dial_id}
    return turn(call_id, CALL_BACK_LINE, 0, caller=caller, **told)


def ending(functions: Functions, dial_id: str, status: str, call_id: str) -> Event:
    """The provider tells how a call that we placed ended."""
    address = callbacks.dial_address(functions.runtime, dial_id, "status")
    told = json.dumps({"CallSid": call_id, "Status": status}).encode()
    path = address.removeprefix("https://ringback.example")
    return http(path, method="POST", body=told, content_type="application/json")


def take_the_tour_of_reviews(functions: Functions, react: Callable[[], None]) -> None:
    """Manifesto, shift, talk and verdict by telephone; reviews that come to nothing, a promise, and machines that lost touch."""

    def call(call_id: str, number: str, *keys: str, caller: str = CALLER) -> None:
        for second, key in enumerate(("", *keys)):
            did = {"digits": f'"{key}"'} if key else {"digits": "null"} if second else {}
            functions.invoke("voice_webhook", turn(call_id, number, second, caller=caller, **did))
        react()

    def review_of(influencer: str, tracker: Tracker, call_id: str, seconds: int) -> str:
        call(f"first-{call_id}", "+918040001031", "1", "", caller=influencer)
        review = people.open_review(functions, tracker, influencer, f"exotel:{call_id}")
        if seconds:
            people.talk(functions, review, seconds)
        return review.id

    ashas, binas = (people.enrol(functions, phone, on_duty=False) for phone in (people.ASHA, people.BINA))
    approved, unsure, waiting, unheard = callers(4, "+9190001")
    with listening(stale):
        name = review_of(approved, ashas, "talk-1", 60)
        functions.invoke("verify_influencer", {"task": "ask", "review": name})
        functions.invoke(
            "verify_influencer", {"task": "wait", "review": name, "for": "verdict", "token": "token-1"}
        )
        call("verdict-0", "+918040001033", "1", "9026", caller=people.ASHA)
        call("verdict-1", "+918040001033", "1", people.PIN, "1", caller=people.ASHA)
        name = review_of(unsure, binas, "talk-2", 60)
        functions.invoke("verify_influencer", {"task": "no-verdict", "review": name})
        functions.invoke(
            "verify_influencer", {"task": "wait", "review": name, "for": "verdict", "token": "token-2"}
        )
        call("shift-1", "+918040001033", "1", people.PIN, "1", caller=people.ASHA)
        influencers.promise(functions.runtime, functions.person(unsure), "again", functions.clock.now())
        functions.invoke("release", SCHEDULED)
        review_of(waiting, ashas, "talk-3", 60)
        name = review_of(unheard, binas, "talk-4", 0)
        functions.invoke("reconcile", SCHEDULED)
        functions.clock.move(hours=2)
        functions.invoke("reconcile", SCHEDULED)
        functions.clock.move(days=90)
        functions.invoke("reconcile", SCHEDULED)


def stale(moment: Moment, request: AwsRequest) -> None:
    """What Step Functions says to a token that timed out; moto knows no tokens."""
    if moment is Moment.BEFORE and request.operation == "SendTaskSuccess":
        raise ClientError({"Error": {"Code": "TaskTimedOut", "Message": ""}}, request.operation)


def with_one_place(document: dict[str, Any]) -> None:
    document["voice"]["gatherings"]["training-day"]["capacity"] = 1


def granted(logical_id: str) -> set[Grant]:
    """What the template lets a function do, places named as in the tour."""
    found: set[Grant] = set()
    resources = template()["Resources"]
    for policy in resources[logical_id]["Properties"]["Policies"]:
        for statement in policy["Statement"]:
            actions, places = statement["Action"], statement["Resource"]
            for action in [actions] if isinstance(actions, str) else actions:
                for place in places if isinstance(places, list) else [places]:
                    found.add((action, place_of(place)))
    return found


def place_of(resource: dict[str, object] | str) -> str:
    """`!GetAtt Journal.Arn` → `test-journal`; `${Messages.Arn}/index/due` → `test-messages/index/due`; a secret → its name."""
    match resource:
        case {"Fn::GetAtt": [str() as logical_id, str()]}:
            return name_of(logical_id)
        case {"Fn::Sub": str() as text} if ":secret:" in text:
            return "test-secrets"
        case {"Fn::Sub": str() as text} if ":stateMachine:" in text:
            return text.partition(":stateMachine:")[2].replace("${AWS::StackName}", "test")
        case "*":
            return "*"  # the house rules say for which actions
        case {"Fn::Sub": "${Recordings.Arn}/?*/?*.???"}:
            return name_of("Recordings")
        case {"Fn::Sub": str() as text}:
            logical_id, _, rest = text.removeprefix("${").partition(".Arn}")
            return name_of(logical_id) + rest
    raise AssertionError(f"a resource written in a new way: {json.dumps(resource)}")


def name_of(logical_id: str) -> str:
    properties = template()["Resources"][logical_id]["Properties"]
    name = properties.get("TableName") or properties.get("QueueName") or properties["BucketName"]
    name = name["Fn::Sub"] if isinstance(name, dict) else name
    return str(name).removesuffix("-${AWS::AccountId}").replace("${AWS::StackName}", "test")


def functions_of_the_template() -> Iterator[tuple[str, str]]:
    for logical_id, resource in template()["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            yield logical_id, resource["Properties"]["CodeUri"].rpartition("/")[2]


FUNCTIONS = dict(functions_of_the_template())


def test_the_tour_visits_every_function_of_the_template() -> None:
    assert sorted(NAMES) == sorted(FUNCTIONS.values())


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_a_function_may_do_all_it_does(seen: dict[str, set[Grant]], logical_id: str) -> None:
    asked = seen[FUNCTIONS[logical_id]]

    assert asked, "the tour must ask something of every function"
    assert sorted(asked - granted(logical_id)) == []


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_a_function_may_do_nothing_it_never_does(seen: dict[str, set[Grant]], logical_id: str) -> None:
    allowed = {
        grant for grant in granted(logical_id) if grant[0] not in BY_LAMBDA_ITSELF and grant != ON_FAILURE
    }

    assert sorted(allowed - seen[FUNCTIONS[logical_id]]) == []


def test_a_missed_call_asks_one_table_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hot path asks for nothing that only menus need."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
    with running(monkeypatch) as functions:
        functions.invoke("voice_webhook", missed_call())
        functions.invoke("voice_webhook", missed_call())
        asked = {place for name, _, place in functions.recorder.asked if name == "voice_webhook"}

    assert {"test-journal"} == asked

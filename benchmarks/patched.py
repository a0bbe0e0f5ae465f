"""Influencers who are verified, and who are patched to voters, through the built functions of a `Pipeline`: what Exotel asks and tells in
such calls, and what the state machines do.

The machines of the stack are emptied, so that nobody but the measurement calls their tasks: it does so along the states of `VERIFIED` and
`PATCHED`, which are held against the definitions.
"""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import yaml

from benchmarks import connecting
from benchmarks.deployment import call_id, flow_request
from benchmarks.pipeline import Pipeline, sid_of
from ringback.domain.contacts import Contact
from ringback.domain.influencers import Influencer, Stage
from ringback.domain.phones import person_id
from ringback.providers.exotel import menus as exotel_menus
from ringback.runtime import Runtime
from ringback.services import callbacks, trackers
from ringback.store import contacts, influencers
from ringback.store import trackers as tracker_store
from ringback_local.network import menu_flow
from ringback_local.stack import Stack
from ringback_local.template import ROOT

INFLUENCERS, TRACKERS = "+918040001031", "+918040001033"
PIN, ENGLISH = "4071", "1"
ON_DUTY = 20
"""Trackers: whoever is rung is chosen among them all."""

TALKED_SECONDS = 60

VERIFIED = (
    "The tracker is rung",
    "Wait for the call to end",
    "Did they talk?",
    "Ask the tracker",
    "Wait for the verdict",
    "What is the verdict?",
    "Approved",
)
PATCHED = (
    "A voter is rung",
    "Wait for the call to end",
    "Settle the call",
    "Did they talk?",
    "They talked",
)
"""The states of an execution in which all goes well."""

_MACHINES = {"verify_influencer": VERIFIED, "patch_call": PATCHED}
_EMPTY = {"StartAt": "Nothing", "States": {"Nothing": {"Type": "Succeed"}}}


def transitions(machine: str) -> int:
    """What AWS bills for one execution: each state that is entered, and the end. Raises `ValueError` when they do not follow on each other."""
    states, way = _definition(machine)["States"], _MACHINES[machine]
    for state, after in pairwise(way):
        if after not in _followers(states[state]):
            raise ValueError(f"in {machine}, {after!r} does not follow {state!r}")
    if way[0] != _definition(machine)["StartAt"] or states[way[-1]]["Type"] != "Succeed":
        raise ValueError(f"{machine} begins or ends elsewhere")
    return len(way) + 1


def _definition(machine: str) -> dict[str, Any]:
    path = ROOT / "statemachines" / f"{machine}.asl.yaml"
    definition: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return definition


def _followers(state: dict[str, Any]) -> set[str]:
    ways = [state, *state.get("Choices", ()), *state.get("Catch", ())]
    return {way["Next"] for way in ways if "Next" in way} | {state.get("Default", "")}


class People:
    """Influencers, trackers and voters on a stack, and their calls, one step at a time."""

    def __init__(self, stack: Stack, runtime: Runtime, pipeline: Pipeline, voters: int) -> None:
        self._stack = stack
        self._runtime = runtime
        self._pipeline = pipeline
        self._path = urlsplit(stack.voice_url(connecting.CAMPAIGN)).path
        self._cases = menu_flow(self._path, again="")[1]["cases"]
        self._calls = 0
        states = stack.client("stepfunctions")
        for machine in states.list_state_machines()["stateMachines"]:
            states.update_state_machine(
                stateMachineArn=machine["stateMachineArn"], definition=json.dumps(_EMPTY)
            )
        connecting.publish(runtime, slots=1_000)
        connecting.fill(runtime, voters)
        self._trackers: dict[str, str] = {}
        """Their numbers, by person."""
        for n in range(ON_DUTY):
            tracker = trackers.enrol(runtime, connecting.CAMPAIGN, f"+91900001{n:04}", "Asha", PIN, ("en",))
            self._trackers[tracker.person] = tracker.phone
            tracker_store.duty(connecting.CAMPAIGN, tracker.person, on=True, at=runtime.clock.now())

    def verify(self, calls: int) -> None:
        """So many influencers talk to a tracker, who is rung for the verdict and says that they are genuine."""
        made = [self._call(self._known(Stage.INFORMED), INFLUENCERS) for _ in range(calls)]
        rung = [call.connected(ENGLISH, "1") for call in made]
        self._pipeline.react(calls)
        reviews = [f"{call.person}-r001" for call in made]
        for review in reviews:
            self._task(
                "VerifyInfluencerTasks", task="wait", review=review, token=f"{review}-end", **{"for": "end"}
            )
        for call, tracker in zip(made, rung, strict=True):
            call.talk(tracker)
            call.walk()
        self._pipeline.react(calls)
        for review in reviews:
            self._task("VerifyInfluencerTasks", task="ask", review=review)
            token = f"{review}-verdict"
            self._task("VerifyInfluencerTasks", task="wait", review=review, token=token, **{"for": "verdict"})
        for dial in self._pipeline.place(calls):
            phone = self._trackers[dial.partition(".")[0]]
            placed = {
                "Direction": "outbound-dial",
                "CallTo": f"0{phone.removeprefix('+91')}",
                "CustomField": dial,
            }
            call = self._call(phone, TRACKERS, sid_of(dial), **placed)
            call.walk(ENGLISH, "1", "3")
            self._over(dial)
        self._pipeline.react(calls)
        for call in made:
            found = influencers.load(call.person)
            assert found is not None
            assert found.stage is Stage.APPROVED, found.stage

    def patch(self, calls: int) -> None:
        """So many influencers with a go-ahead are connected to a voter, who answers at once, and say how the voter leans."""
        made = [self._call(self._known(Stage.APPROVED), INFLUENCERS) for _ in range(calls)]
        rung = [call.connected(ENGLISH, "1") for call in made]
        self._pipeline.react(calls)
        for call in made:
            self._task("PatchCallTasks", task="wait", call=call.source_id, token=f"{call.source_id}-end")
        for call, voter in zip(made, rung, strict=True):
            call.talk(voter)
            call.walk("1")
        self._pipeline.react(calls)
        for call in made:
            told = self._task("PatchCallTasks", task="settle", call=call.source_id)
            assert told == {"over": True, "talked": True, "attempts": 1}, told

    def _over(self, dial: str) -> None:
        """The provider tells at the address that it was given that a call we placed is over."""
        path = urlsplit(callbacks.dial_address(self._runtime, dial, "status")).path
        told = json.dumps({"CallSid": sid_of(dial), "Status": "completed"})
        self._pipeline.ask(path, "", "POST", told, "application/json")

    def _task(self, function: str, **payload: str) -> Any:
        return self._pipeline.functions[function].invoke(payload)

    def _known(self, stage: Stage) -> str:
        """The number of somebody new who has come so far."""
        phone, now = f"+91900002{self._calls:04}", self._runtime.clock.now()
        person = self._person(phone)
        contacts.record_call(
            Contact(person, connecting.CAMPAIGN, phone, "en", now, INFLUENCERS, "website"), opts_out=False
        )
        influencers.enrol(Influencer(person, connecting.CAMPAIGN, phone, "en", now, stage, now))
        return phone

    def _person(self, phone: str) -> str:
        return person_id(self._runtime.secrets.person_pepper, connecting.CAMPAIGN, phone)

    def _call(self, phone: str, number: str, sid: str | None = None, **told: str) -> "_Call":
        self._calls += 1
        sid = sid or call_id(self._calls, "people")
        return _Call(
            self._pipeline,
            self._path,
            self._cases,
            sid,
            self._person(phone),
            phone,
            number,
            self._stack.now(),
            told,
        )


class _Call:
    """One call in a menu, as the one flow that drives any menu asks and tells of it."""

    def __init__(
        self, pipeline: Pipeline, path: str, cases: dict[str, Any], sid: str, person: str, phone: str, number: str, began_at: Any, told: dict[str, str]
    ) -> None:  # fmt: skip
        self.person = person
        self.source_id = f"exotel:{sid}"
        self._pipeline = pipeline
        self._path = path
        self._cases = cases
        self._sid = sid
        self._phone = f"0{phone.removeprefix('+91')}"
        self._number = number
        self._began_at = began_at
        self._told = told
        self._seconds = 0
        self._keys: Iterator[str] = iter(())
        self._digits: str | None = None

    def connected(self, *keys: str) -> str:
        """Walk to a Connect by these keys; the number that its answer gives."""
        told = self.walk(*keys)
        found = re.search(r'"numbers": \["([^"]+)"\]', told or "")
        assert found, f"nobody was given: {told}"
        return found[1]

    def walk(self, *keys: str) -> str | None:
        """Go on by these keys, to the next Connect or to the end; what was answered at the Connect."""
        self._keys = iter(keys)
        while True:
            self._seconds += 10
            branch = json.loads(self._ask(exotel_menus.TURN))["select"]
            self._digits = None
            for applet in self._cases[branch]:
                url = applet.get("url", "").removeprefix(f"{self._path}/")
                match applet["applet"]:
                    case "greeting":
                        self._ask(url, "HEAD")
                        self._ask(url)
                    case "gather":
                        self._digits = self._pressed(json.loads(self._ask(url)))
                    case "connect":
                        return self._ask(url)
                    case "hangup":
                        return None

    def talk(self, number: str) -> None:
        """Whoever was rung answers, they talk for a minute, and the call with them is over."""
        whom = {"DialWhomNumber": f"0{number.removeprefix('+91')}", "attempt": "1"}
        for event, seconds in (("Dial", 0), ("Answered", 10), ("Terminal", TALKED_SECONDS)):
            self._seconds += seconds
            ended = {"DialCallStatus": "completed"} if event == "Terminal" else {}
            self._ask("leg", **whom, EventType=event, **ended)
        self._told = {
            **self._told,
            **whom,
            "DialCallStatus": "completed",
            "DialCallDuration": str(TALKED_SECONDS),
        }

    def _pressed(self, gather: dict[str, Any]) -> str | None:
        return PIN if gather["max_input_digits"] > 1 else next(self._keys, None)

    def _ask(self, step: str, method: str = "GET", **more: str) -> str:
        query = flow_request(
            self._sid, self._phone, self._number, self._began_at, self._seconds, self._digits
        )
        told = dict(parse_qsl(query)) | self._told | more
        body: str = self._pipeline.ask(f"{self._path}/{step}", urlencode(told), method)["body"]
        return body

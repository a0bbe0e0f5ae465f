"""One caller, two providers: what the handset does, told at the voice door in each provider's own way."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urljoin
from xml.etree import ElementTree

import pytest

from phone_network.twilio import twiml
from ringback.domain.facts import TurnTaken
from ringback.domain.times import INDIA
from ringback.domain.turns import KeyPressed, written
from ringback.services import facts
from tests.deployment import CALLER, SECRETS, TOKENS, client, local
from tests.integration.functions import Event, Functions, http, running

AUTH_TOKEN = "an-auth-token-for-tests"
PIN = "4071"
"""Of every tracker here."""

TALK_SECONDS = 40
RING_SECONDS = 6

ACCOUNT = "AC00000000000000000000000000000001"
PUBLIC_URL = "https://ringback.example"

FORM = "application/x-www-form-urlencoded"


class Phone(ABC):
    """A caller in a menu. Every request is kept, so that it can be made again."""

    def __init__(
        self, functions: Functions, number: str, caller: str = CALLER, call_id: str = "call-1"
    ) -> None:
        self.functions, self.number, self.caller, self.call_id = functions, number, caller, call_id
        self.requests: list[Event] = []
        self.replies: list[Any] = []

    def do(self, did: str) -> None:
        """One doing of a golden transcript: `begin`, a key, `s` for silence, `r` for a recording, `say …`, `h` to hang up, `pin` for the right
        one; and what the other side of a connection did: `talk`, `miss`, or `nobody …` where nobody is rung.
        """
        self.functions.clock.move(seconds=3)
        match did.split(" ", 1):
            case ["begin"] | ["s"]:
                self.wait()
            case ["r"]:
                self.record(f"https://recordings.example/{len(self.requests) - 1}.wav")
            case ["say", words]:
                self.say(words)
            case ["h"]:
                self.hang_up()
            case ["pin", *_]:
                self.press(PIN)
            case ["talk"]:
                self.connect("completed")
            case ["miss"] | ["nobody", *_]:
                self.connect("no-answer")
            case _:
                self.press(did)

    @abstractmethod
    def press(self, key: str) -> None: ...

    @abstractmethod
    def wait(self) -> None: ...

    @abstractmethod
    def say(self, words: str) -> None: ...

    @abstractmethod
    def record(self, url: str) -> None: ...

    @abstractmethod
    def hang_up(self) -> None: ...

    @abstractmethod
    def connect(self, status: str) -> None:
        """Be connected to whomever the door names, one after the other, each with the same luck, until one has talked or nobody is left."""

    def repeat(self, nth: int = -1) -> Any:
        """The provider makes one of its requests once more; returns what it is answered."""
        return self.functions.invoke("voice_webhook", self.requests[nth])

    def _ask(self, event: Event) -> Any:
        self.requests.append(event)
        self.replies.append(self.repeat())
        assert self.replies[-1]["statusCode"] == 200
        return self.replies[-1]


class ExotelPhone(Phone):
    """Comes round to the Passthru at the head of the flow, and tells of earlier keys and recordings again and again."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.told = {
            "CallSid": self.call_id,
            "CallFrom": local(self.caller),
            "From": local(self.caller),
            "To": local(self.number),
            "Direction": "incoming",
        }

    def press(self, key: str) -> None:
        self._come_round(digits=f'"{key}"')

    def wait(self) -> None:
        self._come_round(digits="null")

    def say(self, words: str) -> None:
        raise NotImplementedError("Exotel recognises no speech")

    def record(self, url: str) -> None:
        self._come_round(RecordingUrl=url)

    def hang_up(self) -> None:
        """Exotel tells nobody: the call goes quiet."""
        self.functions.clock.move(minutes=10)
        self.functions.sweep()

    def connect(self, status: str) -> None:
        """Poll after each failed attempt, tell of each event, and go on with the flow."""
        talked = TALK_SECONDS if status == "completed" else 0
        while True:
            order = json.loads(self._tell("dial")["body"])
            if not order["destination"]["numbers"]:
                break
            (number,) = order["destination"]["numbers"]
            path, _, address = order["dial_passthru_event_url"].removeprefix(PUBLIC_URL).partition("?")
            rung = {"DialWhomNumber": local(number)}
            self._tell_event(path, address, rung | {"EventType": "Dial", "Status": "busy"})
            self.functions.clock.move(seconds=RING_SECONDS)
            if talked:
                self._tell_event(path, address, rung | {"EventType": "Answered", "Status": "busy"})
                self.functions.clock.move(seconds=talked)
            self.told |= rung | {
                "DialCallStatus": status,
                "DialCallDuration": str(RING_SECONDS + talked),
                "Legs[0][Number]": local(number),
                "Legs[0][OnCallDuration]": str(talked),
            }
            self._tell_event(path, address, {"EventType": "Terminal", "Status": "free"})
            if talked:
                break
        self._come_round()

    def _come_round(self, **more: str) -> None:
        self.told |= more
        assert json.loads(self._tell("turn")["body"])["select"]

    def _tell(self, step: str) -> Any:
        return self._ask(http(f"/voice/{TOKENS['clean-water']}/{step}", self._query({})))

    def _tell_event(self, path: str, address: str, event: dict[str, str]) -> None:
        assert (
            self.functions.invoke("voice_webhook", http(path, f"{address}&{self._query(event)}"))[
                "statusCode"
            ]
            == 200
        )

    def _query(self, more: dict[str, str]) -> str:
        now = self.functions.clock.now().astimezone(INDIA)
        return urlencode(self.told | {"CurrentTime": f"{now:%Y-%m-%d %H:%M:%S}"} | more)


class TwilioPhone(Phone):
    """Posts what happened to wherever the last document said, each time signed."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.address = f"{PUBLIC_URL}/voice/{TOKENS['clean-water']}/turn"
        self.heard: tuple[twiml.Verb, ...] = ()

    def press(self, key: str) -> None:
        self._post(Digits=key)

    def wait(self) -> None:
        self._post(**({"Digits": ""} if any(isinstance(verb, twiml.Gather) for verb in self.heard) else {}))

    def say(self, words: str) -> None:
        self._post(SpeechResult=words, Confidence="0.9")

    def record(self, url: str) -> None:
        self._post(
            RecordingSid=f"RE{len(self.requests)}", RecordingUrl=url, RecordingDuration="12", Digits="#"
        )

    def hang_up(self) -> None:
        """The status callback; and whatever else Twilio still had on its way."""
        self.address = f"{PUBLIC_URL}/voice/{TOKENS['clean-water']}/turn"
        self._post(CallStatus="completed", CallDuration="30", SequenceNumber="0")

    def connect(self, status: str) -> None:
        """Follow each redirect, ring whom the document says, and tell of it."""
        nth = 0
        while True:
            match self.heard:
                case (twiml.Dial() as dial,):
                    nth += 1
                    self._ring(dial, status, f"{self.call_id}-child-{nth}")
                case (twiml.Redirect(url=url),):
                    self.address = urljoin(self.address, url)
                    self._post()
                case _:
                    return

    def _ring(self, dial: twiml.Dial, status: str, child: str) -> None:
        asked = self.address
        talked = TALK_SECONDS if status == "completed" else 0
        self._tell_leg(asked, dial, child, CallStatus="initiated")
        self.functions.clock.move(seconds=RING_SECONDS)
        if talked:
            self._tell_leg(asked, dial, child, CallStatus="in-progress")
            self._whisper(asked, dial, child)
            self.functions.clock.move(seconds=talked)
        self._tell_leg(asked, dial, child, CallStatus=status, CallDuration=str(talked))
        self.address = urljoin(asked, dial.action)
        bridged = {"DialBridged": "true" if talked else "false"}
        answered = {"DialCallSid": child, "DialCallDuration": str(talked)} if talked else {}
        self._post(DialCallStatus=status, **bridged, **answered)

    def _leg(self, dial: twiml.Dial, child: str) -> dict[str, str]:
        return {"CallSid": child, "ParentCallSid": self.call_id, "From": dial.caller_id, "To": dial.number}

    def _tell_leg(self, asked: str, dial: twiml.Dial, child: str, **more: str) -> None:
        event = signed(urljoin(asked, dial.status_callback), self._leg(dial, child) | more)
        assert self.functions.invoke("voice_webhook", event)["statusCode"] == 200

    def _whisper(self, asked: str, dial: twiml.Dial, child: str) -> None:
        event = signed(
            urljoin(asked, dial.whisper_url), self._leg(dial, child) | {"CallStatus": "in-progress"}
        )
        reply = self.functions.invoke("voice_webhook", event)
        assert [type(verb) for verb in twiml.parse(reply["body"].encode())] == [twiml.Speech]

    def _post(self, **more: str) -> None:
        body = {
            "AccountSid": ACCOUNT,
            "CallSid": self.call_id,
            "CallStatus": "in-progress",
            "Direction": "inbound",
            "From": self.caller,
            "To": self.number,
        } | more
        reply = self._ask(signed(self.address, body))
        assert reply["headers"]["content-type"].startswith("text/xml")
        self.heard = twiml.parse(reply["body"].encode())
        for verb in self.heard:
            match verb:
                case twiml.Gather(action=action) | twiml.Record(action=action) | twiml.Dial(action=action):
                    self.address = urljoin(self.address, action)

    @property
    def document(self) -> ElementTree.Element:
        return ElementTree.fromstring(self.replies[-1]["body"])


def signed(address: str, fields: dict[str, str], token: str = AUTH_TOKEN) -> Event:
    """A form that Twilio posts to an address, in the hands of the gateway."""
    from twilio.request_validator import RequestValidator

    path, _, query = address.removeprefix(PUBLIC_URL).partition("?")
    event = http(path, query, method="POST", body=urlencode(fields).encode(), content_type=FORM)
    event["headers"]["x-twilio-signature"] = RequestValidator(token).compute_signature(address, fields)
    return event


PHONES: dict[str, type[Phone]] = {"exotel": ExotelPhone, "twilio": TwilioPhone}


@contextmanager
def speaking(dialect: str, monkeypatch: pytest.MonkeyPatch, **changes: str) -> Iterator[Functions]:
    """A deployed stack whose campaign `clean-water` has the given provider."""
    digest = sha256(TOKENS["clean-water"].encode()).hexdigest()
    with running(monkeypatch, VOICE_TOKENS=f"clean-water:{dialect}={digest}", **changes) as functions:
        twilio = {"account_sid": ACCOUNT, "auth_token": AUTH_TOKEN}
        client("secretsmanager").put_secret_value(
            SecretId="test-secrets", SecretString=json.dumps(SECRETS | {"twilio": twilio})
        )
        yield functions


def turns(functions: Functions) -> list[TurnTaken]:
    """The turns that were kept, in their order."""
    kept = (facts.read(entry) for entry in functions.entries() if entry.step == "turn")
    return sorted((fact for fact in kept if isinstance(fact, TurnTaken)), key=lambda fact: fact.turn)


def effects(functions: Functions, call_id: str = "call-1") -> list[dict[str, Any]]:
    """What happened in a call, as far as both providers can tell: Exotel knows no words and no length of a recording."""
    mine = (turn for turn in turns(functions) if turn.source_id.partition(":")[2] == call_id)
    happened = (effect for turn in mine for effect in turn.effects)
    return [comparable(written(effect)) for effect in happened]


def comparable(effect: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in effect.items() if key not in ("seconds", "spoken", "review")}


def keys_of(functions: Functions) -> list[str]:
    return [e.key for turn in turns(functions) for e in turn.effects if isinstance(e, KeyPressed)]

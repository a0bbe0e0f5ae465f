"""The form that makes a call: `Calls/connect`, of two numbers or of a number with a flow.

SOURCE: Exotel, "Make a call API" and "Outgoing call to connect number to a call flow". The error texts are
not documented; what is not in the documents is refused, so that a client's mistake shows.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from phone_network import numbers
from phone_network.answers import RestError
from phone_network.callbacks import FORM, JSON, MULTIPART
from phone_network.config import Account, ExoPhone

LONGEST_SECONDS = 14_400
LONGEST_CUSTOM_FIELD = 128
USUAL_RINGING_SECONDS = 30
ANSWERED = "answered"
TERMINAL = "terminal"

_KNOWN = frozenset(
    {
        *("From", "To", "Url", "CallerId", "CallType", "TimeLimit", "TimeOut", "WaitUrl", "Record"),
        *("RecordingChannels", "RecordingFormat", "StartPlaybackToNew", "StartPlaybackValueNew"),
        *("StreamUrl", "StreamBegin", "CustomField", "StatusCallback", "StatusCallbackContentType"),
    }
)
_FLOW_URL = r"https?://my\.exotel\.(?:com|in)/(?:([^/]+)/)?exoml/start(?:_voice)?/([^/?#]+)"

Form = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class CallOrder:
    """A form that was found in order. Either `to` or `flow_id` is empty."""

    caller: str
    to: str
    flow_id: str
    exophone: ExoPhone
    ring_seconds: float
    longest_seconds: float
    is_recorded: bool
    custom_field: str
    status_callback: str
    events: frozenset[str]
    callback_type: str


def check(fields: Form, account: Account) -> CallOrder:
    """Return the order in a form.

    Raises:
        RestError: 400, with the first thing that is wrong.
    """
    events = _events(fields)
    given = {
        name: values[-1] for name, values in fields.items() if not name.startswith("StatusCallbackEvents")
    }
    for name in given:
        if name not in _KNOWN:
            raise RestError(400, f"Invalid parameter {name}")
    caller = _phone(given, "From")
    exophone = next((each for each in account.exophones if each.number == _phone(given, "CallerId")), None)
    if exophone is None:
        raise RestError(400, "Invalid parameter CallerId: not an ExoPhone of this account")
    if caller in {each.number for each in account.exophones}:
        raise RestError(400, "Invalid parameter From: an ExoPhone cannot call itself")
    if ("To" in given) == ("Url" in given):
        raise RestError(400, "Bad or missing parameters: one of To and Url is needed")
    if given.get("CallType", "trans") != "trans":
        raise RestError(400, "Invalid parameter CallType")
    if len(given.get("CustomField", "")) > LONGEST_CUSTOM_FIELD:
        raise RestError(400, "Invalid parameter CustomField: longer than 128 characters")
    callback_type = given.get("StatusCallbackContentType", MULTIPART)
    if callback_type not in (FORM, JSON, MULTIPART):
        raise RestError(400, "Invalid parameter StatusCallbackContentType")
    return CallOrder(
        caller=caller,
        to=_phone(given, "To") if "To" in given else "",
        flow_id=_flow(given["Url"], account) if "Url" in given else "",
        exophone=exophone,
        ring_seconds=_seconds(given, "TimeOut", USUAL_RINGING_SECONDS),
        longest_seconds=_seconds(given, "TimeLimit", LONGEST_SECONDS),
        is_recorded=_flag(given, "Record"),
        custom_field=given.get("CustomField", ""),
        status_callback=_address(given, "StatusCallback"),
        # SOURCE: Exotel's portal: events need From and To; with Url they are without effect.
        events=events if "To" in given else frozenset(),
        callback_type=callback_type,
    )


def _events(fields: Form) -> frozenset[str]:
    found: set[str] = set()
    for name, values in fields.items():
        if name.startswith("StatusCallbackEvents"):
            if not re.fullmatch(r"StatusCallbackEvents\[\d\]", name) or not {ANSWERED, TERMINAL} >= set(
                values
            ):
                raise RestError(400, "Invalid parameter StatusCallbackEvents")
            found.update(values)
    return frozenset(found)


def _phone(given: Mapping[str, str], name: str) -> str:
    if not given.get(name):
        raise RestError(400, f"{name} is a mandatory field")
    phone = numbers.parse(given[name])
    if phone is None:
        raise RestError(400, f"Invalid parameter {name}")
    return phone


def _flow(url: str, account: Account) -> str:
    found = re.fullmatch(_FLOW_URL, url)
    if not found or found[1] not in (None, account.sid):
        raise RestError(400, "Invalid parameter Url")
    if found[2] not in account.flows:
        raise RestError(400, "Invalid parameter Url: no such flow")
    return found[2]


def _seconds(given: Mapping[str, str], name: str, usual: int) -> float:
    text = given.get(name) or str(usual)
    if not re.fullmatch(r"\d{1,5}", text) or not 1 <= int(text) <= LONGEST_SECONDS:
        raise RestError(400, f"Invalid parameter {name}")
    return float(text)


def _flag(given: Mapping[str, str], name: str) -> bool:
    if given.get(name, "false") not in ("true", "false"):
        raise RestError(400, f"Invalid parameter {name}")
    return given.get(name) == "true"


def _address(given: Mapping[str, str], name: str) -> str:
    text = given.get(name, "")
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise RestError(400, f"Invalid parameter {name}")
    return text

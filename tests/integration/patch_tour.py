"""Every path of a patched call that asks something of AWS, walked through the functions themselves."""

import json
import re
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

from ringback.domain.influencers import Stage
from ringback.domain.ledger import NOWHERE, Charge, Side
from ringback.domain.pools import PoolState
from ringback.domain.times import INDIA
from ringback.services.pools import Pools, change
from ringback.store import contacts, ledger, slots
from tests.deployment import CALLER, OPT_OUT, TOKENS, local
from tests.integration import people
from tests.integration.functions import SCHEDULED, Functions, http, missed_call, sqs, turn
from tests.integration.patching import LINE, POOL, Patched, voter_phones

VOTERS = voter_phones(12)
DETAILS_URL = "https://exotel.example/v1/Accounts/ringback1/Calls"
OTHER_CALLS = re.compile(rf"{DETAILS_URL}/(?!patched-[678]).+\.json")
TRACKERS = "+918040001033"
RING_BACK = "+918040001034"


def take(functions: Functions, react: Callable[[], None]) -> None:
    """Voters who answer and who don't, a refused one, a tracker, a mystery voter, a lost end, a ring-back."""
    tomorrow = functions.clock.now().astimezone(INDIA) + timedelta(days=1)
    functions.clock.set(tomorrow.replace(hour=11))
    patched = Patched(functions)
    functions.restart()
    with tempfile.TemporaryDirectory() as folder:
        patched.fill(Path(folder), VOTERS)
    patched.approve(CALLER)
    contacts.record_call(people.contact(functions, VOTERS[0]), opts_out=True)

    first = _connected(functions, "patched-1")
    _leg(functions, "patched-1", first, "Terminal", DialCallStatus="busy")
    second = _dial(functions, "patched-1", DialWhomNumber=local(first), DialCallStatus="busy")
    functions.invoke("patch_call", {"task": "wait", "call": "exotel:patched-1", "token": "token-1"})
    _leg(functions, "patched-1", second, "Answered")
    functions.clock.move(seconds=40)
    _leg(functions, "patched-1", second, "Terminal", DialCallStatus="completed")
    with suppress(Exception):  # moto knows no task of this token
        react()
    react()
    for digits in ("", "4", "2"):
        functions.invoke(
            "voice_webhook", turn("patched-1", LINE, 59, digits=digits, CurrentTime=_now(functions))
        )
    react()
    with suppress(Exception):
        functions.invoke("patch_call", {"task": "wait", "call": "exotel:patched-1", "token": "token-2"})

    # Ends that nobody told: asked for by the machine, and by `reconcile`; and a count that is wrong.
    functions.exotel.get(OTHER_CALLS, json={"Call": {"Sid": "patched-goes-on", "Status": "in-progress"}})
    for call_id in ("patched-2", "patched-3", "patched-goes-on"):
        _connected(functions, call_id)
    functions.clock.move(minutes=13)
    functions.invoke("patch_call", {"task": "ask", "call": "exotel:patched-2"})
    functions.invoke("patch_call", {"task": "settle", "call": "exotel:patched-2"})
    day = functions.clock.now().astimezone(INDIA).date().isoformat()
    booked = Charge("clean-water", NOWHERE, day, "exotel:patched-3", 1, Side.CALLER, 1, 50, "", "somebody")
    ledger.record([booked], (), functions.clock.now())  # as a run did that was cut off
    slots.release("exotel", LINE)
    functions.invoke("reconcile", SCHEDULED)
    react()
    functions.clock.move(hours=3)
    functions.invoke("release", SCHEDULED)  # whoever is still on the line has gone quiet
    react()

    # A mystery voter, and a tracker.
    people.enrol(functions, people.ASHA, mystery=True)
    patched = Patched(functions, mystery_percent=100)
    functions.restart()
    posing = _connected(functions, "patched-4")
    react()
    _leg(functions, "patched-4", posing, "Answered")
    functions.clock.move(seconds=30)
    _leg(functions, "patched-4", posing, "Terminal", DialCallStatus="completed")
    functions.invoke("patch_call", {"task": "settle", "call": "exotel:patched-4"})
    _verdict(functions, "verdict-of-patched-4", posing)  # nobody is put through to them before that
    react()
    _connected(functions, "patched-6")
    react()
    functions.clock.move(minutes=13)
    talk = {"ConversationDuration": 60, "Leg2Status": "completed"}
    for call_id in ("patched-6", "patched-7", "patched-8"):
        found = {"Sid": call_id, "Status": "completed", "Details": talk}
        functions.exotel.get(f"{DETAILS_URL}/{call_id}.json", json={"Call": found})
    functions.invoke("reconcile", SCHEDULED)
    react()
    patched.stage(CALLER, Stage.INFORMED)
    for phone in (people.BINA, people.CHARU):
        people.enrol(functions, phone)
    tracker = _connected(functions, "patched-5")
    react()
    tracker = _dial(functions, "patched-5", DialWhomNumber=local(tracker), DialCallStatus="busy")
    _leg(functions, "patched-5", tracker, "Terminal", DialCallStatus="completed")
    functions.invoke("patch_call", {"task": "settle", "call": "exotel:patched-5"})
    react()

    # Verdicts that come before anybody tells that the talk is over: the machine hears it from the provider, or `reconcile` does.
    for call_id in ("patched-7", "patched-8"):
        patched.stage(CALLER, Stage.INFORMED)
        tracker = _connected(functions, call_id)
        react()
        _verdict(functions, f"verdict-of-{call_id}", tracker)
        react()
        functions.clock.move(minutes=13)
        if call_id == "patched-7":
            functions.invoke("patch_call", {"task": "ask", "call": "exotel:patched-7"})
        functions.invoke("reconcile", SCHEDULED)
        react()

    # A ring-back.
    patched.stage(CALLER, Stage.APPROVED)
    functions.ring(CALLER, RING_BACK, call_id="missed-to-ring-back")
    react()
    functions.ring(CALLER, RING_BACK, call_id="missed-meanwhile")
    react()
    dial = f"{functions.person(CALLER)}.clean-water.influencer.{'a' * 16}"
    functions.invoke("patch_call", {"task": "ring", "dial": dial, "cause": "exotel:missed-to-ring-back"})
    functions.invoke("patch_call", {"task": "wait-for-patch", "dial": dial, "token": "token-3"})
    for body in functions.bodies(functions.runtime.settings.dial_queue_url):
        functions.invoke("place_call", sqs(body))

    # One that comes too late to be placed.
    late = f"{functions.person(CALLER)}.clean-water.influencer.{'b' * 16}"
    functions.invoke("patch_call", {"task": "ring", "dial": late, "cause": "exotel:missed-too-long-ago"})
    functions.invoke("patch_call", {"task": "wait-for-patch", "dial": late, "token": "token-4"})
    functions.clock.move(hours=25)
    for body in functions.bodies(functions.runtime.settings.dial_queue_url):
        functions.invoke("place_call", sqs(body))

    # Somebody who was put through complains; then a ticket whose door died, voters whose days are over, and a pool that drains.
    functions.invoke("voice_webhook", missed_call("complaint", second, OPT_OUT))
    react()
    assert Pools(functions.runtime).take(POOL, "exotel:died/1")
    functions.invoke("reconcile", SCHEDULED)
    functions.clock.move(days=3)
    functions.invoke("reconcile", SCHEDULED)
    functions.invoke("release", SCHEDULED)
    change(functions.runtime, POOL, PoolState.DRAINING)
    functions.invoke("release", SCHEDULED)


def _connected(functions: Functions, call_id: str) -> str:
    """A call that walks the influencers' menu to its Connect; the number it is given there."""
    branch = ""
    while branch != "dial":
        functions.clock.move(seconds=3)
        told = {"CurrentTime": _now(functions)} | ({"digits": "1"} if branch in ("ask", "play") else {})
        reply = functions.invoke("voice_webhook", turn(call_id, LINE, 0, **told))
        branch = json.loads(reply["body"])["select"]
        assert branch not in ("end", "hang-up")
    return _dial(functions, call_id)


def _dial(functions: Functions, call_id: str, **more: str) -> str:
    reply = functions.invoke(
        "voice_webhook", turn(call_id, LINE, 0, "dial", **{"CurrentTime": _now(functions)} | more)
    )
    found = re.search(r'"numbers": \["([^"]+)"\]', reply["body"])
    assert found, reply["body"]
    return found[1]


def _verdict(functions: Functions, call_id: str, tracker: str) -> None:
    """A tracker rings their line, gives their PIN, and says that the influencer is genuine."""
    for key in ("", "1", people.PIN, "1"):
        functions.clock.move(seconds=3)
        told = {"CurrentTime": _now(functions), "digits": f'"{key}"' if key else ""}
        functions.invoke("voice_webhook", turn(call_id, TRACKERS, 0, caller=tracker, **told))


def _leg(functions: Functions, call_id: str, number: str, event: str, **more: str) -> None:
    told = {"CallSid": call_id, "EventType": event, "DialWhomNumber": local(number)} | more
    functions.invoke("voice_webhook", http(f"/voice/{TOKENS['clean-water']}/leg", urlencode(told)))


def _now(functions: Functions) -> str:
    return f"{functions.clock.now().astimezone(INDIA):%Y-%m-%d %H:%M:%S}"

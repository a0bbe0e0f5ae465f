"""What callers were promised, over HTTP on a real local stack: one SMS each, counted at once, however their call is told."""

import json
import re
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from urllib.parse import urlencode

import pytest

from ringback.domain.contacts import Contact
from ringback.domain.messages import State
from ringback.domain.phones import person_id
from ringback.runtime import Clock, Runtime
from ringback.services import metrics
from ringback.store import contacts, journal, sending
from ringback.store import messages as ledger
from ringback_cli.stories.stage import Setting, Stage

pytestmark = [pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1", "localhost"])]

CAMPAIGN = "clean-water"
VOLUNTEER_EN, VOLUNTEER_HI, PIPES = "+918040001001", "+918040001002", "+918040001004"
HOT = "+918040001012"
"""A number of the other campaign, library-hours, that only the burst rings."""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage(Setting(seed=1)) as running:
        yield running


def person(stage: Stage, phone: str) -> str:
    return person_id(stage.runtime.secrets.person_pepper, CAMPAIGN, phone)


def contact(stage: Stage, phone: str) -> Contact | None:
    return contacts.load(person(stage, phone))


def seconds_until(seen: Callable[[], bool], at_most: float = 10.0) -> float:
    """How long it takes until something is so."""
    started = time.monotonic()
    while not seen():
        assert time.monotonic() < started + at_most, f"still not so after {at_most:.0f} s"
        time.sleep(0.02)
    return time.monotonic() - started


def quiet(stage: Stage) -> None:
    stage.quiet(lambda step, done, of: None, "a test")


def sms_to(stage: Stage, phone: str) -> int:
    """How many SMS to somebody the provider has accepted."""
    return sum(sms.to == phone for sms in stage.phones.accepted_sms())


def test_f1_to_f7_a_missed_call_costs_nothing_makes_a_contact_in_two_seconds_and_a_count_in_five(
    stage: Stage,
) -> None:
    phone = "+919000000101"
    counted = Counter(metrics.totals(CAMPAIGN))

    stage.phones.ring(phone, VOLUNTEER_HI)

    assert seconds_until(lambda: contact(stage, phone) is not None) < 2.0
    assert seconds_until(lambda: metrics.totals(CAMPAIGN)["raw"] > counted["raw"]) < 5.0
    quiet(stage)
    known = contact(stage, phone)
    assert known is not None
    assert (phone, VOLUNTEER_HI, "newspaper", "hi") == (
        known.phone,
        known.first_number,
        known.first_source,
        known.language,
    )
    assert {"volunteer"} == known.signals
    added = metrics.totals(CAMPAIGN)
    added.subtract(counted)
    assert (
        added["raw"],
        added["unique"],
        added[f"raw number:{VOLUNTEER_HI}"],
        added["raw source:newspaper"],
    ) == (1, 1, 1, 1)
    (call,) = stage.phones.handset(phone)["calls"]
    assert (call["answered"], call["cost_rupees"]) == (False, 0.0)


def test_f3_somebody_who_rings_again_is_the_same_person_and_gets_nothing_twice(stage: Stage) -> None:
    phone = "+919000010101"
    for _ in range(3):
        stage.phones.ring(phone, VOLUNTEER_EN)
    stage.phones.ring(phone, PIPES)
    quiet(stage)

    known = contact(stage, phone)
    assert known is not None
    assert {"volunteer", "support:piped-water"} == known.signals
    assert sorted(message.text for message in ledger.of_person(known.person)) == ["support-pipes", "welcome"]
    assert len(stage.phones.handset(phone)["inbox"]) == 2


def test_f9_a_feature_phone_is_enough_to_join_to_read_and_to_leave(stage: Stage) -> None:
    phone = "+919000020101"

    stage.phones.ring(phone, VOLUNTEER_HI)
    quiet(stage)
    (welcome,) = stage.phones.handset(phone)["inbox"]
    assert welcome["header"] == "CLNWTR"
    assert "स्वच्छ जल अभियान" in welcome["body"]
    (opt_out,) = re.findall(r"0\d{10}", welcome["body"])

    stage.phones.ring(phone, f"+91{opt_out[1:]}")
    quiet(stage)
    stage.phones.ring(phone, PIPES)
    quiet(stage)

    assert len(stage.phones.handset(phone)["inbox"]) == 1
    reasons = {message.text: message.rule for message in ledger.of_person(person(stage, phone))}
    assert reasons["support-pipes"] == "opted-out"


def test_r1_the_same_callback_fifty_times_at_once_is_one_fact_and_one_sms(stage: Stage) -> None:
    phone, call_id = "+919000030101", "r1" * 16
    told = {"CallSid": call_id, "From": f"0{phone[3:]}", "To": "08040001001", "Direction": "incoming"}
    url = f"{stage.stack.voice_url(CAMPAIGN)}/missed-call?{urlencode(told)}"
    before = metrics.totals(CAMPAIGN)["raw"]

    def post(_: int) -> int:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return int(answer.status)

    with ThreadPoolExecutor(50) as callers:
        answers = Counter(callers.map(post, range(50)))
    quiet(stage)

    assert answers == {200: 50}
    assert journal.load(f"exotel:{call_id}", "call-missed") is not None
    assert before + 1 == metrics.totals(CAMPAIGN)["raw"]
    assert sms_to(stage, phone) == 1
    assert len(stage.phones.handset(phone)["inbox"]) == 1


def test_r14_one_message_given_to_many_workers_at_once_leaves_once(stage: Stage) -> None:
    phone = "+919000040101"
    sending.pause(CAMPAIGN, "a test wants the message to wait")
    try:
        stage.phones.ring(phone, VOLUNTEER_EN)
        seconds_until(lambda: [each.state for each in ledger.of_person(person(stage, phone))] == [State.HELD])
    finally:
        sending.resume(CAMPAIGN)
    (held,) = ledger.of_person(person(stage, phone))
    ticket = json.dumps([held.person, held.name])

    def work(nth: int) -> object:
        return stage.stack.invoke("SendMessage", {"Records": [{"messageId": str(nth), "body": ticket}]})

    with ThreadPoolExecutor(20) as workers:
        list(workers.map(work, range(20)))
    quiet(stage)

    assert sms_to(stage, phone) == 1
    assert len(stage.phones.handset(phone)["inbox"]) == 1
    assert [each.state for each in ledger.of_person(held.person)] == [State.DELIVERED]


def test_r22_a_thousand_missed_calls_at_once_lose_nothing_and_are_counted_right(stage: Stage) -> None:
    people = [f"+919000{block:02}0201" for block in range(50)] + [
        f"+919000{block:02}0202" for block in range(50)
    ]

    stage.phones.ring_many([{"from": phone, "to": HOT} for phone in people * 10], at_once=100)
    quiet(stage)

    calls = [call for call in stage.phones.calls() if call.exophone == HOT]
    assert sum(call.accepted for call in calls) == 1000
    counted = metrics.totals("library-hours")
    assert (counted[f"raw number:{HOT}"], counted[f"unique number:{HOT}"]) == (1000, 100)
    received = Counter({each.phone: each.count for each in stage.phones.received() if each.phone in people})
    assert dict.fromkeys(people, 1) == dict(received)
    assert metrics.recount(a_moment_later(stage)) == {}


def a_moment_later(stage: Stage) -> Runtime:
    """A runtime whose recount leaves out nothing that has just come in."""
    ahead = stage.stack.clock_offset + timedelta(minutes=5)
    return Runtime(stage.runtime.settings, Clock(ahead))


def test_every_sms_left_inside_the_window(stage: Stage) -> None:
    """Runs last: it looks at what all the others have sent."""
    windows = {campaign.sender.header: campaign.window for campaign in stage.campaigns}
    sent: list[tuple[str, datetime]] = [(sms.header, sms.accepted_at) for sms in stage.phones.accepted_sms()]

    assert len(sent) > 100
    assert all(windows[header].is_open(at) for header, at in sent)

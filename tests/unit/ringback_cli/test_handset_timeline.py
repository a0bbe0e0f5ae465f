"""What the watcher of a handset is told."""

import io
import itertools
from typing import Any

from rich.console import Console

from ringback_cli.handsets import Event, Timeline, follow, of_caller

AT = "2026-11-21T05:30:01.200000+00:00"
CALLER, OTHER, NUMBER = "+919000000101", "+919000000102", "+918040001001"


def event(name: str, **data: Any) -> Event:
    return {"seq": 1, "at": AT, "event": name, **data}


STORY = [
    event("call.ringing", call_sid="c1", **{"from": CALLER, "to": NUMBER}),
    event("call.ringing", call_sid="c2", **{"from": OTHER, "to": NUMBER}),
    event("call.ended", call_sid="c1", answered=False, rings=2),
    event("call.ended", call_sid="c2", answered=False, rings=1),
    event("callback.sent", call_sid="c1", status=200),
    event("sms.accepted", sms_sid="s1", **{"from": "CLNWTR", "to": CALLER, "body": "Thank you"}),
    event("sms.delivered", sms_sid="s1", **{"from": "CLNWTR", "to": CALLER, "body": "Thank you"}),
    event("report.sent", sms_sid="s1", report="sent", status=200),
    event("network.reset"),
]


def told(events: list[Event]) -> tuple[str, list[str]]:
    written = io.StringIO()
    timeline = Timeline(Console(file=written, width=100), {NUMBER: "clean-water · volunteer"})
    for each in events:
        timeline.tell(each)
    return written.getvalue(), timeline.texted


def test_the_timeline_tells_the_call_the_sms_and_the_report() -> None:
    text, texted = told(STORY)

    assert f"11:00:01.20  📱 {CALLER} rings {NUMBER}  (clean-water · volunteer)" in text
    assert "hung up unanswered after 2 rings: free of charge" in text
    assert "which answers 200" in text
    assert "CLNWTR" in text
    assert "Thank you" in text
    assert "reports it: sent" in text
    assert texted == [CALLER]


def test_a_failed_sms_is_told_as_one() -> None:
    text, texted = told([event("sms.failed", to=CALLER, detailed_status="FAILED_DND", sms_sid="s1")])

    assert f"{CALLER} does not receive it: FAILED_DND" in text
    assert texted == []


def test_a_call_that_is_put_through_is_told_with_whom_it_reached_and_how_long_they_talked() -> None:
    leg = {"call_sid": "c1", "from": CALLER, "to": OTHER}
    text, _ = told(
        [
            event("call.made", call_sid="c1", **{"from": NUMBER, "to": CALLER}),
            event("leg.ringing", **leg),
            event("leg.ended", **leg, status="no-answer", talked_seconds=0.0),
            event("leg.ended", **leg, status="completed", talked_seconds=44.8),
            event("call.ended", call_sid="c1", answered=True, rings=1),
        ]
    )

    assert f"Ringback has {CALLER} rung from {NUMBER}" in text
    assert f"{OTHER} rings, for {CALLER} to talk to" in text
    assert f"{OTHER}: no-answer\n" in text
    assert f"{OTHER}: completed, 45 s of talk" in text
    assert "the call is over" in text
    assert "free of charge" not in text


def test_only_what_concerns_the_phone_is_followed() -> None:
    followed = list(of_caller(CALLER, STORY))

    assert [each.get("call_sid") or each.get("sms_sid") for each in followed] == [
        "c1",
        "c1",
        "c1",
        "s1",
        "s1",
        "s1",
    ]


class Feed:
    """A network that tells one event at each question."""

    def __init__(self, *stories: list[Event]) -> None:
        self._stories = iter(stories)
        self.asked: list[int] = []

    def events(self, after: int = 0) -> list[Event]:
        self.asked.append(after)
        return next(self._stories, [])


def test_following_ends_when_all_is_over_and_tells_what_came_last() -> None:
    network = Feed([{"seq": 5}], [], [{"seq": 6}])
    over = itertools.chain([False, False], itertools.repeat(True))

    followed = follow(network, 4, lambda: next(over))  # type: ignore[arg-type]

    assert [each["seq"] for each in followed] == [5, 6]
    assert network.asked == [4, 5, 5]


def test_following_ends_when_nothing_happens_for_as_long_as_we_have_patience() -> None:
    assert list(follow(Feed(), 0, lambda: False, patience_seconds=0)) == []  # type: ignore[arg-type]

"""The director of `play patching`: who still rings, and for whom it waits, when the lines close."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ringback.domain import campaigns as content
from ringback_cli.stories.patching import cast, director, settings
from ringback_cli.stories.patching.cast import Size
from ringback_cli.stories.patching.director import Director
from ringback_cli.stories.stage import documents

NOON = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
TALKS_FOR = 30.0


class Lines:
    """Telephones of a town in which every call is answered by silence, and ends after half a minute."""

    def __init__(self) -> None:
        self.now = 0.0
        self.rang: list[tuple[float, str]] = []
        self._told = 0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def begin(self, call: Mapping[str, Any]) -> str:
        self.rang.append((self.now, call["from"]))
        return str(len(self.rang))

    def prepare(self, phone: str, script: Sequence[Mapping[str, Any]]) -> None:
        """Nobody is rung here."""

    def happened(self, after: int) -> list[dict[str, Any]]:
        over = [
            {"event": "call.ended", "call_sid": str(nth), "at": str(NOON + timedelta(seconds=self.now))}
            for nth, (at, _) in enumerate(self.rang, start=1)
            if at + TALKS_FOR <= self.now
        ]
        new = [{**event, "seq": seq} for seq, event in enumerate(over, start=1)]
        return new[after:]

    def heard(self, call_id: str) -> list[str]:
        return []


def play(monkeypatch: pytest.MonkeyPatch, closes_after: float) -> tuple[bool, Lines, set[str]]:
    lines = Lines()
    monkeypatch.setattr(director, "time", SimpleNamespace(monotonic=lines.monotonic, sleep=lines.sleep))
    script = cast.write(Size.of(20, influencers=4), seed=1)
    sample = next(each for each in documents() if each["campaign"] == settings.CAMPAIGN)
    campaign = content.parse(settings.of_content(sample, script))
    happens = Director(lines, campaign, script, undone=lambda: 0)  # type: ignore[arg-type]
    came_through = happens.run(lambda *_: None, closes_after, 600.0)
    return came_through, lines, {each.phone for each in script.influencers}


def test_nobody_rings_once_the_lines_are_closed_and_who_talks_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    came_through, lines, influencers = play(monkeypatch, closes_after=100.0)
    rang = [at for at, phone in lines.rang if phone in influencers]

    assert came_through
    assert 90.0 < max(rang) < 100.0
    assert max(rang) + TALKS_FOR <= lines.now < max(rang) + TALKS_FOR + 1.0


def test_a_story_that_takes_too_long_is_not_told_as_over(monkeypatch: pytest.MonkeyPatch) -> None:
    came_through, lines, _ = play(monkeypatch, closes_after=1000.0)

    assert not came_through
    assert lines.now == pytest.approx(600.0, abs=1.0)

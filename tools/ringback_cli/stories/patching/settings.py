"""What the story sets otherwise than the sample: the campaign's content, and the constants of functions and network."""

from collections.abc import Mapping
from typing import Any

from ringback_cli.stories.patching.cast import TALK_SECONDS, TRACKER_TALK_SECONDS, Script, Size

CAMPAIGN = "clean-water"
POOL = "voters"
LINES = ("+918040001031", "+918040001032")
"""Rung by influencers; `TEAM_LINE` by trackers, `OPT_OUT` by whoever wants to be left alone."""
TEAM_LINE = "+918040001033"
OPT_OUT = "+918040001009"

RING_SECONDS = 15
LEAST_TALK_SECONDS = 10
"""A shorter talk with a tracker is none."""

MACHINES_WAIT_SECONDS = 150.0
"""Longer than a machine waits for whatever it waits for: the verdict's minute, or the lease of a call whose end nobody told."""

_MYSTERY_PERCENT = 15


def of_content(document: Mapping[str, Any], script: Script) -> dict[str, Any]:
    """The campaign's document, with the story's sections `patching` and `reviews`."""
    if document["campaign"] != CAMPAIGN:
        return dict(document)
    return {
        **document,
        "limits": {**document["limits"], "voice_budget_rupees": 10_000_000},
        "patching": _patching(document["patching"], script.size),
        "reviews": {**document["reviews"], **_REVIEWS, "approvals_per_hour": 10 * script.size.influencers},
    }


_REVIEWS: Mapping[str, Any] = {
    "answer_within": "1 minutes",
    "ask_again": 2,
    "talk_seconds": LEAST_TALK_SECONDS,
}


def _patching(section: Mapping[str, Any], size: Size) -> dict[str, Any]:
    changed = {
        **section,
        "pool": POOL,
        "slots": {"account": size.concurrent, "per_number": size.concurrent},
        "calls_per_day": max(20, 4 * size.voters // size.influencers),
        "per_area_per_day": size.voters,
        "ring_seconds": RING_SECONDS,
        "longest_seconds": int(TALK_SECONDS) + 30,
        "mystery_percent": _MYSTERY_PERCENT,
        "short_call_seconds": 5,
        "most_short_calls": 1000,
    }
    if size.influencers == 1:  # nobody to be found out
        del changed["mystery_percent"], changed["mystery_brief"]
    return changed


def of_network(size: Size) -> dict[str, Any]:
    """Time constants of the phone network. Repeats come soon; nobody is cut off because this machine is slow."""
    return {
        "speech_speed": size.speech_speed,
        "fault_delay_seconds": 0.3,
        "passthru_timeout_seconds": 60.0,
        "fragment_timeout_seconds": 60.0,
        "ring_seconds": 0.1,
    }


def shown(script: Script, minutes: int | None) -> dict[str, Any]:
    """What people are told of all this."""
    size = script.size
    return {
        "slots": size.concurrent,
        "calls_in_menus_at_once": size.menus_at_once,
        "ring_seconds": RING_SECONDS,
        "talk_seconds": f"{TALK_SECONDS:.0f}, which takes {size.talk_real_seconds:.1f} s here",
        "tracker_talk_seconds": TRACKER_TALK_SECONDS,
        "mystery_percent": _MYSTERY_PERCENT if size.influencers > 1 else 0,
        "verdict_within": _REVIEWS["answer_within"],
        "lines_close": "when nobody is left to call" if minutes is None else f"after {minutes} minutes",
    }

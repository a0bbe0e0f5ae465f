"""docs/providers/exotel.md tells an operator to wire the very flow that the phone network walks."""

import re
from typing import Any

from ringback.providers.exotel import menus
from ringback_local.network import RECORDING_SECONDS, SORRY, menu_flow
from ringback_local.template import ROOT

PAGE = (ROOT / "docs" / "providers" / "exotel.md").read_text(encoding="utf-8")
DOOR = "https://<api>/voice/<token>"

PASSTHRU, SWITCH = menu_flow(DOOR, again="this flow itself")


def as_told(applets: list[dict[str, Any]]) -> str:
    """A branch as the page writes it: ``Greeting `say` → Gather `gather` → Transfer``."""
    words = []
    for applet in applets:
        step = applet.get("url", "").removeprefix(f"{DOOR}/")
        words.append(f"{applet['applet'].capitalize()} `{step}`" if step else applet["applet"].capitalize())
    return " → ".join(words)


def test_every_branch_has_the_applets_that_the_page_tells() -> None:
    told = dict(re.findall(r"^   \| `([a-z-]+)` \| (.+) \|$", PAGE, re.MULTILINE))

    assert told == {branch: as_told(applets) for branch, applets in SWITCH["cases"].items()}


def test_every_address_of_the_flow_stands_in_the_page() -> None:
    steps = sorted(menus.STEPS - {menus.OVER})

    assert PASSTHRU["url"] == f"{DOOR}/turn"
    assert [step for step in steps if f"`{DOOR}/{step}`" not in PAGE] == []


def test_who_cannot_be_helped_hears_what_the_page_tells_them_to_hear() -> None:
    (greeting, hang_up) = PASSTHRU["otherwise"]

    assert SWITCH["otherwise"] == PASSTHRU["otherwise"]
    assert (greeting["prompt"], hang_up["applet"]) == (SORRY, "hangup")
    assert f"> {SORRY}" in PAGE


def test_a_connect_comes_back_to_the_menu_either_way_and_a_recording_is_as_long_as_a_menu_may_ask_for() -> (
    None
):
    connect, loop = SWITCH["cases"]["dial"]
    voicemail = SWITCH["cases"]["record"][1]

    assert connect["otherwise"] == [loop]
    assert voicemail["max_seconds"] == RECORDING_SECONDS
    assert f"| longest recording | {RECORDING_SECONDS} seconds |" in PAGE

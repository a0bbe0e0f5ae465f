"""Who calls which menu in `play ivr`, and what they do there."""

from collections import Counter

import pytest

from phone_network import scripts
from phone_network.reading import Reader
from ringback.domain import campaigns as content
from ringback.domain.calls import CLOCK_SKEW
from ringback.domain.campaigns import Campaign
from ringback_cli.stories.ivr.cast import PATIENCE_SECONDS, Kind, Script, is_for_all, write
from ringback_cli.stories.stage import documents


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    return next(each for each in map(content.parse, documents()) if each.id == "clean-water")


@pytest.fixture(scope="module")
def script(campaign: Campaign) -> Script:
    return write(500, 1, campaign)


def test_the_same_seed_writes_the_same_story(campaign: Campaign, script: Script) -> None:
    assert script == write(500, 1, campaign)
    assert script != write(500, 2, campaign)


@pytest.mark.parametrize("size", [1, 2, 19, 20, 200])
def test_there_are_as_many_handsets_as_asked_for_each_with_a_number_of_its_own(
    campaign: Campaign, size: int
) -> None:
    assert size == len({caller.phone for caller in write(size, 7, campaign).callers})


def test_twenty_handsets_are_enough_for_every_kind_of_caller_and_every_menu(campaign: Campaign) -> None:
    small = write(20, 3, campaign)

    assert set(Kind) == {caller.kind for caller in small.callers}
    assert campaign.voice is not None
    for_all = {name for name, menu in campaign.voice.menus.items() if is_for_all(menu)}
    assert for_all == {call.number.menu for call in small.acts[0]}
    assert campaign.voice.menus.keys() - for_all == {"influencer", "tracker"}


def test_everybody_calls_once_and_some_call_again(script: Script) -> None:
    first, second = ([call.caller.phone for call in act] for act in script.acts)

    assert sorted(first) == sorted(caller.phone for caller in script.callers)
    assert 0.15 < len(second) / len(first) < 0.35
    assert len(set(second)) == len(second)


def test_callers_choose_err_keep_silent_go_back_opt_out_speak_and_leave(script: Script) -> None:
    steps = Counter(
        step.get("press", next(iter(step))) for act in script.acts for call in act for step in call.steps
    )

    assert {"1", "2", "3", "4", "0", "*", "9", "7", "#", "silence", "speak", "hang_up"} <= set(steps)
    assert any(call.hang_up_at < 20 for call in script.acts[0])


def test_nobody_stays_so_long_that_their_times_are_not_believed(script: Script) -> None:
    assert max(call.hang_up_at for act in script.acts for call in act) <= PATIENCE_SECONDS
    assert CLOCK_SKEW.total_seconds() > PATIENCE_SECONDS


def test_the_network_can_read_what_everybody_does(script: Script) -> None:
    for call in (call for act in script.acts for call in act):
        told = call.to_network()

        assert scripts.read(Reader(told, ""), "script") is not None
        assert told["withheld"] is (call.caller.kind is Kind.WITHHELD)

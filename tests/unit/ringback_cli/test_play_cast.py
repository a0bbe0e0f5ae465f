"""Who rings whom in `play missed-calls`."""

import pytest

from ringback.domain import campaigns as content
from ringback.domain.campaigns import Campaign, Purpose
from ringback.domain.phones import prefix
from ringback_cli.stories.missed_calls.cast import NOBODY, Kind, Script, handsets, write
from ringback_cli.stories.stage import documents


@pytest.fixture(scope="module")
def campaigns() -> list[Campaign]:
    return [content.parse(document) for document in documents()]


@pytest.fixture(scope="module")
def script(campaigns: list[Campaign]) -> Script:
    return write(500, 1, campaigns)


def test_the_same_seed_writes_the_same_story(campaigns: list[Campaign], script: Script) -> None:
    assert script == write(500, 1, campaigns)
    assert script != write(500, 2, campaigns)


@pytest.mark.parametrize("size", [1, 2, 19, 20, 200])
def test_there_are_as_many_handsets_as_asked_for_each_with_a_number_of_its_own(
    campaigns: list[Campaign], size: int
) -> None:
    callers = write(size, 7, campaigns).callers

    assert size == len({caller.phone for caller in callers})


def test_twenty_handsets_are_enough_for_every_kind_of_caller(campaigns: list[Campaign]) -> None:
    assert set(Kind) == {caller.kind for caller in write(20, 3, campaigns).callers}


def test_everybody_rings_one_to_three_times_and_every_number_that_rings_nobody_back_or_answers_is_rung(
    campaigns: list[Campaign], script: Script
) -> None:
    calls = [call for act in script.acts for call in act]
    made = {caller.phone: sum(call.caller is caller for call in calls) for caller in script.callers}

    assert {1, 2, 3} == set(made.values())
    assert {call.number.number for call in calls} == {
        number.number
        for campaign in campaigns
        for number in campaign.numbers.values()
        if not (number.menu or number.callback)
    }


def test_callers_are_spread_over_many_blocks_of_numbers(script: Script) -> None:
    assert len({prefix(caller.phone) for caller in script.callers}) > 90


def test_who_opts_out_does_so_in_the_first_act_and_rings_again_in_the_second(script: Script) -> None:
    first, second = script.acts
    for campaign, phone in script.opted_out:
        assert any(
            call.number.purpose is Purpose.OPT_OUT
            for call in first
            if (call.campaign, call.caller.phone) == (campaign, phone)
        )
        assert any(
            call.number.text for call in second if (call.campaign, call.caller.phone) == (campaign, phone)
        )
    assert script.opted_out


def test_nobody_is_expected_to_be_known_by_a_hidden_or_an_odd_number(script: Script) -> None:
    nobody = {caller.phone for caller in script.callers if caller.kind in NOBODY}

    assert nobody
    assert nobody.isdisjoint(phone for _, phone in script.contacts)
    assert nobody.isdisjoint(phone for _, phone, _ in script.texts)


def test_the_network_is_told_of_every_handset_that_is_not_as_handsets_are(script: Script) -> None:
    told = {handset["number"] for handset in handsets(script)}

    unusual = (Kind.WITHHELD, Kind.DND, Kind.OFF, Kind.UNKNOWN)
    assert told == {caller.phone for caller in script.callers if caller.kind in unusual}


def test_stories_start_at_several_times_of_the_day(campaigns: list[Campaign]) -> None:
    starts = {write(1, seed, campaigns).starts_at for seed in range(4)}

    assert len(starts) == 4
    assert all(10 <= start.hour < 21 for start in starts)

"""The people of `play patching`: the same for the same seed, of every kind, and lists and phones that say the same of them."""

from collections import Counter
from datetime import UTC, datetime

from ringback_cli.stories.patching import cast
from ringback_cli.stories.patching.cast import Kind, Manner, Size

NOON = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)


def test_the_same_seed_makes_the_same_people_and_another_others() -> None:
    size = Size.of(200)
    assert cast.write(size, 1) == cast.write(size, 1)
    assert cast.write(size, 1) != cast.write(size, 2)


def test_a_small_story_has_every_kind_of_influencer_and_voter() -> None:
    script = cast.write(Size.of(100), 3)
    assert {each.kind for each in script.influencers} == {*Kind}
    assert {each.manner for each in script.voters} == {*Manner}
    assert {each.shift for each in script.trackers} == {0, 1}


def test_one_influencer_is_genuine() -> None:
    script = cast.write(Size.of(200, influencers=1, voters=750), 1)
    assert [each.kind for each in script.influencers] == [Kind.GENUINE]
    assert (len(script.voters), script.size.concurrent) == (750, 1)


def test_nobody_has_the_number_of_somebody_else() -> None:
    script = cast.write(Size.of(200, voters=5000, concurrent=250), 1)
    assert len(set(script.phones)) == len(script.phones)


def test_there_are_more_callers_than_slots_so_that_some_are_refused() -> None:
    size = Size.of(200, voters=5000, concurrent=250)
    assert size.influencers > size.concurrent == 250
    assert Size.of(200).influencers > Size.of(200).concurrent


def test_conversations_last_so_long_that_all_slots_can_be_held_at_once() -> None:
    size = Size.of(200, voters=5000, concurrent=250)
    assert size.talk_real_seconds * cast.CALLS_A_SECOND > size.concurrent
    assert size.speech_speed * size.talk_real_seconds > 0.99 * cast.TALK_SECONDS
    assert Size.of(20).speech_speed <= cast.FASTEST


def test_nobody_speaks_more_slowly_than_in_life() -> None:
    size = Size.of(200, voters=5000, concurrent=2500)
    assert (size.talk_real_seconds, size.speech_speed) == (cast.TALK_SECONDS, 1.0)


def test_the_list_says_who_may_not_be_rung() -> None:
    for voter in cast.write(Size.of(200), 1).voters:
        row = voter.to_list(NOON)
        assert (row["dnd"] == "yes") is (voter.manner is Manner.DND)
        assert (row["consent_evidence"] == "") is (voter.manner is Manner.NO_CONSENT)
        assert voter.to_network()["answers"] is (voter.manner is not Manner.NO_ANSWER)


def test_what_is_keyed_in_after_a_talk_is_foreseeable_and_mostly_a_leaning() -> None:
    keys = Counter(cast.keys_after_talk("+919000000101", nth, seed=1) for nth in range(500))
    again = Counter(cast.keys_after_talk("+919000000101", nth, seed=1) for nth in range(500))
    assert keys == again
    assert keys.most_common(1)[0][0] == ("1",)


def test_a_few_leave_anywhere() -> None:
    left = [cast.leaves_at("+919000000101", nth, seed=1) for nth in range(500)]
    assert 0.02 < sum(at is not None for at in left) / len(left) < 0.12

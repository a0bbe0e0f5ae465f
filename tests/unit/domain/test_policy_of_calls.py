"""Every rule of the policy gate for calls that we place: A9, A10, A13, E1, F14, and for strangers exotel.md's traps 13 to 15."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.campaigns import Campaign
from ringback.domain.dials import Kind, StrangerLimits
from ringback.domain.policy import (
    CallEffect,
    Hold,
    Refuse,
    Rule,
    Send,
    Spent,
    Standing,
    Stranger,
    decide,
)
from ringback.domain.silences import Silence
from ringback.domain.times import INDIA
from tests.unit.domain.content import a_campaign

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=INDIA)
OURS = "+918040001001"
CLEAR = Standing(opted_out_at=None, suppressed=None, place="eci:S09/1")
NOTHING_SPENT = Spent(paise=0, paused=None, prefix_tripped_until=None)
CAMPAIGN = replace(
    a_campaign(limits__voice_budget_rupees=100),
    strangers=StrangerLimits(attempts=2, days_between=3, area_per_day=200),
)
CALL_BACK = CallEffect(Kind.CALL_BACK, "+919000012345", OURS, caused_at=NOON, cost_paise=250)
DUTY = replace(CALL_BACK, kind=Kind.DUTY)
WILLING = Stranger(consent="exotel:call-7/turn-2", is_dnd=False, dnd_checked_at=NOON, called_us_at=None)
SILENCE = Silence("eci:S13", NOON - timedelta(hours=1), NOON + timedelta(hours=47), "a notification")


def ask(
    effect: CallEffect = CALL_BACK,
    standing: Standing = CLEAR,
    campaign: Campaign = CAMPAIGN,
    spent: Spent = NOTHING_SPENT,
    now: datetime = NOON,
) -> Send | Hold | Refuse:
    return decide(effect, standing, campaign, spent, now)


def to_stranger(now: datetime = NOON, **known: object) -> Send | Hold | Refuse:
    """What the gate says of ringing a stranger who agreed and is on no list, but for what is `known`."""
    stranger = replace(WILLING, **known)  # type: ignore[arg-type]
    return ask(replace(CALL_BACK, kind=Kind.STRANGER, stranger=stranger), now=now)


@pytest.mark.parametrize("kind", [Kind.CALL_BACK, Kind.DUTY, Kind.RING_BACK])
def test_a_call_against_which_nothing_speaks_is_placed(kind: Kind) -> None:
    assert ask(replace(CALL_BACK, kind=kind)) == Send()


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("standing", "rule"),
    [
        (replace(CLEAR, opted_out_at=NOON), Rule.OPTED_OUT),
        (replace(CLEAR, suppressed="bad-number"), Rule.SUPPRESSED),
    ],
)
def test_whoever_must_be_left_alone_is_not_rung_on_any_ground(
    kind: Kind, standing: Standing, rule: Rule
) -> None:
    answer = ask(replace(CALL_BACK, kind=kind), standing)

    assert isinstance(answer, Refuse)
    assert answer.rule is rule


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("phone", "refused"),
    [
        pytest.param("+919000012345", None, id="mobile"),
        pytest.param("+918040009999", None, id="landline"),
        pytest.param("+9118001234567", "toll-free", id="A10: 1800"),
        pytest.param("+911409876543", "telemarketing", id="A10: 140"),
        pytest.param("+911601234567", "service", id="A10: 160"),
        pytest.param("+911600123456", "service", id="A10: 1600"),
        pytest.param("+91112", "short-code", id="A8: 112"),
        pytest.param("+447911123456", "international", id="A10: ISD"),
    ],
)
def test_only_mobiles_and_landlines_of_india_are_rung(kind: Kind, phone: str, refused: str | None) -> None:
    answer = ask(replace(CALL_BACK, kind=kind, phone=phone, stranger=WILLING))

    assert answer == (Send() if refused is None else Refuse(Rule.NUMBER_CLASS, refused))


def test_our_own_numbers_are_never_rung() -> None:
    """A9: a loop would pay for both its ends."""
    assert ask(replace(CALL_BACK, phone="+918040001002")) == Refuse(Rule.OUR_NUMBER)


def test_a_number_that_the_campaign_gave_up_is_shown_to_nobody() -> None:
    answer = ask(replace(CALL_BACK, number="+918040001099"))

    assert isinstance(answer, Refuse)
    assert answer.rule is Rule.CALLER_ID


def test_content_from_before_there_were_rules_for_calls_places_none() -> None:
    campaign = replace(CAMPAIGN, rules=replace(CAMPAIGN.rules, calls=None))

    assert ask(campaign=campaign) == Refuse(Rule.NUMBER_CLASS, "mobile")


@pytest.mark.parametrize(
    ("age", "placed"), [(timedelta(hours=24), True), (timedelta(hours=24, seconds=1), False)]
)
def test_nobody_is_rung_for_what_they_no_longer_remember(age: timedelta, placed: bool) -> None:
    answer = ask(replace(CALL_BACK, caused_at=NOON - age))

    assert (answer == Send()) == placed
    assert placed or (isinstance(answer, Refuse) and answer.rule is Rule.STALE)


@pytest.mark.parametrize(("paise", "placed"), [(9_750, True), (9_751, False)])
def test_a_call_must_fit_into_what_is_left_of_its_budget(paise: int, placed: bool) -> None:
    answer = ask(spent=replace(NOTHING_SPENT, paise=paise))

    assert (answer == Send()) == placed
    assert placed or (isinstance(answer, Refuse) and answer.rule is Rule.BUDGET)


@pytest.mark.parametrize(
    ("spent", "answer"),
    [
        (replace(NOTHING_SPENT, paise=10**9), Send()),
        (replace(NOTHING_SPENT, prefix_tripped_until=NOON + timedelta(hours=1)), Send()),
        (replace(NOTHING_SPENT, paused="no balance"), Hold(NOON + timedelta(minutes=5), Rule.PAUSED)),
    ],
)
def test_who_works_for_us_is_rung_whatever_is_spent_and_whoever_else_calls_from_their_block(
    spent: Spent, answer: Send | Hold
) -> None:
    assert ask(DUTY, spent=spent) == answer


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("clock", "opens"),
    [
        ("09:59:59", "2026-03-02T10:00:00"),
        ("10:00:00", None),
        ("20:59:59", None),
        ("21:00:00", "2026-03-03T10:00:00"),
    ],
)
def test_nobody_is_rung_at_night_also_not_who_asked_for_it_a_minute_ago(
    kind: Kind, clock: str, opens: str | None
) -> None:
    now = datetime.fromisoformat(f"2026-03-02T{clock}+05:30")
    asked_now = replace(WILLING, dnd_checked_at=now)
    effect = replace(CALL_BACK, kind=kind, caused_at=now, stranger=asked_now)
    closed = datetime.fromisoformat(f"{opens}+05:30") if opens else now

    assert ask(effect, now=now) == (Hold(closed, Rule.QUIET_HOURS) if opens else Send())


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(("place", "held"), [("eci:S13/26/112", True), ("eci:S09/1", False), (None, True)])
def test_election_silence_holds_every_call_until_it_ends(kind: Kind, place: str | None, held: bool) -> None:
    """E1; strict: also calls that were asked for."""
    effect = replace(CALL_BACK, kind=kind, stranger=WILLING)
    campaign = replace(CAMPAIGN, silences=(SILENCE,))
    answer = ask(effect, replace(CLEAR, place=place), campaign)

    assert answer == (Hold(SILENCE.end, Rule.ELECTION_SILENCE) if held else Send())


# Strangers


def test_a_stranger_of_whom_nothing_is_known_is_not_rung() -> None:
    assert ask(replace(CALL_BACK, kind=Kind.STRANGER)) == Refuse(Rule.CONSENT)


@pytest.mark.parametrize("consent", [None, ""])
def test_a_stranger_without_evidence_of_consent_is_not_rung(consent: str | None) -> None:
    assert to_stranger(consent=consent) == Refuse(Rule.CONSENT)


@pytest.mark.parametrize(
    ("is_dnd", "called_ago", "rung"),
    [
        pytest.param(False, None, True, id="on no list"),
        pytest.param(False, timedelta(days=400), True, id="on no list, and called us once"),
        pytest.param(True, None, False, id="on the list, never called us"),
        pytest.param(True, timedelta(days=180), True, id="on the list, called us within half a year"),
        pytest.param(True, timedelta(days=180, seconds=1), False, id="on the list, called us too long ago"),
        pytest.param(None, None, False, id="nobody looked, never called us"),
        pytest.param(None, timedelta(days=2), True, id="nobody looked, called us lately"),
        pytest.param(None, timedelta(days=200), False, id="nobody looked, called us too long ago"),
    ],
)
def test_do_not_disturb_yields_only_to_a_call_of_theirs(
    is_dnd: bool | None, called_ago: timedelta | None, rung: bool
) -> None:
    answer = to_stranger(is_dnd=is_dnd, called_us_at=NOON - called_ago if called_ago else None)

    assert (answer == Send()) == rung
    assert rung or (isinstance(answer, Refuse) and answer.rule is Rule.DND)


@pytest.mark.parametrize(
    ("checked_ago", "called_ago", "rung"),
    [
        pytest.param(timedelta(days=7), None, True, id="looked up a week ago"),
        pytest.param(timedelta(days=7, seconds=1), None, False, id="looked up too long ago"),
        pytest.param(None, None, False, id="nobody knows when"),
        pytest.param(timedelta(days=700), timedelta(days=2), True, id="looked up long ago, called us lately"),
    ],
)
def test_an_answer_that_a_number_is_on_no_list_holds_for_a_week(
    checked_ago: timedelta | None, called_ago: timedelta | None, rung: bool
) -> None:
    answer = to_stranger(
        dnd_checked_at=NOON - checked_ago if checked_ago else None,
        called_us_at=NOON - called_ago if called_ago else None,
    )

    assert (answer == Send()) == rung
    assert rung or answer == Refuse(Rule.DND, "nobody has looked it up lately")


def test_whom_nobody_rings_again_is_not_rung() -> None:
    assert to_stranger(settled="reached") == Refuse(Rule.SETTLED, "reached")


@pytest.mark.parametrize(("attempts", "rung"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_stranger_is_rung_so_often_and_no_more(attempts: int, rung: bool) -> None:
    answer = to_stranger(attempts=attempts)

    assert (answer == Send()) == rung
    assert rung or (isinstance(answer, Refuse) and answer.rule is Rule.ATTEMPTS)


def test_between_two_calls_to_a_stranger_lie_days() -> None:
    last = NOON - timedelta(days=2)

    assert to_stranger(last_attempt_at=last) == Hold(last + timedelta(days=3), Rule.TOO_SOON)
    assert to_stranger(last_attempt_at=NOON - timedelta(days=3)) == Send()


@pytest.mark.parametrize(("calls", "held"), [(199, False), (200, True), (900, True)])
def test_an_area_that_had_its_calls_today_waits_for_tomorrow(calls: int, held: bool) -> None:
    tomorrow = datetime(2026, 3, 3, 10, 0, tzinfo=INDIA)

    assert to_stranger(area_calls_today=calls) == (Hold(tomorrow, Rule.AREA_CAP) if held else Send())


def test_before_the_window_opens_an_area_that_had_its_calls_waits_for_tomorrow_as_well() -> None:
    early = datetime(2026, 3, 2, 8, 0, tzinfo=INDIA)

    assert to_stranger(early, area_calls_today=200) == Hold(
        datetime(2026, 3, 3, 10, 0, tzinfo=INDIA), Rule.AREA_CAP
    )


@given(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    kind=st.sampled_from(Kind),
)
def test_whenever_it_is_asked_nobody_is_rung_at_night_and_a_hold_ends_when_ringing_may_begin(
    now: datetime, kind: Kind
) -> None:
    asked_now = replace(WILLING, dnd_checked_at=now)
    effect = replace(CALL_BACK, kind=kind, caused_at=now, stranger=asked_now)
    answer = ask(effect, now=now)

    if isinstance(answer, Send):
        assert time(10) <= now.astimezone(INDIA).time() < time(21)
    else:
        assert isinstance(answer, Hold)
        assert ask(effect, now=answer.until) == Send()

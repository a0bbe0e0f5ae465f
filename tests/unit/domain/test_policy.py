"""Every rule of the policy gate, which rule wins, and the hours to the second: T1, T8, T9, T10, A10, A13, A17, R23, R26."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.campaigns import Campaign, Limits
from ringback.domain.policy import Hold, Occasion, Refuse, Rule, Send, SmsEffect, Spent, Standing, decide
from ringback.domain.rules import Window
from ringback.domain.silences import Silence
from ringback.domain.templates import DltTemplate
from ringback.domain.times import INDIA
from tests.unit.domain.content import a_campaign

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=INDIA)
CLEAR = Standing(opted_out_at=None, suppressed=None, already_sent=False)
MEETING = Occasion(news_since=NOON - timedelta(days=9), ends_at=NOON + timedelta(days=10))
OUR_MOBILE = "+919000000999"
SILENCE = Silence("eci:S13", NOON - timedelta(days=1), NOON + timedelta(days=1), "a notification")
NOTHING_SPENT = Spent(paise=0, paused=None, prefix_tripped_until=None)
_LISTED = a_campaign()
CAMPAIGN = replace(
    _LISTED,
    numbers={**_LISTED.numbers, OUR_MOBILE: replace(_LISTED.numbers["+918040001001"], number=OUR_MOBILE)},
)
TEMPLATE = DltTemplate("1107160000000010101", "Hello {#var#}")
EFFECT = SmsEffect("welcome", "+919000012345", "Hello you", TEMPLATE, cost_paise=21, caused_at=NOON)


def ask(
    effect: SmsEffect = EFFECT,
    standing: Standing = CLEAR,
    campaign: Campaign = CAMPAIGN,
    spent: Spent = NOTHING_SPENT,
    now: datetime = NOON,
) -> Send | Hold | Refuse:
    return decide(effect, standing, campaign, spent, now)


def test_an_sms_against_which_nothing_speaks_is_sent() -> None:
    assert ask() == Send()


@pytest.mark.parametrize(
    ("standing", "rule"),
    [
        (Standing(NOON, None, False), Rule.OPTED_OUT),
        (Standing(NOON + timedelta(days=1), None, False), Rule.OPTED_OUT),
        (Standing(None, "bad-number", False), Rule.SUPPRESSED),
        (Standing(None, None, True), Rule.ONCE_PER_WINDOW),
    ],
)
def test_a_person_who_must_not_be_written_to_is_not(standing: Standing, rule: Rule) -> None:
    answer = ask(standing=standing)

    assert isinstance(answer, Refuse)
    assert answer.rule is rule


@pytest.mark.parametrize(
    ("phone", "detail"),
    [
        pytest.param("+918040001001", "landline", id="landline"),
        pytest.param("+9118001234567", "toll-free", id="A10: 1800"),
        pytest.param("+9118601234567", "shared-cost", id="A10: 1860"),
        pytest.param("+911409876543", "telemarketing", id="A10: 140"),
        pytest.param("+911600123456", "service", id="A10: 1600"),
        pytest.param("+911601234567", "service", id="A10: 1601"),
        pytest.param("+91112", "short-code", id="A8: 112"),
        pytest.param("+19005550123", "international", id="A10: +1 900"),
        pytest.param("+88213123456", "international", id="A10: +88213"),
        pytest.param("+447911123456", "international", id="A10: ISD"),
    ],
)
def test_only_mobiles_of_india_get_an_sms(phone: str, detail: str) -> None:
    assert ask(replace(EFFECT, phone=phone)) == Refuse(Rule.NUMBER_CLASS, detail)


@pytest.mark.parametrize(
    ("header", "entity", "template_id", "allowed"),
    [
        pytest.param("CLNWTR", "1101490000000012345", "1107160000000010101", True, id="all there"),
        pytest.param("Abc", "110149000000", "110716000000", True, id="shortest"),
        pytest.param("ABCDEFGHIJK", "1101490000000012345", "1107160000000010101", True, id="longest header"),
        pytest.param("600123", "1101490000000012345", "1107160000000010101", True, id="promotional number"),
        pytest.param("", "1101490000000012345", "1107160000000010101", False, id="T1: no header"),
        pytest.param("CLNWTR", "", "1107160000000010101", False, id="T1: no entity"),
        pytest.param("CLNWTR", "1101490000000012345", "", False, id="T1: no template id"),
        pytest.param("AB", "1101490000000012345", "1107160000000010101", False, id="T3: two letters"),
        pytest.param(
            "ABCDEFGHIJKL", "1101490000000012345", "1107160000000010101", False, id="T3: twelve letters"
        ),
        pytest.param("60012", "1101490000000012345", "1107160000000010101", False, id="T3: five digits"),
        pytest.param("CLN-WTR", "1101490000000012345", "1107160000000010101", False, id="T3: dash"),
        pytest.param("СLNWTR", "1101490000000012345", "1107160000000010101", False, id="T3: Cyrillic"),
        pytest.param("CLNWTR", "11014900000", "1107160000000010101", False, id="T2: 11 digits"),
        pytest.param("CLNWTR", "1101490000000012345", "11071600000000101010", False, id="T2: 20 digits"),
        pytest.param("CLNWTR", "1101490000000012345", "110716000000001010x", False, id="T2: letter"),
        pytest.param("CLNWTR", "1101490000000012345", "११०७१६००००००००१०१०१", False, id="T2: other digits"),
    ],
)
def test_without_well_formed_dlt_ids_nothing_leaves(
    header: str, entity: str, template_id: str, allowed: bool
) -> None:
    campaign = replace(CAMPAIGN, sender=replace(CAMPAIGN.sender, header=header, dlt_entity_id=entity))
    effect = replace(EFFECT, template=replace(TEMPLATE, template_id=template_id))

    assert ask(effect, campaign=campaign) == (Send() if allowed else Refuse(Rule.DLT_IDS))


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        pytest.param("Hello  you", None, id="a blank in a value is legal"),
        pytest.param("hello you", "does not begin with the template's 'Hello '", id="T9: another text"),
        pytest.param(
            "Hello " + "x" * 31, "{#var#} has 31 characters, 30 are allowed", id="T6: value too long"
        ),
        pytest.param(
            "Hello evil.example",
            "the link evil.example is not on the campaign's list; {#var#} holds a link",
            id="A17: link that is not on the list",
        ),
        pytest.param(
            "Hello 09000054321", "the number +9190••••21 is not the campaign's", id="T8: number, masked"
        ),
    ],
)
def test_a_text_that_is_not_its_template_is_refused_with_the_reason(body: str, detail: str | None) -> None:
    answer = ask(replace(EFFECT, body=body))

    assert answer == (Send() if detail is None else Refuse(Rule.DLT_MISMATCH, detail))


@pytest.mark.parametrize(
    ("age", "stale"),
    [
        (timedelta(hours=24), False),
        (timedelta(hours=24, microseconds=1), True),
        (timedelta(days=2), True),
        pytest.param(timedelta(minutes=-10), False, id="R26: a cause from ten minutes ahead"),
    ],
)
def test_an_sms_about_something_long_past_is_refused(age: timedelta, stale: bool) -> None:
    answer = ask(replace(EFFECT, caused_at=NOON - age))

    assert (isinstance(answer, Refuse) and answer.rule is Rule.STALE) is stale


@pytest.mark.parametrize(
    ("spent", "expected"),
    [
        (0, Send()),
        (979, Send()),
        (980, Refuse(Rule.BUDGET, "980 of 1000 paise are spent")),
        (5000, Refuse(Rule.BUDGET, "5000 of 1000 paise are spent")),
    ],
)
def test_the_budget_is_spent_to_the_last_whole_sms_and_not_beyond(
    spent: int, expected: Send | Refuse
) -> None:
    campaign = replace(CAMPAIGN, limits=Limits(sms_budget_paise=1000, prefix_per_minute=60))

    assert ask(campaign=campaign, spent=replace(NOTHING_SPENT, paise=spent)) == expected


def test_a_paused_campaign_is_asked_again_in_five_minutes() -> None:
    paused = replace(NOTHING_SPENT, paused="no balance")

    assert ask(spent=paused) == Hold(NOON + timedelta(minutes=5), Rule.PAUSED)


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (NOON + timedelta(seconds=40), Hold(NOON + timedelta(seconds=40), Rule.PREFIX_VELOCITY)),
        (NOON, Send()),
        (NOON - timedelta(seconds=1), Send()),
    ],
    ids=["A13: tripped", "over just now", "over"],
)
def test_a_block_of_numbers_that_called_too_often_waits(until: datetime, expected: Send | Hold) -> None:
    assert ask(spent=replace(NOTHING_SPENT, prefix_tripped_until=until)) == expected


IST = [
    ("09:59:59", "2026-03-02T10:00:00"),
    ("10:00:00", None),
    ("20:59:59", None),
    ("20:59:59.999999", None),
    ("21:00:00", "2026-03-03T10:00:00"),
    ("23:59:59", "2026-03-03T10:00:00"),
    ("00:00:00", "2026-03-02T10:00:00"),
]


@pytest.mark.parametrize(("clock", "opens"), IST, ids=[clock for clock, _ in IST])
@pytest.mark.parametrize("zone", [INDIA, UTC], ids=["now in IST", "now in UTC"])
def test_people_are_left_alone_from_nine_in_the_evening_to_ten(
    clock: str, opens: str | None, zone: object
) -> None:
    """T10, R23: the hours are India's, whatever zone the clock speaks."""
    now = datetime.fromisoformat(f"2026-03-02T{clock}+05:30").astimezone(INDIA if zone is INDIA else UTC)
    answer = ask(replace(EFFECT, caused_at=now), now=now)

    assert answer == (
        Send() if opens is None else Hold(datetime.fromisoformat(f"{opens}+05:30"), Rule.QUIET_HOURS)
    )


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        pytest.param("2026-12-31T21:00:00+05:30", "2027-01-01T10:00:00+05:30", id="R26: new year"),
        pytest.param("2027-01-01T00:00:00+05:30", "2027-01-01T10:00:00+05:30", id="first second of the year"),
        pytest.param(
            "2026-12-31T18:45:00+00:00", "2027-01-01T10:00:00+05:30", id="India is a year ahead of UTC"
        ),
        pytest.param("2028-02-28T22:00:00+05:30", "2028-02-29T10:00:00+05:30", id="leap day"),
    ],
)
def test_a_night_ends_on_the_next_day_of_the_calendar(now: str, opens: str) -> None:
    at = datetime.fromisoformat(now)
    answer = ask(replace(EFFECT, caused_at=at), now=at)

    assert answer == Hold(datetime.fromisoformat(opens), Rule.QUIET_HOURS)


@pytest.mark.parametrize(
    ("clock", "opens"),
    [
        ("10:59:59", "2026-03-02T11:00:00"),
        ("11:00:00", None),
        ("18:29:59", None),
        ("18:30:00", "2026-03-03T11:00:00"),
    ],
)
def test_a_campaign_with_narrower_hours_keeps_them(clock: str, opens: str | None) -> None:
    campaign = replace(CAMPAIGN, window=Window(time(11), time(18, 30)))
    now = datetime.fromisoformat(f"2026-03-02T{clock}+05:30")
    answer = ask(replace(EFFECT, caused_at=now), campaign=campaign, now=now)

    assert answer == (
        Send() if opens is None else Hold(datetime.fromisoformat(f"{opens}+05:30"), Rule.QUIET_HOURS)
    )


def test_a_hold_ends_in_utc_so_that_holds_sort_as_text() -> None:
    night = datetime(2026, 3, 2, 22, 0, tzinfo=INDIA)
    answer = ask(replace(EFFECT, caused_at=night), now=night)

    assert isinstance(answer, Hold)
    assert answer.until.isoformat() == "2026-03-03T04:30:00+00:00"


def test_the_next_opening_is_never_the_moment_asked_at() -> None:
    opening = datetime(2026, 3, 2, 10, 0, tzinfo=INDIA)

    assert CAMPAIGN.window.next_opening(opening) == opening + timedelta(days=1)
    assert CAMPAIGN.window.next_opening(opening - timedelta(seconds=1)) == opening


BREACHES: dict[Rule, dict[str, dict[str, object]]] = {
    Rule.OPTED_OUT: {"standing": {"opted_out_at": NOON}},
    Rule.SUPPRESSED: {"standing": {"suppressed": "bad-number"}},
    Rule.NUMBER_CLASS: {"effect": {"phone": "+911600123456"}},
    Rule.OUR_NUMBER: {"effect": {"phone": OUR_MOBILE}},
    Rule.ONCE_PER_WINDOW: {"standing": {"already_sent": True}},
    Rule.STALE: {"effect": {"caused_at": NOON - timedelta(days=3)}},
    Rule.DLT_IDS: {"sender": {"dlt_entity_id": ""}},
    Rule.DLT_MISMATCH: {"effect": {"body": "other words"}},
    Rule.BUDGET: {"spent": {"paise": 10**12}},
    Rule.PAUSED: {"spent": {"paused": "no balance"}},
    Rule.PREFIX_VELOCITY: {"spent": {"prefix_tripped_until": NOON + timedelta(days=9)}},
    Rule.QUIET_HOURS: {"window": {"start": time(13), "end": time(14)}},
    Rule.ELECTION_SILENCE: {"campaign": {"silences": (SILENCE,)}},
    Rule.NOT_YET: {"occasion": {"not_before": NOON + timedelta(days=1)}},
    Rule.ANSWER_CHANGED: {"occasion": {"is_true": False}},
}


def breaking(*rules: Rule) -> Send | Hold | Refuse:
    """What the gate says when all of these rules are broken at once."""
    changes: dict[str, dict[str, object]] = {}
    for rule in rules:
        for part, fields in BREACHES[rule].items():
            changes.setdefault(part, {}).update(fields)
    campaign = replace(
        CAMPAIGN,
        sender=replace(CAMPAIGN.sender, **changes.get("sender", {})),  # type: ignore[arg-type]
        window=replace(CAMPAIGN.window, **changes.get("window", {})),  # type: ignore[arg-type]
        **changes.get("campaign", {}),  # type: ignore[arg-type]
    )
    bound = replace(MEETING, **changes["occasion"]) if "occasion" in changes else None  # type: ignore[arg-type]
    return ask(
        replace(EFFECT, occasion=bound, **changes.get("effect", {})),  # type: ignore[arg-type]
        replace(CLEAR, **changes.get("standing", {})),  # type: ignore[arg-type]
        campaign,
        replace(NOTHING_SPENT, **changes.get("spent", {})),  # type: ignore[arg-type]
    )


HOLDS = {
    Rule.PAUSED,
    Rule.PREFIX_VELOCITY,
    Rule.QUIET_HOURS,
    Rule.ELECTION_SILENCE,
    Rule.NOT_YET,
    Rule.ANSWER_CHANGED,
}
OF_CALLS_ALONE = {
    Rule.SETTLED,
    Rule.CALLER_ID,
    Rule.CONSENT,
    Rule.DND,
    Rule.ATTEMPTS,
    Rule.TOO_SOON,
    Rule.AREA_CAP,
}


def test_every_rule_for_sms_has_its_place_in_the_order() -> None:
    assert tuple(BREACHES) == tuple(rule for rule in Rule if rule not in OF_CALLS_ALONE)


# One number cannot be of the wrong class and our own at once.
@given(
    broken=st.sets(st.sampled_from(list(BREACHES)), min_size=1).filter(
        lambda broken: not {Rule.NUMBER_CLASS, Rule.OUR_NUMBER} <= broken
    )
)
def test_the_first_refusal_wins_over_all_others_and_over_every_hold(broken: set[Rule]) -> None:
    answer = breaking(*broken)
    first = min(broken, key=tuple(Rule).index)

    if first in HOLDS:
        assert isinstance(answer, Hold)
        assert answer.rule in broken
    else:
        assert isinstance(answer, Refuse)
        assert answer.rule is first


def test_of_several_holds_the_longest_is_named_so_that_nothing_wakes_in_vain() -> None:
    assert breaking(Rule.PAUSED, Rule.QUIET_HOURS) == Hold(NOON + timedelta(hours=1), Rule.QUIET_HOURS)
    assert breaking(Rule.PAUSED, Rule.PREFIX_VELOCITY, Rule.QUIET_HOURS) == Hold(
        NOON + timedelta(days=9), Rule.PREFIX_VELOCITY
    )


@given(now=st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))
def test_whenever_it_is_asked_nothing_is_sent_at_night_and_a_hold_ends_when_sending_may_begin(
    now: datetime,
) -> None:
    effect = replace(EFFECT, caused_at=now)
    answer = ask(effect, now=now)

    if isinstance(answer, Send):
        assert time(10) <= now.astimezone(INDIA).time() < time(21)
    else:
        assert isinstance(answer, Hold)
        assert now < answer.until <= now + timedelta(hours=13)
        assert ask(effect, now=answer.until) == Send()


@pytest.mark.parametrize(
    ("occasion", "answer"),
    [
        pytest.param(MEETING, Send(), id="between its moments"),
        pytest.param(
            replace(MEETING, not_before=NOON + timedelta(hours=2)),
            Hold(NOON + timedelta(hours=2), Rule.NOT_YET),
            id="too soon",
        ),
        pytest.param(replace(MEETING, not_before=NOON), Send(), id="just in time"),
        pytest.param(
            replace(MEETING, is_true=False), Hold(MEETING.ends_at, Rule.ANSWER_CHANGED), id="not true now"
        ),
        pytest.param(
            replace(MEETING, ends_at=NOON), Refuse(Rule.STALE, "what it is about is over"), id="over"
        ),
    ],
)
def test_an_sms_bound_to_an_occasion_leaves_while_it_says_something(
    occasion: Occasion, answer: Send | Hold | Refuse
) -> None:
    assert answer == ask(replace(EFFECT, occasion=occasion))


def test_an_sms_that_waited_for_its_occasion_is_not_old() -> None:
    """A reminder is planned weeks before it leaves."""
    planned = replace(EFFECT, caused_at=NOON - timedelta(days=30))

    assert isinstance(ask(planned), Refuse)
    assert Send() == ask(replace(planned, occasion=replace(MEETING, news_since=NOON - timedelta(hours=1))))

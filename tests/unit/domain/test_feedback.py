"""Grievances: the way they go, their tags, their clock and what they come to."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain import feedback
from ringback.domain.documents import Section
from ringback.domain.errors import Rejected
from ringback.domain.feedback import (
    Cell,
    Grievance,
    Kind,
    Responsiveness,
    Rules,
    State,
    Tagged,
    Tagger,
    WordRule,
)

DAY = timedelta(hours=24)
AT = datetime(2026, 11, 21, 5, 30, tzinfo=UTC)


def grievance(**changes: object) -> Grievance:
    told: dict[str, object] = {
        "id": "7pn5nw2h7h63btyp",
        "campaign": "clean-water",
        "person": "4gp4wjhodgysggjt3zh62ntffn",
        "topic": "grievance",
        "language": "hi",
        "provider": "exotel",
        "cause": "exotel:call-1/turn-3",
        "url": "https://recordings.exotel.com/exotelrecordings/ringback1/call-1.mp3",
        "recorded_at": AT,
        "due_at": AT + DAY,
    }
    return Grievance(**(told | changes))  # type: ignore[arg-type]


# The way it goes

MOVES = [
    (State.NEW, State.TAGGED, True),
    (State.NEW, State.ANSWERED, True),
    (State.NEW, State.CLOSED, True),
    (State.TAGGED, State.ANSWERED, True),
    (State.TAGGED, State.CLOSED, True),
    (State.ANSWERED, State.CLOSED, True),
    (State.TAGGED, State.NEW, False),
    (State.ANSWERED, State.TAGGED, False),
    (State.CLOSED, State.ANSWERED, False),
    (State.CLOSED, State.NEW, False),
]


@pytest.mark.parametrize(("before", "after", "may"), MOVES)
def test_a_grievance_only_goes_forward(before: State, after: State, may: bool) -> None:
    assert feedback.may_follow(before, after) is may


@given(st.lists(st.sampled_from(State)))
def test_whatever_is_tried_a_grievance_never_goes_back_or_stands_where_it_stood(tried: list[State]) -> None:
    order, state, passed = list(State), State.NEW, [State.NEW]
    for after in tried:
        if feedback.may_follow(state, after):
            state = after
            passed.append(after)

    assert passed == sorted(set(passed), key=order.index)


def test_its_id_is_made_of_its_cause_and_names_no_number() -> None:
    cause = "exotel:919000000101/turn-3"
    name = feedback.id_for("clean-water", cause)

    assert name == feedback.id_for("clean-water", cause)
    assert name != feedback.id_for("clean-water", "exotel:919000000101/turn-4")
    assert name != feedback.id_for("library-hours", cause)
    assert len(name) == 16
    assert name.isalnum()
    assert "9000000101" not in name


# Tags

GOOD_TAGS = {
    "issue:piped-water": (Kind.ISSUE, "piped-water"),
    "area:eci:S13/26/112": (Kind.AREA, "eci:S13/26/112"),
    "urgency:high": (Kind.URGENCY, "high"),
}
BAD_TAGS = [
    "",
    "issue",
    "issue:",
    "issue:Piped Water",
    "issue:=HYPERLINK(1)",
    f"issue:a{'b' * 40}",
    "area:=1+1",
    "area:a\u202eb",
    "urgency:soon",
    "colour:red",
]


@pytest.mark.parametrize(("text", "tag"), GOOD_TAGS.items())
def test_a_tag_is_read_as_people_write_it(text: str, tag: tuple[Kind, str]) -> None:
    assert feedback.read_tag(text) == tag


@pytest.mark.parametrize("text", BAD_TAGS)
def test_what_is_no_tag_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(Rejected):
        feedback.read_tag(text)


def test_two_tags_of_a_kind_are_one_too_many() -> None:
    with pytest.raises(Rejected, match="one issue"):
        feedback.read_tags(["issue:sewage", "issue:piped-water"])

    assert feedback.read_tags(["issue:sewage", "issue:sewage"]) == {Kind.ISSUE: "sewage"}


@given(st.text())
def test_any_text_is_a_tag_or_refused(text: str) -> None:
    try:
        kind, value = feedback.read_tag(text)
    except Rejected:
        return
    assert f"{kind}:{value}" == text


@pytest.mark.parametrize("value", [None, "", "Not a tag", "=1+1"])
def test_what_a_menu_or_a_contact_holds_is_a_tag_only_if_it_can_be_one(value: str | None) -> None:
    assert feedback.fitting(Kind.ISSUE, value) == {}
    assert feedback.fitting(Kind.ISSUE, "sewage") == {Kind.ISSUE: "sewage"}


RULES = Rules(
    urgencies={"sewage": "high"},
    words=(
        WordRule(("open drain", "गटर", "நீர்"), {Kind.ISSUE: "sewage"}),
        WordRule(("drain",), {Kind.ISSUE: "drains", Kind.URGENCY: "low"}),
    ),
)


@pytest.mark.parametrize(
    ("known", "note", "added"),
    [
        ({}, "", {}),
        ({Kind.ISSUE: "sewage"}, "", {Kind.URGENCY: "high"}),
        ({Kind.ISSUE: "sewage", Kind.URGENCY: "low"}, "", {}),
        ({}, "An OPEN  drain, again!", {Kind.ISSUE: "sewage", Kind.URGENCY: "low"}),
        ({}, "the drain", {Kind.ISSUE: "drains", Kind.URGENCY: "low"}),
        ({}, "drainage", {}),
        ({}, "गली में गटर खुला है।", {Kind.ISSUE: "sewage", Kind.URGENCY: "high"}),
        ({}, "தண்ணீர்", {}),
        ({Kind.ISSUE: "piped-water"}, "open drain", {Kind.URGENCY: "low"}),
    ],
)
def test_rules_fill_in_what_is_empty_by_whole_words_and_by_issue(
    known: dict[Kind, str], note: str, added: dict[Kind, str]
) -> None:
    assert RULES.tags(known.items(), note) == added


def test_rules_are_read_from_campaign_content() -> None:
    problems: list[str] = []
    document = {"urgency": {"sewage": "high"}, "words": [{"any": ["गटर"], "tags": ["issue:sewage"]}]}

    rules = feedback.read_rules(Section(document, "feedback", problems))

    assert problems == []
    assert rules == Rules({"sewage": "high"}, (WordRule(("गटर",), {Kind.ISSUE: "sewage"}),))


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"urgency": {"Sewage!": "high"}}, "feedback.urgency.Sewage!: the issue must be"),
        ({"urgency": {"sewage": "soon"}}, "feedback.urgency.sewage: must be one of low, normal, high"),
        (
            {"words": [{"any": ["…"], "tags": ["issue:a"]}]},
            "feedback.words[0].any: must name at least one word",
        ),
        (
            {"words": [{"any": ["a"], "tags": ["issue:A"]}]},
            "feedback.words[0].tags: 'issue:A': issue must be",
        ),
        ({"words": [{"any": ["a"]}]}, "feedback.words[0].tags: must name at least one tag"),
    ],
)
def test_wrong_rules_are_told_with_their_place(document: dict[str, object], problem: str) -> None:
    problems: list[str] = []
    feedback.read_rules(Section(document, "feedback", problems))

    assert any(found.startswith(problem) for found in problems), problems


# The clock


@pytest.mark.parametrize(
    ("hours_later", "waits"),
    [
        (0, (43_200, 28_800, 14_400)),
        (1, (39_600, 28_800, 14_400)),
        (12, (28_800, 14_400)),
        (13, (25_200, 14_400)),
        (23, (3_600,)),
        (24, (1,)),
        (1000, (1,)),
    ],
)
def test_the_clock_reminds_after_twelve_and_twenty_hours_and_strikes_after_a_day(
    hours_later: float, waits: tuple[int, ...]
) -> None:
    assert feedback.waits(AT, DAY, AT + timedelta(hours=hours_later)) == waits


@given(
    st.timedeltas(timedelta(seconds=1), timedelta(days=30)),
    st.timedeltas(timedelta(days=-1), timedelta(days=60)),
)
def test_every_wait_is_at_least_a_second_and_together_they_reach_the_end(
    within: timedelta, later: timedelta
) -> None:
    waits = feedback.waits(AT, within, AT + later)
    left = (within - later).total_seconds()

    assert 1 <= len(waits) <= 3
    assert all(wait >= 1 for wait in waits)
    assert sum(waits) >= left
    assert sum(waits) <= max(left, 0) + len(waits)


# What they come to


def test_the_share_answered_in_time_leaves_out_those_that_still_have_time() -> None:
    now = AT + DAY
    counted = feedback.responsiveness(
        [
            grievance(state=State.ANSWERED, answered_at=AT + DAY - timedelta(milliseconds=1)),
            grievance(state=State.CLOSED, answered_at=AT + timedelta(hours=1)),
            grievance(state=State.ANSWERED, answered_at=AT + DAY),
            grievance(),
            grievance(state=State.CLOSED),
            grievance(due_at=now + timedelta(milliseconds=1)),
        ],
        now,
    )

    assert counted == Responsiveness(received=6, in_time=2, late=1, overdue=1, waiting=1, unanswered=1)
    assert counted.share == 0.4
    assert Responsiveness().share is None


def test_each_grievance_is_counted_in_one_cell_of_tag_area_and_week() -> None:
    tags = {
        Kind.ISSUE: Tagged("sewage", Tagger.MENU),
        Kind.AREA: Tagged("pune", Tagger.PERSON),
        Kind.URGENCY: Tagged("high", Tagger.RULE),
    }
    monday_in_india = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)

    counted = feedback.tally(
        [grievance(tags=tags), grievance(tags=tags), grievance(), grievance(recorded_at=monday_in_india)]
    )

    assert counted == {
        Cell("2026-W47", "sewage", "pune", "high"): 2,
        Cell("2026-W47", "", "", ""): 1,
        Cell("2026-W48", "", "", ""): 1,
    }


def test_its_token_is_not_written_where_it_is_shown() -> None:
    assert "secret" not in repr(grievance(token="secret"))

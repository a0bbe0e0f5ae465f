"""The life of a call that we place: F14, X13, R4, R5."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain import campaigns, dials
from ringback.domain.dials import FINAL, Callbacks, Dial, Kind, Retries, State
from ringback.domain.endings import Ending
from ringback.domain.errors import Rejected
from ringback_local.catalog import with_voice
from tests.unit.domain.content import CATALOG, RULES, a_campaign, a_document
from tests.unit.domain.test_policy_of_calls import OURS

NOW = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
PERSON = "m2pbkf5zmukzow4hzyryepb77i"
CAUSE = "exotel:b7e12c0a94d3f5e86170a2c4d6e8f97v"
DIAL = Dial(
    person=PERSON,
    name=dials.name_for("clean-water", "main", CAUSE),
    campaign="clean-water",
    number=OURS,
    menu="main",
    kind=Kind.CALL_BACK,
    cause=CAUSE,
    caused_at=NOW,
)


def test_the_same_cause_always_makes_the_same_dial_and_another_attempt_another() -> None:
    assert dials.name_for("clean-water", "main", CAUSE) == DIAL.name
    assert dials.name_for("clean-water", "main", CAUSE, 2) == f"{DIAL.name}.2"
    assert dials.name_for("clean-water", "poll", CAUSE) != DIAL.name


@given(
    campaign=st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True),
    menu=st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True),
    cause=st.text(max_size=80),
    attempt=st.integers(1, dials.MOST_ATTEMPTS),
)
def test_a_dial_id_fits_the_providers_field_and_names_row_and_campaign(
    campaign: str, menu: str, cause: str, attempt: int
) -> None:
    name = dials.name_for(campaign, menu, cause, attempt)
    dial = replace(DIAL, campaign=campaign, menu=menu, name=name)

    assert len(dial.dial_id) <= 128
    assert dials.split_id(dial.dial_id) == (PERSON, name)
    assert dials.campaign_of(dial.dial_id) == campaign


@pytest.mark.parametrize(
    "given_id",
    [
        "",
        "m2pb",
        f"{PERSON}.clean-water.main",
        f"{PERSON}.clean-water.main.7pn5nw2h7h63bty",
        f"{PERSON}.clean-water.main.7pn5nw2h7h63btyp.1",
        f"{PERSON}.clean-water.main.7pn5nw2h7h63btyp.10",
        f"{PERSON}.clean/water.main.7pn5nw2h7h63btyp",
        f"../{PERSON}.clean-water.main.7pn5nw2h7h63btyp",
        f"{PERSON}.clean-water.main.7pn5nw2h7h63btyp\n",
        "order 4711",
    ],
)
def test_what_is_no_dial_id_is_refused(given_id: str) -> None:
    with pytest.raises(ValueError, match="not a dial id"):
        dials.split_id(given_id)


@given(st.lists(st.sampled_from(State), max_size=12))
def test_whatever_comes_a_dial_only_moves_forward_and_an_end_stands(moves: list[State]) -> None:
    """R4. A turn in the menu may still prove what `completed` left open."""
    state = State.PLANNED
    for after in moves:
        if not dials.may_follow(state, after):
            continue
        assert state not in FINAL or (state, after) == (State.ENDED, State.ANSWERED)
        assert not (state is State.UNKNOWN and after in (State.PLANNED, State.HELD, State.CLAIMED))
        state = after


def test_predecessors_are_the_followers_read_backwards() -> None:
    for after in State:
        assert dials.predecessors(after) == tuple(each for each in State if dials.may_follow(each, after))


@pytest.mark.parametrize(
    ("ending", "talk", "state"),
    [
        (Ending.COMPLETED, 30, State.ANSWERED),
        (Ending.COMPLETED, 0, State.ENDED),
        (Ending.COMPLETED, None, State.ENDED),
        (Ending.BUSY, None, State.BUSY),
        (Ending.NO_ANSWER, 0, State.NO_ANSWER),
        (Ending.FAILED, None, State.FAILED),
    ],
)
def test_completed_alone_does_not_prove_that_anybody_answered(
    ending: Ending, talk: int | None, state: State
) -> None:
    """exotel.md, trap 7."""
    assert dials.state_ended(ending, talk) is state


# Ringing again


@pytest.mark.parametrize(
    ("state", "wait"),
    [
        (State.BUSY, timedelta(minutes=5)),
        (State.NO_ANSWER, timedelta(hours=1)),
        (State.FAILED, None),
        (State.ANSWERED, None),
        (State.ENDED, None),
        (State.UNKNOWN, None),
        (State.REFUSED, None),
    ],
)
def test_how_a_call_ended_says_when_it_is_tried_again(state: State, wait: timedelta | None) -> None:
    """A number that failed is never rung again, and what may have rung is never rung blindly (X13)."""
    following = dials.next_attempt(replace(DIAL, state=state), Retries(), NOW)

    assert (following.due_at if following else None) == (NOW + wait if wait else None)


def test_the_next_attempt_is_a_dial_of_its_own_that_waits() -> None:
    ended = replace(
        DIAL, state=State.BUSY, provider_id="call-1", claim="c", claimed_at=NOW, fields={"review": "7"}
    )
    following = dials.next_attempt(ended, Retries(), NOW)

    assert following == replace(
        DIAL,
        name=f"{DIAL.name}.2",
        attempt=2,
        state=State.HELD,
        rule="after-busy",
        due_at=NOW + timedelta(minutes=5),
        fields={"review": "7"},
    )
    assert dials.next_attempt(ended, Retries(), NOW) == following


@given(
    attempts=st.integers(1, 20),
    endings=st.lists(st.sampled_from([State.BUSY, State.NO_ANSWER, State.FAILED]), min_size=20, max_size=20),
)
def test_nobody_is_rung_more_often_than_the_campaign_says(attempts: int, endings: list[State]) -> None:
    dial, rung = DIAL, 0
    for state in endings:
        rung += 1
        following = dials.next_attempt(replace(dial, state=state), Retries(attempts), NOW)
        if following is None:
            break
        dial = following

    assert rung <= min(attempts, dials.MOST_ATTEMPTS)
    assert State.FAILED not in endings[: rung - 1]


# Who may say that a call is this dial


@pytest.mark.parametrize("state", State)
def test_only_a_dial_on_its_way_can_reach_its_menu(state: State) -> None:
    dial = replace(DIAL, state=state)
    on_its_way = state in (State.CLAIMED, State.PLACED, State.UNKNOWN)

    assert dials.may_be_reached_by(dial, PERSON, OURS, "call-1") == on_its_way


@pytest.mark.parametrize(
    ("person", "number", "call_id", "may"),
    [
        (PERSON, OURS, "call-1", True),
        ("somebody2else", OURS, "call-1", False),
        (PERSON, "+918040001002", "call-1", False),
        (PERSON, OURS, "call-2", False),
    ],
)
def test_person_number_and_call_must_agree_with_the_dial(
    person: str, number: str, call_id: str, may: bool
) -> None:
    """A3: the custom field alone opens nothing."""
    dial = replace(DIAL, state=State.PLACED, provider_id="call-1")

    assert dials.may_be_reached_by(dial, person, number, call_id) == may


# As content


def test_a_campaign_says_how_often_how_soon_and_how_long_people_are_rung() -> None:
    campaign = a_campaign(
        callbacks={
            "attempts": 4,
            "after_busy": "10 minutes",
            "after_no_answer": "2 hours",
            "once_per": "1 day",
            "longest": "3 minutes",
        }
    )

    assert campaign.callbacks == Callbacks(
        Retries(4, timedelta(minutes=10), timedelta(hours=2)),
        once_per=timedelta(days=1),
        longest=timedelta(minutes=3),
    )
    assert campaign.call_cost_paise("volunteer") == 150
    assert a_campaign().callbacks == Callbacks()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"callbacks__attempts": 10}, "callbacks.attempts: must be at most 9"),
        ({"callbacks__after": "5 minutes"}, "callbacks.after: is not a key we know"),
        ({"numbers__0__callback": "main"}, "numbers[0].callback: there is no menu 'main'"),
        (
            {"numbers__0__flow": "http://my.exotel.com"},
            "numbers[0].flow: must be the provider's id of the flow: letters, digits, dashes and underscores, at most 40, "
            "not 'http://my.exotel.com'",
        ),
    ],
)
def test_what_cannot_be_kept_is_not_published(changes: dict[str, object], why: str) -> None:
    with pytest.raises(Rejected) as caught:
        campaigns.parse(a_document(**changes))

    assert why in caught.value.reasons


def shipped() -> dict[str, Any]:
    """The shipped campaign with its menus, which rings people back."""
    read = yaml.safe_load((CATALOG / "campaigns/clean-water.yaml").read_text(encoding="utf-8"))
    menus = with_voice(read, CATALOG / "menus", lambda path: yaml.safe_load(path.read_text(encoding="utf-8")))
    return dict(menus) | {"rules": RULES}


def of_the_line(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in document["numbers"] if "callback" in each)
    return found


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda document: document["limits"].pop("voice_budget_rupees"),
            "rings people back, and limits.voice_budget_rupees does not say what that may cost",
        ),
        (
            lambda document: of_the_line(document).pop("flow"),
            "rings people back, and has no flow: the app id of the flow that such calls walk",
        ),
        (
            lambda document: of_the_line(document).update(menu="main"),
            "must be left out: a call to a number with a menu is answered, not missed",
        ),
        (
            lambda document: of_the_line(document).update(purpose="opt-out"),
            "must be left out: whoever opts out is not rung",
        ),
    ],
)
def test_a_number_that_could_not_keep_its_promise_is_not_published(
    change: Callable[[dict[str, Any]], object], why: str
) -> None:
    document = shipped()
    assert campaigns.parse(document).numbers["+918040001027"].callback == "main"
    change(document)
    with pytest.raises(Rejected) as caught:
        campaigns.parse(document)

    assert any(why in reason for reason in caught.value.reasons)


@pytest.mark.parametrize(
    ("provider", "rung", "shown"),
    [
        ("exotel", "+918040001027", "+918040001027"),
        ("exotel", "+918040001001", "+918040001027"),
        ("twilio", "+918040001001", "+918040001001"),
        ("twilio", "+918040001099", None),
    ],
)
def test_people_see_the_number_they_know_where_it_can_call(
    provider: str, rung: str, shown: str | None
) -> None:
    campaign = campaigns.parse(shipped() | {"provider": provider})

    assert campaign.calling_number(rung) == shown


def test_a_campaign_without_a_flow_places_no_calls_through_exotel() -> None:
    assert a_campaign().calling_number("+918040001001") is None

"""`ringback polls`, `ringback issues` and `ringback gatherings`: what people answered, counted as it stands."""

from typing import Any

import pytest

from ringback.store import contacts
from tests.deployment import CALLER, OTHER_CALLER, VOLUNTEER, Deployment, sample
from tests.integration.ringback_cli.conftest import Read, Run
from tests.integration.test_answers import SUPPORT_PIPES, THIRD, in_march, rsvp, vote

PEOPLE = (CALLER, OTHER_CALLER, THIRD)


@pytest.fixture
def answered(deployment: Deployment) -> Deployment:
    """Three people: one came by TV, two by radio and back piped water. All vote and answer the invitation; two places."""
    deployment.publish("clean-water", in_march)
    deployment.ring(CALLER, VOLUNTEER, call_id="tv")
    deployment.ring(OTHER_CALLER, SUPPORT_PIPES, call_id="radio-1")
    deployment.ring(OTHER_CALLER, SUPPORT_PIPES, call_id="radio-2")
    deployment.ring(THIRD, SUPPORT_PIPES, call_id="radio-3")
    deployment.settle()
    deployment.report(deployment.messages(CALLER)[0], "sent", "20005")
    deployment.settle()
    for who, keys in zip(PEOPLE, ("12", "2", "1"), strict=True):
        for key in keys:
            vote(deployment, key, who)
    for who, key in zip(PEOPLE, "121", strict=True):
        rsvp(deployment, key, who)
    deployment.settle()
    return deployment


def test_polls_show_their_three_counts_side_by_side(answered: Deployment, run: Run, read: Read) -> None:
    (poll,) = read("polls")["polls"]

    assert (poll["campaign"], poll["poll"]) == ("clean-water", "first-need")
    assert (poll["raw"], poll["unique"], poll["verified"], poll["repeated"]) == (4, 3, 1, 1)
    assert (poll["early"], poll["late"]) == (0, 0)
    shown = run("polls", "list").output
    assert "raw answers" in shown
    assert "2026-03-08 20:00:00" in shown


def test_a_poll_is_shown_option_by_option(answered: Deployment, run: Run, read: Read) -> None:
    shown = read("polls", "show", "first-need")

    assert [(row["option"], row["people"], row["percent"], row["answers"]) for row in shown["options"]] == [
        ("well-testing", 2, 66.7, 2),
        ("piped-water", 1, 33.3, 2),
        ("hand-pumps", 0, 0.0, 0),
    ]
    assert shown["question"] == "Which should come first in your village?"
    assert "hand pump repair" in run("polls", "show", "first-need").output


def test_a_poll_is_split_by_source_by_area_and_by_day(answered: Deployment, run: Run, read: Read) -> None:
    by_source = read("polls", "show", "first-need", "--by", "source")["by_source"]
    by_day = read("polls", "show", "first-need", "--by", "day")["by_day"]

    assert [(row["source"], row["unique"], row["well-testing"], row["verified"]) for row in by_source] == [
        ("radio", 2, 1, 0),
        ("tv", 1, 1, 1),
    ]
    assert by_day == [
        {"day": "2026-03-02", "piped-water": 2, "well-testing": 2, "hand-pumps": 0, "answers": 4}
    ]
    assert [row["area"] for row in read("polls", "show", "first-need", "--by", "area")["by_area"]] == [
        "unknown"
    ]


def test_a_poll_without_answers_is_shown_too(deployment: Deployment, run: Run) -> None:
    assert "piped water" in run("polls", "show", "first-need").output
    assert "nobody has answered yet" in run("polls", "show", "first-need", "--by", "area").output


def test_issues_are_ranked_by_people_not_by_calls(answered: Deployment, run: Run, read: Read) -> None:
    first, *others = read("issues", "--campaign", "clean-water")["issues"]

    assert (first["rank"], first["issue"], first["unique"], first["raw"], first["calls"]) == (
        1,
        "piped-water",
        2,
        3,
        3,
    )
    assert (first["verified"], first["repeated"], first["pledges"]) == (0, 1, 0)
    assert {issue["rank"] for issue in others} == {2}
    assert {issue["unique"] for issue in others} == {0}
    assert "supporters" in run("issues").output


def test_issues_are_ranked_in_each_area(answered: Deployment, run: Run, read: Read) -> None:
    places = {OTHER_CALLER: "eci:S13/26/112", THIRD: "eci:S13/26/113"}
    for phone, place in places.items():
        contacts.set_field(answered.person(phone), "place", place, answered.clock.now())

    rows = read("issues", "--by", "area")["issues"]

    assert [(row["area"], row["rank"], row["unique"], row["raw"]) for row in rows] == [
        ("eci:S13/26/112", 1, 1, 2),
        ("eci:S13/26/113", 1, 1, 1),
    ]


def test_nothing_supported_is_said_in_words(deployment: Deployment, run: Run) -> None:
    assert "nobody has supported anything yet" in run("issues", "--by", "source").output


def test_a_gathering_shows_who_comes_who_does_not_and_who_is_silent(
    answered: Deployment, run: Run, read: Read
) -> None:
    answered.ring("+919000000150", VOLUNTEER, call_id="silent")
    answered.settle()

    (listed,) = read("gatherings")["gatherings"]
    shown = read("gatherings", "show", "training-day", "--by", "source")

    counts = ("capacity", "yes", "no", "no_reply", "places", "waiting", "attended")
    assert [listed[name] for name in counts] == [2, 2, 1, 1, 2, 0, 0]
    assert [(row["source"], row["yes"], row["no"], row["no_reply"]) for row in shown["by_source"]] == [
        ("radio", 1, 1, 0),
        ("tv", 1, 0, 1),
    ]
    assert "places taken" in run("gatherings").output
    assert "Panchayat Hall" in run("gatherings", "show", "training-day").output
    assert "no reply" in run("gatherings", "show", "training-day", "--by", "area").output


def test_whoever_comes_is_checked_in_at_the_door_and_their_number_stays_masked(
    answered: Deployment, run: Run, read: Read
) -> None:
    first = run("gatherings", "check-in", "training-day", "09000000101")
    second = run("gatherings", "check-in", "training-day", CALLER)

    assert first.exit_code == second.exit_code == 0
    assert first.output == "+9190••••01 is at training-day\n"
    shown = read("gatherings", "show", "training-day")
    assert (shown["attended"], shown["attended_with_place"], shown["attended_percent"]) == (1, 1, 50.0)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("polls", "show", "picnic"), "no campaign has a poll 'picnic'"),
        (("gatherings", "show", "picnic"), "no campaign has a gathering 'picnic'"),
        (
            ("gatherings", "show", "picnic", "--campaign", "clean-water"),
            "campaign clean-water has no gathering 'picnic'",
        ),
        (("gatherings", "check-in", "training-day", "09000000999"), "knows nobody by that number"),
        (("gatherings", "check-in", "training-day", "hello"), "that is no phone number"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(
    deployment: Deployment, run: Run, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run(*arguments)

    assert result.exit_code == 1
    assert sentence in result.output


def test_two_campaigns_with_one_poll_must_be_told_apart(deployment: Deployment, run: Run, read: Read) -> None:
    def the_same_poll(document: dict[str, Any]) -> None:
        voice = sample("clean-water")["voice"]
        document["voice"] = {key: voice[key] for key in ("languages", "default_language", "values", "polls")}

    deployment.publish("library-hours", the_same_poll)

    assert (
        "name one with --campaign (clean-water, library-hours)" in run("polls", "show", "first-need").output
    )
    assert read("polls", "show", "first-need", "--campaign", "library-hours")["unique"] == 0

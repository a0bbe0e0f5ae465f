"""`ringback polls`: what people answered to polls."""

from collections.abc import Iterator

import click

from ringback.domain.answers import Kind, Tally, Topic
from ringback.domain.campaigns import Campaign
from ringback.domain.polls import Poll
from ringback.services import answers
from ringback_cli import output, tallies
from ringback_cli.deployment import Deployment, on_deployment

_THREE = {"raw": "raw answers", "unique": "people", "verified": "verified"}
_DAY = "day"


@click.group(
    cls=output.Noun,
    epilog="""\b
Examples:
  ringback polls                                   every poll, with its three counts
  ringback polls show first-need                   how it stands, option by option
  ringback polls show first-need --by source       the same, by where people saw us
  ringback polls show first-need --by day          answers as they came in
Of each person the last answer given between opening and close counts. Raw counts every answer in that time, verified
the people whose number an SMS has reached; early and late answers are kept and not counted.
""",
)
def polls() -> None:
    """Polls: one answer a person, the last one counts."""


@polls.command("list")
@on_deployment
@tallies.of_campaign
@output.as_json
def list_(deployment: Deployment, campaign: str | None, as_json: bool) -> None:
    """Every poll with its counts. Reads every answer, so it takes a while where there are many."""
    rows: list[output.Row] = []
    with output.waiting("Counting answers"):
        for content in tallies.campaigns(campaign):
            for poll in _polls(content):
                rows.append({"campaign": content.id, **_about(poll), **_counts(_tally(content, poll))})
    if as_json:
        output.document({"polls": rows})
        return
    columns = {"campaign": "campaign", "poll": "poll", "opens_at": "opens", "closes_at": "closes"}
    output.table(columns | _THREE | {"early": "early", "late": "late"}, rows, "no campaign has a poll")


@polls.command()
@click.argument("poll")
@on_deployment
@tallies.of_campaign
@click.option(
    "--by",
    type=click.Choice([*tallies.GROUPINGS, _DAY]),
    help="Split by people's area, by the source that brought them (tv, rally …), or by day.",
)
@output.as_json
def show(deployment: Deployment, poll: str, campaign: str | None, by: str | None, as_json: bool) -> None:
    """How a poll stands."""
    found = [
        content for content in tallies.campaigns(campaign) if poll in {each.id for each in _polls(content)}
    ]
    content = tallies.the_one(found, f"poll {poll!r}", campaign)
    (asked,) = (each for each in _polls(content) if each.id == poll)
    with output.waiting("Counting answers"):
        whole = _tally(content, asked)
        rows = list(
            _days(content, asked)
            if by == _DAY
            else _groups(content, asked, by)
            if by
            else _options(asked, whole, content)
        )
    about = {
        "campaign": content.id,
        **_about(asked),
        "question": asked.questions.get(content.default_language),
        **_counts(whole),
    }
    if as_json:
        output.document(about | {f"by_{by}" if by else "options": rows})
        return
    output.card({key.replace("_", " "): value for key, value in about.items()})
    output.table(
        {key: key.replace("_", " ") for key in rows[0]} if rows else {}, rows, "nobody has answered yet"
    )


def _polls(content: Campaign) -> list[Poll]:
    return list(content.voice.polls.values()) if content.voice else []


def _topic(poll: Poll) -> Topic:
    return Topic(Kind.POLL, poll.id)


def _tally(content: Campaign, poll: Poll) -> Tally:
    return answers.tally(content, _topic(poll)).get(answers.WHOLE, Tally())


def _about(poll: Poll) -> dict[str, object]:
    return {"poll": poll.id, "opens_at": poll.opens_at, "closes_at": poll.closes_at}


def _counts(tally: Tally) -> dict[str, object]:
    return {
        "raw": tally.raw,
        "unique": tally.unique,
        "verified": tally.verified,
        "repeated": tally.repeated,
        "early": tally.early,
        "late": tally.late,
    }


def _options(poll: Poll, tally: Tally, content: Campaign) -> Iterator[output.Row]:
    """Most people first; also options nobody chose, and ones that the poll once had."""
    named = {option: names.get(content.default_language) for option, names in poll.options.items()}
    for option in sorted({*named, *tally.people}, key=lambda option: (-tally.people[option], option)):
        yield {
            "option": option,
            "name": named.get(option),
            "people": tally.people[option],
            "percent": tallies.percent(tally.people[option], tally.unique),
            "answers": tally.given[option],
        }


def _groups(content: Campaign, poll: Poll, by: str) -> Iterator[output.Row]:
    split = answers.tally(content, _topic(poll), tallies.GROUPINGS[by])
    for group, tally in sorted(split.items(), key=lambda each: (-each[1].unique, each[0])):
        yield {
            by: group or tallies.UNKNOWN,
            **{option: tally.people[option] for option in poll.options},
            **_counts(tally),
        }


def _days(content: Campaign, poll: Poll) -> Iterator[output.Row]:
    for day, given in answers.by_day(content, _topic(poll)).items():
        yield {
            _DAY: day.isoformat(),
            **{option: given[option] for option in poll.options},
            "answers": given.total(),
        }

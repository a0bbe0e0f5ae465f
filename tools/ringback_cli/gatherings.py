"""`ringback gatherings`: who comes, who waits, who came."""

from dataclasses import asdict

import click

from ringback.domain.answers import Turnout
from ringback.domain.campaigns import Campaign
from ringback.domain.errors import Rejected
from ringback.domain.gatherings import Gathering
from ringback.domain.phones import Unreadable, Withheld
from ringback.services import answers
from ringback.services import gatherings as organising
from ringback_cli import output, tallies
from ringback_cli.deployment import Deployment, on_deployment

_COLUMNS = {
    "yes": "yes",
    "no": "no",
    "no_reply": "no reply",
    "places": "places taken",
    "waiting": "waiting",
    "attended": "attended",
    "attended_percent": "% of places attended",
}


@click.group(
    cls=output.Noun,
    epilog="""\b
Examples:
  ringback gatherings                                        every gathering
  ringback gatherings show training-day --by area            live, for whoever brings the chairs
  ringback gatherings check-in training-day 09000000101      they are here
Who says yes gets a place while there are some; further people wait and move up, in order, when somebody cancels.
No reply is whoever the campaign knows and may write to, and who has not answered.
""",
)
def gatherings() -> None:
    """Gatherings: who comes, who waits, and checking in."""


@gatherings.command("list")
@on_deployment
@tallies.of_campaign
@output.as_json
def list_(deployment: Deployment, campaign: str | None, as_json: bool) -> None:
    """Every gathering with its counts. Reads every contact, so it takes a while where there are many."""
    rows: list[output.Row] = []
    with output.waiting("Counting answers"):
        for content in tallies.campaigns(campaign):
            for each in answers.gatherings(content).values():
                rows.append({"campaign": content.id, **_about(each), **_counts(_whole(content, each.id))})
    if as_json:
        output.document({"gatherings": rows})
        return
    columns = {
        "campaign": "campaign",
        "gathering": "gathering",
        "starts_at": "starts",
        "capacity": "capacity",
    }
    output.table(columns | _COLUMNS, rows, "no campaign has a gathering")


@gatherings.command()
@click.argument("gathering")
@on_deployment
@tallies.of_campaign
@tallies.split
@output.as_json
def show(deployment: Deployment, gathering: str, campaign: str | None, by: str | None, as_json: bool) -> None:
    """Yes, no and no reply as they stand now; in all, or by area or source."""
    content = _owner(gathering, campaign)
    planned = answers.gatherings(content)[gathering]
    with output.waiting("Counting answers"):
        about = {
            "campaign": content.id,
            **_about(planned),
            "name": planned.names.get(content.default_language),
            "place": planned.places.get(content.default_language),
            **_counts(_whole(content, gathering)),
        }
        split = answers.turnout(content, gathering, tallies.GROUPINGS[by]) if by else {}
    rows: list[output.Row] = [
        {str(by): group, **_counts(turnout)}
        for group, turnout in sorted(split.items(), key=lambda each: (-each[1].yes, each[0]))
    ]
    if as_json:
        output.document(about | ({f"by_{by}": rows} if by else {}))
        return
    output.card({key.replace("_", " "): value for key, value in about.items()})
    if by:
        output.table({by: by} | _COLUMNS, rows, "the campaign knows nobody yet")


@gatherings.command("check-in")
@click.argument("gathering")
@click.argument("phone")
@on_deployment
@tallies.of_campaign
def check_in(deployment: Deployment, gathering: str, phone: str, campaign: str | None) -> None:
    """Note that a person came. Doing it twice changes nothing."""
    content = _owner(gathering, campaign)
    try:
        contact = organising.check_in(deployment.runtime, content, gathering, phone)
    except (Unreadable, Withheld) as problem:
        raise Rejected(f"that is no phone number: {problem}") from None
    click.echo(f"{output.number(contact.phone, clear=False)} is at {gathering}")


def _owner(gathering: str, campaign: str | None) -> Campaign:
    found = [content for content in tallies.campaigns(campaign) if gathering in answers.gatherings(content)]
    return tallies.the_one(found, f"gathering {gathering!r}", campaign)


def _whole(content: Campaign, gathering: str) -> Turnout:
    return answers.turnout(content, gathering).get(answers.WHOLE, Turnout())


def _about(gathering: Gathering) -> dict[str, object]:
    return {"gathering": gathering.id, "starts_at": gathering.starts_at, "capacity": gathering.capacity}


def _counts(turnout: Turnout) -> dict[str, object]:
    return asdict(turnout) | {
        "attended_percent": tallies.percent(turnout.attended_with_place, turnout.places)
    }

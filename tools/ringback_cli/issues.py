"""`ringback issues`: what people support most."""

import click

from ringback.domain.answers import MISSED_CALL, PLEDGE, Kind, Tally, Topic
from ringback.services import answers
from ringback_cli import output, tallies
from ringback_cli.deployment import Deployment, on_deployment


@click.command(
    epilog="""\b
Examples:
  ringback issues                      ranked by supporters
  ringback issues --by area            ranked in each area
  ringback issues --by source
A supporter is a person, by however many missed calls and pledges; calls and pledges are counted raw beside them.
"""
)
@on_deployment
@tallies.of_campaign
@tallies.split
@output.as_json
def issues(deployment: Deployment, campaign: str | None, by: str | None, as_json: bool) -> None:
    """Issues ranked by how many people support them, by missed call or in a menu."""
    rows: list[output.Row] = []
    with output.waiting("Counting support"):
        for content in tallies.campaigns(campaign):
            groups: dict[str, dict[str, Tally]] = {}
            for issue in answers.issues(content):
                split = answers.tally(
                    content, Topic(Kind.ISSUE, issue), tallies.GROUPINGS[by] if by else None
                )
                for group, tally in (split or ({} if by else {answers.WHOLE: Tally()})).items():
                    groups.setdefault(group, {})[issue] = tally
            for group, ranked in sorted(groups.items()):
                rows += _ranked(content.id, by, group, ranked)
    if as_json:
        output.document({"issues": rows})
        return
    columns = {"campaign": "campaign", **({by: by} if by else {}), "rank": "rank", "issue": "issue"}
    columns |= {"unique": "supporters", "verified": "verified", "calls": "missed calls", "pledges": "pledges"}
    output.table(columns | {"repeated": "more than once"}, rows, "nobody has supported anything yet")


def _ranked(campaign: str, by: str | None, group: str, tallied: dict[str, Tally]) -> list[output.Row]:
    """Most supporters first; equal ones share a rank."""
    in_order = sorted(tallied.items(), key=lambda each: (-each[1].unique, each[0]))
    return [
        {
            "campaign": campaign,
            **({by: group or tallies.UNKNOWN} if by else {}),
            "rank": 1 + sum(other.unique > tally.unique for other in tallied.values()),
            "issue": issue,
            "unique": tally.unique,
            "verified": tally.verified,
            "raw": tally.raw,
            "calls": tally.given[MISSED_CALL],
            "pledges": tally.given[PLEDGE],
            "repeated": tally.repeated,
            "early": tally.early,
            "late": tally.late,
        }
        for issue, tally in in_order
    ]

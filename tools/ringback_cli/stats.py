"""`ringback stats`: raw, unique and verified calls side by side."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import click

from ringback.domain import feedback, metrics
from ringback.domain.calls import Caller
from ringback.domain.campaigns import Campaign
from ringback.domain.feedback import Grievance
from ringback.domain.times import INDIA
from ringback.services import metrics as counts
from ringback.store import catalog, counters
from ringback.store import feedback as grievances
from ringback_cli import moments, output
from ringback_cli.deployment import Deployment, on_deployment
from ringback_cli.moments import MOMENT, Written

_INSTANT = timedelta(microseconds=1)
_ALSO = {
    str(Caller.WITHHELD): "withheld",
    str(Caller.UNREADABLE): "unreadable",
    str(Caller.NOT_A_PERSON): "not a person",
    str(Caller.OURSELVES): "ourselves",
    metrics.UNKNOWN_NUMBER: "not our number",
    metrics.FOREIGN_NUMBER: "another campaign's number",
    metrics.UNPARSED: "unparsed",
    metrics.IVR: "answered with a menu",
    metrics.DELIVERED: "SMS delivered",
    metrics.FAILED: "SMS failed",
    metrics.VOTERS_DIALLED: "voters rung",
    metrics.VOTERS_REACHED: "voters reached",
    metrics.TRACKERS_DIALLED: "trackers rung",
}
"""Counts shown for a whole campaign, and how they are called."""


_GRIEVANCES = {
    "grievances": "grievances",
    "overdue": "overdue",
    "answered-in-time-percent": "answered in 24 h, %",
}
"""What is shown of grievances where there are any, and how it is called."""


@click.command(
    epilog="""\b
Examples:
  ringback stats                                    every campaign
  ringback stats --campaign clean-water --by number
  ringback stats --by hour --since 24h
Raw counts every call that came in, missed or answered with a menu. A caller is unique at the first call to the
campaign, number or source, and verified when an SMS has reached the phone. Voters reached are those who talked; for how
long, `ringback patches stats` says. Grievances answered in 24 hours are a share of those that are answered, closed or
overdue. Counts part where a number suddenly has many calls of few callers, or many callers whom no SMS reaches: it may be
spread under false pretences. `--by number` says which.
"""
)
@on_deployment
@click.option("--campaign", metavar="NAME", help="Only this campaign's.")
@click.option("--by", type=click.Choice(["number", "source", "hour"]), help="Split the counts.")
@click.option("--since", type=MOMENT, help="From this hour on: 2h, 3d, 2026-11-21, 2026-11-21T11:00.")
@click.option("--until", type=MOMENT, help="Up to, and without, this hour.")
@output.as_json
def stats(
    deployment: Deployment,
    campaign: str | None,
    by: str | None,
    since: Written | None,
    until: Written | None,
    as_json: bool,
) -> None:
    """Raw, unique and verified calls side by side.

    Counts stand by the hour of the call, Indian time.
    """
    now = deployment.runtime.clock.now()
    first = _hour(moments.read(since, now)) if since else ""
    last = _hour(moments.read(until, now) - _INSTANT) if until else "~"
    rows: list[dict[str, object]] = []
    for name in [campaign] if campaign else sorted(catalog.campaigns()):
        content = catalog.current(name)
        parting = {number.number: str(how) for number, how in counts.diverging(name, now)}
        hours = {hour.hour: counted for hour, counted in counters.hours(name, first, last).items()}
        rows += _split(content, by, hours, parting)
        if by is None:
            recorded = (each for each in grievances.every(name) if first <= _hour(each.recorded_at) <= last)
            rows[-1] |= _responsiveness(recorded, now)
    if as_json:
        output.document({"stats": rows})
        return
    columns: dict[str, str] = {"campaign": "campaign"}
    if by:
        columns[by] = by
    columns |= {"raw": "raw calls", "unique": "unique callers", "verified": "verified callers"}
    if by is None:
        columns |= {name: heading for name, heading in _ALSO.items() if any(row[name] for row in rows)}
        if any(row["grievances"] for row in rows):
            columns |= _GRIEVANCES
    if any(row.get("diverging") for row in rows):
        columns["diverging"] = "counts part, by source"
    output.table(columns, rows, "nothing is published: `ringback publish`")


def _split(
    content: Campaign, by: str | None, hours: Mapping[str, Counter[str]], parting: Mapping[str, str]
) -> Iterator[dict[str, object]]:
    """`parting` is which numbers' counts part in these two days, and how, whatever span is asked for."""
    total: Counter[str] = sum(hours.values(), Counter())
    match by:
        case "hour":
            for hour, counted in sorted(hours.items()):
                yield {"campaign": content.id, "hour": hour, **_three(counted)}
        case "number":
            for number in content.numbers.values():
                place = f" number:{number.number}"
                yield {
                    "campaign": content.id,
                    "number": number.number,
                    "source": number.source,
                    **_three(total, place),
                    "diverging": parting.get(number.number),
                }
        case "source":
            for source in sorted({number.source for number in content.numbers.values()}):
                yield {"campaign": content.id, "source": source, **_three(total, f" source:{source}")}
        case _:
            sources = sorted({f"{content.numbers[number].source}: {how}" for number, how in parting.items()})
            also = {name: total[name] for name in _ALSO}
            yield {"campaign": content.id, **_three(total), **also, "diverging": sources}


def _three(counted: Counter[str], place: str = "") -> dict[str, object]:
    """Raw, unique and verified of a campaign or of a place in it; None where verified was not counted by place."""
    is_verified_known = (
        not place
        or not counted[metrics.VERIFIED]
        or any(name.startswith(f"{metrics.VERIFIED} ") for name in counted)
    )
    return {
        metrics.RAW: counted[f"{metrics.RAW}{place}"],
        metrics.UNIQUE: counted[f"{metrics.UNIQUE}{place}"],
        metrics.VERIFIED: counted[f"{metrics.VERIFIED}{place}"] if is_verified_known else None,
    }


def _responsiveness(recorded: Iterable[Grievance], now: datetime) -> dict[str, object]:
    """Counted from the grievances themselves, each time anew."""
    counted = feedback.responsiveness(recorded, now)
    share = None if counted.share is None else round(100 * counted.share, 1)
    return {
        "grievances": counted.received,
        "overdue": counted.overdue,
        "answered-in-time-percent": share,
    }


def _hour(at: datetime) -> str:
    return at.astimezone(INDIA).strftime("%Y-%m-%dT%H")

"""`ringback grievances`: what callers recorded, from hearing it to answering it."""

from datetime import datetime
from pathlib import Path

import click

from ringback import recordings
from ringback.domain import feedback
from ringback.domain.errors import NotFound
from ringback.domain.feedback import Grievance, Kind, State
from ringback.services import feedback as grievances_service
from ringback.store import contacts
from ringback.store import feedback as store
from ringback_cli import moments, output, private_files
from ringback_cli.deployment import Deployment, on_deployment
from ringback_cli.moments import MOMENT, Written

_campaign = click.option("--campaign", metavar="NAME", help="Only this campaign's.")
_OPEN = "open"


@click.group(
    cls=output.Noun,
    epilog="""\b
Examples:
  ringback grievances                                   the 20 that are due soonest or newest
  ringback grievances list --state new                  what nobody has tagged yet
  ringback grievances list --overdue                    whom to call now
  ringback grievances play 7pn5nw2h7h63btyp             a link to the recording, good for 5 minutes
  ringback grievances play 7pn5nw2h7h63btyp --save a.mp3
  ringback grievances tag 7pn5nw2h7h63btyp issue:sewage urgency:high --note "open drain at the school"
  ringback grievances answer 7pn5nw2h7h63btyp --note "called back; the drain is covered on Monday"
  ringback grievances counts --since 7d                 by week, issue, area and urgency
""",
)
def grievances() -> None:
    """What callers recorded: hear it, tag it, answer it in time."""


@grievances.command("list")
@on_deployment
@_campaign
@click.option(
    "--state",
    type=click.Choice([_OPEN, *map(str, State)]),
    help="Only those that stand there; open is new or tagged.",
)
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only those with this tag: issue:sewage.")
@click.option("--overdue", is_flag=True, help="Only those whose answer should have come by now.")
@output.limited
@output.as_json
def list_(
    deployment: Deployment,
    campaign: str | None,
    state: str | None,
    tags: tuple[str, ...],
    overdue: bool,
    limit: int,
    as_json: bool,
) -> None:
    """Grievances: the open ones first, in the order they are due, then the others, newest first."""
    now = deployment.runtime.clock.now()
    wanted = feedback.read_tags(tags)
    found = [
        grievance
        for grievance in output.counted("Reading grievances", store.every(campaign))
        if (state is None or grievance.state == state or (state == _OPEN and grievance.is_open))
        and all(grievance.value(kind) == value for kind, value in wanted.items())
        and (not overdue or grievance.is_overdue(now))
    ]
    found.sort(key=_urgency)
    rows = [_row(grievance, now) for grievance in found[: limit or None]]
    if as_json:
        output.document({"grievances": rows, "found": len(found)})
        return
    columns = ("recorded_at", "campaign", "state", "issue", "area", "urgency", "answer_is", "recording", "id")
    output.table({key: key.replace("_", " ") for key in columns}, rows, "no grievances")
    if len(rows) < len(found):
        click.echo(f"{len(rows)} of {len(found):,} shown: --limit 0 shows all")


@grievances.command()
@click.argument("name", metavar="ID")
@on_deployment
@output.in_clear
@output.as_json
def show(deployment: Deployment, name: str, clear: bool, as_json: bool) -> None:
    """One grievance with all that is known of it, and whom to call back."""
    grievance = grievances_service.find(name)
    contact = contacts.load(grievance.person)
    row = _row(grievance, deployment.runtime.clock.now()) | {
        "phone": output.number(contact.phone, clear) if contact else None,
        "person": grievance.person,
        "topic": grievance.topic,
        "language": grievance.language,
        "cause": grievance.cause,
        "tagged_by": [f"{kind}: {tagged.by}" for kind, tagged in grievance.tags.items()],
        "note": output.words(grievance.note, clear) if grievance.note else None,
        "due_at": grievance.due_at,
        "reminders": grievance.reminders,
        "alarm_at": grievance.breached_at,
        "answered_at": grievance.answered_at,
        "answer": output.words(grievance.answer, clear) if grievance.answer else None,
        "closed_at": grievance.closed_at,
    }
    if as_json:
        output.document(row)
    else:
        output.card({key.replace("_", " "): value for key, value in row.items()})


@grievances.command()
@click.argument("name", metavar="ID")
@on_deployment
@click.option(
    "--save",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the recording to this file, readable by you alone, instead of printing a link.",
)
def play(deployment: Deployment, name: str, path: Path | None) -> None:
    """A link that plays the recording for five minutes, for whoever has it; or the recording in a file."""
    grievance = grievances_service.find(name)
    if grievance.recording is None:
        raise NotFound(f"{name} has no recording: {grievance.recording_problem or 'it is not copied yet'}")
    bucket = deployment.runtime.settings.recordings_bucket
    if path is None:
        click.echo(recordings.link(bucket, grievance.recording))
        return
    content = recordings.load(bucket, grievance.recording)
    with private_files.create(path, "wb") as file:
        file.write(content)
    click.echo(f"{len(content):,} bytes in {path}", err=True)


@grievances.command()
@click.argument("name", metavar="ID")
@click.argument("tags", metavar="TAG…", nargs=-1)
@on_deployment
@click.option("--note", help="What you heard, in your words; the campaign's rules read tags from it.")
def tag(deployment: Deployment, name: str, tags: tuple[str, ...], note: str | None) -> None:
    """Say what a grievance is about: issue:…, area:…, urgency:low, normal or high. Yours replace what stands there."""
    if not tags and not note:
        raise click.UsageError("name a tag, or write a --note")
    tagged = grievances_service.tag(name, feedback.read_tags(tags), note)
    click.echo(f"{name} is {tagged.state}: {_tags(tagged) or 'no tags'}")


@grievances.command()
@click.argument("name", metavar="ID")
@on_deployment
@click.option("--note", required=True, help="What the person was told.")
def answer(deployment: Deployment, name: str, note: str) -> None:
    """Note that you have answered the caller. It stops the clock, once."""
    answered = grievances_service.answer(deployment.runtime, name, note)
    when = "in time" if answered.is_answered_in_time else "late"
    assert answered.answered_at is not None
    took = moments.spoken(answered.answered_at - answered.recorded_at)
    click.echo(f"{name} is answered, {when}: {took} after it was recorded")


@grievances.command()
@click.argument("name", metavar="ID")
@on_deployment
@click.option("--note", help="Why, if it was not answered.")
def close(deployment: Deployment, name: str, note: str | None) -> None:
    """Put a grievance away. Closed without an answer, it counts as unanswered."""
    closed = grievances_service.close(deployment.runtime, name, note)
    click.echo(f"{name} is closed, {'answered' if closed.answered_at else 'not answered'}")


@grievances.command()
@on_deployment
@_campaign
@click.option("--since", type=MOMENT, help="Recorded from this moment on: 7d, 2026-11-21.")
@output.as_json
def counts(deployment: Deployment, campaign: str | None, since: Written | None, as_json: bool) -> None:
    """How many there are by week, issue, area and urgency."""
    start = moments.read(since, deployment.runtime.clock.now()) if since else None
    recorded = (each for each in store.every(campaign) if start is None or each.recorded_at >= start)
    rows = [
        {
            "week": cell.week,
            "issue": cell.issue or None,
            "area": cell.area or None,
            "urgency": cell.urgency or None,
            "grievances": n,
        }
        for cell, n in sorted(feedback.tally(recorded).items())
    ]
    if as_json:
        output.document({"counts": rows})
    else:
        output.table(
            {key: key for key in ("week", "issue", "area", "urgency", "grievances")}, rows, "no grievances"
        )


def _urgency(grievance: Grievance) -> tuple[bool, float, str]:
    """The open first, as they are due; then the others, newest first."""
    at = grievance.due_at.timestamp()
    return (not grievance.is_open, at if grievance.is_open else -at, grievance.id)


def _row(grievance: Grievance, now: datetime) -> dict[str, object]:
    return {
        "id": grievance.id,
        "recorded_at": grievance.recorded_at,
        "campaign": grievance.campaign,
        "state": str(grievance.state),
        **{str(kind): grievance.value(kind) for kind in Kind},
        "answer_is": _answer_is(grievance, now),
        "recording": _recording(grievance),
    }


def _answer_is(grievance: Grievance, now: datetime) -> str:
    if grievance.answered_at is not None:
        return "in time" if grievance.is_answered_in_time else "late"
    if not grievance.is_open:
        return "missing"
    left = grievance.due_at - now
    return (
        f"{moments.spoken(-left)} overdue" if grievance.is_overdue(now) else f"due in {moments.spoken(left)}"
    )


def _recording(grievance: Grievance) -> str:
    if grievance.recording is not None:
        return f"{grievance.seconds} s" if grievance.seconds is not None else "here"
    return grievance.recording_problem or "not here yet"


def _tags(grievance: Grievance) -> str:
    return ", ".join(f"{kind}:{tagged.value}" for kind, tagged in grievance.tags.items())

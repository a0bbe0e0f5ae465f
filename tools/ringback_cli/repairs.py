"""`ringback redrive`, `replay` and `recount`: putting right what went wrong. Each is safe to run twice."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import boto3
import click

from ringback import queues
from ringback.domain.errors import Rejected
from ringback.domain.facts import Entry
from ringback.services import facts, metrics
from ringback_cli import moments, output
from ringback_cli.deployment import Deployment, on_deployment
from ringback_cli.moments import MOMENT, Written

HIDDEN_SECONDS = 900
"""How long a dead letter stays hidden from others while it is seen to; a crash only delays it by that."""

_MARGIN = timedelta(minutes=1)
"""A stream says when a record arrived; our own moment of receipt lies a little before that."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message of a dead-letter queue; it is hidden from others until it is removed or put back."""

    body: str
    remove: Callable[[], object]
    put_back: Callable[[], object]


@click.command(
    epilog="""\b
Examples:
  ringback redrive          every queue
  ringback redrive send     messages that could not be seen to five times
  ringback redrive dial     calls that could not be placed five times
  ringback redrive react    facts that failed five times, and spans that the stream gave up
  ringback redrive recordings   recordings that could not be copied for a day
"""
)
@click.argument("what", type=click.Choice(["send", "dial", "react", "recordings"]), required=False)
@on_deployment
@output.as_json
def redrive(deployment: Deployment, what: str | None, as_json: bool) -> None:
    """Take up again what ended in a dead-letter queue.

    Do it once the cause is mended. Nothing is sent twice: what is claimed, sent or over is left as it is. A letter that is none of ours stays where it is.
    """
    settings = deployment.runtime.settings
    found: dict[str, dict[str, int]] = {}
    if what in (None, "send"):
        found["send"] = _redrive(deployment, deployment.send_dead_letters_url, settings.send_queue_url)
    if what in (None, "dial"):
        found["dial"] = _redrive(deployment, deployment.dial_dead_letters_url, settings.dial_queue_url)
    if what in (None, "react"):
        found["react"] = _redrive(
            deployment, deployment.react_dead_letters_url, settings.react_retry_queue_url
        )
    if what in (None, "recordings"):
        found["recordings"] = _redrive(
            deployment, deployment.recording_dead_letters_url, settings.recording_queue_url
        )
    if as_json:
        output.document(found)
    else:
        for name, sums in found.items():
            click.echo(f"{name}: " + ", ".join(f"{n:,} {result}" for result, n in sums.items()))
    if any(sums["left"] for sums in found.values()):
        raise Rejected(
            "some letters are none of ours, failed again, or name a span without facts; they stay in their queue"
        )


@click.command(
    epilog="""\b
Examples:
  ringback replay --from 2h                         the last two hours
  ringback replay --from 2026-11-21T09:00 --to 2026-11-21T12:00
"""
)
@on_deployment
@click.option("--from", "start", type=MOMENT, required=True, help="First moment of receipt.")
@click.option("--to", "end", type=MOMENT, default="0m", help="End of the span, not in it; without it, now.")
@output.as_json
def replay(deployment: Deployment, start: Written, end: Written, as_json: bool) -> None:
    """React again to a span of the journal.

    What was done is not done again and nothing is counted again; what is missing is made: contacts, messages, opt-outs.
    """
    now = deployment.runtime.clock.now()
    since, until = moments.read(start, now), moments.read(end, now)
    if since >= until:
        raise Rejected("the span is empty: --from must be earlier than --to")
    replayed, failed = _replay(deployment, since, until)
    if as_json:
        output.document(
            {
                "from": since,
                "to": until,
                "replayed": replayed,
                "failed": [entry.source_id for entry in failed],
            }
        )
    else:
        click.echo(f"{replayed:,} facts replayed, {len(failed):,} failed")
    if failed:
        named = ", ".join(entry.source_id for entry in failed[:3])
        raise Rejected(
            f"{len(failed):,} facts failed ({named} …): LOG_LEVEL=ERROR shows why; mend it, then replay again"
        )


@click.command()
@on_deployment
@output.as_json
def recount(deployment: Deployment, as_json: bool) -> None:
    """Make every counter again from the journal.

    The stored ones are put right and the drift is printed. Run it while few calls come in: one that arrives meanwhile may show as drift, and the next recount puts it right.
    """
    with output.progress("Counting the journal again") as step:
        drift = metrics.recount(deployment.runtime, step)
    rows = [
        {"campaign": hour.campaign, "hour": hour.hour, "count": name, "added": n}
        for hour, counted in sorted(drift.items(), key=lambda item: (item[0].campaign, item[0].hour))
        for name, n in sorted(counted.items())
    ]
    if as_json:
        output.document({"drift": rows})
    else:
        output.table(
            {key: key for key in ("campaign", "hour", "count", "added")},
            rows,
            "drift 0: every counter was right",
        )


def _redrive(deployment: Deployment, from_url: str, to_url: str) -> dict[str, int]:
    sums = {"moved": 0, "spans replayed": 0, "left": 0}
    left: list[Letter] = []
    for letter in output.counted("Redriving", _letters(from_url)):
        ticket, span = queues.read_or_none(letter.body), _span(letter.body, deployment)
        if ticket is not None:
            queues.put(to_url, [ticket])
            sums["moved"] += 1
        elif span is not None and _is_made_good(deployment, *span):
            sums["spans replayed"] += 1
        else:
            sums["left"] += 1
            left.append(letter)
            continue
        letter.remove()
    for letter in left:
        letter.put_back()
    return sums


def _is_made_good(deployment: Deployment, start: datetime, end: datetime) -> bool:
    """Whether replaying [start, end) reached the facts the stream gave up: there were some, and none failed."""
    replayed, failed = _replay(deployment, start, end)
    return replayed > 0 and not failed


def _replay(deployment: Deployment, start: datetime, end: datetime) -> tuple[int, list[Entry]]:
    """How many facts of [start, end) were replayed, and those that failed."""
    replayed = 0
    with output.progress("Replaying") as step:

        def count() -> None:
            nonlocal replayed
            replayed += 1
            step()

        failed = facts.replay(deployment.runtime, start, end, count)
    return replayed, failed


def _letters(url: str) -> Iterator[Letter]:
    """Every letter of a queue, once; each is hidden meanwhile, so the queue comes to an end."""
    sqs = boto3.client("sqs")
    while received := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=HIDDEN_SECONDS
    ).get("Messages"):
        for message in received:
            named = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
            yield Letter(
                message["Body"],
                remove=partial(sqs.delete_message, **named),
                put_back=partial(sqs.change_message_visibility, **named, VisibilityTimeout=0),
            )


def _span(body: str, deployment: Deployment) -> tuple[datetime, datetime] | None:
    """The span of the journal that a stream gave up, from the record Lambda leaves of it:
    `{"DDBStreamBatchInfo": {"approximateArrivalOfFirstRecord": "2026-11-21T05:30:00Z", "approximateArrivalOfLastRecord": …}}`.

    None for anything else. SOURCE: AWS Lambda developer guide, "Retain discarded batches", for DynamoDB.
    """
    try:
        batch = json.loads(body)["DDBStreamBatchInfo"]
        first, last = (
            datetime.fromisoformat(batch[f"approximateArrivalOf{which}Record"]) for which in ("First", "Last")
        )
    except (KeyError, TypeError, ValueError):
        return None
    offset = deployment.runtime.settings.clock_offset
    return first + offset - _MARGIN, last + offset + _MARGIN

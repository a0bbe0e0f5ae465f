"""Reacts to kept facts: from the journal's stream, and from the retry queue where a fact failed before."""

from typing import Any

from ringback import queues
from ringback.observability import observed
from ringback.runtime import current
from ringback.services.facts import Reaction
from ringback.store import journal

runtime = current()
reaction = Reaction(runtime)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    records = event["Records"]
    if records and records[0].get("eventSource") == "aws:sqs":
        return _again(records)
    inserted = [record["dynamodb"]["NewImage"] for record in records if record["eventName"] == "INSERT"]
    failed = reaction.react([journal.from_stream(image) for image in inserted])
    queues.put(
        runtime.settings.react_retry_queue_url,
        [queues.Ticket(entry.source_id, entry.key) for entry in failed],
    )
    return {}


def _again(records: list[dict[str, Any]]) -> dict[str, Any]:
    """React to single facts by their keys; each that fails again counts towards the dead-letter queue."""
    failures = []
    for record in records:
        ticket = queues.read_or_none(record["body"])
        entry = journal.load(ticket.hash_key, ticket.range_key) if ticket else None
        if entry is None or reaction.react([entry]):
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}

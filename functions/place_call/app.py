"""Places calls from the queue: gate, pace, claim, provider, outcome."""

from typing import Any

from ringback import queues
from ringback.observability import observed
from ringback.runtime import current
from ringback.services import accounts
from ringback.services.dials import Dialler

runtime = current()
dialler = Dialler(runtime, *accounts.connect(runtime))


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    tickets = {record["messageId"]: queues.read_or_none(record["body"]) for record in event["Records"]}
    again = set(dialler.place([ticket for ticket in tickets.values() if ticket]))
    failures = [message_id for message_id, ticket in tickets.items() if ticket is None or ticket in again]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failures]}

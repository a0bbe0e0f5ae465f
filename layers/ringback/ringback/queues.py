"""SQS: messages on their way to be sent, and facts to react to again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ringback.domain.errors import RingbackError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

LONGEST_DELAY_SECONDS = 900
"""SQS delays no message longer. Source: SQS developer guide, delay queues."""

LONGEST_KEY = 1024
"""Bytes of a range key. A longer one would make DynamoDB refuse a whole batch of reads. Source: DynamoDB developer guide, quotas."""

_MOST_IN_A_BATCH = 10


class NotQueued(RingbackError):
    """SQS took only a part of a batch; sending all of it again is safe, because every consumer expects repeats."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Two keys that name a row, and how long the queue should keep them back."""

    hash_key: str
    range_key: str
    delay_seconds: int = 0


def put(queue_url: str, tickets: Sequence[Ticket]) -> None:
    """Put tickets in a queue, ten to a request; `NotQueued` when SQS refused some of them."""
    for start in range(0, len(tickets), _MOST_IN_A_BATCH):
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {
                "Id": str(index),
                "MessageBody": json.dumps([ticket.hash_key, ticket.range_key]),
                "DelaySeconds": min(ticket.delay_seconds, LONGEST_DELAY_SECONDS),
            }
            for index, ticket in enumerate(tickets[start : start + _MOST_IN_A_BATCH])
        ]
        answer = _client().send_message_batch(QueueUrl=queue_url, Entries=entries)
        if failed := answer.get("Failed"):
            raise NotQueued(f"{len(failed)} of {len(entries)} not taken: {failed[0].get('Code')}")


def read_or_none(body: str) -> Ticket | None:
    """The ticket in a queue message; None when it is none of ours, which the dead-letter queue will keep."""
    try:
        keys = json.loads(body)
    except ValueError:
        return None
    if isinstance(keys, list) and len(keys) == 2 and all(map(_may_be_key, keys)):
        return Ticket(*keys)
    return None


def _may_be_key(key: object) -> bool:
    try:
        return isinstance(key, str) and 0 < len(key.encode()) <= LONGEST_KEY
    except UnicodeEncodeError:  # JSON can spell half a character
        return False


@cache
def _client() -> "SQSClient":
    import boto3

    return boto3.client("sqs")

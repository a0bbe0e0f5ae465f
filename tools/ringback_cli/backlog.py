"""How many messages are on their way, and how long the pace will take to let them out."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import boto3

from ringback.providers import exotel
from ringback.runtime import Runtime
from ringback.services.effects import SHARE_OF_RATE
from ringback.store import sending


@dataclass(frozen=True, slots=True)
class Backlog:
    """Messages in the send queue, and the time left until the last of them departs."""

    queued: int
    time_left: timedelta


def read(runtime: Runtime) -> Backlog:
    """The backlog now; SQS counts approximately."""
    answer = boto3.client("sqs").get_queue_attributes(
        QueueUrl=runtime.settings.send_queue_url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"],
    )
    queued = sum(map(int, answer["Attributes"].values()))
    next_departure = sending.next_departure(f"{exotel.NAME}-sms")
    return Backlog(
        queued, time_left(queued, next_departure, runtime.settings.sms_per_minute, runtime.clock.now())
    )


def time_left(queued: int, next_departure: datetime | None, sms_per_minute: int, now: datetime) -> timedelta:
    """How long until the last queued message departs: after the departures already taken, at the pace the sender keeps."""
    taken = max(next_departure - now, timedelta()) if next_departure else timedelta()
    if not sms_per_minute:
        return taken
    return taken + queued * timedelta(minutes=1) / (sms_per_minute * SHARE_OF_RATE)

"""Copying recordings from the provider to our own bucket: each once, retried while it is not there yet."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ringback import observability, queues, recordings
from ringback.domain.feedback import Grievance
from ringback.providers import downloads
from ringback.providers.downloads import Source
from ringback.queues import Ticket
from ringback.runtime import Runtime
from ringback.services import accounts
from ringback.store import feedback

PATIENCE = timedelta(days=1)
"""How long a recording is waited for. SOURCE: ready 1 to 5 minutes after the call, at peaks 15 (exotel.md §2.15)."""


def is_wanted(grievance: Grievance, now: datetime) -> bool:
    """Whether our copy is still to be made."""
    missing = grievance.recording is None and grievance.recording_problem is None
    return missing and now < grievance.recorded_at + PATIENCE


def first_ticket(runtime: Runtime, grievance: Grievance) -> Ticket:
    """The ticket that has a recording copied for the first time of asking."""
    return _ticket(runtime, grievance.id, 1)


def copy(runtime: Runtime, tickets: Sequence[Ticket]) -> list[Ticket]:
    """Copy recordings, by tickets (id, how many times asked); returns those to be received again, and at last buried.

    What the provider does not have yet goes back into the queue, each time for longer, until `PATIENCE` is over: only from then on
    does a failure count towards the dead letters.
    """
    failed: list[Ticket] = []
    for ticket in tickets:
        try:
            done = _copied(runtime, ticket)
        except Exception:
            observability.logger.exception("A recording failed", extra={"feedback": ticket.hash_key})
            done = False
        if not done:
            failed.append(ticket)
    return failed


def _copied(runtime: Runtime, ticket: Ticket) -> bool:
    """Whether nothing is left to do for this ticket."""
    grievance = feedback.load(ticket.hash_key)
    if grievance is None:
        return False
    source = accounts.recordings(runtime, grievance.provider)
    if grievance.recording is not None:
        return _cleared(grievance, source)
    match downloads.download(grievance.url, source):
        case downloads.Fetched(content, content_type):
            bucket = runtime.settings.recordings_bucket
            key = recordings.key_for(grievance.campaign, grievance.id, content_type)
            recordings.keep(bucket, key, content, content_type)
            feedback.copied(grievance.id, key)
            observability.count("RecordingCopied")
            return _cleared(grievance, source)
        case downloads.Refused(reason):
            feedback.not_copied(grievance.id, reason)
            observability.count("RecordingRefused")
            observability.logger.error(
                "A recording was refused", extra={"feedback": grievance.id, "reason": reason}
            )
            return True
        case downloads.Failed(reason):
            observability.logger.warning(
                "A recording could not be fetched", extra={"feedback": grievance.id, "reason": reason}
            )
        case downloads.NotThere():
            pass
    if runtime.clock.now() >= grievance.recorded_at + PATIENCE:
        observability.count("RecordingMissing")
        return False
    asked = int(ticket.range_key) if ticket.range_key.isdecimal() else 0
    queues.put(runtime.settings.recording_queue_url, [_ticket(runtime, grievance.id, asked + 1)])
    return True


def _cleared(grievance: Grievance, source: Source) -> bool:
    """Whether the provider holds no copy any more, where it can be told to."""
    return not source.deletes or downloads.delete(grievance.url, source)


def _ticket(runtime: Runtime, name: str, nth: int) -> Ticket:
    """The nth time of asking comes 15 s, 30 s, 1 min … after the one before, at last every quarter of an hour."""
    wait = runtime.settings.recording_wait_seconds * 2 ** (min(nth, 10) - 1)
    return Ticket(name, str(nth), min(round(wait), queues.LONGEST_DELAY_SECONDS))

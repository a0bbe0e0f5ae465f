"""The recordings the provider keeps: what each was made of, and from when it can be fetched."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from phone_network import sounds


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording. `ready_at` None = the file never appears."""

    account_sid: str
    name: str
    call_sid: str
    content_type: str
    seconds: float
    made_at: datetime
    ready_at: datetime | None

    @property
    def content(self) -> bytes:
        """The file: the same bytes whenever it is asked for."""
        return sounds.recorded(self.content_type, self.seconds, self.account_sid, self.name, self.call_sid)

    def is_ready(self, now: datetime) -> bool:
        """Say whether it can be fetched by now."""
        return self.ready_at is not None and now >= self.ready_at


class RecordingBook:
    """The recordings of all accounts."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, str], Recording] = {}
        self._fetched: Counter[tuple[str, str]] = Counter()

    def keep(self, recording: Recording) -> None:
        """Enter a recording."""
        self._by_name[recording.account_sid, recording.name] = recording

    def find(self, account_sid: str, name: str) -> Recording | None:
        """Return an account's recording with this name."""
        return self._by_name.get((account_sid, name))

    def note_fetched(self, recording: Recording) -> None:
        """Count one complete answer with the file."""
        self._fetched[recording.account_sid, recording.name] += 1

    def fetches(self, recording: Recording) -> int:
        """Return how often a file was answered with."""
        return self._fetched[recording.account_sid, recording.name]

    def remove(self, recording: Recording) -> None:
        """Forget a recording."""
        self._by_name.pop((recording.account_sid, recording.name), None)

    def all(self) -> list[Recording]:
        """Return every recording, oldest first."""
        return list(self._by_name.values())

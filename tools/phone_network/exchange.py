"""What a call in progress works with: the provider's equipment, shared by all calls of a network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from phone_network import sounds
from phone_network.applets import Prompt
from phone_network.callbacks import Callbacks, Spawn
from phone_network.calls import Call
from phone_network.clock import Clock
from phone_network.config import Account, Config
from phone_network.events import Feed
from phone_network.handsets import Handsets
from phone_network.lines import Line, Spoken
from phone_network.recordings import Recording, RecordingBook
from phone_network.second_legs import SecondLegs

_UNCHECKED_SECONDS = 5.0


@dataclass(slots=True)
class Exchange:
    """Clients, clocks and shelves. `own_url`: the network's address, known once it is served."""

    config: Config
    clock: Clock
    feed: Feed
    callbacks: Callbacks
    spawn: Spawn
    handsets: Handsets
    send_text: Callable[[Account, str, str, str, str], None]
    """Send an SMS to a number, with entity id and template id, from an account."""
    second_legs: SecondLegs
    recordings: RecordingBook = field(default_factory=RecordingBook)
    own_url: str = ""
    _seconds_of_sound: dict[str, float] = field(default_factory=dict)

    async def spoken(self, line: Line, prompts: Sequence[Prompt]) -> list[Spoken]:
        """Return the prompts that can be played, with their lengths; a sound that cannot be is noted and left out.

        A sound file is fetched once and then kept by its URL: another sound needs another name.
        """
        ready = []
        for prompt in prompts:
            if prompt.text:
                ready.append(Spoken(prompt, sounds.spoken_seconds(prompt.text)))
                continue
            try:
                ready.append(Spoken(prompt, await self._sound_seconds(prompt.audio_url)))
            except ValueError as error:
                line.note("failed", what="sound", url=prompt.audio_url, reason=str(error))
        return ready

    async def _sound_seconds(self, url: str) -> float:
        if not self.config.fetches_sounds:
            return _UNCHECKED_SECONDS
        if url not in self._seconds_of_sound:
            answer = await self.callbacks.load(url)
            if answer is None or answer.status != 200:
                raise ValueError("no answer" if answer is None else f"answered with {answer.status}")
            self._seconds_of_sound[url] = sounds.played_seconds(answer.body)
        return self._seconds_of_sound[url]

    def keep_recording(self, call: Call, account: Account, seconds: float) -> None:
        """Keep a recording of a call and let its later applets tell of it.

        SOURCE: recording URLs in captures: `.../exotelrecordings/<account>/<CallSid>.mp3`.
        """
        call.recordings_made += 1
        now = call.line.now() if call.line else self.clock.now()
        suffix = "mp3" if account.recording_type == sounds.MP3 else "wav"
        nth = f".{call.recordings_made}_0" if call.recordings_made > 1 else ""
        name = f"{call.sid}{nth}.{suffix}"
        plan = self.callbacks.plan
        cause = (*call.cause, call.recordings_made)
        wait = self.config.timing.recording_ready_seconds
        if plan.strikes("recording_late", *cause):
            wait += self.config.timing.fault_delay_seconds
        due = self.clock.now() + timedelta(seconds=wait)
        self.recordings.keep(
            Recording(
                account_sid=account.sid,
                name=name,
                call_sid=call.sid,
                content_type=account.recording_type,
                seconds=seconds,
                made_at=now,
                ready_at=None if plan.strikes("recording_never", *cause) else due,
            )
        )
        base = self.config.recordings_url or self.own_url
        call.recording_url = f"{base}/exotelrecordings/{account.sid}/{name}"
        call.recording_due_at = due
        self.feed.tell("recording.made", call_sid=call.sid, url=call.recording_url, seconds=round(seconds, 3))

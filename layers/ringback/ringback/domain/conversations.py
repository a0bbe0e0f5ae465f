"""Calls that walk through a menu, turn by turn: what is kept of one between its turns.

A call keeps the content version it began with, the fingerprint of the request that made each turn, and its last answers: a request that
comes again gets its old answer and changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ringback.domain.menus import PLAYBACK, Session, State, Turn
from ringback.domain.nodes import Menu
from ringback.domain.turns import Ask, Dial, Reach, Sound, Utterance, read_ask, written

ANSWERS_KEPT = 3
"""A provider repeats a request within seconds; nobody is three turns behind by then."""

QUIET_FOR = timedelta(minutes=5)
"""After so long without a turn a caller has left. Our assumption: 30 s of prompt in five languages, a recording and the time-outs of a
question come to three minutes."""

CONNECTED_FOR = timedelta(minutes=70)
"""The same for a caller who was put through to somebody: an hour of talk, and the ringing before it."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What a turn answered, by the names of prompts: `{"turn": 2, "speak": [["welcome", "hi"]], "ask": {"is": "keys", …}}`."""

    turn: int
    speak: tuple[tuple[str, ...], ...]
    """Prompt and language, and for a caller's own recording its address."""
    ask: Ask

    def to_document(self) -> dict[str, Any]:
        return {"turn": self.turn, "speak": [list(said) for said in self.speak], "ask": written(self.ask)}

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> "Saved":
        """The answer that `to_document` wrote."""
        return Saved(
            document["turn"], tuple(tuple(said) for said in document["speak"]), read_ask(document["ask"])
        )

    def spoken(self, menu: Menu) -> tuple[Utterance, ...]:
        """What was said, word for word; the menu must be of the version it was said in."""
        return tuple(
            Utterance(prompt, Sound(url[0], None, "") if url else menu.prompts[prompt][language], language)
            for prompt, language, *url in self.speak
            if url or language in menu.prompts.get(prompt, {})
        )


@dataclass(frozen=True, slots=True)
class Call:
    """One call in a menu, as it stands after its last turn."""

    call_id: str
    """`exotel:<CallSid>`."""
    campaign: str
    version: int
    menu: str
    number: str
    """The number of ours that was rung, E.164."""
    caller: str | None
    """As written by the provider."""
    person: str | None
    """None when nobody knows who calls."""
    session: Session
    began_at: datetime
    last_at: datetime
    """When we heard of it last, by our clock."""
    turn: int = 0
    fingerprints: tuple[str, ...] = ()
    """Of the requests that made the turns, in their order."""
    answers: tuple[Saved, ...] = ()
    """The last ones, newest last."""
    recording_url: str | None = None
    """The last recording the provider told of: it goes on telling of it."""
    dial: str | None = None
    """The id of the dial when we placed the call; then `number` is the one it was placed from."""

    @property
    def is_live(self) -> bool:
        return self.session.state is State.TALKING

    def has_gone_quiet(self, now: datetime) -> bool:
        """Whether the caller must have left: providers do not tell of everybody who hangs up."""
        connected = bool(self.answers) and isinstance(self.answers[-1].ask, Dial | Reach)
        return self.is_live and now - self.last_at > (CONNECTED_FOR if connected else QUIET_FOR)

    def answer_to(self, fingerprint: str) -> Saved | None:
        """What a request was answered that came before; None for a new one. An answer no longer kept is as good as the last."""
        if fingerprint not in self.fingerprints:
            return None
        turn = self.fingerprints.index(fingerprint) + 1
        return next((answer for answer in self.answers if answer.turn == turn), self.answers[-1])


def saved(number: int, turn: Turn) -> Saved:
    """A turn's answer as it is kept."""
    return Saved(number, tuple(map(_named, turn.speak)), turn.ask)


def _named(said: Utterance) -> tuple[str, ...]:
    if said.prompt == PLAYBACK and isinstance(said.content, Sound):
        return said.prompt, said.language, said.content.url
    return said.prompt, said.language

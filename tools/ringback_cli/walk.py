"""`ringback walk`: a menu without a phone. Also the golden transcripts that tests walk again."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import yaml

from ringback.domain.influencers import Stage
from ringback.domain.menus import RESERVED, REVIEW, Session, State, Turn, step
from ringback.domain.nodes import Menu
from ringback.domain.turns import (
    Ask,
    Begin,
    Connected,
    Dial,
    HungUp,
    Identified,
    Input,
    Keys,
    Knowledge,
    Nothing,
    Pressed,
    Reach,
    Recorded,
    Recording,
    Silence,
    Sound,
    Spoken,
    Utterance,
    written,
)
from ringback_cli import menus

MEANS = (
    "a key (0-9 *), s = silence or heard to the end, r = a recording, `say …` = speech, h = hang up; where a PIN is asked for: "
    "pin = the right one, with a verdict awaited, `pin idle` = with none, digits = a wrong one; where somebody is connected: "
    "talk = they talked, miss = nobody took the call, `nobody …` = nobody was rung, and why (nobody-free, slots, cap)"
)

A_TRACKER = {"tracker": "a" * 26, REVIEW: f"{'b' * 26}-r001"}
"""What is known of whoever gave the right PIN."""


@click.command(
    epilog=f"""\b
What to type: {MEANS}.
Examples:
  ringback walk --menu main --lang hi
  ringback walk --menu poll --lang ta --keys s,2
  ringback walk --menu grievance --lang ur --keys s,1,r,1 --save grievance-ur.yaml
  ringback walk --menu influencer --stage APPROVED --keys s,1,talk,1
  ringback walk --menu tracker --keys s,1234,pin,1,3
"""
)
@click.option("--menu", "name", metavar="NAME", default="main", show_default=True)
@click.option(
    "--lang",
    "language",
    metavar="CODE",
    help="What we take for the caller's language; the campaign's own without.",
)
@click.option(
    "--stage",
    type=click.Choice([stage.value for stage in Stage]),
    help="Where the caller stands as an influencer.",
)
@click.option("--keys", metavar="1,2,…", help="What the caller does, instead of asking; then they hang up.")
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the walk here, as a golden transcript.",
)
@menus.folder
@menus.campaign
def walk(
    name: str,
    language: str | None,
    stage: str | None,
    keys: str | None,
    save: Path | None,
    folder: Path,
    campaign: str | None,
) -> None:
    """Walk a menu in the terminal: hear what callers hear, press keys."""
    menu = menus.named(menus.load(folder, campaign), name)
    speaking = menus.spoken(menu, language)
    doings = _asked() if keys is None else filter(None, map(str.strip, keys.split(",")))
    turns: list[dict[str, Any]] = []
    for did, turn in walked(menu, speaking, doings, stage):
        if turns and keys is not None:
            click.echo(f"> {did}")
        for line in _shown(turn):
            click.echo(line)
        turns.append(_turn_document(did, turn))
    if save:
        save.write_text(_yaml(_document(menu, speaking, stage, turns)), encoding="utf-8")
        click.echo(f"written to {save}")


def transcript(menu: Menu, language: str, doings: Iterable[str], stage: str | None = None) -> dict[str, Any]:
    """What a walk comes to, as it is written in a golden transcript."""
    turns = [_turn_document(did, turn) for did, turn in walked(menu, language, doings, stage)]
    return _document(menu, language, stage, turns)


def walked(
    menu: Menu, language: str, doings: Iterable[str], stage: str | None = None
) -> Iterator[tuple[str, Turn]]:
    """Walk until the call ends. A caller with nothing more to do hangs up; the session goes through JSON each time."""
    turn = step(menu, None, Begin(Knowledge(language=language, stage=stage)))
    yield "begin", turn
    waiting = iter(doings)
    while turn.session.state is State.TALKING:
        did = next(waiting, "h")
        session = Session.from_document(turn.session.to_document())
        turn = step(menu, session, _input(did, turn.session.steps, turn.ask))
        yield did, turn


def _input(did: str, turn: int, ask: Ask) -> Input:
    match did.split(" ", 1), ask:
        case [[""] | ["s"], _]:
            return Silence()
        case [["h"], _]:
            return HungUp()
        case [["r"], _]:
            return Recorded(f"https://recordings.example/{turn}.wav", 12)
        case [["say", words], _]:
            return Spoken(words, 0.9)
        case [["talk"] | ["miss"], Reach()]:
            return Connected(talked=did == "talk")
        case [["nobody", *why], Reach()]:
            return Connected(talked=False, reason="".join(why) or "nobody-free")
        case [["pin"], Keys(secret=True)]:
            return Identified(ok=True, fields=A_TRACKER)
        case [["pin", "idle"], Keys(secret=True)]:
            return Identified(ok=True, fields={"tracker": A_TRACKER["tracker"]})
        case [_, Keys(secret=True)] if did not in RESERVED:
            return Identified(ok=False)
    return Pressed(did)


def _asked() -> Iterator[str]:
    click.echo(MEANS)
    while True:
        yield str(click.prompt(">", default="s", show_default=False, prompt_suffix=" ")).strip()


def _shown(turn: Turn) -> Iterator[str]:
    for effect in turn.effects:
        document = written(effect)
        name = document.pop("is")
        yield f"    · {name} {' '.join(f'{key}={value}' for key, value in document.items())}".rstrip()
    for utterance in turn.speak:
        yield f"  {_said(utterance)}"
    match turn.ask:
        case Keys(timeout_seconds=seconds, secret=True):
            yield f"    [{turn.session.node}] waits {seconds} s for a PIN"
        case Keys(timeout_seconds=seconds, words=words):
            yield f"    [{turn.session.node}] waits {seconds} s for a key{' or a word' if words else ''}"
        case Recording(max_seconds=seconds):
            yield f"    [{turn.session.node}] beep, records up to {seconds} s"
        case Dial(to=to):
            yield f"    [{turn.session.node}] connects to {to}"
        case Reach(party=party):
            yield f"    [{turn.session.node}] connects to a {party}"
        case Nothing(end=False):
            yield f"    [{turn.session.node}] is heard to its end"
        case _:
            yield "    the call has ended"


def _said(utterance: Utterance) -> str:
    content = utterance.content
    words = f"♪ {content.url} {content.says}".rstrip() if isinstance(content, Sound) else content.says
    return f"{utterance.prompt} {utterance.language}: {words}"


def _turn_document(did: str, turn: Turn) -> dict[str, Any]:
    ask = {key: value for key, value in written(turn.ask).items() if value not in ("", ())}
    kind = ask.pop("is")
    if ask.get("secret") is False:
        del ask["secret"]
    return {
        "did": did,
        "node": turn.session.node,
        "speak": [_said(utterance) for utterance in turn.speak],
        "ask": {kind: _listed(ask)},
        "effects": [written(effect) for effect in turn.effects],
    }


def _document(menu: Menu, language: str, stage: str | None, turns: list[dict[str, Any]]) -> dict[str, Any]:
    known = {"stage": stage} if stage else {}
    return {"menu": menu.id, "language": language, **known, "turns": turns}


def _listed(ask: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in ask.items()}


def _yaml(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=10_000)

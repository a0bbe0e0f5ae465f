"""`ringback walk`: a menu without a phone. Also the golden transcripts that tests walk again."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import yaml

from ringback.domain.menus import Session, State, Turn, step
from ringback.domain.nodes import Menu
from ringback.domain.turns import (
    Begin,
    Dial,
    HungUp,
    Input,
    Keys,
    Knowledge,
    Nothing,
    Pressed,
    Recorded,
    Recording,
    Silence,
    Sound,
    Spoken,
    Utterance,
    written,
)
from ringback_cli import menus

MEANS = "a key (0-9 *), s = silence or heard to the end, r = a recording, `say …` = speech, h = hang up"


@click.command(
    epilog=f"""\b
What to type: {MEANS}.
Examples:
  ringback walk --menu main --lang hi
  ringback walk --menu poll --lang ta --keys s,2
  ringback walk --menu grievance --lang ur --keys s,1,r,1 --save grievance-ur.yaml
"""
)
@click.option("--menu", "name", metavar="NAME", default="main", show_default=True)
@click.option(
    "--lang",
    "language",
    metavar="CODE",
    help="What we take for the caller's language; the campaign's own without.",
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
    name: str, language: str | None, keys: str | None, save: Path | None, folder: Path, campaign: str | None
) -> None:
    """Walk a menu in the terminal: hear what callers hear, press keys."""
    menu = menus.named(menus.load(folder, campaign), name)
    speaking = menus.spoken(menu, language)
    doings = _asked() if keys is None else filter(None, map(str.strip, keys.split(",")))
    turns: list[dict[str, Any]] = []
    for did, turn in walked(menu, speaking, doings):
        if turns and keys is not None:
            click.echo(f"> {did}")
        for line in _shown(turn):
            click.echo(line)
        turns.append(_turn_document(did, turn))
    if save:
        save.write_text(_yaml({"menu": name, "language": speaking, "turns": turns}), encoding="utf-8")
        click.echo(f"written to {save}")


def transcript(menu: Menu, language: str, doings: Iterable[str]) -> dict[str, Any]:
    """What a walk comes to, as it is written in a golden transcript."""
    turns = [_turn_document(did, turn) for did, turn in walked(menu, language, doings)]
    return {"menu": menu.id, "language": language, "turns": turns}


def walked(menu: Menu, language: str, doings: Iterable[str]) -> Iterator[tuple[str, Turn]]:
    """Walk until the call ends. A caller with nothing more to do hangs up; the session goes through JSON each time."""
    turn = step(menu, None, Begin(Knowledge(language=language)))
    yield "begin", turn
    waiting = iter(doings)
    while turn.session.state is State.TALKING:
        did = next(waiting, "h")
        session = Session.from_document(turn.session.to_document())
        turn = step(menu, session, _input(did, turn.session.steps))
        yield did, turn


def _input(did: str, turn: int) -> Input:
    match did:
        case "s" | "":
            return Silence()
        case "h":
            return HungUp()
        case "r":
            return Recorded(f"https://recordings.example/{turn}.wav", 12)
    return Spoken(did.removeprefix("say "), 0.9) if did.startswith("say ") else Pressed(did)


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
        case Keys(timeout_seconds=seconds, words=words):
            yield f"    [{turn.session.node}] waits {seconds} s for a key{' or a word' if words else ''}"
        case Recording(max_seconds=seconds):
            yield f"    [{turn.session.node}] beep, records up to {seconds} s"
        case Dial(to=to):
            yield f"    [{turn.session.node}] connects to {to}"
        case Nothing(end=False):
            yield f"    [{turn.session.node}] is heard to its end"
        case _:
            yield "    the call has ended"


def _said(utterance: Utterance) -> str:
    content = utterance.content
    words = f"♪ {content.url} {content.says}".rstrip() if isinstance(content, Sound) else content.says
    return f"{utterance.prompt} {utterance.language}: {words}"


def _turn_document(did: str, turn: Turn) -> dict[str, Any]:
    ask = {key: value for key, value in asdict(turn.ask).items() if value not in ("", ())}
    return {
        "did": did,
        "node": turn.session.node,
        "speak": [_said(utterance) for utterance in turn.speak],
        "ask": {type(turn.ask).__name__.lower(): _listed(ask)},
        "effects": [written(effect) for effect in turn.effects],
    }


def _listed(ask: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in ask.items()}


def _yaml(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=10_000)

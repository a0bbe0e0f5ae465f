"""Campaign documents as they stand in `catalog/`: the campaign in a file, what it says by voice in a folder of its own."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Document = Mapping[str, Any]
"""A campaign as it is written down."""

Read = Callable[[Path], Document]
"""Reads one YAML file."""

_SHARED = "voice.yaml"


def with_voice(document: Document, menus: Path, read: Read) -> Document:
    """A campaign's document together with its voice, if `menus` has a folder named after the campaign with a `voice.yaml` in it."""
    home = menus / str(document.get("campaign"))
    return {**document, "voice": voice(home, read)} if (home / _SHARED).is_file() else document


def voice(home: Path, read: Read) -> dict[str, Any]:
    """What `voice.yaml` holds, and every other file beside it as the menu that is named after it."""
    menus = {path.stem: read(path) for path in sorted(home.glob("*.yaml")) if path.name != _SHARED}
    return {**read(home / _SHARED), "menus": menus}

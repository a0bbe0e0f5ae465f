"""The functions as `make build` built them, and as they would be if nothing were compiled; plus the bare handler, built the same way."""

import compileall
import os
import py_compile
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import NotMeasured
from ringback_local.template import ROOT

BUILD = Path(os.environ.get("RINGBACK_BUILD", ROOT / ".aws-sam" / "build"))
"""Where `sam build` puts functions and layers, by logical id; RINGBACK_BUILD names another build to measure."""

BARE = Path(__file__).parent / "bare"
BARE_STEP = Path(__file__).parent / "bare_step"
BARE_CONNECT = Path(__file__).parent / "bare_connect"

NAMES = ("VoiceWebhook", "SmsWebhook", "React", "SendMessage", "Release", "Reconcile")

PEOPLE_NAMES = ("PlaceCall", "VerifyInfluencerTasks", "PatchCallTasks")
"""What verifications and patched calls need besides."""

_ALL = (*NAMES, *PEOPLE_NAMES)
_LAYERS = ("DependenciesLayer", "RingbackLayer")


@dataclass(frozen=True, slots=True)
class Artefact:
    """A function's folder, and its layers as they come on the path."""

    folder: Path
    layers: tuple[Path, ...]


def built() -> Mapping[str, Artefact]:
    """Every function by its logical id. Raises `NotMeasured` when there is no build, or one without compiled code."""
    layers = tuple(BUILD / layer / "python" for layer in _LAYERS)
    if not all(path.is_dir() for path in (*layers, *(BUILD / name for name in NAMES))):
        raise NotMeasured(f"nothing is built in {BUILD}: run `make build` first")
    if not all(any(layer.rglob("*.pyc")) for layer in layers):
        raise NotMeasured(f"the layers in {BUILD} hold no compiled code: run `make build` again")
    return {name: Artefact(BUILD / name, layers) for name in _ALL}


def bare(folder: Path, source: Path = BARE) -> Artefact:
    """A bare handler, compiled in `folder`, on the same dependencies layer."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(folder, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    return Artefact(folder, built()["VoiceWebhook"].layers[:1])


def uncompiled(artefact: Artefact, folder: Path) -> Artefact:
    """A copy of an artefact without any compiled code."""
    return Artefact(
        _copied(artefact.folder, folder / artefact.folder.name),
        tuple(_copied(layer, folder / layer.parent.name) for layer in artefact.layers),
    )


def _copied(source: Path, target: Path) -> Path:
    if not target.exists():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    return target

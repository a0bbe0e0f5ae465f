"""``python -m ringback_local.built``: runs every handler that `sam build` built, with only its folder and the layers on the path.

What is packaged wrongly shows here: a module that was left out, a package that needs something compiled, a missing .pyc.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ringback.runtime import current
from ringback_local import samples, template
from ringback_local.invoke import addressed, running_stack
from ringback_local.runtime_api import InitFailed, Worker

BUILD = template.ROOT / ".aws-sam" / "build"
PYTHON = template.ROOT / ".venv-sam" / "bin" / "python"
"""The Python of the build, which is the one that runs in Lambda."""
LAYERS = ("DependenciesLayer", "RingbackLayer")
EVENTS = {
    "VoiceWebhook": "exotel/call_missed.json",
    "SmsWebhook": "exotel/sms_delivered.json",
    "React": "journal/call_missed_inserted.json",
    "SendMessage": "sqs/send_message.json",
    "PlaceCall": "sqs/place_call.json",
    "Release": "schedule/every_minute.json",
    "Reconcile": "schedule/every_five_minutes.json",
    "CopyRecording": "sqs/copy_recording.json",
    "GrievanceClock": "clock/remind.json",
    "VerifyInfluencerTasks": "machines/ask_tracker.json",
    "PatchCallTasks": "machines/settle_patch.json",
}
"""An event for each function, under `events/`."""


def main() -> int:
    faults = [*layer_faults(), *handler_faults()]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def layer_faults() -> Iterator[str]:
    """A layer must run on arm64 though it was built here, and start from compiled files."""
    for layer in LAYERS:
        packages = layer_path(layer)
        sources = {path.with_suffix("") for path in packages.rglob("*.py")}
        compiled = {path.parent.parent / path.name.split(".")[0] for path in packages.rglob("*.pyc")}
        native = [path for ending in ("so", "pyd") for path in packages.rglob(f"*.{ending}")]
        size = sum(path.stat().st_size for path in packages.rglob("*") if path.is_file())
        print(f"{layer}: {size / 1e6:.1f} MB, {len(sources)} modules")
        yield from (f"{layer}: {path.relative_to(packages)} is compiled for one machine" for path in native)
        yield from (
            f"{layer}: {path.relative_to(packages)}.py has no .pyc" for path in sorted(sources - compiled)
        )


def handler_faults() -> Iterator[str]:
    """Every function must take its sample event."""
    with running_stack() as local:
        for name in template.functions(template.read()):
            environment = local.function(name).environment
            os.environ.update(environment)
            event = addressed(
                json.loads((template.ROOT / "events" / EVENTS[name]).read_text(encoding="utf-8")), local.keys
            )
            samples.lay_out(current(), event)
            try:
                with Worker(
                    BUILD / name,
                    environment,
                    [layer_path(layer) for layer in LAYERS],
                    python=str(PYTHON),
                    output=subprocess.DEVNULL,
                ) as worker:
                    invocation = worker.invoke(event)
                    memory = worker.peak_memory_mb()
            except InitFailed as error:
                yield f"{name}: {error}"
                continue
            if invocation.error:
                yield f"{name}: {json.dumps(invocation.error)}"
            print(
                f"{name}: init {worker.init_seconds * 1000:.0f} ms, event {invocation.milliseconds:.0f} ms, {memory:.0f} MB"
            )


def layer_path(layer: str) -> Path:
    return BUILD / layer / "python"


if __name__ == "__main__":
    sys.exit(main())

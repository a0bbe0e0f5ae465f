"""``python -m ringback_local.invoke FUNCTION EVENT.json``: runs one event through a function under the real runtime client.

The function's tables, queues and secrets are those of the local stack, which is started if it does not run. A sample event
names no live address; the stack's own takes its place, and what a task speaks of is laid out for it.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ringback.runtime import current
from ringback.services import callbacks, campaigns
from ringback_local import samples, stack, template
from ringback_local.keys import Keys
from ringback_local.network import parsed, sample_documents
from ringback_local.runtime_api import InitFailed, Worker, source_path
from ringback_local.stack import Stack

SAMPLE_VOICE = re.compile(r"/voice/local-dev-voice-([a-z0-9-]+?)-0+/(.+)")
SAMPLE_SMS = re.compile(r"/sms/status/([^/]+)/[^/]+")


def main(arguments: list[str] | None = None) -> int:
    functions = template.functions(template.read())
    parser = argparse.ArgumentParser(prog="invoke", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("function", choices=functions, help="logical id in template.yaml")
    parser.add_argument("event", type=Path, help="a file of events/")
    given = parser.parse_args(arguments)
    with running_stack() as local:
        function = local.function(given.function)
        os.environ.update(function.environment)
        event = addressed(json.loads(given.event.read_text(encoding="utf-8")), local.keys)
        samples.lay_out(current(), event)
        try:
            with Worker(
                function.folder, function.environment, source_path(template.ROOT), output=2
            ) as worker:
                invocation = worker.invoke(event)
                memory = worker.peak_memory_mb()
        except InitFailed as error:
            print(f"{given.function} could not be imported: {error}", file=sys.stderr)
            return 1
    print(json.dumps(invocation.error or invocation.result, indent=2, ensure_ascii=False))
    print(
        f"Init {worker.init_seconds * 1000:.0f} ms, duration {invocation.milliseconds:.1f} ms, memory {memory:.0f} MB",
        file=sys.stderr,
    )
    return 1 if invocation.error else 0


@contextmanager
def running_stack() -> Iterator[Stack]:
    """The local stack if it runs, else one of its own for as long as this lasts, with the sample campaigns published."""
    documents = list(sample_documents())
    if addresses := stack.running():
        yield Stack.attached(parsed(documents), addresses)
        return
    print("Starting a stack for this one invocation …", file=sys.stderr)
    with Stack(parsed(documents)) as local:
        os.environ.update(local.environment())
        for document in documents:
            campaigns.publish(current(), document)
        yield local


def addressed(event: Any, keys: Keys) -> Any:
    """A sample event with the stack's live token, or its proof, in the path."""
    path = event.get("rawPath", "") if isinstance(event, dict) else ""
    if match := SAMPLE_VOICE.fullmatch(path):
        return {**event, "rawPath": f"/voice/{keys.voice_tokens[match[1]]}/{match[2]}"}
    if match := SAMPLE_SMS.fullmatch(path):
        return {**event, "rawPath": urlsplit(callbacks.report_address(current(), match[1])).path}
    return event


if __name__ == "__main__":
    sys.exit(main())

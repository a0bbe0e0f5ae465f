"""Reacting again to the whole journal, and seeing what that changed."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from typing import Any

from ringback import observability, settings
from ringback.domain.facts import Entry
from ringback.domain.messages import State
from ringback.domain.times import BEGINNING
from ringback.runtime import Clock, Runtime
from ringback.services.facts import Reaction
from ringback.store import journal, tables
from ringback_cli.stories import Tell
from ringback_cli.stories.stage import Stage

END = datetime(9000, 1, 1, tzinfo=UTC)

_LATER = timedelta(hours=2)
_AT_ONCE = 4
_BATCH = 50

Rows = dict[tuple[str, str], Mapping[str, Any]]
"""(table or bucket, key) → what stands there."""


def changed_by_replay(stage: Stage, tell: Tell) -> list[str]:
    """React again to everything the journal holds, let it come to rest, and tell what is another than before."""
    before = rows(stage)
    failed = _react_again(stage, list(journal.between(BEGINNING, END)), tell)
    stage.quiet(tell, "replaying")
    return [*failed, *differences(before, rows(stage))]


def differences(before: Rows, after: Rows) -> list[str]:
    """What was made, lost or changed between two looks, in a sentence each; but for a message that waited and is refused by now: what
    waits is looked at again, and its person may have been suppressed since.
    """
    return [
        _difference(*key, before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and not _is_another_look(before.get(key), after.get(key))
    ]


def _is_another_look(was: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> bool:
    before, after = ((row or {}).get("state") for row in (was, now))
    return (before, after) == ({"S": str(State.HELD)}, {"S": str(State.REFUSED)})


def _difference(table: str, key: str, was: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> str:
    if was is None or now is None:
        return f"{'made' if was is None else 'lost'} in {table}: {key}"
    names = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
    return f"changed in {table}: {', '.join(names)} of {key}"


def rows(stage: Stage) -> Rows:
    """Every row of every table, and every recording of ours."""
    found: Rows = {}
    for model in tables.ALL:
        found.update(_of_table(stage, model.Meta.table_name))
    bucket = stage.runtime.settings.recordings_bucket
    for page in stage.stack.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket):
        found.update({(bucket, each["Key"]): {"content": each["ETag"]} for each in page.get("Contents", ())})
    return found


def _of_table(stage: Stage, table: str) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    client = stage.stack.client("dynamodb")
    keys = [key["AttributeName"] for key in client.describe_table(TableName=table)["Table"]["KeySchema"]]
    for page in client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            yield (table, " ".join(item[key]["S"] for key in keys)), item


def _react_again(stage: Stage, entries: Sequence[Entry], tell: Tell) -> list[str]:
    """The facts that failed. It is done as if hours later: a report that is news, and tells of a fault of ours, would rightly have the
    sending paused again. In processes of their own, which the emulator keeps busy: one would take longer than the story.
    """
    offset = stage.runtime.settings.clock_offset + _LATER
    batches = [entries[start : start + _BATCH] for start in range(0, len(entries), _BATCH)]
    failed: list[str] = []
    with ProcessPoolExecutor(_AT_ONCE, get_context("spawn"), _reacts, (offset,)) as processes:
        for nth, left in enumerate(processes.map(_react, batches), 1):
            failed += left
            tell("replaying the journal", nth, len(batches))
    return failed


_reaction: Reaction
"""Of a process that replays; it finds the stage's stack in its environment."""


def _reacts(offset: timedelta) -> None:
    global _reaction
    observability.logger.setLevel("CRITICAL")  # the story speaks for it
    _reaction = Reaction(Runtime(settings.from_environment(os.environ), Clock(offset)))


def _react(batch: Sequence[Entry]) -> list[str]:
    left = _reaction.react(batch, counting=False)
    return [f"failed again: {entry.source_id} {entry.key}" for entry in left]

"""The tasks of the state machines `patch_call` and `ring_back_patch`: ring the influencer, wait for the end, ask the provider, settle."""

from collections.abc import Mapping
from typing import Any

from ringback.observability import observed
from ringback.runtime import current
from ringback.services import accounts, ring_backs, slots

runtime = current()
providers = {provider.name: provider for provider in accounts.connect(runtime)}


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> Mapping[str, object]:
    match event:
        case {"task": "wait", "call": str(call_id), "token": str(token)}:
            return slots.wait(runtime, call_id, token)
        case {"task": "ask", "call": str(call_id)}:
            return slots.ask(runtime, providers, call_id)
        case {"task": "settle", "call": str(call_id)}:
            return slots.settle(runtime, call_id)
        case {"task": "ring", "dial": str(dial_id), "cause": str(cause)}:
            return ring_backs.ring(runtime, dial_id, cause)
        case {"task": "wait-for-patch", "dial": str(dial_id), "token": str(token)}:
            return ring_backs.wait(dial_id, token)
        case {"task": "give-up", "dial": str(dial_id)}:
            return ring_backs.broke(dial_id)
        case _:
            raise ValueError(f"no task of a patched call: {event.get('task')!r}")

"""Walking a call through the applets of its flow."""

from typing import assert_never

from phone_network.callbacks import Callbacks, Spawn
from phone_network.calls import Call
from phone_network.config import Applet, Hangup, Passthru


async def walk(call: Call, callbacks: Callbacks, spawn: Spawn) -> None:
    """Run the applets of the call's flow in order; return when it hangs up or the flow ends.

    An asynchronous Passthru does not hold the call; its answer is not used. A synchronous one does: 200
    goes on, anything else, no answer too, takes the other branch.
    """
    await _run(call, call.exophone.flow, "", callbacks, spawn)


async def _run(call: Call, flow: tuple[Applet, ...], place: str, callbacks: Callbacks, spawn: Spawn) -> None:
    for index, applet in enumerate(flow):
        here = f"{place}{index}"
        match applet:
            case Hangup():
                return
            case Passthru(is_async=True):
                spawn("callbacks", callbacks.ask(call, applet, here))
            case Passthru():
                if await callbacks.ask(call, applet, here) != 200:
                    await _run(call, applet.otherwise, f"{here}.", callbacks, spawn)
                    return
            case _:
                assert_never(applet)

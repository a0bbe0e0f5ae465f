"""What the machines' sample events speak of: a task fails without its row, so the row is laid out first, once.

Both rows are of things that are over, so that nothing follows from them in a stack that runs on.
"""

from collections.abc import Mapping
from datetime import timedelta

from ringback.domain.patches import Patch
from ringback.domain.patches import State as PatchState
from ringback.domain.reviews import Kind, Review, State
from ringback.domain.turns import Party
from ringback.runtime import Runtime
from ringback.store import catalog, patches, reviews

PERSON = "4gp4wjhodgysggjt3zh62ntffn"
CAMPAIGN, NUMBER = "clean-water", "+918040001031"
REVIEW = f"{PERSON}-r001"
CALL = "exotel:b7e12c0a94d3f5e86170a2c4d6e8f99y"


def lay_out(runtime: Runtime, event: Mapping[str, object]) -> None:
    """Write the row that a sample event of `events/machines` speaks of; nothing for any other event, or when it is there."""
    now = runtime.clock.now()
    if event.get("review") == REVIEW:
        until = now + timedelta(hours=1)
        reviews.keep(Review(PERSON, "r001", CAMPAIGN, Kind.VERIFICATION, now, until, State.REJECTED))
    if event.get("call") == CALL:
        version = catalog.current_version(CAMPAIGN) or 0
        patches.note(
            Patch(CALL, CAMPAIGN, version, NUMBER, PERSON, Party.VOTER, now, now, now, PatchState.OVER)
        )

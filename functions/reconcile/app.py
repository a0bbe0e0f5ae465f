"""Every five minutes: creates from the provider's call listing what lost callbacks would have created."""

from typing import Any

from ringback.observability import observed
from ringback.runtime import current
from ringback.services import accounts, calls

runtime = current()
provider = accounts.connect(runtime)

_SPARE_MS = 30_000


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    run = calls.reconcile(
        runtime, provider, has_time=lambda: context.get_remaining_time_in_millis() > _SPARE_MS
    )
    return {"listed": run.listed, "created": run.created, "complete": run.complete}

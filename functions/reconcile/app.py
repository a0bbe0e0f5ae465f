"""Every five minutes: creates from the provider's call listing what lost callbacks would have created."""

from typing import Any

from ringback.observability import observed
from ringback.runtime import current
from ringback.services import accounts, calls

runtime = current()
provider = accounts.connect(runtime)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    run = calls.reconcile(runtime, provider)
    return {"listed": run.listed, "created": run.created, "complete": run.complete}

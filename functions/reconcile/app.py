"""Every five minutes: settles grievances that lost their clock, creates from the provider's call listing what lost callbacks would have
created, and watches whether a number's counts part."""

from typing import Any

from ringback.observability import observed
from ringback.runtime import current
from ringback.services import accounts, calls, feedback, metrics

runtime = current()
providers = accounts.connect(runtime)

_SPARE_MS = 30_000


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    swept = feedback.sweep(runtime)
    runs = [
        calls.reconcile(
            runtime, provider, has_time=lambda: context.get_remaining_time_in_millis() > _SPARE_MS
        )
        for provider in providers
    ]
    return {
        "listed": sum(run.listed for run in runs),
        "created": sum(run.created for run in runs),
        "complete": all(run.complete for run in runs),
        "settled": swept.settled,
        "breached": swept.breached,
        "diverging": metrics.watch(runtime),
    }

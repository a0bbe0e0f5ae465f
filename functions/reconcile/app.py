"""Every five minutes: settles grievances, reviews and patches that lost their machine or a callback, takes back go-aheads that are too
old, queues voters again whose ticket got lost, creates from the provider's call listing what lost callbacks would have created, and
watches whether a number's counts part."""

from typing import Any

from ringback.observability import observed
from ringback.runtime import current
from ringback.services import accounts, calls, feedback, influencers, metrics, pools, reviews, slots

runtime = current()
providers = accounts.connect(runtime)

_SPARE_MS = 30_000


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    swept = feedback.sweep(runtime)
    expired = influencers.sweep(runtime)

    def has_time() -> bool:
        return bool(context.get_remaining_time_in_millis() > _SPARE_MS)

    is_asked = False
    try:
        healed = slots.heal(runtime, providers, has_time)
        runs = [calls.reconcile(runtime, provider, has_time=has_time) for provider in providers]
        is_asked = True
    finally:
        # After the provider was asked how talks ended. Where that broke off, nobody is given up of whom it may know.
        reviewed = reviews.sweep(runtime, gives_up=is_asked)
    return {
        "listed": sum(run.listed for run in runs),
        "created": sum(run.created for run in runs),
        "legs_asked_after": sum(run.asked for run in runs),
        "complete": all(run.complete for run in runs),
        "settled": swept.settled,
        "breached": swept.breached,
        "diverging": metrics.watch(runtime),
        "reviews_settled": reviewed.settled,
        "reviews_expired": reviewed.expired,
        "approvals_expired": expired,
        "leases_settled": healed.settled,
        "slots_corrected": healed.corrected,
        "voters_found": pools.sweep(runtime),
    }

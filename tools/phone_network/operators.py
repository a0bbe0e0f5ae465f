"""The mobile operators: scrub an accepted SMS against DLT, carry it to the handset, say what became of it."""

import asyncio

from phone_network import dlt, numbers
from phone_network.callbacks import Callbacks
from phone_network.clock import Clock
from phone_network.config import Account, Timing
from phone_network.events import Feed
from phone_network.faults import FaultPlan
from phone_network.handsets import Handset, ReceivedSms
from phone_network.messages import Sms, Stage

_SCRUBBED = (
    Stage.SENDER_BLOCKED_BY_DLT,
    Stage.FAILED_DLT_SCRUBBING_ERROR,
    Stage.DLT_TEMPLATE_ID_INACTIVE,
    Stage.DLT_TEMPLATE_DOES_NOT_MATCH,
)
_STRUCK = {
    "sms_dnd": Stage.FAILED_REJECTED_DND,
    "sms_unknown_subscriber": Stage.FAILED_SUBSCRIBER_UNKNOWN,
    "sms_expired": Stage.FAILED_EXPIRED,
    "sms_operator_error": Stage.FAILED_OPERATOR_ERROR,
}


def verdict(sms: Sms, account: Account, handset: Handset, plan: FaultPlan) -> Stage:
    """Return how an SMS ends: what is wrong with the sender first, then with the person, then with the day.

    A person on DND gets transactional SMS all the same, as the register only stops promotion.
    """
    if wrong := _scrub(sms, account):
        return wrong
    if plan.strikes("sms_dlt_rejected", *sms.cause):
        return _SCRUBBED[int(plan.share("scrubbed", *sms.cause) * len(_SCRUBBED))]
    if handset.is_dnd and not sms.sms_type.startswith("transactional"):
        return Stage.FAILED_REJECTED_DND
    if not numbers.may_take_sms(sms.to):
        return Stage.FAILED_INVALID_DESTINATION_NUMBER
    if not handset.is_known:
        return Stage.FAILED_SUBSCRIBER_UNKNOWN
    if not handset.is_on:
        return Stage.FAILED_EXPIRED
    return next(
        (end for fault, end in _STRUCK.items() if plan.strikes(fault, *sms.cause)), Stage.DELIVERED_TO_HANDSET
    )


def _scrub(sms: Sms, account: Account) -> Stage | None:
    if not sms.to.startswith("+91"):
        return None
    if not sms.entity_id:
        return Stage.FAILED_INVALID_MESSAGE
    if sms.entity_id not in account.entity_ids:
        return Stage.DLT_ENTITY_NOT_FOUND
    if not sms.template_id:
        return Stage.TEMPLATE_BLOCKED_BY_DLT
    template = account.templates.get(sms.template_id)
    if template is None:
        return Stage.DLT_TEMPLATE_NOT_FOUND
    if template.headers and sms.header not in template.headers:
        return Stage.SENDER_BLOCKED_BY_DLT
    return None if dlt.matches(template.text, sms.body) else Stage.DLT_TEMPLATE_DOES_NOT_MATCH


async def carry(
    sms: Sms,
    account: Account,
    handset: Handset,
    callbacks: Callbacks,
    clock: Clock,
    timing: Timing,
    feed: Feed,
) -> None:
    """Take an accepted SMS to its end and report it. The handset has the text before any report leaves."""
    plan = callbacks.plan
    seconds = timing.sms_seconds * (0.5 + plan.share("sms_seconds", *sms.cause))
    sms.move(Stage.SENDING_TO_OPERATOR, clock.now())
    await asyncio.sleep(seconds / 2)
    sms.move(Stage.PENDING_ON_OPERATOR, clock.now())
    await asyncio.sleep(seconds / 2)
    end = verdict(sms, account, handset, plan)
    now = clock.now()
    sms.move(end, now)
    delivered = end is Stage.DELIVERED_TO_HANDSET
    if delivered:
        handset.inbox.append(ReceivedSms(sms.sid, sms.header, sms.body, sms.template_id, now))
    feed.tell(
        "sms.delivered" if delivered else "sms.failed",
        sms_sid=sms.sid,
        **{"from": sms.header, "to": sms.to, "body": sms.body, "detailed_status": end.name, "code": end.code},
    )
    await callbacks.report(sms, Stage.FAILED_EXPIRED if delivered else Stage.DELIVERED_TO_HANDSET)

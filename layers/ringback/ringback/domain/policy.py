"""The policy gate: one pure function that says of every SMS, at the moment it would leave, whether it may.

Refusals come before holds: what may never leave need not wait. Of several holds the longest is named, so that
nothing wakes in vain. Every answer but `Send` names its rule.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ringback.domain.campaigns import Campaign
from ringback.domain.phones import classify, mask_all
from ringback.domain.templates import DltTemplate, mismatches

ASK_AGAIN_AFTER = timedelta(minutes=5)
"""How long an SMS of a paused campaign waits until the gate is asked again: only a person ends a pause."""


class Rule(StrEnum):
    """Why an SMS was refused or held. The first eight refuse, in this order; the others hold."""

    OPTED_OUT = "opted-out"
    SUPPRESSED = "suppressed"
    NUMBER_CLASS = "number-class"
    ONCE_PER_WINDOW = "once-per-window"
    STALE = "stale"
    DLT_IDS = "dlt-ids"
    DLT_MISMATCH = "dlt-mismatch"
    BUDGET = "budget"
    PAUSED = "paused"
    PREFIX_VELOCITY = "prefix-velocity"
    QUIET_HOURS = "quiet-hours"
    NOT_YET = "not-yet"
    ANSWER_CHANGED = "answer-changed"


@dataclass(frozen=True, slots=True)
class Occasion:
    """What an SMS is bound to besides its cause: it may leave from `not_before` on and before `ends_at`, while it `is_true`.

    What is not true now is held, not refused: the person who cancels today may come after all, and is then told once.
    """

    news_since: datetime
    """Its age counts from here, not from when it was planned."""
    ends_at: datetime
    not_before: datetime | None = None
    is_true: bool = True


@dataclass(frozen=True, slots=True)
class SmsEffect:
    """An SMS about to be sent: the text's name, to whom, exactly what, and how old its cause is."""

    text: str
    phone: str
    body: str
    template: DltTemplate
    cost_paise: int
    caused_at: datetime
    occasion: Occasion | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How the person stands with the campaign."""

    opted_out_at: datetime | None
    suppressed: str | None
    """Why the provider says not to write to them; None when it does not."""
    already_sent: bool
    """Another cause has sent them this text within its window."""


@dataclass(frozen=True, slots=True)
class Spent:
    """How the campaign stands: money committed so far, and what stops it for now."""

    paise: int
    paused: str | None
    """Why sending is paused; None while it is not."""
    prefix_tripped_until: datetime | None
    """When the person's block of numbers may be written to again, after too many from it in one minute (A13)."""


@dataclass(frozen=True, slots=True)
class Send:
    """It may leave now."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now: ask again at `until` (an aware time, UTC if the times asked with were)."""

    until: datetime
    rule: Rule


@dataclass(frozen=True, slots=True)
class Refuse:
    """Never. `detail` tells an operator more; no phone number stands in it."""

    rule: Rule
    detail: str = ""


def decide(
    effect: SmsEffect, standing: Standing, campaign: Campaign, spent: Spent, now: datetime
) -> Send | Hold | Refuse:
    """Say whether the SMS may leave at `now`. Times are aware."""
    return (
        _refusal_of_person(effect, standing, campaign)
        or _refusal_of_text(effect, campaign, now)
        or _refusal_of_cost(effect, campaign, spent)
        or _longest_hold(effect, campaign, spent, now)
        or Send()
    )


def _refusal_of_person(effect: SmsEffect, standing: Standing, campaign: Campaign) -> Refuse | None:
    if standing.opted_out_at is not None:
        return Refuse(Rule.OPTED_OUT)
    if standing.suppressed is not None:
        return Refuse(Rule.SUPPRESSED, standing.suppressed)
    kind = classify(effect.phone)
    if kind not in campaign.rules.sms_classes:
        return Refuse(Rule.NUMBER_CLASS, kind)
    if standing.already_sent:
        return Refuse(Rule.ONCE_PER_WINDOW)
    return None


def _refusal_of_text(effect: SmsEffect, campaign: Campaign, now: datetime) -> Refuse | None:
    rules, sender = campaign.rules, campaign.sender
    caused_at = effect.caused_at
    if effect.occasion is not None:
        if now >= effect.occasion.ends_at:
            return Refuse(Rule.STALE, "what it is about is over")
        caused_at = max(caused_at, effect.occasion.news_since)
    if now - caused_at > campaign.limits.stale_after:
        return Refuse(Rule.STALE, f"caused {now - caused_at} ago")
    if not (
        rules.is_header(sender.header)
        and rules.is_dlt_id(sender.dlt_entity_id)
        and rules.is_dlt_id(effect.template.template_id)
    ):
        return Refuse(Rule.DLT_IDS)
    if reasons := mismatches(effect.template, effect.body, rules.dlt_longest_values, campaign.allowed_links):
        return Refuse(Rule.DLT_MISMATCH, mask_all("; ".join(reasons)))
    return None


def _refusal_of_cost(effect: SmsEffect, campaign: Campaign, spent: Spent) -> Refuse | None:
    if spent.paise + effect.cost_paise > campaign.limits.sms_budget_paise:
        return Refuse(Rule.BUDGET, f"{spent.paise} of {campaign.limits.sms_budget_paise} paise are spent")
    return None


def _longest_hold(effect: SmsEffect, campaign: Campaign, spent: Spent, now: datetime) -> Hold | None:
    holds = []
    if (occasion := effect.occasion) is not None:
        if not occasion.is_true:
            holds.append(Hold(occasion.ends_at, Rule.ANSWER_CHANGED))
        if occasion.not_before is not None and now < occasion.not_before:
            holds.append(Hold(occasion.not_before, Rule.NOT_YET))
    if spent.paused is not None:
        holds.append(Hold(now + ASK_AGAIN_AFTER, Rule.PAUSED))
    if spent.prefix_tripped_until is not None and now < spent.prefix_tripped_until:
        holds.append(Hold(spent.prefix_tripped_until, Rule.PREFIX_VELOCITY))
    if not campaign.window.is_open(now):
        holds.append(Hold(campaign.window.next_opening(now), Rule.QUIET_HOURS))
    return max(holds, key=lambda hold: hold.until, default=None)

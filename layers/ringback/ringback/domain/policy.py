"""The policy gate: one pure function that says of every SMS and every call, at the moment it would leave, whether it may.

Refusals come before holds: what may never leave need not wait. Of several holds the longest is named, so that
nothing wakes in vain. Every answer but `Send` names its rule.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ringback.domain.campaigns import Campaign
from ringback.domain.dials import Kind
from ringback.domain.phones import NumberClass, classify, mask_all
from ringback.domain.silences import silent_until
from ringback.domain.templates import DltTemplate, mismatches

ASK_AGAIN_AFTER = timedelta(minutes=5)
"""How long what a paused campaign would send waits until the gate is asked again: only a person ends a pause."""


class Rule(StrEnum):
    """Why an SMS or a call was refused or held. Those up to the budget refuse, in this order; the others hold."""

    OPTED_OUT = "opted-out"
    SUPPRESSED = "suppressed"
    NUMBER_CLASS = "number-class"
    OUR_NUMBER = "our-number"
    ONCE_PER_WINDOW = "once-per-window"
    CALLER_ID = "caller-id"
    CONSENT = "consent"
    DND = "dnd"
    SETTLED = "settled"
    ATTEMPTS = "attempts"
    STALE = "stale"
    DLT_IDS = "dlt-ids"
    DLT_MISMATCH = "dlt-mismatch"
    BUDGET = "budget"
    PAUSED = "paused"
    PREFIX_VELOCITY = "prefix-velocity"
    QUIET_HOURS = "quiet-hours"
    ELECTION_SILENCE = "election-silence"
    NOT_YET = "not-yet"
    ANSWER_CHANGED = "answer-changed"
    TOO_SOON = "too-soon"
    AREA_CAP = "area-cap"


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
class Stranger:
    """What is known of somebody who never asked for a call. What nobody has found out speaks against the call, never for it."""

    consent: str | None
    """The evidence that they agreed to be rung; None when there is none."""
    is_dnd: bool | None
    """Whether they are on the do-not-disturb list; None when nobody has looked."""
    dnd_checked_at: datetime | None
    """When somebody looked last."""
    called_us_at: datetime | None
    """When they rang one of our numbers last, a missed call included."""
    attempts: int = 0
    last_attempt_at: datetime | None = None
    settled: str | None = None
    """What came of an earlier attempt after which nobody rings them again: they talked, or the number is nobody's."""
    area_calls_today: int = 0
    """Calls placed today, in India, to people of their area."""


@dataclass(frozen=True, slots=True)
class CallEffect:
    """A call about to be placed: to whom, from which number of ours, on what ground, and how old its cause is."""

    kind: Kind
    phone: str
    number: str
    caused_at: datetime
    cost_paise: int
    """At most."""
    stranger: Stranger | None = None
    """For `Kind.STRANGER`; without it nothing is known of them."""
    is_moot: bool = False
    """Whether what they were to be asked is settled by now."""
    is_ours: bool = False
    """Whether the phone is a number of ours, of whichever campaign: the two would ring each other for ever (A9)."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the person stands with the campaign."""

    opted_out_at: datetime | None
    suppressed: str | None
    """Why the provider says not to write to them; None when it does not."""
    already_sent: bool = False
    """Another cause has sent them this text within its window."""
    place: str | None = None
    """Where they vote, as far as they told: `eci:S13/26/112`."""


@dataclass(frozen=True, slots=True)
class Spent:
    """How the campaign stands: money committed so far (each of SMS and calls has its own), and what stops it for now."""

    paise: int
    paused: str | None
    """Why sending is paused; None while it is not."""
    prefix_tripped_until: datetime | None
    """When the person's block of numbers may be contacted again, after too many from it in one minute (A13)."""


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
    effect: SmsEffect | CallEffect, standing: Standing, campaign: Campaign, spent: Spent, now: datetime
) -> Send | Hold | Refuse:
    """Say whether the SMS or the call may leave at `now`. Times are aware."""
    match effect:
        case SmsEffect():
            refusals = _refusals_of_sms(effect, standing, campaign, spent, now)
            holds = _holds_of_sms(effect, standing, campaign, spent, now)
        case CallEffect():
            refusals = _refusals_of_call(effect, standing, campaign, spent, now)
            holds = _holds_of_call(effect, standing, campaign, spent, now)
    return next(refusals, None) or max(holds, key=lambda hold: hold.until, default=None) or Send()


# an SMS


def _refusals_of_sms(
    effect: SmsEffect, standing: Standing, campaign: Campaign, spent: Spent, now: datetime
) -> Iterator[Refuse]:
    yield from _refusals_of_person(effect.phone, standing, campaign, campaign.rules.sms_classes)
    if standing.already_sent:
        yield Refuse(Rule.ONCE_PER_WINDOW)
    caused_at = effect.caused_at
    if effect.occasion is not None:
        if now >= effect.occasion.ends_at:
            yield Refuse(Rule.STALE, "what it is about is over")
        caused_at = max(caused_at, effect.occasion.news_since)
    yield from _refusals_of_age(caused_at, campaign, now)
    yield from _refusals_of_text(effect, campaign)
    yield from _refusals_of_cost(effect.cost_paise, spent, campaign.limits.sms_budget_paise)


def _refusals_of_text(effect: SmsEffect, campaign: Campaign) -> Iterator[Refuse]:
    rules, sender = campaign.rules, campaign.sender
    if not (
        rules.is_header(sender.header)
        and rules.is_dlt_id(sender.dlt_entity_id)
        and rules.is_dlt_id(effect.template.template_id)
    ):
        yield Refuse(Rule.DLT_IDS)
    if reasons := mismatches(effect.template, effect.body, rules.dlt_longest_values, campaign.allowed_links):
        yield Refuse(Rule.DLT_MISMATCH, mask_all("; ".join(reasons)))


def _holds_of_sms(
    effect: SmsEffect, standing: Standing, campaign: Campaign, spent: Spent, now: datetime
) -> Iterator[Hold]:
    if (occasion := effect.occasion) is not None:
        if not occasion.is_true:
            yield Hold(occasion.ends_at, Rule.ANSWER_CHANGED)
        if occasion.not_before is not None and now < occasion.not_before:
            yield Hold(occasion.not_before, Rule.NOT_YET)
    yield from _holds_of_prefix(spent, now)
    yield from _holds_of_hour(standing, campaign, spent, now)


# a call


def _refusals_of_call(
    effect: CallEffect, standing: Standing, campaign: Campaign, spent: Spent, now: datetime
) -> Iterator[Refuse]:
    rules = campaign.rules.calls
    yield from _refusals_of_person(effect.phone, standing, campaign, rules.classes if rules else frozenset())
    if effect.is_ours:
        yield Refuse(Rule.OUR_NUMBER, "of another campaign")
    if effect.number not in campaign.numbers:
        yield Refuse(Rule.CALLER_ID, "the campaign no longer has the number")
    if effect.is_moot:
        yield Refuse(Rule.SETTLED, "there is nothing left to ask")
    if effect.kind is Kind.STRANGER:
        yield from _refusals_of_stranger(effect.stranger or _NOTHING_KNOWN, campaign, now)
    yield from _refusals_of_age(effect.caused_at, campaign, now)
    # Who works for the campaign is rung whatever it has spent on others.
    if effect.kind is not Kind.DUTY:
        yield from _refusals_of_cost(effect.cost_paise, spent, campaign.limits.voice_budget_paise)


_NOTHING_KNOWN = Stranger(consent=None, is_dnd=None, dnd_checked_at=None, called_us_at=None)


def _refusals_of_stranger(stranger: Stranger, campaign: Campaign, now: datetime) -> Iterator[Refuse]:
    """SOURCE: exotel.md, traps 13 to 15: transactional calls go to one's own customers; who rang us lately counts as one."""
    if not stranger.consent:
        yield Refuse(Rule.CONSENT)
    if not (_is_on_no_list(stranger, campaign, now) or _called_us_lately(stranger, campaign, now)):
        yield Refuse(Rule.DND, "is registered" if stranger.is_dnd else "nobody has looked it up lately")
    if stranger.settled is not None:
        yield Refuse(Rule.SETTLED, stranger.settled)
    if stranger.attempts >= campaign.strangers.attempts:
        yield Refuse(Rule.ATTEMPTS, f"{stranger.attempts} of {campaign.strangers.attempts} are made")


def _is_on_no_list(stranger: Stranger, campaign: Campaign, now: datetime) -> bool:
    """An answer grows old: whoever registers afterwards is on the list all the same."""
    rules, checked_at = campaign.rules.calls, stranger.dnd_checked_at
    if rules is None or checked_at is None or stranger.is_dnd is not False:
        return False
    return now - checked_at <= rules.dnd_checked_within


def _called_us_lately(stranger: Stranger, campaign: Campaign, now: datetime) -> bool:
    rules, called_us_at = campaign.rules.calls, stranger.called_us_at
    return rules is not None and called_us_at is not None and now - called_us_at <= rules.dnd_called_within


def _holds_of_call(
    effect: CallEffect, standing: Standing, campaign: Campaign, spent: Spent, now: datetime
) -> Iterator[Hold]:
    if effect.kind is not Kind.DUTY:
        yield from _holds_of_prefix(spent, now)
    if effect.kind is Kind.STRANGER:
        yield from _holds_of_stranger(effect.stranger or _NOTHING_KNOWN, campaign, now)
    yield from _holds_of_hour(standing, campaign, spent, now)


def _holds_of_stranger(stranger: Stranger, campaign: Campaign, now: datetime) -> Iterator[Hold]:
    limits = campaign.strangers
    if stranger.last_attempt_at is not None:
        again = stranger.last_attempt_at + timedelta(days=limits.days_between)
        if now < again:
            yield Hold(again, Rule.TOO_SOON)
    if stranger.area_calls_today >= limits.area_per_day:
        yield Hold(campaign.window.opening_tomorrow(now), Rule.AREA_CAP)


# both


def _refusals_of_person(
    phone: str, standing: Standing, campaign: Campaign, classes: frozenset[NumberClass]
) -> Iterator[Refuse]:
    if standing.opted_out_at is not None:
        yield Refuse(Rule.OPTED_OUT)
    if standing.suppressed is not None:
        yield Refuse(Rule.SUPPRESSED, standing.suppressed)
    if (kind := classify(phone)) not in classes:
        yield Refuse(Rule.NUMBER_CLASS, kind)
    if phone in campaign.numbers:
        yield Refuse(Rule.OUR_NUMBER)


def _refusals_of_age(caused_at: datetime, campaign: Campaign, now: datetime) -> Iterator[Refuse]:
    if now - caused_at > campaign.limits.stale_after:
        yield Refuse(Rule.STALE, f"caused {now - caused_at} ago")


def is_affordable(cost_paise: int, spent: Spent, budget_paise: int) -> bool:
    """Whether a budget has room for what something may cost."""
    return spent.paise + cost_paise <= budget_paise


def _refusals_of_cost(cost_paise: int, spent: Spent, budget_paise: int) -> Iterator[Refuse]:
    if not is_affordable(cost_paise, spent, budget_paise):
        yield Refuse(Rule.BUDGET, f"{spent.paise} of {budget_paise} paise are spent")


def _holds_of_prefix(spent: Spent, now: datetime) -> Iterator[Hold]:
    if spent.prefix_tripped_until is not None and now < spent.prefix_tripped_until:
        yield Hold(spent.prefix_tripped_until, Rule.PREFIX_VELOCITY)


def _holds_of_hour(standing: Standing, campaign: Campaign, spent: Spent, now: datetime) -> Iterator[Hold]:
    if spent.paused is not None:
        yield Hold(now + ASK_AGAIN_AFTER, Rule.PAUSED)
    if not campaign.window.is_open(now):
        yield Hold(campaign.window.next_opening(now), Rule.QUIET_HOURS)
    if (until := silent_until(campaign.silences, standing.place, now)) is not None:
        yield Hold(until, Rule.ELECTION_SILENCE)

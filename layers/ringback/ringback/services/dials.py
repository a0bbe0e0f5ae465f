"""Calls that we place: planning them, placing them as the effect worker does, and taking in how they ended."""

from collections.abc import Callable, Sequence
from datetime import datetime

from ringback import observability
from ringback.domain import dials, policy
from ringback.domain.campaigns import Campaign
from ringback.domain.contacts import Contact, Planned
from ringback.domain.dials import Dial, Kind, State
from ringback.domain.errors import Misconfigured, NotFound, Rejected
from ringback.domain.facts import DialEnded
from ringback.domain.policy import CallEffect, Hold, Refuse, Rule, Send, Spent, Standing
from ringback.providers.base import Accepted, Outcome, OutgoingCall, Provider
from ringback.queues import Ticket
from ringback.runtime import Runtime
from ringback.services import effects, ring_backs
from ringback.services.callbacks import dial_address
from ringback.services.campaigns import Shelf
from ringback.services.effects import EVIDENCE_DUE, Candidate, Trade, Worker
from ringback.store import catalog, contacts, reviews, sending
from ringback.store import dials as store

_NOT_ABOUT_THE_PERSON = (Rule.STALE, Rule.BUDGET, Rule.CALLER_ID)
"""Refusals after which a new call of the person may be answered by ringing them back after all."""


def planned_as(menu: str) -> str:
    """The name under which a contact keeps that they were to be rung into a menu; no text can have it."""
    return f"callback:{menu}"


def plan_call_back(
    campaign: Campaign, contact: Contact, number: str, menu: str, cause: str, at: datetime
) -> Dial | None:
    """Plan to ring a person back, unless another cause has planned the same within `once_per`. The same for every repeat.

    They see the number they know, where it places calls. None where nothing is planned, or no number of the campaign places calls.
    """
    caller_id = campaign.calling_number(number)
    if caller_id is None:
        observability.logger.error("No number places calls", extra={"campaign": campaign.id, "menu": menu})
        return None
    planned = Planned(cause, at)
    contact, due = contacts.record_call_and_plan(
        contact, planned_as(menu), planned, campaign.callbacks.once_per
    )
    if not due:
        return None
    dial = Dial(
        person=contact.person,
        name=dials.name_for(campaign.id, menu, cause),
        campaign=campaign.id,
        number=caller_id,
        menu=menu,
        kind=Kind.CALL_BACK,
        cause=cause,
        caused_at=at,
    )
    store.plan(dial)
    return dial


class Dialler:
    """Places batches of calls; keeps the provider's connections and the campaigns' content from one batch to the next."""

    def __init__(self, runtime: Runtime, *providers: Provider) -> None:
        if not runtime.settings.public_url:
            raise Misconfigured("cannot start: PUBLIC_URL is not set")
        self._runtime = runtime
        self._providers = {provider.name: provider for provider in providers}
        self._shelf = Shelf(runtime.settings.catalog_cache_seconds)
        self._worker = Worker(
            runtime,
            Trade(
                noun="dial",
                done="Placed",
                channel="calls",
                ledger=store.ledger,
                queue_url=runtime.settings.dial_queue_url,
                per_minute=runtime.settings.calls_per_minute,
                candidates=self._candidates,
                spend=_spend,
                give_back=_give_back,
                accepted=_placed,
                refused=_refused,
                declined=_declined,
            ),
        )

    def place(self, tickets: Sequence[Ticket]) -> list[Ticket]:
        """See to every dial named (`Worker.see_to`); returns the tickets that must come round again."""
        for provider in self._providers.values():
            provider.close()
        return self._worker.see_to(tickets)

    def _candidates(self, claimable: Sequence[Dial]) -> tuple[list[Candidate[Dial]], list[Dial]]:
        people = contacts.load_many(dial.person for dial in claimable)
        spent = effects.spent_on(claimable, people, sending.voice_purse)
        ours = catalog.owners({contact.phone for contact in people.values()})
        candidates, unclear = [], []
        for dial in claimable:
            try:
                contact = people[dial.person]
                campaign = self._shelf.current(dial.campaign)
                self._providers[campaign.provider]
            except (KeyError, NotFound, Rejected):
                observability.logger.exception("A dial cannot be made out", extra={"dial_id": dial.dial_id})
                unclear.append(dial)
                continue
            is_ours = contact.phone in ours
            candidates.append(self._candidate(dial, contact, campaign, spent[dial.person], is_ours))
        return candidates, unclear

    def _candidate(
        self, dial: Dial, contact: Contact, campaign: Campaign, spent: Spent, is_ours: bool
    ) -> Candidate[Dial]:
        is_moot = _is_moot(dial)
        cost = 0 if dial.kind is Kind.DUTY else campaign.call_cost_paise(dial.menu)

        def decide(now: datetime) -> Send | Hold | Refuse:
            effect = CallEffect(
                dial.kind,
                contact.phone,
                dial.number,
                dial.caused_at,
                cost,
                is_moot=is_moot,
                is_ours=is_ours,
            )
            standing = Standing(
                opted_out_at=contact.opted_out_at,
                suppressed=contact.suppressed,
                place=contact.fields.get("place"),
            )
            return policy.decide(effect, standing, campaign, spent, now)

        def ask() -> Outcome:
            return self._providers[campaign.provider].place_call(
                OutgoingCall(
                    to=contact.phone,
                    number=dial.number,
                    flow=campaign.numbers[dial.number].flow,
                    menu_url=dial_address(self._runtime, dial.dial_id, "turn"),
                    callback_url=dial_address(self._runtime, dial.dial_id, "status"),
                    custom_field=dial.dial_id,
                    ring_seconds=round(campaign.callbacks.ring_for.total_seconds()),
                    longest_seconds=round(campaign.longest_call(dial.menu).total_seconds()),
                )
            )

        def refreshed() -> Candidate[Dial]:
            return self._candidate(dial, contacts.load(dial.person) or contact, campaign, spent, is_ours)

        departs_at = dial.departs_at or self._runtime.clock.now()
        return Candidate(dial, campaign, cost, departs_at, decide, ask, refreshed)


def _is_moot(dial: Dial) -> bool:
    """Whether a tracker would be rung for a verdict that nobody waits for any more: they rang the line themselves, or time was up."""
    review = (
        reviews.load(dial.fields["review"]) if dial.kind is Kind.DUTY and "review" in dial.fields else None
    )
    return review is not None and (not review.is_waiting or review.verdict is not None)


def _spend(campaign: Campaign, paise: int) -> bool:
    return sending.spend(sending.voice_purse(campaign.id), paise, campaign.limits.voice_budget_paise)


def _give_back(campaign: Campaign, paise: int) -> None:
    sending.give_back(sending.voice_purse(campaign.id), paise)


def _placed(dial: Dial, accepted: Accepted, now: datetime) -> None:
    store.placed(dial, accepted.provider_id, now + EVIDENCE_DUE)
    observability.count("DialPlaced")
    if dial.attempt == 1:
        observability.gauge("RingBackSeconds", (now - dial.caused_at).total_seconds())


def _refused(dial: Dial, rule: str) -> None:
    if rule in _NOT_ABOUT_THE_PERSON:
        contacts.forget_plan(dial.person, planned_as(dial.menu), dial.cause)
    ring_backs.came_to_nothing(dial)


def _declined(dial: Dial) -> None:
    ring_backs.came_to_nothing(dial)


# what is heard of them


def answered(dial_id: str, call_id: str) -> bool:
    """Take in that a dial's call came to its menu, so somebody took it; False when that was known."""
    person, name = dials.split_id(dial_id)
    return store.ended(person, name, State.ANSWERED, provider_id=call_id)


def ended(campaign: Campaign, news: DialEnded, heard_at: datetime) -> Dial | None:
    """Take in how a dial ended; returns the attempt that follows, planned and waiting. The same for every repeat.

    What it was to cost goes back where nobody took the call: a provider bills from the answer on. Of two endings the first stands.
    """
    person, name = dials.split_id(news.source_id)
    after = dials.state_ended(news.ending, news.talk_seconds)
    changed = store.ended(person, name, after, provider_id=news.provider_id)
    dial = store.load(person, name)
    if dial is None:
        return None
    if dial.state is not after:
        _count_contradiction(dial, after)
        if dial.state is State.ANSWERED:
            ring_backs.came_to_nothing(dial, _call_of(campaign, dial))
        return None
    if changed:
        observability.count(f"Dial{after.title().replace('-', '')}")
        if after in (State.BUSY, State.NO_ANSWER, State.FAILED) and dial.kind is not Kind.DUTY:
            _give_back(campaign, campaign.call_cost_paise(dial.menu))
    following = dials.next_attempt(dial, campaign.callbacks.retries, heard_at)
    if following is not None:
        store.plan(following)
    else:
        ring_backs.came_to_nothing(dial, _call_of(campaign, dial))
    return following


def _call_of(campaign: Campaign, dial: Dial) -> str | None:
    return f"{campaign.provider}:{dial.provider_id}" if dial.provider_id else None


def _count_contradiction(dial: Dial, told: State) -> None:
    """A turn in the menu and `completed` agree; any other two endings do not (R5). The journal has both."""
    if dial.state in dials.FINAL and {dial.state, told} != {State.ANSWERED, State.ENDED}:
        observability.count("ReportConflict")
        observability.logger.warning(
            "An ending contradicts an earlier one", extra={"dial_id": dial.dial_id, "told": str(told)}
        )


def release(runtime: Runtime, has_time: Callable[[], bool] = lambda: True) -> int:
    """Put back the dials whose hold ends before the next run; returns how many."""
    return effects.release(store.ledger, runtime.settings.dial_queue_url, runtime.clock.now(), has_time)


def list_for_people(runtime: Runtime) -> int:
    """Move dials of which nobody told how they ended to the list that people settle; returns how many."""
    listed = effects.list_for_people(store.ledger, runtime.clock.now())
    observability.count("DialsListed", listed)
    return listed

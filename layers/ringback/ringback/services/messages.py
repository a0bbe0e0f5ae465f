"""Sending what the ledger of SMS holds, as the effect worker does (`services/effects.py`); and bringing back what was held."""

from collections.abc import Callable, Sequence
from datetime import datetime

from ringback import observability
from ringback.domain import policy
from ringback.domain.campaigns import Campaign, Rendered
from ringback.domain.contacts import Contact
from ringback.domain.errors import Misconfigured, NotFound, Rejected
from ringback.domain.messages import Message
from ringback.domain.policy import Hold, Occasion, Refuse, Rule, Send, SmsEffect, Spent, Standing
from ringback.providers.base import Accepted, Outcome, OutgoingSms, Provider
from ringback.queues import Ticket
from ringback.runtime import Runtime
from ringback.services import answers, effects
from ringback.services.callbacks import report_address
from ringback.services.campaigns import Shelf
from ringback.services.effects import Candidate, Trade, Worker
from ringback.store import contacts, sending
from ringback.store import messages as store

_NOT_ABOUT_THE_PERSON = (Rule.STALE, Rule.BUDGET, Rule.DLT_IDS, Rule.DLT_MISMATCH)
"""Refusals after which a new call of the person may get the text after all: it doesn't count as their one in the window."""


class Sender:
    """Sends batches of messages; keeps the provider's connections and the campaigns' content from one batch to the next."""

    def __init__(self, runtime: Runtime, *providers: Provider) -> None:
        if not runtime.settings.public_url:
            raise Misconfigured("cannot start: PUBLIC_URL is not set")
        self._runtime = runtime
        self._providers = {provider.name: provider for provider in providers}
        self._shelf = Shelf(runtime.settings.catalog_cache_seconds)
        self._worker = Worker(
            runtime,
            Trade(
                noun="message",
                done="Sent",
                channel="sms",
                ledger=store.ledger,
                queue_url=runtime.settings.send_queue_url,
                per_minute=runtime.settings.sms_per_minute,
                candidates=self._candidates,
                spend=_spend,
                give_back=_give_back,
                accepted=_sent,
                refused=_refused,
                declined=lambda message: None,
            ),
        )

    def send(self, tickets: Sequence[Ticket]) -> list[Ticket]:
        """See to every message named (`Worker.see_to`); returns the tickets that must come round again."""
        for provider in self._providers.values():
            provider.close()
        return self._worker.see_to(tickets)

    def _candidates(self, claimable: Sequence[Message]) -> tuple[list[Candidate[Message]], list[Message]]:
        """Load what decides about the messages; and those that cannot be made out."""
        people = contacts.load_many(message.person for message in claimable)
        spent = effects.spent_on(claimable, people)
        known: list[tuple[Message, Contact, Campaign, Rendered]] = []
        unclear: list[Message] = []
        for message in claimable:
            try:
                contact = people[message.person]
                campaign = self._shelf.current(message.campaign)
                rendered = campaign.rendered(message.text, contact.language)
                self._providers[campaign.provider]
            except (KeyError, NotFound, Rejected):
                observability.logger.exception(
                    "A message cannot be made out", extra={"message_id": message.message_id}
                )
                unclear.append(message)
                continue
            known.append((message, contact, campaign, rendered))
        # What binds the messages about gatherings, as it stands now; no read where there are none.
        occasions = answers.occasions((campaign, message) for message, _, campaign, _ in known)
        candidates = []
        for message, contact, campaign, rendered in known:
            occasion = occasions.get(message.message_id)
            candidates.append(
                self._candidate(message, contact, campaign, rendered, spent[message.person], occasion)
            )
        return candidates, unclear

    def _candidate(
        self,
        message: Message,
        contact: Contact,
        campaign: Campaign,
        rendered: Rendered,
        spent: Spent,
        occasion: Occasion | None,
    ) -> Candidate[Message]:
        def decide(now: datetime) -> Send | Hold | Refuse:
            planned = contact.planned.get(message.text)
            effect = SmsEffect(
                text=message.text,
                phone=contact.phone,
                body=rendered.body,
                template=rendered.template,
                cost_paise=rendered.cost_paise,
                caused_at=message.caused_at,
                occasion=occasion,
            )
            standing = Standing(
                opted_out_at=contact.opted_out_at,
                suppressed=contact.suppressed,
                # A later cause has planned the same text since: that one is sent, not both.
                already_sent=planned is not None and planned.cause != message.cause,
                place=contact.fields.get("place"),
            )
            return policy.decide(effect, standing, campaign, spent, now)

        def ask() -> Outcome:
            return self._providers[campaign.provider].send_sms(
                OutgoingSms(
                    to=contact.phone,
                    body=rendered.body,
                    sender=campaign.sender,
                    template_id=rendered.template.template_id,
                    callback_url=report_address(self._runtime, message.message_id),
                    custom_field=message.message_id,
                )
            )

        def refreshed() -> Candidate[Message]:
            known = contacts.load(message.person) or contact
            now_bound = answers.occasions([(campaign, message)]).get(message.message_id)
            return self._candidate(message, known, campaign, rendered, spent, now_bound)

        departs_at = message.departs_at or self._runtime.clock.now()
        return Candidate(message, campaign, rendered.cost_paise, departs_at, decide, ask, refreshed)


def _spend(campaign: Campaign, paise: int) -> bool:
    return sending.spend(campaign.id, paise, campaign.limits.sms_budget_paise)


def _give_back(campaign: Campaign, paise: int) -> None:
    sending.give_back(campaign.id, paise)


def _sent(message: Message, accepted: Accepted, now: datetime) -> None:
    store.sent(message, accepted.provider_id, accepted.parts)
    observability.count("MessageSent")
    observability.gauge("HandOffSeconds", (now - message.caused_at).total_seconds())


def _refused(message: Message, rule: str) -> None:
    if rule in _NOT_ABOUT_THE_PERSON:
        contacts.forget_plan(message.person, message.text, message.cause)


def release(runtime: Runtime, has_time: Callable[[], bool] = lambda: True) -> int:
    """Put back the messages whose hold ends before the next run; returns how many."""
    return effects.release(store.ledger, runtime.settings.send_queue_url, runtime.clock.now(), has_time)


def list_for_people(runtime: Runtime) -> int:
    """Move unknown messages without evidence in time to the list that people settle; returns how many."""
    listed = effects.list_for_people(store.ledger, runtime.clock.now())
    observability.count("MessagesListed", listed)
    return listed

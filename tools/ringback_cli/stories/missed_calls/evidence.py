"""What a played story left behind: what people received and the network saw, and what stands in our tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from ringback.domain.campaigns import Campaign
from ringback.domain.contacts import Contact
from ringback.domain.messages import Message
from ringback.domain.times import BEGINNING
from ringback.providers import exotel
from ringback.services import metrics
from ringback.store import contacts, journal
from ringback.store import messages as ledger
from ringback_cli.stories.logs import leaks
from ringback_cli.stories.missed_calls.cast import Script
from ringback_cli.stories.phones import AcceptedSms, Phones, Received, RungCall
from ringback_cli.stories.stage import Stage

_END = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Told:
    """A call whose callback we answered with 200: how many different tellings, and how many entries the journal had of it
    before anything was brought back from the provider's listing."""

    call_id: str
    tellings: int
    entries: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything the judge looks at. Nothing in it comes from where the thing to be judged could have written it alone:
    people's phones speak first, the tables second."""

    campaigns: Mapping[str, Campaign]
    script: Script
    second_act_at: datetime
    """Network's time; who had opted out by then must receive nothing after it."""

    calls: Sequence[RungCall]
    accepted: Sequence[AcceptedSms]
    received: Sequence[Received]

    told: Sequence[Told]
    journal: Mapping[str, int]
    """Entries that could be read, by call id, in the end."""
    contacts: Sequence[Contact]
    messages: Sequence[Message]
    dead_letters: Sequence[tuple[str, str]]

    totals: Mapping[str, Mapping[str, int]]
    """Each campaign's counts after the recount."""
    drift_before: int
    """How far the counters were off before the recount."""
    drift_after: int
    leaks: Sequence[str]
    """Where a number or a secret stands in a log, masked."""
    unrest: str = ""
    """Why the story did not come to rest, if it did not."""

    by_number: Mapping[str, Campaign] = field(init=False)
    by_header: Mapping[str, Campaign] = field(init=False)

    def __post_init__(self) -> None:
        numbers = {number: campaign for campaign in self.campaigns.values() for number in campaign.numbers}
        headers = {campaign.sender.header: campaign for campaign in self.campaigns.values()}
        object.__setattr__(self, "by_number", numbers)
        object.__setattr__(self, "by_header", headers)

    def text_of(self, header: str, template_id: str) -> tuple[str, str] | None:
        """(campaign, text) that a template belongs to, whatever its language; None for one we do not have."""
        campaign = self.by_header.get(header)
        for name, text in campaign.texts.items() if campaign else ():
            if template_id in {template.template_id for template in text.templates.values()}:
                return (campaign.id, name) if campaign else None
        return None


def told(phones: Phones) -> list[Told]:
    """How the journal stands to what the network was answered, right now."""
    known, unparsed = entries_by_call()
    return [
        Told(call.call_id, call.tellings, known[call.call_id] + unparsed[call.call_id])
        for call in phones.calls()
        if call.accepted
    ]


def entries_by_call() -> tuple[Counter[str], Counter[str]]:
    """How many entries the journal has of each call: those that could be read, and those kept unparsed. Scans the journal."""
    known: Counter[str] = Counter()
    unparsed: Counter[str] = Counter()
    for entry in journal.between(BEGINNING, _END):
        if entry.source_id.startswith(f"{exotel.NAME}:"):
            known[entry.source_id.partition(":")[2]] += 1
        elif entry.source_id.startswith("unparsed:"):
            pairs = parse_qsl(dict(parse_qsl(entry.raw)).get("told", ""))
            unparsed[dict(pairs).get("CallSid", "")] += 1
    return known, unparsed


def gather(
    stage: Stage, script: Script, told_in_time: Sequence[Told], second_act_at: datetime, unrest: str = ""
) -> Evidence:
    """Collect everything. Recounts twice: first to mend and tell the drift, then to see that none is left."""
    drift_before, drift_after = stage.recount(), stage.recount()
    return Evidence(
        campaigns={campaign.id: campaign for campaign in stage.campaigns},
        script=script,
        second_act_at=second_act_at,
        calls=stage.phones.calls(),
        accepted=stage.phones.accepted_sms(),
        received=stage.phones.received(),
        told=told_in_time,
        journal=entries_by_call()[0],
        contacts=list(contacts.every()),
        messages=list(ledger.every()),
        dead_letters=stage.dead_letters(),
        totals={campaign.id: metrics.totals(campaign.id) for campaign in stage.campaigns},
        drift_before=drift_before,
        drift_after=drift_after,
        leaks=list(leaks(stage.stack.logs(), (caller.phone for caller in script.callers), stage.secrets())),
        unrest=unrest,
    )

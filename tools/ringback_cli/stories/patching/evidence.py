"""What the played story left behind: what telephones did and heard, and what stands in our tables and machines."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ringback.domain.campaigns import Campaign
from ringback.domain.influencers import Influencer
from ringback.domain.ledger import Charge
from ringback.domain.patches import Patch
from ringback.domain.pools import Voter, pool_id
from ringback.domain.reviews import Review
from ringback.services import pools as pooling
from ringback.store import influencers as influencer_store
from ringback.store import ledger as ledger_store
from ringback.store import patches as patch_store
from ringback.store import reviews as review_store
from ringback.store import slots as slot_store
from ringback.store import trackers as tracker_store
from ringback.store import voters as voter_store
from ringback_cli.stories import Tell
from ringback_cli.stories.logs import leaks
from ringback_cli.stories.patching import reckoning, settings
from ringback_cli.stories.patching.cast import NEVER_RUNG, Manner, Script
from ringback_cli.stories.patching.hearing import Hearing
from ringback_cli.stories.patching.reckoning import Finding, Judgement, Told
from ringback_cli.stories.patching.telephones import Leg, Telephones
from ringback_cli.stories.replays import changed_by_replay
from ringback_cli.stories.stage import Stage

ACCOUNT = "exotel"


@dataclass(frozen=True, slots=True)
class Execution:
    machine: str
    name: str
    status: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything the judge looks at. The phone network speaks first: legs, calls and keys; our rows are held to that."""

    script: Script
    campaign: Campaign

    legs: Sequence[Leg]
    """Second legs, oldest first."""
    judgements: Sequence[Judgement]
    told: Sequence[Told]
    opted_out_at: Mapping[str, datetime]
    """When the missed call to the opt-out number had ended, of those of which we were told."""
    heard: Sequence[str]
    """Everything that anybody heard."""

    influencers: Mapping[str, Influencer]
    """By telephone, as the next."""
    voters: Mapping[str, Voter]
    staff: Mapping[str, str]
    """Trackers: person → telephone."""
    patches: Mapping[str, Patch]
    """By the provider's call id."""
    reviews: Sequence[Review]
    charges: Sequence[Charge]
    executions: Sequence[Execution]
    drift: Mapping[str, int]
    """What a recount of the pool put right."""
    reached: int
    """Voters of the pool who were reached, counted one by one."""

    held_at_rest: int
    """Slots held when all calls were over."""
    held_at_end: int
    """The same after the lease."""

    changed_by_replay: Sequence[str] = ()
    leaks: Sequence[str] = ()
    unrest: str = ""

    findings: Sequence[Finding] = field(init=False)
    go_aheads: Sequence[Finding] = field(init=False)
    """Those that let somebody pass: not of one who posed as a voter."""
    voter_legs: Sequence[Leg] = field(init=False)
    tracker_legs: Sequence[Leg] = field(init=False)
    mystery_legs: Sequence[Leg] = field(init=False)
    """Trackers who were rung in a voter's stead, which their whisper tells."""

    def __post_init__(self) -> None:
        voters = {each.phone for each in self.script.voters}
        trackers = {each.phone for each in self.script.trackers}
        assert self.campaign.patching is not None
        briefs = {*self.campaign.patching.mystery_brief.values()}
        found = reckoning.findings(self.judgements, self.legs, trackers, 1.0)
        object.__setattr__(self, "findings", found)
        object.__setattr__(self, "voter_legs", [leg for leg in self.legs if leg.callee in voters])
        object.__setattr__(self, "tracker_legs", [leg for leg in self.legs if leg.callee in trackers])
        mystery = [leg for leg in self.tracker_legs if briefs & {*leg.whispered}]
        object.__setattr__(self, "mystery_legs", mystery)
        given = [each for each in found if each.judgement.is_genuine and each.leg not in mystery]
        object.__setattr__(self, "go_aheads", given)


def gather(
    stage: Stage,
    telephones: Telephones,
    campaign: Campaign,
    script: Script,
    ended_at: Mapping[str, datetime],
    held_at_rest: int,
    tell: Tell,
    unrest: str = "",
) -> Evidence:
    """Collect everything; replays last."""
    assert campaign.patching is not None
    pool = pool_id(campaign.id, campaign.patching.pool)
    walked = telephones.walked(also_placed=True)
    pins = {each.phone: each.pin for each in script.trackers}
    callers = [each.phone for each in script.influencers]
    exact, drift = pooling.recount(pool)
    complainers = {
        each.phone for each in script.voters if each.manner in (Manner.OPTED_OUT, Manner.COMPLAINS)
    }
    return Evidence(
        script=script,
        campaign=campaign,
        legs=telephones.second_legs(),
        judgements=reckoning.judgements(walked, pins, Hearing.of(campaign, "tracker"), ended_at),
        told=reckoning.told(walked, callers, Hearing.of(campaign, "influencer"), ended_at),
        opted_out_at={
            call.caller: ended_at[call.call_id]
            for call in telephones.calls()
            if call.accepted and call.caller in complainers and call.call_id in ended_at
        },
        heard=sorted(
            {str(each.detail.get("text", "")) for call in walked for each in call.log if each.what == "heard"}
        ),
        influencers={each.phone: each for each in influencer_store.every(campaign.id)},
        voters={each.phone: each for each in voter_store.every(pool)},
        staff={each.person: each.phone for each in tracker_store.of_campaign(campaign.id)},
        patches={patch.call_id.partition(":")[2]: patch for patch in patch_store.every(campaign.id)},
        reviews=[
            review
            for influencer in influencer_store.every(campaign.id)
            for review in review_store.of_person(influencer.person)
        ],
        charges=list(ledger_store.every(campaign.id)),
        executions=_executions(stage),
        drift=dict(drift),
        reached=exact.reached,
        held_at_rest=held_at_rest,
        held_at_end=slot_store.load(ACCOUNT).total,
        leaks=list(leaks(stage.stack.logs(), script.phones, [*stage.secrets(), *_long_pins(pins)])),
        changed_by_replay=[] if unrest else changed_by_replay(stage, tell),
        unrest=unrest,
    )


def _long_pins(pins: Mapping[str, str]) -> list[str]:
    """PINs as a log would show them; five digits alone stand in many numbers."""
    return [f"{pin}#" for pin in pins.values()]


def _executions(stage: Stage) -> list[Execution]:
    """Every execution of every machine of the story, once its own time-outs have had the time to end it."""
    until = time.monotonic() + settings.MACHINES_WAIT_SECONDS
    found = _listed(stage)
    while any(each.status == "RUNNING" for each in found) and time.monotonic() < until:
        time.sleep(1.0)
        found = _listed(stage)
    return found


def _listed(stage: Stage) -> list[Execution]:
    client = stage.stack.client("stepfunctions")
    found = []
    for machine in client.list_state_machines()["stateMachines"]:
        pages = client.get_paginator("list_executions").paginate(stateMachineArn=machine["stateMachineArn"])
        found += [
            Execution(machine["name"], each["name"], each["status"])
            for page in pages
            for each in page["executions"]
        ]
    return found


def never_rung(script: Script) -> dict[str, Manner]:
    """The voters whom nobody may ring, and why."""
    return {each.phone: each.manner for each in script.voters if each.manner in NEVER_RUNG}

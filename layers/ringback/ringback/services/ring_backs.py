"""Ringing back an influencer who gave a missed call, so that they are patched at our cost from the first second (F46).

An execution of `statemachines/ring_back_patch.asl.yaml` shows each: `ring` has the call placed, `wait` waits until its patch is over
or no attempt is left. Every step may be repeated: the dial is named after the missed call.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from ringback import observability, workflows
from ringback.domain.campaigns import Campaign, Number
from ringback.domain.contacts import Contact
from ringback.domain.conversations import Call
from ringback.domain.dials import Dial, Kind, first_attempt, name_for, split_id
from ringback.domain.errors import Rejected
from ringback.domain.influencers import may_be_patched
from ringback.domain.patches import Patch, Patching
from ringback.domain.reviews import Rules
from ringback.runtime import Runtime
from ringback.services.campaigns import Shelf
from ringback.services.influencers import limits_of, place
from ringback.services.ledger import execution_name, outcome_of
from ringback.store import dials, influencers, ring_backs
from ringback.store import patches as patch_store


def missed(
    runtime: Runtime, campaign: Campaign, number: Number, contact: Contact, cause: str, at: datetime
) -> bool:
    """A missed call came on a number whose callers are rung back into the influencers' menu: show an influencer who has their go-ahead as
    one patch to come. False for anybody else; they are rung back like any caller, unless the call is too old to be expected an answer.

    One ring-back of a person goes on at a time, whoever gives missed calls in their name: another call meanwhile is answered by that one.
    """
    patching, rules = campaign.patching, campaign.reviews
    if patching is None or rules is None or number.callback != rules.menu:
        return False
    now = runtime.clock.now()
    influencer = influencers.load(contact.person)
    if now - at > campaign.limits.stale_after or may_be_patched(influencer, limits_of(campaign), now):
        observability.count("RingBackRefused")
        return False
    waits = _waits(campaign, patching, rules.menu)
    dial = _dial(rules, campaign.id, contact.person, cause, at)
    if ring_backs.came_to(dial.dial_id) is not None:
        return True
    if not ring_backs.begin(contact.person, dial.dial_id, now, now + waits):
        ring_backs.gave_up(dial.dial_id, _NOBODY)  # so that a replay, when the other is over, rings nobody
        observability.count("RingBackPending")
        return True
    dials.plan(dial)
    given = {"dial": dial.dial_id, "cause": cause, "wait_seconds": int(waits.total_seconds())}
    workflows.start(runtime.settings.ring_back_patch_arn, execution_name(contact.person, cause), given)
    return True


def _dial(rules: Rules, campaign: str, person: str, cause: str, at: datetime) -> Dial:
    return Dial(
        person=person,
        name=name_for(campaign, rules.menu, cause),
        campaign=campaign,
        number=rules.number,
        menu=rules.menu,
        kind=Kind.RING_BACK,
        cause=cause,
        caused_at=at,
    )


def _waits(campaign: Campaign, patching: Patching, menu: str) -> timedelta:
    """How long the patch may be in coming. The gate lets no attempt leave that is older than `stale_after`, whatever held it: quiet hours,
    a pause, a phone that nobody took."""
    return campaign.limits.stale_after + campaign.longest_call(menu) + patching.lease


def ring(runtime: Runtime, dial_id: str, cause: str) -> Mapping[str, object]:
    """Have the influencer rung into the menu of the campaign line. The gate decides when; a repeat is the same dial, which was planned when
    the missed call came.
    """
    person, name = split_id(dial_id)
    campaign = Shelf(0).current(name.partition(".")[0])
    if campaign.reviews is None:
        raise Rejected(f"{campaign.id} has no section `reviews`: nobody is rung back in it")
    dial = _dial(campaign.reviews, campaign.id, person, cause, runtime.clock.now())
    place(runtime, replace(dial, name=name))
    return {"dial": dial_id}


def wait(dial_id: str, token: str) -> Mapping[str, object]:
    """The machine waits by a token until the patch of the call is over; if it is already, it hears of it at once."""
    outcome = ring_backs.wait(first_attempt(dial_id), token)
    if outcome is not None:
        workflows.answer(token, outcome)
    return {"waits": outcome is None}


def broke(dial_id: str) -> Mapping[str, object]:
    """The machine of a ring-back broke: another missed call may be answered by another one, unless something came of this."""
    ring_backs.gave_up(first_attempt(dial_id), _NOBODY)
    return {"dial": dial_id}


def heard(call: Call | None, patch: Patch) -> bool:
    """The patch of a call is over: tell the machine that waits for it. False where none does, as of every call that came in."""
    if call is None or call.dial is None:
        return False
    outcome = outcome_of(patch)
    token = ring_backs.patched(first_attempt(call.dial), outcome)
    return token is not None and workflows.answer(token, outcome)


def came_to_nothing(dial: Dial, call_id: str | None = None) -> bool:
    """No attempt follows this one: unless somebody was rung in its call, whose end will be heard, tell the machine that nobody is patched.
    False where none waits. A patch in which nobody was rung is over without a fact of it.
    """
    if dial.kind is not Kind.RING_BACK:
        return False
    patch = patch_store.load(call_id) if call_id is not None else None
    if patch is not None and (patch.attempts or not patch.is_over):
        return False
    token = ring_backs.gave_up(first_attempt(dial.dial_id), _NOBODY)
    return token is not None and workflows.answer(token, _NOBODY)


_NOBODY = {"over": True, "talked": False, "attempts": 0}

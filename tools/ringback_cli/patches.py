"""`ringback patches`: calls in which a caller was connected to a second person, from the first who was rung to the last paisa."""

from collections import Counter

import click

from ringback.domain import ledger
from ringback.domain.errors import Conflict
from ringback.domain.ledger import Side
from ringback.domain.patches import Attempt, Kind, Patch, is_audited
from ringback.domain.times import INDIA
from ringback.services import slots as slots_service
from ringback.store import calls, catalog, contacts, journal, slots
from ringback.store import ledger as ledger_store
from ringback.store import patches as store
from ringback_cli import moments, output, tallies
from ringback_cli.deployment import Deployment, on_deployment
from ringback_cli.moments import MOMENT, Written

_campaign = click.option("--campaign", metavar="NAME", help="Only this campaign's.")
_since = click.option(
    "--since",
    type=MOMENT,
    metavar="MOMENT",
    help="Only those that began since then: 2026-11-21T10:00, 2h, 7d.",
)


@click.group(
    cls=output.Noun,
    epilog="""\b
Examples:
  ringback patches                                      the 20 newest
  ringback patches list --live                          who is connected now
  ringback patches show exotel:e12e5f                   the whole story of one call
  ringback patches stats --since 7d                     how many talked, how long, and what it cost
  ringback patches audit                                the conversations that wait for the party's auditor
  ringback patches audit exotel:e12e5f --note "the voter says: polite, promised nothing"
""",
)
def patches() -> None:
    """Calls in which people were connected: who was rung, what came of it, what it cost."""


@patches.command("list")
@on_deployment
@_campaign
@click.option("--live", is_flag=True, help="Only those that go on.")
@_since
@output.limited
@output.as_json
def list_(
    deployment: Deployment, campaign: str | None, live: bool, since: Written | None, limit: int, as_json: bool
) -> None:
    """Patched calls, newest first, and how many slots are held of how many. With --live it reads those calls alone, without it all there are."""
    found = _found(deployment, campaign, since, only_live=live)
    rows, held = [_row(patch) for patch in found[: limit or None]], _slots(campaign)
    if as_json:
        output.document({"patches": rows, "found": len(found), "slots": held})
        return
    columns = (
        "began_at",
        "campaign",
        "party",
        "state",
        "attempts",
        "talked",
        "reason",
        "disposition",
        "call",
    )
    output.table({key: key.replace("_", " ") for key in columns}, rows, "no patched calls")
    if len(rows) < len(found):
        click.echo(f"{len(rows)} of {len(found):,} shown: --limit 0 shows all")
    for account, slot in held.items():
        click.echo(f"{slot['held']:,} of {slot['limit']:,} slots are held at {account}")


@patches.command()
@click.argument("call_id", metavar="CALL")
@on_deployment
@output.in_clear
@output.as_json
def show(deployment: Deployment, call_id: str, clear: bool, as_json: bool) -> None:
    """The whole story of one call: what was asked, who was rung, how it went, what it cost."""
    patch = slots_service.find(call_id)
    call = calls.load(call_id)
    day = patch.last_at.astimezone(INDIA).date().isoformat()
    charges = [
        charge
        for area in {ledger.NOWHERE, *(each.area or ledger.NOWHERE for each in patch.attempts)}
        for charge in ledger_store.of_area(patch.campaign, area, day)
        if charge.call_id == call_id
    ]
    story = [{"at": entry.received_at, "what": entry.key} for entry in journal.tellings(call_id)]
    row = _row(patch) | {
        "influencer": patch.influencer,
        "number": patch.number,
        "slot": "held" if patch.holds_slot else None,
        "lease_until": None if patch.is_over else patch.lease_until,
        "rung": [_attempt(each, clear) for each in patch.attempts],
        "disputes": patch.disputes or None,
        "cost_paise": sum(charge.paise for charge in charges),
        "legs": [f"{charge.side} {charge.seconds} s: {charge.paise} paise" for charge in charges],
        "audited_at": patch.audited_at,
        "audit": output.words(patch.audit, clear) if patch.audit else None,
        "menu": f"{call.menu} v{call.version}" if call else None,
        "story": story,
    }
    if as_json:
        output.document(row)
        return
    shown = row | {
        "rung": "\n".join(_sentence(each, clear) for each in patch.attempts),
        "story": "\n".join(f"{output.cell(each['at'])}  {each['what']}" for each in story),
    }
    output.card({key.replace("_", " "): value for key, value in shown.items()})


@patches.command()
@on_deployment
@_campaign
@_since
@output.as_json
def stats(deployment: Deployment, campaign: str | None, since: Written | None, as_json: bool) -> None:
    """How many were rung and talked, how long, and what it cost, by area and in all."""
    found = _found(deployment, campaign, since)
    outcomes = Counter(str(attempt.outcome or attempt.state) for patch in found for attempt in patch.attempts)
    known = {patch.call_id for patch in found}
    charges = [charge for charge in ledger_store.every(campaign) if charge.call_id in known]
    areas: dict[str, Counter[str]] = {}
    for charge in charges:
        areas.setdefault(charge.area, Counter()).update(
            {"legs": 1, "paise": charge.paise, f"{charge.side}_seconds": charge.seconds}
        )
    row = {
        "patches": len(found),
        "live": sum(not patch.is_over for patch in found),
        "talked": sum(patch.talked_to is not None for patch in found),
        "talked_seconds": sum(patch.talked_seconds for patch in found),
        "influencers": len({patch.influencer for patch in found}),
        "rung": sum(outcomes.values()),
        **{f"rung_{name.replace('-', '_')}": n for name, n in sorted(outcomes.items())},
        "slots_held": sum(slot["held"] for slot in _slots(campaign).values()),
        "cost_rupees": sum(charge.paise for charge in charges) / 100,
        **{
            f"{side}_rupees": sum(charge.paise for charge in charges if charge.side is side) / 100
            for side in Side
        },
    }
    if as_json:
        output.document(row | {"areas": {area: dict(counted) for area, counted in sorted(areas.items())}})
        return
    output.card({key.replace("_", " "): value for key, value in row.items()})
    rows = [
        {"area": area, "rupees": counted["paise"] / 100} | counted for area, counted in sorted(areas.items())
    ]
    if rows:
        output.table({"area": "area", "legs": "legs", "rupees": "rupees"}, rows)


@patches.command()
@click.argument("call_id", metavar="CALL", required=False)
@on_deployment
@_campaign
@click.option("--note", metavar="WORDS", help="What the auditor was told; it stands with the call.")
@output.limited
@output.as_json
def audit(
    deployment: Deployment,
    call_id: str | None,
    campaign: str | None,
    note: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """The sample of talks with voters that waits for the party's auditor; with CALL, one of them is done.

    Nothing is recorded, so there is nothing to listen to: the auditor asks one of the two how it went. `ringback patches show CALL --clear`
    has the voter's number, `ringback influencers show PERSON --clear` the influencer's. A voter who asked to be left alone (`left alone`) is not rung.
    """
    if call_id is not None:
        slots_service.find(call_id)
        if not store.audit(call_id, deployment.runtime.clock.now(), note or "looked into"):
            raise Conflict(f"{call_id} has been audited already")
        click.echo(f"{call_id} is audited", err=True)
        return
    percents = {name: _percent(name) for name in ([campaign] if campaign else catalog.campaigns())}
    waiting = [
        patch
        for patch in _found(deployment, campaign, None)
        if patch.audited_at is None and is_audited(patch, percents.get(patch.campaign, 0))
    ]
    rows = _to_ask(waiting[: limit or None])
    if as_json:
        output.document({"waiting": rows, "found": len(waiting)})
        return
    columns = ("began_at", "campaign", "talked", "disposition", "influencer", "voter", "left_alone", "call")
    output.table({key: key.replace("_", " ") for key in columns}, rows, "nothing waits for an auditor")


def _to_ask(waiting: list[Patch]) -> list[dict[str, object]]:
    """The calls of the sample with the two who talked, and whether the voter has asked to be left alone."""
    voters = {patch.call_id: attempt.who for patch in waiting if (attempt := patch.talked_to) is not None}
    known = contacts.load_many(voters.values())
    return [
        _row(patch)
        | {
            "influencer": patch.influencer,
            "voter": voters[patch.call_id],
            "left_alone": (contact := known.get(voters[patch.call_id])) is not None
            and contact.opted_out_at is not None,
        }
        for patch in waiting
    ]


def _percent(campaign: str) -> int:
    patching = catalog.current(campaign).patching
    return patching.audit_percent if patching else 0


def _found(
    deployment: Deployment, campaign: str | None, since: Written | None, *, only_live: bool = False
) -> list[Patch]:
    """Newest first."""
    earliest = moments.read(since, deployment.runtime.clock.now()) if since else None
    everybody = store.load_many(calls.every_live()) if only_live else store.every(campaign)
    found = [
        patch
        for patch in output.counted("Reading patched calls", everybody)
        if (campaign is None or patch.campaign == campaign)
        and (earliest is None or patch.began_at >= earliest)
        and not (only_live and patch.is_over)
    ]
    return sorted(found, key=lambda patch: patch.began_at, reverse=True)


def _slots(campaign: str | None) -> dict[str, dict[str, int]]:
    """The slots that are counted, and the limit, of each account that a campaign patches its callers with. A limit holds for all campaigns of
    an account: the lowest counts.
    """
    limits: dict[str, int] = {}
    for each in tallies.campaigns(campaign):
        if each.patching is not None:
            limit = each.patching.slots.account
            limits[each.provider] = min(limit, limits.get(each.provider, limit))
    return {
        account: {"held": slots.load(account).total, "limit": limit}
        for account, limit in sorted(limits.items())
    }


def _row(patch: Patch) -> dict[str, object]:
    return {
        "began_at": patch.began_at,
        "campaign": patch.campaign,
        "party": patch.party.value,
        "state": patch.state.value,
        "attempts": len(patch.attempts),
        "talked": patch.talked_seconds if patch.talked_to else None,
        "reason": patch.reason.value if patch.reason else None,
        "disposition": patch.disposition.value if patch.disposition else None,
        "call": patch.call_id,
    }


def _attempt(attempt: Attempt, clear: bool) -> dict[str, object]:
    """One person rung. A mystery voter looks like any other until numbers are asked for in clear."""
    return {
        "n": attempt.n,
        "kind": attempt.kind.value if clear or attempt.kind is not Kind.MYSTERY else Kind.VOTER.value,
        "person": attempt.who,
        "phone": output.number(attempt.phone, clear),
        "area": attempt.area,
        "opened_at": attempt.opened_at,
        "answered_at": attempt.answered_at,
        "outcome": attempt.outcome.value if attempt.outcome else None,
        "talked_seconds": attempt.talked_seconds,
    }


def _sentence(attempt: Attempt, clear: bool) -> str:
    told = _attempt(attempt, clear)
    talked = f", {attempt.talked_seconds} s" if attempt.talked_seconds else ""
    return f"{attempt.n}. {told['kind']} {told['phone']}: {told['outcome'] or attempt.state}{talked}"

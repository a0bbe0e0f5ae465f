"""`ringback influencers`: who talks to voters, from the first call to the go-ahead and back."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

import click

from ringback.domain import phones
from ringback.domain.errors import NotFound, Rejected
from ringback.domain.influencers import Influencer, Stage
from ringback.domain.patches import Patch
from ringback.domain.phones import Unreadable, Withheld
from ringback.domain.reviews import Review
from ringback.services import influencers as people
from ringback.services import reviews
from ringback.services.phones import read as read_phone
from ringback.store import catalog
from ringback.store import dials as dial_store
from ringback.store import influencers as store
from ringback.store import patches as patch_store
from ringback.store import reviews as review_store
from ringback_cli import executions, output
from ringback_cli.deployment import Deployment, on_deployment

T = TypeVar("T")

_campaign = click.option("--campaign", metavar="NAME", help="Only this campaign's.")
_because = click.option("--because", required=True, help="Why; it stands in their history.")


@click.group(
    cls=output.Noun,
    epilog="""\b
Examples:
  ringback influencers --campaign clean-water           the 20 who moved last
  ringback influencers list --stage IN_REVIEW           who waits for a verdict
  ringback influencers show 09000000101                 their stages, reviews and calls, as a story
  ringback influencers approve 09000000101 --because "the tracker's phone is dead"
  ringback influencers approve 09000000101 --without-call "our own district head"
  ringback influencers revoke 09000000101 --because "sold the list" --end-calls
  ringback influencers reopen 09000000101 --because "a misunderstanding"
  ringback influencers top --campaign clean-water       who has talked to the most voters
  ringback influencers top --campaign clean-water --today
PERSON is a number in any shape, or the person's id from a list.
""",
)
def influencers() -> None:
    """Who talks to voters: their stages, reviews and calls."""


@influencers.command("list")
@on_deployment
@_campaign
@click.option(
    "--stage", type=click.Choice([str(stage) for stage in Stage]), help="Only those who stand there."
)
@output.limited
@output.in_clear
@output.as_json
def list_(
    deployment: Deployment, campaign: str | None, stage: str | None, limit: int, clear: bool, as_json: bool
) -> None:
    """Influencers, who moved last first. Reads the whole table, unless campaign and stage are given."""
    if campaign and stage:
        everybody = store.load_many(store.at_stage(campaign, Stage(stage)))
    else:
        everybody = store.every(campaign)
    found = [
        each
        for each in output.counted("Reading influencers", everybody)
        if stage is None or each.stage == stage
    ]
    found.sort(key=lambda each: (each.stage_at or each.enrolled_at, each.person), reverse=True)
    rows = [_row(each, clear) for each in found[: limit or None]]
    if as_json:
        output.document({"influencers": rows, "found": len(found)})
        return
    columns = ("stage_at", "campaign", "phone", "stage", "because", "patched", "held", "person")
    output.table({key: key.replace("_", " ") for key in columns}, rows, "nobody has offered themselves yet")
    if len(rows) < len(found):
        click.echo(f"{len(rows)} of {len(found):,} shown: --limit 0 shows all")


@influencers.command()
@click.argument("person")
@on_deployment
@_campaign
@output.limited
@output.in_clear
@output.as_json
def show(
    deployment: Deployment, person: str, campaign: str | None, limit: int, clear: bool, as_json: bool
) -> None:
    """One influencer's story: each stage and why, each review with both calls, whom they were put through to, and what the state machines
    did for them.

    Reads every patched call of the campaign, unless no tracker was ever rung for them; --limit is about those calls and the ring-backs.
    """
    found = _find(deployment, person, campaign)
    card = _row(found, clear) | {
        "language": found.language,
        "brought_by": found.chain,
        "enrolled_at": found.enrolled_at,
        "talked_seconds": found.talked_seconds,
        "short_talks": found.short,
        "complaints": found.complaints,
        "one_of_too_many": people.is_one_of_too_many(found),
        "promised_a_call_at": found.promised_at,
    }
    moves = [
        {"at": move.at, "change": str(move.change), "stage": str(move.stage), "because": move.because}
        for move in found.history
    ]
    held = review_store.of_person(found.person)
    calls = _newest(_patches_of(found), lambda patch: patch.began_at, limit)
    dials = _newest(dial_store.ledger.of_person(found.person), lambda dial: dial.caused_at, limit)
    ran = executions.behind(deployment.runtime, held, calls, dials)
    told = [_review(each) for each in held]
    rows = [_patch(each) for each in calls]
    if as_json:
        story = {"moves": moves, "reviews": told, "patches": rows, "executions": [each.row for each in ran]}
        output.document(card | story)
        return
    output.card(_spaced(card))
    output.table({key: key for key in ("at", "change", "stage", "because")}, moves, "no moves yet")
    for review in told:
        output.card(_spaced(review))
        click.echo()
    columns = ("began_at", "party", "state", "rung", "talked", "reason", "disposition", "call")
    output.table({key: key.replace("_", " ") for key in columns}, rows, "put through to nobody yet")
    executions.tell(ran)


@influencers.command()
@click.argument("person")
@on_deployment
@_campaign
@click.option("--because", help="Why you decide in the tracker's place; it stands in their history.")
@click.option(
    "--without-call", metavar="REASON", help="Approve though no tracker has talked to them, and say why."
)
def approve(
    deployment: Deployment, person: str, campaign: str | None, because: str | None, without_call: str | None
) -> None:
    """Give a go-ahead in a tracker's place. A tracker must have talked to them, or you say why that is not needed."""
    if bool(because) == bool(without_call):
        raise click.UsageError("write either --because or --without-call")
    found = _find(deployment, person, campaign)
    words = without_call or because or ""
    approved = reviews.approve(deployment.runtime, found.person, words, without_call=bool(without_call))
    click.echo(f"{approved.person} is {approved.stage}: their next call is put through to a voter")


@influencers.command()
@click.argument("person")
@on_deployment
@_campaign
@_because
@click.option("--end-calls", is_flag=True, help="Also end the calls in which they are connected now.")
@output.as_json
def revoke(
    deployment: Deployment, person: str, campaign: str | None, because: str, end_calls: bool, as_json: bool
) -> None:
    """Withdraw a go-ahead, or block somebody: their next call reaches nobody.

    --end-calls may be asked again of somebody who is revoked. Exotel cannot end a call, Twilio can.
    """
    revoked = _find(deployment, person, campaign)
    if not (end_calls and revoked.stage is Stage.REVOKED):
        revoked = reviews.revoke(deployment.runtime, revoked.person, because)
    came_to = _ended(deployment, revoked) if end_calls else []
    if as_json:
        about = {"person": revoked.person, "stage": str(revoked.stage)}
        output.document(about | ({"calls": came_to} if end_calls else {}))
        return
    click.echo(f"{revoked.person} is {revoked.stage}: their next call reaches nobody")
    for each in came_to:
        was = "has been ended" if each["ended"] else "was over already"
        why = each["why"]
        click.echo(f"{each['call']} {was if why is None else f'goes on until it ends by itself: {why}'}")
    if end_calls and not came_to:
        click.echo("they are connected in no call now")


def _ended(deployment: Deployment, revoked: Influencer) -> list[dict[str, object]]:
    from ringback.services import accounts, patches  # for this alone a provider is asked

    came_to = patches.end_calls(accounts.connect(deployment.runtime), revoked.person)
    return [
        {"call": call, "ended": how is True, "why": how if isinstance(how, str) else None}
        for call, how in sorted(came_to.items())
    ]


@influencers.command()
@click.argument("person")
@on_deployment
@_campaign
@_because
def reopen(deployment: Deployment, person: str, campaign: str | None, because: str) -> None:
    """Let somebody who was rejected or revoked talk to a tracker again."""
    reopened = people.reopen(deployment.runtime, _find(deployment, person, campaign).person, because)
    click.echo(f"{reopened.person} is {reopened.stage}: their next call talks to a tracker")


@influencers.command()
@on_deployment
@click.option("--campaign", metavar="NAME", required=True, help="Whose influencers.")
@click.option(
    "--today",
    "only_today",
    is_flag=True,
    help="By this day's calls (in India) in which a voter was rung, answered or not.",
)
@output.limited
@output.in_clear
@output.as_json
def top(
    deployment: Deployment, campaign: str, only_today: bool, limit: int, clear: bool, as_json: bool
) -> None:
    """Who has talked to the most voters, wherever they stand now: also who is held or revoked since. Reads the whole table."""
    today = people.day_of(deployment.runtime)

    def calls(influencer: Influencer) -> int:
        return influencer.opened_on(today) if only_today else influencer.patched

    found = sorted(
        filter(calls, output.counted("Reading influencers", store.every(campaign))),
        key=lambda each: (-calls(each), -each.patched, -each.talked_seconds, each.person),
    )
    rows = [
        {
            "place": place,
            "phone": output.number(each.phone, clear),
            "stage": str(each.stage),
            "patched": each.patched,
            "today": each.opened_on(today),
            "talked_minutes": each.talked_seconds // 60,
            "person": each.person,
        }
        for place, each in enumerate(found[: limit or None], 1)
    ]
    if as_json:
        output.document({"top": rows, "found": len(found)})
        return
    columns = ("place", "phone", "stage", "patched", "today", "talked_minutes", "person")
    nobody = f"nobody was put through to a voter{' today' if only_today else ' yet'}"
    output.table({key: key.replace("_", " ") for key in columns}, rows, nobody)
    if len(rows) < len(found):
        click.echo(f"{len(rows)} of {len(found):,} shown: --limit 0 shows all")


def _find(deployment: Deployment, person: str, campaign: str | None) -> Influencer:
    """By id, or by number in the one campaign that knows them as an influencer."""
    by_id = store.load(person) if person.isascii() and person.isalnum() else None
    if by_id is not None:
        return by_id
    try:
        phone = read_phone(person)
    except (Unreadable, Withheld) as problem:
        raise Rejected(f"that is neither a phone number nor a person's id: {problem}") from None
    pepper = deployment.runtime.secrets.person_pepper
    names = [campaign] if campaign else sorted(catalog.campaigns())
    found = [each for name in names if (each := store.load(phones.person_id(pepper, name, phone)))]
    if not found:
        raise NotFound(f"nobody of that number has offered themselves{f' to {campaign}' if campaign else ''}")
    if len(found) > 1:
        known = ", ".join(each.campaign for each in found)
        raise Rejected(f"several campaigns know them ({known}): name one with --campaign")
    return found[0]


def _row(influencer: Influencer, clear: bool) -> dict[str, object]:
    at: datetime = influencer.stage_at or influencer.enrolled_at
    return {
        "person": influencer.person,
        "campaign": influencer.campaign,
        "phone": output.number(influencer.phone, clear),
        "stage": str(influencer.stage),
        "stage_at": at,
        "because": influencer.because,
        "patched": influencer.patched,
        "held": influencer.held,
    }


def _patches_of(influencer: Influencer) -> Iterable[Patch]:
    """The calls in which they were connected, in no order. Scans, as no list is kept by influencer."""
    if not influencer.review:
        return ()
    everybody = output.counted("Reading patched calls", patch_store.every(influencer.campaign))
    return (patch for patch in everybody if patch.influencer == influencer.person)


def _newest(things: Iterable[T], moment: Callable[[T], datetime], limit: int) -> list[T]:
    """The newest, oldest first."""
    return sorted(things, key=moment)[-limit if limit else 0 :]


def _spaced(fields: dict[str, object]) -> dict[str, object]:
    return {key.replace("_", " "): value for key, value in fields.items()}


def _patch(patch: Patch) -> dict[str, object]:
    return {
        "began_at": patch.began_at,
        "party": str(patch.party),
        "state": str(patch.state),
        "rung": len(patch.attempts),
        "talked": f"{patch.talked_seconds} s" if patch.talked_to else None,
        "reason": str(patch.reason) if patch.reason else None,
        "disposition": str(patch.disposition) if patch.disposition else None,
        "call": patch.call_id,
    }


def _review(review: Review) -> dict[str, object]:
    return {
        "review": review.n,
        "state": str(review.state),
        "opened_at": review.opened_at,
        "tracker": review.tracker,
        "talked": f"{review.talked_seconds} s" if review.talked_at else None,
        "call": review.call,
        "verdict_call": review.verdict_call,
        "why": review.reason or review.verdict_reason or (str(review.verdict) if review.verdict else None),
        "refused": [refusal.rule for refusal in review.refusals],
    }

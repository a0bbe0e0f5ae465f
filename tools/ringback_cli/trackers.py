"""`ringback trackers`: who verifies influencers."""

from datetime import datetime

import click

from ringback.domain import phones
from ringback.domain.errors import NotFound, Rejected
from ringback.domain.phones import Unreadable, Withheld
from ringback.domain.reviews import Review
from ringback.domain.trackers import PIN_MEANS, Tracker
from ringback.services import trackers as staff
from ringback.services.phones import read as read_phone
from ringback.store import contacts
from ringback.store import reviews as review_store
from ringback.store import trackers as store
from ringback_cli import moments, output, tallies
from ringback_cli.deployment import Deployment, on_deployment

_campaign = click.option(
    "--campaign", metavar="NAME", help="Whose tracker; needed only where several campaigns have trackers."
)


@click.group(
    cls=output.Noun,
    epilog="""\b
Examples:
  ringback trackers                                     who is on duty, busy, locked out
  ringback trackers show 09000000201                    what they owe, and their last verdicts
  ringback trackers enrol 09000000201 --name Asha --language hi
  ringback trackers duty 09000000201 --on
  ringback trackers unlock 09000000201
  ringback trackers unlock --everybody
  ringback trackers remove 09000000201 --campaign clean-water
TRACKER is a number in any shape, or the person's id from the list. `enrol` asks for the PIN, so that no shell keeps it.
""",
)
def trackers() -> None:
    """Who verifies influencers: enrol them, see who is on duty."""


@trackers.command("list")
@on_deployment
@_campaign
@output.in_clear
@output.as_json
def list_(deployment: Deployment, campaign: str | None, clear: bool, as_json: bool) -> None:
    """Trackers, those on duty first."""
    campaign = _whose(campaign)
    now = deployment.runtime.clock.now()
    found = sorted(store.of_campaign(campaign), key=lambda each: (not each.on_duty, each.name, each.person))
    rows = [
        {
            "name": each.name,
            "phone": output.number(each.phone, clear),
            "standing": _standing(each, deployment),
            "languages": list(each.languages),
            "mystery": each.mystery,
            "reviews": each.reviews_given,
            "owes": len(each.pending),
            "idle": moments.spoken(now - each.last_call_at) if each.last_call_at else None,
            "person": each.person,
        }
        for each in found
    ]
    locked = store.locked_together(campaign, now)
    if as_json:
        output.document({"trackers": rows, "line_locked_until": locked})
        return
    columns = ("name", "phone", "standing", "languages", "mystery", "reviews", "owes", "idle", "person")
    output.table({key: key for key in columns}, rows, "no trackers: `ringback trackers enrol`")
    if locked is not None:
        click.echo(
            f"each tracker has one try for {moments.spoken(locked - now)}: too many wrong PINs together"
        )


@trackers.command()
@click.argument("tracker")
@on_deployment
@_campaign
@output.limited
@output.in_clear
@output.as_json
def show(
    deployment: Deployment, tracker: str, campaign: str | None, limit: int, clear: bool, as_json: bool
) -> None:
    """One tracker: how they stand, whom they owe a verdict, and the reviews that they talked in. Reads every review; --limit is about those
    that wait for nothing any more.
    """
    found = _find(deployment, tracker, _whose(campaign))
    contact = contacts.load(found.person)
    card: dict[str, object] = {
        "name": found.name,
        "phone": output.number(found.phone, clear),
        "person": found.person,
        "standing": _standing(found, deployment),
        "opted_out_at": contact.opted_out_at if contact else None,
        "languages": list(found.languages),
        "mystery": found.mystery,
        "shift_changed_at": found.duty_at,
        "last_call_at": found.last_call_at,
        "busy_with": found.busy_call if found.is_busy(deployment.runtime.clock.now()) else None,
        "wrong_pins": found.wrong_pins,
        "locked_until": found.locked_until,
        "reviews_given": found.reviews_given,
    }
    held = sorted(review_store.of_tracker(found.campaign, found.person), key=_moment, reverse=True)
    awaited = [each for each in held if each.is_waiting and each.verdict is None]
    owed = [_review(each) for each in awaited]
    over = [_review(each) for each in held if each not in awaited][:limit]
    if as_json:
        output.document(card | {"owes": owed, "verdicts": over})
        return
    output.card({key.replace("_", " "): value for key, value in card.items()})
    columns = {key: key for key in ("review", "kind", "state", "talked", "at", "why")}
    output.table(columns, owed, "no verdict of theirs is awaited")
    output.table(columns, over, "no verdicts yet")


@trackers.command()
@click.argument("phone")
@on_deployment
@_campaign
@click.option("--name", required=True, help="Short; no number in it.")
@click.option(
    "--language", "languages", multiple=True, metavar="CODE", help="What they speak; may be repeated."
)
@click.option("--mystery", is_flag=True, help="They may be rung in a voter's stead.")
@click.option(
    "--pin", prompt="PIN", hide_input=True, confirmation_prompt=True, help=f"{PIN_MEANS.capitalize()}."
)
def enrol(
    deployment: Deployment,
    phone: str,
    campaign: str | None,
    name: str,
    languages: tuple[str, ...],
    mystery: bool,
    pin: str,
) -> None:
    """Enrol a tracker, or enrol one anew: name, PIN, languages and `--mystery` are then as given now, shift and verdicts stay.

    Their shift begins when they ring, or by `duty`.
    """
    campaign = _whose(campaign)
    enrolled = staff.enrol(
        deployment.runtime, campaign, _number(phone), name, pin, tuple(languages), mystery=mystery
    )
    click.echo(f"{enrolled.name} is a tracker of {campaign}: {enrolled.person}")


@trackers.command()
@click.argument("tracker")
@on_deployment
@_campaign
@click.option("--on/--off", "on", required=True, help="Begin or end the shift.")
def duty(deployment: Deployment, tracker: str, campaign: str | None, on: bool) -> None:
    """Begin or end somebody's shift for them."""
    campaign = _whose(campaign)
    found = _find(deployment, tracker, campaign)
    store.duty(campaign, found.person, on, deployment.runtime.clock.now())
    click.echo(f"{found.name} is {'on' if on else 'off'} duty")


@trackers.command()
@click.argument("tracker", required=False)
@on_deployment
@_campaign
@click.option(
    "--everybody", is_flag=True, help="End the lock that too many wrong PINs from all telephones made."
)
def unlock(deployment: Deployment, tracker: str | None, campaign: str | None, everybody: bool) -> None:
    """Let a locked-out tracker, or with --everybody the whole team, have all tries at the PIN again."""
    if everybody == bool(tracker):
        raise click.UsageError("name a tracker, or write --everybody")
    campaign = _whose(campaign)
    if tracker is None:
        store.unlock_together(campaign)
        click.echo(f"{campaign}'s trackers have all their tries again")
        return
    found = _find(deployment, tracker, campaign)
    store.unlock(campaign, found.person)
    click.echo(f"{found.name} can give the PIN again")


@trackers.command()
@click.argument("tracker")
@on_deployment
@_campaign
def remove(deployment: Deployment, tracker: str, campaign: str | None) -> None:
    """Forget a tracker: their PIN opens nothing from now on, and verdicts that they owe, or that wait for news of the talk, do not count."""
    campaign = _whose(campaign)
    found = _find(deployment, tracker, campaign)
    store.remove(campaign, found.person)
    click.echo(f"{found.name} is no tracker of {campaign} any more")


def _whose(campaign: str | None) -> str:
    """The campaign that is named, or the only one that has trackers."""
    found = [each for each in tallies.campaigns(campaign) if each.reviews]
    return tallies.the_one(found, "section `reviews`", campaign).id


def _find(deployment: Deployment, tracker: str, campaign: str) -> Tracker:
    by_id = store.load(campaign, tracker) if tracker.isascii() and tracker.isalnum() else None
    if by_id is not None:
        return by_id
    person = phones.person_id(deployment.runtime.secrets.person_pepper, campaign, _number(tracker))
    found = store.load(campaign, person)
    if found is None:
        raise NotFound(f"{campaign} has no tracker of that number: `ringback trackers list`")
    return found


def _number(text: str) -> str:
    try:
        return read_phone(text)
    except (Unreadable, Withheld) as problem:
        raise Rejected(f"that is neither a phone number nor a tracker's id: {problem}") from None


def _standing(tracker: Tracker, deployment: Deployment) -> str:
    now = deployment.runtime.clock.now()
    if tracker.is_locked(now):
        return "locked out"
    if not tracker.on_duty:
        return "off duty"
    if tracker.is_busy(now):
        return "in a call"
    return "owes a verdict" if tracker.owes(now) else "free"


def _review(review: Review) -> dict[str, object]:
    return {
        "review": review.id,
        "kind": str(review.kind),
        "state": str(review.state),
        "talked": f"{review.talked_seconds} s" if review.talked_at else None,
        "at": _moment(review),
        "why": review.reason or review.verdict_reason or (str(review.verdict) if review.verdict else None),
    }


def _moment(review: Review) -> datetime:
    """When the last was heard of it."""
    return review.verdict_at or review.talked_at or review.opened_at

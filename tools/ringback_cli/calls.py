"""`ringback calls`: the calls in the journal, missed or led through a menu, and what became of each."""

import heapq
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qsl, unquote_plus

import click

from ringback.domain import calls as meanings
from ringback.domain.calls import Recognised
from ringback.domain.errors import NotFound, Rejected
from ringback.domain.facts import CallMissed, Entry, TurnTaken, Unparsed
from ringback.domain.phones import mask, person_id
from ringback.domain.times import BEGINNING
from ringback.domain.turns import Effect, written
from ringback.providers import exotel
from ringback.services import facts
from ringback.services.campaigns import Shelf
from ringback.services.phones import read as read_phone
from ringback.services.turns import TURN
from ringback.store import contacts, journal, messages
from ringback_cli import moments, output
from ringback_cli.deployment import Deployment, on_deployment
from ringback_cli.messages import BRIEF, brief
from ringback_cli.moments import MOMENT, Written

_A_MOMENT = timedelta(seconds=1)
_FIRST_TURN = f"{TURN}-1"


@click.group(
    cls=output.Noun,
    epilog="""\b
Examples:
  ringback calls                                   the 20 newest
  ringback calls --since 2h --number 08040001001   the last two hours of one of our numbers
  ringback calls --unparsed                        callbacks nobody could read
  ringback calls show 5f0c…                        all that is known of one call
""",
)
def calls() -> None:
    """Calls as they came in, missed or led through a menu, and what became of each."""


@calls.command("list")
@on_deployment
@click.option("--campaign", metavar="NAME", help="Only this campaign's.")
@click.option("--number", metavar="NUMBER", help="Only those to this number of ours.")
@click.option("--caller", metavar="PHONE", help="Only those of this caller.")
@click.option("--since", type=MOMENT, help="Only those heard of since: 2h, 3d, 2026-11-21, 2026-11-21T11:30.")
@click.option("--unparsed", is_flag=True, help="Callbacks nobody could read, instead of calls.")
@output.limited
@output.in_clear
@output.as_json
def list_(
    deployment: Deployment,
    campaign: str | None,
    number: str | None,
    caller: str | None,
    since: Written | None,
    unparsed: bool,
    limit: int,
    clear: bool,
    as_json: bool,
) -> None:
    """The newest calls. Reads the whole journal, so it takes a while where that is long."""
    now = deployment.runtime.clock.now()
    start = moments.read(since, now) if since else BEGINNING
    entries = output.counted("Reading the journal", journal.between(start, now + _A_MOMENT))
    kept = (entry for entry in entries if campaign in (None, entry.campaign) and not entry.is_variant)
    found = _unparsed(kept, clear) if unparsed else _missed(kept, _written(number), _written(caller), clear)
    rows = heapq.nlargest(limit, found, key=_age) if limit else sorted(found, key=_age, reverse=True)
    if as_json:
        output.document({"calls": rows})
    elif unparsed:
        output.table(
            {key: key for key in ("received_at", "campaign", "call_id", "reason", "told")},
            rows,
            "every callback was read",
        )
    else:
        columns = ("received_at", "campaign", "number", "menu", "source", "caller", "call_id")
        shown = [row | {"caller": row["caller"] or row["who"]} for row in rows]
        output.table({key: key.replace("_", " ") for key in columns}, shown, "no calls")


@calls.command()
@click.argument("call_id")
@on_deployment
@output.in_clear
@output.as_json
def show(deployment: Deployment, call_id: str, clear: bool, as_json: bool) -> None:
    """One call: how it was told, who rang, its turns in a menu, and the messages it caused. CALL_ID is the provider's or ours."""
    tellings = journal.tellings(call_id if ":" in call_id else f"{exotel.NAME}:{call_id}")
    if not tellings:
        raise NotFound(f"the journal holds no call {call_id}: `ringback calls` lists them")
    first = tellings[0]
    read, recognised = _read(first, Shelf(fresh_seconds=60)), None
    row: dict[str, object] = {"call_id": first.source_id, "campaign": first.campaign}
    if isinstance(read, Recognised):
        recognised = read
        row |= _row(first, read, clear)
    elif read:
        row |= {"reason": read}
    caused: list[output.Row] = []
    if recognised and recognised.phone:
        person = person_id(deployment.runtime.secrets.person_pepper, first.campaign, recognised.phone)
        row["person"] = person if contacts.load(person) else None
        caused = brief(m for m in messages.of_person(person) if m.cause == first.source_id)
    turns = [_turn_row(telling, clear) for telling in tellings if telling.step == TURN]
    told = [
        {
            "received_at": telling.received_at,
            "fact": telling.key,
            "by": "call listing" if telling.listed else "callback",
            "parameters": [output.words(parameter, clear) for parameter in _readable(telling)],
        }
        for telling in tellings
        if telling.step != TURN
    ]
    if as_json:
        output.document(row | {"messages": caused, "turns": turns, "tellings": told})
        return
    output.card({key.replace("_", " "): value for key, value in row.items()})
    if turns:
        output.table({key: key for key in ("turn", "at", "node", "language", "did")}, turns)
    if told:
        output.table({"received_at": "told at", "fact": "fact", "by": "by", "parameters": "parameters"}, told)
    output.table(BRIEF, caused, "it caused no message")


def _missed(
    entries: Iterator[Entry], number: str | None, caller: str | None, clear: bool
) -> Iterator[dict[str, object]]:
    shelf = Shelf(fresh_seconds=60)
    for entry in entries:
        call = _read(entry, shelf) if entry.step != TURN or entry.key == _FIRST_TURN else None
        if isinstance(call, Recognised) and number in (None, call.dialled) and caller in (None, call.phone):
            yield _row(entry, call, clear)


def _unparsed(entries: Iterator[Entry], clear: bool) -> Iterator[dict[str, object]]:
    for entry in entries:
        if isinstance(reason := _read(entry, None), str):
            yield {
                "received_at": entry.received_at,
                "campaign": entry.campaign,
                "call_id": entry.source_id,
                "reason": output.words(reason, clear),
                "told": output.words(" ".join(_readable(entry)), clear),
            }


def _read(entry: Entry, shelf: Shelf | None) -> Recognised | str | None:
    """What a call's entry means; as text why it means nothing; None for an entry that is about no call."""
    try:
        fact = facts.read(entry)
    except Rejected as problem:
        return str(problem)
    if isinstance(fact, Unparsed):
        return fact.reason
    if not isinstance(fact, CallMissed | TurnTaken) or shelf is None:
        return None
    try:
        content = shelf.current(entry.campaign)
    except NotFound as problem:
        return str(problem)
    return meanings.recognise(fact, content, entry.received_at, read_phone)


def _row(entry: Entry, call: Recognised, clear: bool) -> dict[str, object]:
    ours = call.number
    return {
        "call_id": entry.source_id,
        "received_at": entry.received_at,
        "occurred_at": call.occurred_at,
        "campaign": entry.campaign,
        "number": ours.number if ours else (call.dialled if clear else mask(call.dialled)),
        "purpose": str(ours.purpose) if ours else "not ours",
        "issue": ours.issue if ours else None,
        "source": ours.source if ours else None,
        "menu": ours.menu if ours else None,
        "caller": output.number(call.phone, clear),
        "who": str(call.caller),
        "listed": entry.listed,
    }


def _turn_row(entry: Entry, clear: bool) -> dict[str, object]:
    """One turn in a menu: where the call stands after it, and what the caller did there."""
    turn = facts.read(entry)
    assert isinstance(turn, TurnTaken)
    return {
        "turn": turn.turn,
        "at": turn.occurred_at,
        "menu": turn.menu,
        "node": turn.node,
        "language": turn.language,
        "did": [output.words(_effect(effect), clear) for effect in turn.effects],
    }


def _effect(effect: Effect) -> str:
    """`key-pressed node=choose key=1`."""
    told = {key: value for key, value in written(effect).items() if value is not False}
    return " ".join(
        [str(told.pop("is")), *(f"{key}={value}" for key, value in told.items() if value is not True)]
    )


def _readable(entry: Entry) -> list[str]:
    """An entry's parameters for people: decoded, one by one."""
    pairs = parse_qsl(entry.raw, keep_blank_values=True)
    if entry.step == "unparsed":
        return [unquote_plus(dict(pairs).get("told", ""))]
    return [f"{name}={value}" for name, value in pairs]


def _written(number: str | None) -> str | None:
    return read_phone(number) if number else None


def _age(row: dict[str, object]) -> tuple[str, str]:
    return str(row["received_at"]), str(row["call_id"])

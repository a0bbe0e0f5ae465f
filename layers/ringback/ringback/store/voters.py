"""Voters: one row for each pool they are in. Whoever rings a voter holds the claim in this row; every move is one conditional write along
`domain.pools`. Whom the campaign has rung has one row more, without a pool (`Rung`): lists overlap.

Bound to the ticket (before the claim) or to the claim (after it), a write that comes late, or twice, changes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.exceptions import VerboseClientError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from ringback.domain import times
from ringback.domain.contacts import Contact
from ringback.domain.pools import Consent, Leaning, Outcome, Rung, Settled, State, Ticket, Voter, shard_of
from ringback.store import contacts
from ringback.store.tables import (
    Attributes,
    ContactRow,
    VoterRow,
    batch_get,
    connection,
    read_together,
    update_if,
)
from ringback.store.transactions import Write, together

BUCKETS = 8
"""Partitions that the waiting voters of one pool are spread over in the index `due`."""

_SAID = "said "


def load(pool: str, person: str) -> Voter | None:
    """One voter, read consistently; None when the pool has no such voter."""
    return load_many(pool, [person]).get(person)


def load_many(pool: str, people: Iterable[str]) -> dict[str, Voter]:
    """The known ones among the people, read consistently in one batch per 100."""
    keys = ({"voter": key(pool, person)} for person in dict.fromkeys(people))
    return {voter.person: voter for voter in map(read, batch_get(VoterRow, keys))}


@dataclass(frozen=True, slots=True)
class Known:
    """All that decides whether somebody in a pool is rung."""

    voter: Voter | None
    contact: Contact | None
    rung: Rung
    """Out of any pool of the campaign."""


def load_known(pool: str, person: str, others: Iterable[str] = ()) -> Known:
    """A voter, and the same person as the campaign knows them, in its other pools too, read consistently in one request."""
    in_pool, in_all = key(pool, person), _person_key(pool, person)
    elsewhere = [key(other, person) for other in others]
    wanted = {
        VoterRow: [{"voter": each} for each in (in_pool, in_all, *elsewhere)],
        ContactRow: [{"person": person}],
    }
    rows = read_together(wanted)
    found = {row["voter"]["S"]: row for row in rows[VoterRow]}
    contact = next(map(contacts.read, rows[ContactRow]), None)
    voter = read(found[in_pool]) if in_pool in found else None
    rung = _rung(found.get(in_all, {}))
    for each in elsewhere:
        if each in found:
            rung = rung.and_now_in(read(found[each]))
    return Known(voter, contact, rung)


def add_claim(transaction: TransactWrite, ticket: Ticket, claim: str, now: datetime) -> None:
    """Make the claim of a voter part of a transaction: it fails unless the voter is queued with this very ticket. Counts as an
    attempt from here on. `claim` is `<call id>/<attempt>`.
    """
    transaction.update(
        VoterRow(key(ticket.pool, ticket.person)),
        actions=_claiming(claim, now),
        condition=_holds(ticket),
    )


def last_claim(pool: str, person: str) -> str | None:
    """What somebody was claimed by when the campaign rang them last, out of this pool or another; None where it never did. One request."""
    keys = ({"voter": key(pool, person)}, {"voter": _person_key(pool, person)})
    claims = [(row["last_at"]["S"], row["claim"]["S"]) for row in batch_get(VoterRow, keys) if "claim" in row]
    return max(claims)[1] if claims else None


def complains(campaign: str, person: str, claim: str) -> None:
    """Note that somebody complains of the attempt that they were claimed by; whether it counts may be known later."""
    update_if(VoterRow, key(campaign, person), actions=[VoterRow.complains.set(claim)])


@dataclass(frozen=True, slots=True)
class Complaints:
    """The claims of somebody's last complaint, and of the last one that was counted."""

    last: str | None
    counted: str | None


def complaints(campaign: str, person: str) -> Complaints:
    """What somebody complained of, read consistently."""
    row = next(batch_get(VoterRow, [{"voter": key(campaign, person)}]), {})
    last, counted = (row[name]["S"] if name in row else None for name in ("complains", "complained"))
    return Complaints(last, counted)


def count_complaint(campaign: str, person: str, claim: str) -> Write:
    """Note that a complaint is counted, as one write of the transaction that does so: it fails when that is noted."""
    new = VoterRow.complained.does_not_exist() | (VoterRow.complained != claim)
    return Write(VoterRow(key(campaign, person)), [VoterRow.complained.set(claim)], new)


def settle(voter: Voter, settled: Settled) -> bool:
    """Write what the voter's claim came to, and with the first word on it count the attempt over all pools: together, so that whoever dies
    leaves none out. False, and nothing changed, when they have moved on since they were read, or are being changed.
    """
    unchanged = (VoterRow.state == str(voter.state)) & (VoterRow.claim == voter.claim)
    in_pool = Write(
        VoterRow(key(voter.pool, voter.person)), _settling(voter.person, voter.pool, settled), unchanged
    )
    if voter.state is not State.CLAIMED:
        return together(in_pool)
    assert voter.claim is not None
    assert voter.last_at is not None  # when it was claimed
    actions = [
        VoterRow.claim.set(voter.claim),
        VoterRow.last_at.set(times.written(voter.last_at)),
        VoterRow.attempts.add(1),
    ]
    return together(in_pool, Write(VoterRow(_person_key(voter.pool, voter.person)), actions, None))


def settle_person(campaign: str, person: str, outcome: Outcome) -> None:
    """Note that somebody is not to be rung again out of any pool. The first reason stands, but that they talked does after all."""
    path = VoterRow.outcome
    action = path.set(str(outcome)) if outcome is Outcome.REACHED else path.set(path | str(outcome))
    update_if(VoterRow, _person_key(campaign, person), actions=[action])


def set_aside(ticket: Ticket, settled: Settled) -> bool:
    """Write what the gate said of a voter before anybody rang them. False when the ticket is no longer the voter's."""
    return _update(ticket.pool, ticket.person, _settling(ticket.person, ticket.pool, settled), _holds(ticket))


def requeue(voter: Voter, ticket: str) -> bool:
    """Give a voter who waits, or whose ticket nobody claimed, another ticket; False when they have moved on since they were read.

    From here on no claim with the earlier ticket can win, however late it comes.
    """
    unchanged = (VoterRow.state == str(voter.state)) & (VoterRow.ticket == voter.ticket)
    actions = [
        VoterRow.state.set(str(State.QUEUED)),
        VoterRow.ticket.set(ticket),
        VoterRow.claim.remove(),
        VoterRow.rule.remove(),
        *_NOT_WAITING,
    ]
    return _update(voter.pool, voter.person, actions, unchanged)


def lean(pool: str, person: str, claim: str, disposition: str, at: datetime) -> None:
    """Note what a caller keyed in about a voter after an attempt; the latest stands, earlier ones stay beside it. A repeat is the same."""
    said = Path([f"{_SAID}{times.written(at)}/{claim}"])
    known = VoterRow.voter.exists()
    _update(pool, person, [said.set(disposition)], known)
    newer = VoterRow.leaning_at.does_not_exist() | (VoterRow.leaning_at <= times.written(at))
    actions = [VoterRow.leaning.set(disposition), VoterRow.leaning_at.set(times.written(at))]
    _update(pool, person, actions, known & newer)


def due(pool: str, until: datetime) -> Iterator[str]:
    """The people who wait until a moment up to `until`, earliest first within each bucket. The index is a little behind."""
    for bucket in range(BUCKETS):
        for row in VoterRow.due.query(_bucket(pool, bucket), VoterRow.due_at <= times.written(until)):
            yield row.voter.rpartition("/")[2]


def put_all(rows: Sequence[Attributes]) -> list[Attributes]:
    """Write up to 25 rows whole, over what stands there; returns those that DynamoDB left undone for being asked too much."""
    table = connection(VoterRow)
    request = {table.table_name: [{"PutRequest": {"Item": row}} for row in rows]}
    try:
        answer = table.connection.dispatch(
            "BatchWriteItem", {"RequestItems": request, "ReturnConsumedCapacity": "NONE"}
        )
    except VerboseClientError as problem:
        if problem.response["Error"]["Code"] in _BUSY:
            return list(rows)
        raise
    return [put["PutRequest"]["Item"] for put in answer.get("UnprocessedItems", {}).get(table.table_name, ())]


def stored(pool: str, people: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Person → (the load that brought them, their ticket), of the known ones among the people."""
    keys = ({"voter": key(pool, person)} for person in people)
    return {
        row["voter"]["S"].rpartition("/")[2]: (row["load"]["S"], row["ticket"]["S"])
        for row in batch_get(VoterRow, keys)
    }


def every(pool: str) -> Iterator[Voter]:
    """Every voter of a pool, in no order. Scans the table: for recounts, not for a request."""
    table, start = connection(VoterRow), None
    condition = Path(["voter"]).startswith(f"{pool}/")
    while True:
        answer = table.scan(filter_condition=condition, exclusive_start_key=start)
        yield from map(read, answer["Items"])
        start = answer.get("LastEvaluatedKey")
        if not start:
            return


def key(pool: str, person: str) -> str:
    """The hash key of a voter's row, its only key."""
    return f"{pool}/{person}"


def _person_key(pool: str, person: str) -> str:
    """The hash key of what the campaign of a pool knows of a person beyond the pool."""
    return f"{pool.partition('/')[0]}/{person}"


def row_of(pool: str, person: str, load: str, ticket: str, told: Mapping[str, str | bool]) -> Attributes:
    """The row of a voter whom a load brings, queued. `told` is named as the attributes are. Written by hand: 12 lakh go through here."""
    row: dict[str, Any] = {
        name: {"BOOL": value} if isinstance(value, bool) else {"S": value} for name, value in told.items()
    }
    row["voter"] = {"S": key(pool, person)}
    row["load"] = {"S": load}
    row["ticket"] = {"S": ticket}
    row["state"] = {"S": str(State.QUEUED)}
    return row


def read(item: Attributes) -> Voter:
    """The voter that a row tells of."""
    texts: Mapping[str, str] = {name: value["S"] for name, value in item.items() if "S" in value}
    pool, _, person = texts["voter"].rpartition("/")
    return Voter(
        pool=pool,
        person=person,
        phone=texts["phone"],
        language=texts["language"],
        ticket=texts["ticket"],
        area=texts.get("area"),
        name=texts.get("name"),
        consent=Consent(texts["consent"], texts["consent_evidence"], times.read(texts["consent_at"]))
        if "consent" in texts
        else None,
        is_dnd=item["dnd"]["BOOL"] if "dnd" in item else None,
        dnd_checked_at=_moment(texts.get("dnd_checked_at")),
        state=State(texts["state"]),
        claim=texts.get("claim"),
        attempts=int(item["attempts"]["N"]) if "attempts" in item else 0,
        last_at=_moment(texts.get("last_at")),
        outcome=Outcome(texts["outcome"]) if "outcome" in texts else None,
        rule=texts.get("rule"),
        due_at=_moment(texts.get("due_at")),
        leaning=texts.get("leaning"),
        leanings=tuple(
            _leaning(name, said) for name, said in sorted(texts.items()) if name.startswith(_SAID)
        ),
    )


def _leaning(name: str, disposition: str) -> Leaning:
    at, _, claim = name.removeprefix(_SAID).partition("/")
    return Leaning(times.read(at), claim, disposition)


def _rung(item: Attributes) -> Rung:
    return Rung(
        attempts=int(item["attempts"]["N"]) if "attempts" in item else 0,
        last_at=_moment(item["last_at"]["S"] if "last_at" in item else None),
        settled=Outcome(item["outcome"]["S"]) if "outcome" in item else None,
    )


_BUSY = {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"}

_NOT_WAITING = (VoterRow.bucket.remove(), VoterRow.due_at.remove())


def _holds(ticket: Ticket) -> Condition:
    condition: Condition = (VoterRow.state == str(State.QUEUED)) & (VoterRow.ticket == ticket.name)
    return condition


def _claiming(claim: str, now: datetime) -> list[Action]:
    return [
        VoterRow.state.set(str(State.CLAIMED)),
        VoterRow.claim.set(claim),
        VoterRow.last_at.set(times.written(now)),
        VoterRow.attempts.add(1),
        VoterRow.outcome.remove(),
    ]


def _settling(person: str, pool: str, settled: Settled) -> list[Action]:
    actions: list[Action] = [VoterRow.state.set(str(settled.state))]
    for path, value in ((VoterRow.outcome, settled.outcome), (VoterRow.rule, settled.rule)):
        actions.append(path.remove() if value is None else path.set(str(value)))
    if settled.due_at is None:
        actions += _NOT_WAITING
    else:
        bucket = shard_of(person, BUCKETS)
        actions += [
            VoterRow.bucket.set(_bucket(pool, bucket)),
            VoterRow.due_at.set(times.written(settled.due_at)),
        ]
    return actions


def _bucket(pool: str, number: int) -> str:
    return f"{pool}#{number}"


def _update(pool: str, person: str, actions: Sequence[Action], condition: Condition) -> bool:
    return update_if(VoterRow, key(pool, person), actions=actions, condition=condition) is not None


def _moment(text: str | None) -> datetime | None:
    return times.read(text) if text else None

"""`ringback pool`: the voters who are rung, from the list they come in to the last outcome."""

import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from ringback.domain import loads
from ringback.domain.campaigns import Campaign
from ringback.domain.errors import NotFound, Rejected
from ringback.domain.ledger import NOWHERE
from ringback.domain.loads import Order, Reader
from ringback.domain.patches import Attempt, Kind, Patch, talk_of
from ringback.domain.phones import Unreadable, Withheld, person_id
from ringback.domain.pools import Leaning, Pool, PoolState, Standing, Voter
from ringback.domain.turns import Disposition
from ringback.runtime import Runtime
from ringback.services import loads as loading
from ringback.services import pools
from ringback.services.loads import Loaded, Spool
from ringback.services.phones import read as read_phone
from ringback.store import catalog, patches, voters
from ringback.store import pools as store
from ringback_cli import output, spreadsheets, tallies, voter_lists
from ringback_cli.deployment import Deployment, on_deployment
from ringback_cli.voter_lists import File, Refused

_POOL = re.compile(r"[a-z0-9-]{1,40}/[a-z0-9-]{1,40}")

_named = click.argument("pool", metavar="CAMPAIGN/POOL")


@click.group(
    cls=output.Noun,
    epilog="""\b
Examples:
  ringback pool load clean-water/ward-12 voters.csv           a new pool, in shuffled order
  ringback pool open clean-water/ward-12                      its voters are rung, if the campaign's `patching.pool` names it
  ringback pool stats clean-water/ward-12                     who stands where
  ringback pool show clean-water/ward-12 09000000101          one voter's story
  ringback pool leanings clean-water/ward-12                  what callers said of them, by area
  ringback pool export clean-water/ward-12 --leaning undecided --clear -o undecided.csv
  ringback pool drain clean-water/ward-12                     finish what is queued, then close
Columns of a list: phone, language, area, name, consent, consent_evidence, consent_at, dnd, dnd_checked_at; only phone is needed to
load, the rest decides whom the policy lets us ring.
""",
)
def pool() -> None:
    """Voter pools: load them, watch them, pause and drain them."""


@pool.command("list")
@on_deployment
@tallies.of_campaign
@output.as_json
def list_(deployment: Deployment, campaign: str | None, as_json: bool) -> None:
    """Every pool and where its voters stand."""
    rows = [_row(each, store.standing(each)) for each in store.every(campaign)]
    if as_json:
        output.document({"pools": rows})
        return
    columns = ("pool", "state", "loaded", "queued", "claimed", "waiting", "reached", "dropped")
    output.table({key: key for key in columns}, rows, "there is no pool: `ringback pool load` makes one")


@pool.command()
@_named
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@on_deployment
@click.option(
    "--order", type=click.Choice(Order, case_sensitive=False), default=Order.SHUFFLED, show_default="shuffled"
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed shuffles in another way.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where refused rows are listed; without it, beside FILE.",
)
@output.as_json
def load(
    deployment: Deployment,
    pool: str,
    file: Path,
    order: Order,
    seed: int,
    report: Path | None,
    as_json: bool,
) -> None:
    """Load a CSV list of voters into a pool, which is made if need be; nobody is rung before it is opened.

    Loading the same list again goes on where an interrupted load stopped, and changes nothing after a finished one. What is known of
    voters who are in the pool already stays as it is.
    """
    content = catalog.current(_checked(pool).partition("/")[0])
    source, report = voter_lists.examine(file), report or file.with_suffix(".refused.csv")
    reader = _reader(deployment.runtime, content)
    with output.stages() as watch, tempfile.TemporaryDirectory(prefix="ringback-") as folder:
        pepper = deployment.runtime.secrets.person_pepper
        spool = Spool(pepper, content.id, Path(folder) / "list.sqlite", order, seed)
        try:
            refused = voter_lists.write_report(report, _refused(source, reader, spool, watch))
            name = loads.name(source.digest, order, seed)
            loaded = loading.load(deployment.runtime, pool, name, spool, watch)
        finally:
            spool.close()
    if not refused:
        report.unlink()
    _tell(pool, loaded, refused, report, as_json)


@pool.command()
@_named
@click.argument("phone", required=False)
@on_deployment
@output.in_clear
@output.as_json
def show(deployment: Deployment, pool: str, phone: str | None, clear: bool, as_json: bool) -> None:
    """One pool and its shards, or one voter of it by their number: every attempt to reach them, and what callers said of them.

    A voter's attempts stand in the patched calls, all of which are read.
    """
    if phone is not None:
        _tell_of(_voter(deployment.runtime, pool, phone), clear, as_json)
        return
    found = pools.find(_checked(pool))
    about = _row(found, store.standing(found)) | {"opened_at": found.opened_at}
    cursors = [
        {"shard": c.shard, "taken": c.next, "queued": c.tail - c.next, "swept": c.swept}
        for c in store.cursors(found)
    ]
    if as_json:
        output.document(about | {"shards": cursors})
        return
    output.card({key.replace("_", " "): value for key, value in about.items() if key != "dropped_by"})
    output.table({key: key for key in ("shard", "taken", "queued", "swept")}, cursors)


@pool.command()
@_named
@on_deployment
@click.option("--recount", is_flag=True, help="Count voter by voter, and put the counters right.")
@output.as_json
def stats(deployment: Deployment, pool: str, recount: bool, as_json: bool) -> None:
    """Where a pool's voters stand: from the counters, at once; with --recount from every voter, which reads the whole table."""
    found = pools.find(_checked(pool))
    off: Counter[str] = Counter()
    if recount:
        with output.progress("Counting voters") as step:
            standing, off = pools.recount(pool, step)
    else:
        standing = store.standing(found)
    row = _row(found, standing)
    if as_json:
        output.document(row | ({"off": dict(off)} if recount else {}))
        return
    by_rule = {f"dropped: {rule}": n for rule, n in sorted(standing.dropped.items())}
    output.card({key: row[key] for key in ("pool", "state", *_STANDING)} | by_rule)
    if recount:
        click.echo(
            "every counter was right"
            if not off
            else "put right: " + ", ".join(f"{k} {n:+,}" for k, n in off.items())
        )


@pool.command()
@_named
@on_deployment
@output.as_json
def leanings(deployment: Deployment, pool: str, as_json: bool) -> None:
    """What callers said of the voters they talked to, by area and in all. Reads every voter of the pool."""
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for voter in output.counted("Reading voters", voters.every(pools.find(_checked(pool)).id)):
        if voter.leaning is not None:
            counted[voter.area or NOWHERE][voter.leaning] += 1
    areas = dict(sorted(counted.items()))
    total = sum(areas.values(), Counter[str]())
    if as_json:
        output.document({"pool": pool, "leanings": total, "areas": areas})
        return
    rows = [{"area": area} | said for area, said in areas.items()]
    if len(rows) > 1:
        rows.append({"area": "all"} | total)
    output.table(
        {"area": "area", **{name: name for name in Disposition}}, rows, "nothing was said of anybody yet"
    )


_EXPORTED = (
    *("person", "phone", "language", "area", "name", "state", "attempts", "last_at", "outcome", "leaning"),
    *("consent", "consent_evidence", "consent_at", "dnd", "dnd_checked_at"),
)


@pool.command()
@_named
@on_deployment
@spreadsheets.to_file
@click.option(
    "--leaning",
    type=click.Choice([each.value for each in Disposition]),
    help="Only those of whom a caller said this last.",
)
@click.option("--area", metavar="NAME", help="Only those who live there.")
@output.in_clear
def export(
    deployment: Deployment,
    pool: str,
    path: Path | None,
    leaning: str | None,
    area: str | None,
    clear: bool,
) -> None:
    """A pool's voters, or a segment of them, as CSV: for whoever visits or writes to them. In clear it is a list that another pool takes, but
    whom a campaign has talked to it rings out of no pool again.
    """
    segment = (
        voter
        for voter in output.counted("Reading voters", voters.every(pools.find(_checked(pool)).id))
        if (leaning is None or voter.leaning == leaning) and (area is None or voter.area == area)
    )
    spreadsheets.write(path, _EXPORTED, (_exported(voter, clear) for voter in segment), "voters")


def _exported(voter: Voter, clear: bool) -> dict[str, object]:
    consent = voter.consent
    return {
        "person": voter.person,
        "phone": output.number(voter.phone, clear),
        "language": voter.language,
        "area": voter.area,
        "name": voter.name if clear else None,
        "state": voter.state.value,
        "attempts": voter.attempts,
        "last_at": voter.last_at,
        "outcome": voter.outcome.value if voter.outcome else None,
        "leaning": voter.leaning,
        "consent": consent.basis if consent else None,
        "consent_evidence": consent.evidence if consent else None,
        "consent_at": consent.at if consent else None,
        "dnd": {True: "yes", False: "no", None: None}[voter.is_dnd],
        "dnd_checked_at": voter.dnd_checked_at,
    }


@pool.command("open")
@_named
@on_deployment
def open_(deployment: Deployment, pool: str) -> None:
    """Let a pool's voters be rung; also one that was paused, draining or closed."""
    _change(deployment, pool, PoolState.OPEN, "its voters are rung")


@pool.command()
@_named
@on_deployment
def pause(deployment: Deployment, pool: str) -> None:
    """Give out no voter until the pool is resumed. Calls that have one go on."""
    _change(deployment, pool, PoolState.PAUSED, "nobody is rung from it within five seconds")


@pool.command()
@_named
@on_deployment
def resume(deployment: Deployment, pool: str) -> None:
    """Go on after a pause."""
    if (found := pools.find(_checked(pool))).state not in (PoolState.PAUSED, PoolState.OPEN):
        raise Rejected(f"{pool} is {found.state}, not paused: `ringback pool open` opens it")
    _change(deployment, pool, PoolState.OPEN, "its voters are rung again")


@pool.command()
@_named
@on_deployment
def drain(deployment: Deployment, pool: str) -> None:
    """Ring those who are queued, nobody a second time, and close when none is left."""
    _change(deployment, pool, PoolState.DRAINING, "it closes when nobody is queued any more")


_STANDING = ("loaded", "queued", "claimed", "waiting", "reached", "dropped")


def _change(deployment: Deployment, pool: str, after: PoolState, means: str) -> None:
    changed = pools.change(deployment.runtime, _checked(pool), after)
    click.echo(f"{changed.id} is {changed.state}: {means}")


def _checked(pool: str) -> str:
    if not _POOL.fullmatch(pool):
        raise Rejected(f"{pool!r} names no pool: write the campaign and the pool, as clean-water/ward-12")
    return pool


def _reader(runtime: Runtime, content: Campaign) -> Reader:
    ours = frozenset(number for campaign in tallies.campaigns(None) for number in campaign.numbers)
    # A voter hears us before they ever get an SMS, and voice may speak more languages.
    spoken = {*content.languages, *(content.patching.whisper if content.patching else ())}
    return Reader(spoken, content.default_language, ours, runtime.clock.now())


def _refused(
    source: File, reader: Reader, spool: Spool, watch: Callable[[str, int, int], object]
) -> Iterator[Refused]:
    """Take in a list; what is given is what was not taken."""
    for line, row in voter_lists.rows(source, reader):
        if line % 1000 == 0:
            watch("Reading the list", line, 0)
        if isinstance(row, Refused):
            yield row
        elif not spool.add(row):
            yield Refused(line, "listed before", voter_lists.masked(row.phone))


def _tell(pool: str, loaded: Loaded, refused: int, report: Path, as_json: bool) -> None:
    if as_json:
        about = {"pool": pool, "load": loaded.load, "added": loaded.added, "known": loaded.known}
        output.document(about | {"refused": refused, "was_done": loaded.was_done})
        return
    if loaded.was_done:
        click.echo(f"{pool} has this list already: nothing was changed")
    else:
        known = f", {loaded.known:,} were in it before" if loaded.known else ""
        click.echo(f"{loaded.added:,} voters in {pool}{known}")
    if refused:
        click.echo(f"{refused:,} rows refused: {report} says why")


def _voter(runtime: Runtime, pool: str, phone: str) -> Voter:
    campaign = _checked(pool).partition("/")[0]
    try:
        person = person_id(runtime.secrets.person_pepper, campaign, read_phone(phone))
    except (Unreadable, Withheld) as problem:
        raise Rejected(f"that is no phone number: {problem}") from None
    voter = voters.load(pool, person)
    if voter is None:
        raise NotFound(f"{pool} has nobody by that number")
    return voter


def _tell_of(voter: Voter, clear: bool, as_json: bool) -> None:
    campaign = voter.pool.partition("/")[0]
    rung = sorted(
        (
            (patch, attempt)
            for patch in output.counted("Reading patched calls", patches.every(campaign))
            for attempt in patch.attempts
            if attempt.who == voter.person and attempt.kind is Kind.VOTER
        ),
        key=lambda found: found[1].opened_at,
    )
    calls = [_attempt(patch, attempt) for patch, attempt in rung]
    said = [_said(leaning) for leaning in voter.leanings]
    if as_json:
        output.document(_story(voter, clear) | {"calls": calls, "said": said})
        return
    output.card(_story(voter, clear))
    columns = ("at", "outcome", "talked", "influencer", "call", "attempt")
    output.table({key: key for key in columns}, calls, "rung by nobody yet")
    if said:
        output.table({key: key for key in ("at", "disposition", "call", "attempt")}, said)


def _attempt(patch: Patch, attempt: Attempt) -> dict[str, object]:
    return {
        "at": attempt.opened_at,
        "outcome": str(attempt.outcome or attempt.state),
        "talked": talk_of(patch, attempt) if attempt.has_talked else None,
        "influencer": patch.influencer,
        "call": patch.call_id,
        "attempt": attempt.n,
    }


def _said(leaning: Leaning) -> dict[str, object]:
    call, _, attempt = leaning.claim.rpartition("/")
    return {"at": leaning.at, "disposition": leaning.disposition, "call": call, "attempt": int(attempt)}


def _story(voter: Voter, clear: bool) -> dict[str, object]:
    consent = voter.consent
    return {
        "person": voter.person,
        "phone": output.number(voter.phone, clear),
        "language": voter.language,
        "area": voter.area,
        "consent": consent.basis if consent else None,
        "consent_evidence": consent.evidence if consent else None,
        "consent_at": consent.at if consent else None,
        "dnd": voter.is_dnd,
        "dnd_checked_at": voter.dnd_checked_at,
        "state": str(voter.state),
        "ticket": voter.ticket,
        "attempts": voter.attempts,
        "claim": voter.claim,
        "last_at": voter.last_at,
        "outcome": str(voter.outcome) if voter.outcome else None,
        "rule": voter.rule,
        "due_at": voter.due_at,
        "leaning": voter.leaning,
    }


def _row(pool: Pool, standing: Standing) -> dict[str, object]:
    return {
        "pool": pool.id,
        "state": str(pool.state),
        "loaded": standing.loaded,
        "queued": standing.queued,
        "claimed": standing.claimed,
        "waiting": standing.waiting,
        "reached": standing.reached,
        "dropped": sum(standing.dropped.values()),
        "dropped_by": dict(standing.dropped),
    }

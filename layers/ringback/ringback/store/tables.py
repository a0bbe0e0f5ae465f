"""The data map: every table, its keys and attributes, as pynamodb models. `template.yaml` is the truth; a test holds these to it.

| table | hash, range | one row is |
|---|---|---|
| journal | source_id, fact | one fact as told, with its raw parameters; stream; kept for at least 400 days |
| contacts | person | a person as one campaign knows them |
| calls | call | one call in a menu: where it stands and what it was answered; index `live` of those that go on |
| messages | person, message | one outbound SMS in the effect ledger; index `due` of what waits for a moment or a person |
| dials | person, dial | one call that we place, or have placed; index `due` as above |
| answers | topic, person | what one person has said to one topic; `<campaign>/poll:first-need#07`, spread over buckets by person |
| catalog | campaign, version | published content: `current`, `v00001` …; and `number#<E.164>`, `owner`: which campaign a number belongs to |
| feedback | feedback | one recorded grievance, its tags and its clock; index `waiting` of what is open, late or unsettled |
| pools | pool, row | a pool, a cursor or a block of tickets of one of its shards, or the progress of a load |
| voters | voter | one voter of one pool, `<campaign>/<pool>/<person>`; index `due` of those who wait for a new ticket |
| influencers | person | one influencer: their stage, counts and last moves; indexes `listing` by stage, `promises` of who waits for a call |
| reviews | person, n | one review of an influencer, its verdict and the token its machine waits by; index `waiting` of those undecided |
| trackers | campaign, person | one tracker: PIN, shift, whom they are busy with, which verdicts they owe |
| patches | call | one call whose caller is connected to a second person: who was rung, and how it went |
| ledger | book, leg | what one leg of a patched call cost; `<campaign>#<area>#<day>`, `<call id>/<attempt>/<leg>` |
| counters | name, shard | sharded metrics, and single rows: pace, spending, pauses, prefixes, watermarks, slots, areas, ring-backs, PINs, influencers' blocks |
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pynamodb.attributes import (
    Attribute,
    BooleanAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.connection import TableConnection
from pynamodb.constants import ALL_NEW
from pynamodb.exceptions import PutError, PynamoDBException, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

MOST_KEYS = 100
"""In one BatchGetItem: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""


class _Meta:
    """Limits a request must keep: a door answers within a second, so one try must not take longer than that."""

    connect_timeout_seconds = 1
    read_timeout_seconds = 3
    max_retry_attempts = 3
    max_pool_connections = 20


class JournalRow(Model):
    class Meta(_Meta):
        table_name = "journal"

    source_id = UnicodeAttribute(hash_key=True)
    fact = UnicodeAttribute(range_key=True)
    campaign = UnicodeAttribute()
    provider = UnicodeAttribute()
    step = UnicodeAttribute()
    raw = UnicodeAttribute()
    digest = UnicodeAttribute()
    received_at = UnicodeAttribute()
    listed = BooleanAttribute(null=True)
    expires_at = NumberAttribute()


class ContactRow(Model):
    class Meta(_Meta):
        table_name = "contacts"

    person = UnicodeAttribute(hash_key=True)
    campaign = UnicodeAttribute()
    phone = UnicodeAttribute()
    language = UnicodeAttribute()
    first_called_at = UnicodeAttribute()
    first_number = UnicodeAttribute()
    first_source = UnicodeAttribute()
    last_called_at = UnicodeAttribute(null=True)
    signals = UnicodeSetAttribute(null=True)
    opted_out_at = UnicodeAttribute(null=True)
    suppressed = UnicodeAttribute(null=True)
    verified = UnicodeAttribute(null=True)


class EffectRow(Model):
    """What every effect that leaves once has in its ledger besides its keys. No table of its own."""

    campaign = UnicodeAttribute()
    cause = UnicodeAttribute()
    caused_at = UnicodeAttribute()
    state = UnicodeAttribute()
    rule = UnicodeAttribute(null=True)
    bucket = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(null=True)
    departs_at = UnicodeAttribute(null=True)
    claim = UnicodeAttribute(null=True)
    claimed_at = UnicodeAttribute(null=True)
    provider_id = UnicodeAttribute(null=True)
    code = UnicodeAttribute(null=True)


class DueIndex(GlobalSecondaryIndex["MessageRow"]):  # type: ignore[no-untyped-call]
    """What waits: `held#<n>` until a moment, `unknown#<n>` for evidence, `listed#<n>` for a person. Rows without a bucket are absent."""

    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    bucket = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True)


class MessageRow(EffectRow):
    class Meta(_Meta):
        table_name = "messages"

    person = UnicodeAttribute(hash_key=True)
    message = UnicodeAttribute(range_key=True)
    text = UnicodeAttribute()
    language = UnicodeAttribute()
    parts = NumberAttribute(null=True)
    due = DueIndex()


class DialDueIndex(GlobalSecondaryIndex["DialRow"]):  # type: ignore[no-untyped-call]
    """As `DueIndex`. `unknown#<n>` also lists dials that were placed, until somebody tells how they ended."""

    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    bucket = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True)


class DialRow(EffectRow):
    class Meta(_Meta):
        table_name = "dials"

    person = UnicodeAttribute(hash_key=True)
    dial = UnicodeAttribute(range_key=True)
    number = UnicodeAttribute()
    menu = UnicodeAttribute()
    kind = UnicodeAttribute()
    fields = UnicodeAttribute(null=True)
    attempt = NumberAttribute()
    due = DialDueIndex()


class AnswerRow(Model):
    """Answers stand in attributes of their own, `said <moment>/<cause>`. A gathering's row `…#room`, `-` counts its places."""

    class Meta(_Meta):
        table_name = "answers"

    topic = UnicodeAttribute(hash_key=True)
    person = UnicodeAttribute(range_key=True)
    revision = NumberAttribute(null=True)
    forgotten = NumberAttribute(null=True)
    forgotten_up_to = UnicodeAttribute(null=True)
    seat = UnicodeAttribute(null=True)
    seat_at = UnicodeAttribute(null=True)
    from_waiting = BooleanAttribute(null=True)
    attended_at = UnicodeAttribute(null=True)
    made_room_for = UnicodeSetAttribute(null=True)
    taken = NumberAttribute(null=True)
    waiting = NumberAttribute(null=True)


class LiveIndex(GlobalSecondaryIndex["CallRow"]):  # type: ignore[no-untyped-call]
    """Calls that go on as far as we know, by when we heard of them last. Rows without a bucket are absent."""

    class Meta:
        index_name = "live"
        projection = KeysOnlyProjection()

    bucket = UnicodeAttribute(hash_key=True)
    last_at = UnicodeAttribute(range_key=True)


class CallRow(Model):
    class Meta(_Meta):
        table_name = "calls"

    call = UnicodeAttribute(hash_key=True)
    campaign = UnicodeAttribute()
    version = NumberAttribute()
    menu = UnicodeAttribute()
    number = UnicodeAttribute()
    caller = UnicodeAttribute(null=True)
    person = UnicodeAttribute(null=True)
    state = UnicodeAttribute()
    session = UnicodeAttribute()
    began_at = UnicodeAttribute()
    last_at = UnicodeAttribute()
    bucket = UnicodeAttribute(null=True)
    turn = NumberAttribute()
    fingerprints = UnicodeAttribute()
    answers = UnicodeAttribute()
    recording_url = UnicodeAttribute(null=True)
    dial = UnicodeAttribute(null=True)
    expires_at = NumberAttribute()
    live = LiveIndex()


class CatalogRow(Model):
    class Meta(_Meta):
        table_name = "catalog"

    campaign = UnicodeAttribute(hash_key=True)
    version = UnicodeAttribute(range_key=True)
    number = NumberAttribute(null=True)
    digest = UnicodeAttribute(null=True)
    document = UnicodeAttribute(null=True)
    owner = UnicodeAttribute(null=True)
    published_at = UnicodeAttribute(null=True)


class CounterRow(Model):
    """Holds no fixed attributes: each counter names its own."""

    class Meta(_Meta):
        table_name = "counters"

    name = UnicodeAttribute(hash_key=True)
    shard = UnicodeAttribute(range_key=True)


class UnrepeatedCounterRow(CounterRow):
    """A counter whose changes the AWS client makes once: one whose answer got lost may have taken effect, and must not be made again."""

    class Meta(CounterRow.Meta):
        max_retry_attempts = 0

    _connection = None  # not CounterRow's, which repeats


class WaitingIndex(GlobalSecondaryIndex["FeedbackRow"]):  # type: ignore[no-untyped-call]
    """What is not over: `open#<n>`, `late#<n>` after the alarm, `settling#<n>` until the clock knows. Rows without a bucket are absent."""

    class Meta:
        index_name = "waiting"
        projection = KeysOnlyProjection()

    bucket = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True)


class FeedbackRow(Model):
    class Meta(_Meta):
        table_name = "feedback"

    feedback = UnicodeAttribute(hash_key=True)
    campaign = UnicodeAttribute()
    person = UnicodeAttribute()
    topic = UnicodeAttribute()
    language = UnicodeAttribute()
    provider = UnicodeAttribute()
    cause = UnicodeAttribute()
    url = UnicodeAttribute()
    seconds = NumberAttribute(null=True)
    recorded_at = UnicodeAttribute()
    due_at = UnicodeAttribute()
    bucket = UnicodeAttribute(null=True)
    state = UnicodeAttribute()
    issue = UnicodeAttribute(null=True)
    issue_by = UnicodeAttribute(null=True)
    area = UnicodeAttribute(null=True)
    area_by = UnicodeAttribute(null=True)
    urgency = UnicodeAttribute(null=True)
    urgency_by = UnicodeAttribute(null=True)
    note = UnicodeAttribute(null=True)
    recording = UnicodeAttribute(null=True)
    recording_problem = UnicodeAttribute(null=True)
    reminders = NumberAttribute(null=True)
    answered_at = UnicodeAttribute(null=True)
    answer = UnicodeAttribute(null=True)
    closed_at = UnicodeAttribute(null=True)
    breached_at = UnicodeAttribute(null=True)
    token = UnicodeAttribute(null=True)
    waiting = WaitingIndex()


class PoolRow(Model):
    """`!`, `<pool>`: the pool. `<pool>`, `load#<digest>`: a load. `<pool>#<shard>`, `!`: a cursor; `b<first position>`: a block of
    tickets. A cursor's counts name themselves (`domain.pools.count_of`).
    """

    class Meta(_Meta):
        table_name = "pools"

    pool = UnicodeAttribute(hash_key=True)
    row = UnicodeAttribute(range_key=True)
    state = UnicodeAttribute(null=True)
    shards = NumberAttribute(null=True)
    opened_at = UnicodeAttribute(null=True)
    closed_at = UnicodeAttribute(null=True)
    lock = UnicodeAttribute(null=True)
    locked_until = UnicodeAttribute(null=True)
    next = NumberAttribute(null=True)
    tail = NumberAttribute(null=True)
    swept = NumberAttribute(null=True)
    mark = NumberAttribute(null=True)
    marked_at = UnicodeAttribute(null=True)
    block = UnicodeAttribute(null=True)
    people = UnicodeAttribute(null=True)
    is_new = BooleanAttribute(null=True)


class VotersDueIndex(GlobalSecondaryIndex["VoterRow"]):  # type: ignore[no-untyped-call]
    """Who waits until they may be rung again: `<pool>#<n>`, by when. Rows without a bucket are absent."""

    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    bucket = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True)


class VoterRow(Model):
    """What callers keyed in stands in attributes of its own: `said <moment>/<claim>`."""

    class Meta(_Meta):
        table_name = "voters"

    voter = UnicodeAttribute(hash_key=True)
    phone = UnicodeAttribute()
    language = UnicodeAttribute()
    area = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    consent = UnicodeAttribute(null=True)
    consent_evidence = UnicodeAttribute(null=True)
    consent_at = UnicodeAttribute(null=True)
    dnd = BooleanAttribute(null=True)
    dnd_checked_at = UnicodeAttribute(null=True)
    load = UnicodeAttribute()
    ticket = UnicodeAttribute()
    state = UnicodeAttribute()
    claim = UnicodeAttribute(null=True)
    attempts = NumberAttribute(null=True)
    last_at = UnicodeAttribute(null=True)
    outcome = UnicodeAttribute(null=True)
    rule = UnicodeAttribute(null=True)
    leaning = UnicodeAttribute(null=True)
    leaning_at = UnicodeAttribute(null=True)
    complains = UnicodeAttribute(null=True)
    complained = UnicodeAttribute(null=True)
    bucket = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(null=True)
    due = VotersDueIndex()


class ListingIndex(GlobalSecondaryIndex["InfluencerRow"]):  # type: ignore[no-untyped-call]
    """Influencers of one stage, `<campaign>#<stage>#<n>`, by when they reached it."""

    class Meta:
        index_name = "listing"
        projection = KeysOnlyProjection()

    listing = UnicodeAttribute(hash_key=True)
    stage_at = UnicodeAttribute(range_key=True)


class PromisesIndex(GlobalSecondaryIndex["InfluencerRow"]):  # type: ignore[no-untyped-call]
    """Influencers who were promised to be rung back, `promised#<n>`. Rows without a promise are absent."""

    class Meta:
        index_name = "promises"
        projection = KeysOnlyProjection()

    promises = UnicodeAttribute(hash_key=True)
    promised_at = UnicodeAttribute(range_key=True)


class InfluencerRow(Model):
    class Meta(_Meta):
        table_name = "influencers"

    person = UnicodeAttribute(hash_key=True)
    campaign = UnicodeAttribute()
    phone = UnicodeAttribute()
    language = UnicodeAttribute()
    enrolled_at = UnicodeAttribute()
    stage = UnicodeAttribute()
    stage_at = UnicodeAttribute()
    listing = UnicodeAttribute()
    because = UnicodeAttribute(null=True)
    revision = NumberAttribute()
    review = NumberAttribute()
    chain = UnicodeAttribute(null=True)
    patched = NumberAttribute(null=True)
    talked_seconds = NumberAttribute(null=True)
    day = UnicodeAttribute(null=True)
    today = NumberAttribute(null=True)
    talks_today = NumberAttribute(null=True)
    short = NumberAttribute(null=True)
    live = UnicodeAttribute(null=True)
    talks = NumberAttribute(null=True)
    complaints = NumberAttribute(null=True)
    block = NumberAttribute(null=True)
    held = UnicodeAttribute(null=True)
    promises = UnicodeAttribute(null=True)
    promised_at = UnicodeAttribute(null=True)
    promised_for = UnicodeAttribute(null=True)
    rung_back_at = UnicodeAttribute(null=True)
    history = UnicodeAttribute()
    by_stage = ListingIndex()
    waiting = PromisesIndex()


class UndecidedIndex(GlobalSecondaryIndex["ReviewRow"]):  # type: ignore[no-untyped-call]
    """Reviews that wait for something, `open#<n>`, and those whose machine has not heard, `settling#<n>`. Rows without a bucket are absent."""

    class Meta:
        index_name = "waiting"
        projection = KeysOnlyProjection()

    bucket = UnicodeAttribute(hash_key=True)
    expires_at = UnicodeAttribute(range_key=True)


class ReviewRow(Model):
    class Meta(_Meta):
        table_name = "reviews"

    person = UnicodeAttribute(hash_key=True)
    n = UnicodeAttribute(range_key=True)
    campaign = UnicodeAttribute()
    kind = UnicodeAttribute()
    state = UnicodeAttribute()
    opened_at = UnicodeAttribute()
    expires_at = UnicodeAttribute()
    bucket = UnicodeAttribute(null=True)
    tracker = UnicodeAttribute(null=True)
    call = UnicodeAttribute(null=True)
    attempt = NumberAttribute()
    talked_at = UnicodeAttribute(null=True)
    talked_seconds = NumberAttribute(null=True)
    asked = UnicodeAttribute(null=True)
    verdict = UnicodeAttribute(null=True)
    verdict_call = UnicodeAttribute(null=True)
    verdict_cause = UnicodeAttribute(null=True)
    verdict_at = UnicodeAttribute(null=True)
    reasons = UnicodeSetAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    refusals = UnicodeAttribute(null=True)
    awaits = UnicodeAttribute(null=True)
    token = UnicodeAttribute(null=True)
    waiting = UndecidedIndex()


class TrackerRow(Model):
    class Meta(_Meta):
        table_name = "trackers"

    campaign = UnicodeAttribute(hash_key=True)
    person = UnicodeAttribute(range_key=True)
    phone = UnicodeAttribute()
    name = UnicodeAttribute()
    pin = UnicodeAttribute()
    languages = UnicodeSetAttribute(null=True)
    mystery = BooleanAttribute()
    on_duty = BooleanAttribute()
    duty_at = UnicodeAttribute(null=True)
    busy_call = UnicodeAttribute(null=True)
    busy_until = UnicodeAttribute(null=True)
    reviews_given = NumberAttribute(null=True)
    last_call_at = UnicodeAttribute(null=True)
    pending = UnicodeSetAttribute(null=True)
    hour = UnicodeAttribute(null=True)
    approvals = NumberAttribute(null=True)
    wrong_pins = NumberAttribute(null=True)
    locked_until = UnicodeAttribute(null=True)


class PatchRow(Model):
    class Meta(_Meta):
        table_name = "patches"

    call = UnicodeAttribute(hash_key=True)
    campaign = UnicodeAttribute()
    version = NumberAttribute()
    number = UnicodeAttribute()
    influencer = UnicodeAttribute()
    party = UnicodeAttribute()
    state = UnicodeAttribute()
    revision = NumberAttribute()
    attempts = UnicodeAttribute()
    slot = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    lease_until = UnicodeAttribute()
    token = UnicodeAttribute(null=True)
    disputes = NumberAttribute(null=True)
    disposition = UnicodeAttribute(null=True)
    audited_at = UnicodeAttribute(null=True)
    audit = UnicodeAttribute(null=True)
    began_at = UnicodeAttribute()
    last_at = UnicodeAttribute()
    expires_at = NumberAttribute()


class LedgerRow(Model):
    class Meta(_Meta):
        table_name = "ledger"

    book = UnicodeAttribute(hash_key=True)
    leg = UnicodeAttribute(range_key=True)
    seconds = NumberAttribute()
    paise = NumberAttribute()
    rate = UnicodeAttribute()
    influencer = UnicodeAttribute()
    expires_at = NumberAttribute()


ALL: tuple[type[Model], ...] = (
    JournalRow,
    ContactRow,
    CallRow,
    MessageRow,
    DialRow,
    AnswerRow,
    CatalogRow,
    FeedbackRow,
    PoolRow,
    VoterRow,
    InfluencerRow,
    ReviewRow,
    TrackerRow,
    PatchRow,
    LedgerRow,
    CounterRow,
)
_BASE_NAMES = {model: model.Meta.table_name for model in ALL}


def bind(prefix: str) -> None:
    """Point every model at the tables of one deployment. Binding again (a test, another stack) drops the earlier connections."""
    for model in ALL:
        model.Meta.table_name = prefix + _BASE_NAMES[model]
        model._connection = None
    UnrepeatedCounterRow._connection = None


def connection(model: type[Model]) -> TableConnection:
    """The model's table as pynamodb's lower level sees it, for attributes whose names are data."""
    return model._get_connection()


def code_of(problem: PynamoDBException) -> str | None:
    """What DynamoDB answered instead; None where no answer came, of which pynamodb's `cause_response_code` can make nothing (6.1)."""
    response = getattr(problem.cause, "response", None) or {}
    code: str | None = response.get("Error", {}).get("Code")
    return code


Attributes = Mapping[str, Any]
"""A row as DynamoDB has it: name → {type: value}."""


def update_if(
    model: type[Model],
    hash_key: str,
    range_key: str | None = None,
    *,
    actions: Sequence[Action],
    condition: Condition | None = None,
) -> Attributes | None:
    """Update a row, or make it, and return it as it then stands; None, and nothing changed, when the condition failed."""
    try:
        answer = connection(model).update_item(
            hash_key, range_key, actions=list(actions), condition=condition, return_values=ALL_NEW
        )
    except UpdateError as problem:
        if code_of(problem) == "ConditionalCheckFailedException":
            return None
        raise
    attributes: Attributes = answer["Attributes"]
    return attributes


def put_if_new(row: Model, key: Attribute[str]) -> bool:
    """Write a row unless one with its key exists; False when it does. `key` is the table's hash key."""
    try:
        row.save(condition=key.does_not_exist())
    except PutError as problem:
        if code_of(problem) == "ConditionalCheckFailedException":
            return False
        raise
    return True


def batch_get(model: type[Model], keys: Iterable[Mapping[str, str]]) -> Iterator[Attributes]:
    """The rows of those keys that exist, read consistently, 100 in a request; asks again for what DynamoDB left out of an answer."""
    return (row for _, row in _each_read({model: keys}))


def read_together(
    wanted: Mapping[type[Model], Iterable[Mapping[str, str]]],
) -> dict[type[Model], list[Attributes]]:
    """The rows of those keys that exist, of several tables, read consistently in one request for up to 100 keys in all; asks again
    for what DynamoDB left out of an answer.
    """
    found: dict[type[Model], list[Attributes]] = {model: [] for model in wanted}
    for model, row in _each_read(wanted):
        found[model].append(row)
    return found


def _each_read(
    wanted: Mapping[type[Model], Iterable[Mapping[str, str]]],
) -> Iterator[tuple[type[Model], Attributes]]:
    models = {connection(model).table_name: model for model in wanted}
    shared = connection(next(iter(wanted))).connection
    left = [
        (connection(model).table_name, {name: {"S": value} for name, value in key.items()})
        for model, keys in wanted.items()
        for key in keys
    ]
    while left:
        request: dict[str, dict[str, Any]] = {}
        for table, key in left[:MOST_KEYS]:
            request.setdefault(table, {"Keys": [], "ConsistentRead": True})["Keys"].append(key)
        answer = shared.dispatch("BatchGetItem", {"RequestItems": request})
        for table, rows in answer["Responses"].items():
            yield from ((models[table], row) for row in rows)
        unread = answer.get("UnprocessedKeys", {}).items()
        left = [(table, key) for table, some in unread for key in some["Keys"]] + left[MOST_KEYS:]

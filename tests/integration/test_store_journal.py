"""Every fact once: what is new, what is repeated, what is told differently."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ringback.domain.facts import Entry
from ringback.store import journal
from ringback.store.journal import Kept
from ringback.store.tables import JournalRow
from tests.deployment import Deployment, client
from tests.integration.wire import AwsRequest, Moment, listening

NOW = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
ENTRY = Entry("exotel:1", "call-missed", "clean-water", "exotel", "missed-call", "CallSid=1", "a" * 32, NOW)
VARIANT = replace(ENTRY, raw="CallSid=1&Status=completed", digest="b" * 32)


def test_a_fact_is_new_once_then_repeated_and_a_variant_stands_beside_it(deployment: Deployment) -> None:
    assert Kept.NEW is journal.keep(ENTRY)
    assert Kept.REPEATED is journal.keep(replace(ENTRY, received_at=NOW + timedelta(days=30)))
    assert Kept.VARIANT is journal.keep(VARIANT)
    assert Kept.REPEATED is journal.keep(VARIANT)

    assert journal.load("exotel:1", "call-missed") == ENTRY
    assert replace(VARIANT, key="call-missed#bbbbbbbb") == journal.load("exotel:1", "call-missed#bbbbbbbb")
    assert len(deployment.entries()) == 2


def test_what_is_not_there_is_none(deployment: Deployment) -> None:
    assert journal.load("exotel:1", "call-missed") is None


def test_missing_keys_come_back_in_the_order_given(deployment: Deployment) -> None:
    journal.keep(ENTRY)
    keys = [(f"exotel:{index}", "call-missed") for index in range(120)]

    assert keys[:1] + keys[2:] == journal.missing(keys)
    assert journal.missing([]) == []


def test_looking_for_missing_keys_fetches_no_payload(deployment: Deployment) -> None:
    asked: list[AwsRequest] = []

    def note(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE:
            asked.append(request)

    journal.keep(ENTRY)
    with listening(note):
        assert journal.missing([("exotel:1", "call-missed")]) == []

    (request,) = asked
    wanted = request.params["RequestItems"]["test-journal"]
    names = {wanted["ExpressionAttributeNames"][part] for part in wanted["ProjectionExpression"].split(", ")}
    assert names == {"source_id", "fact"}


def test_all_tellings_of_a_call_come_in_the_order_we_heard_of_them(deployment: Deployment) -> None:
    """More than one page of them: DynamoDB answers with at most a megabyte at once."""
    told = [
        replace(
            ENTRY, key=f"call-missed#{9 - nth}", raw="x" * 300_000, received_at=NOW + timedelta(minutes=nth)
        )
        for nth in range(5)
    ]
    for entry in (*told, replace(ENTRY, source_id="exotel:2")):
        journal.keep(entry)

    assert journal.tellings("exotel:1") == told
    assert journal.tellings("exotel:nobody") == []


def test_a_span_takes_in_its_beginning_and_not_its_end(deployment: Deployment) -> None:
    for index in range(3):
        journal.keep(replace(ENTRY, source_id=f"exotel:{index}", received_at=NOW + timedelta(hours=index)))
    found = {entry.source_id for entry in journal.between(NOW, NOW + timedelta(hours=2))}

    assert {"exotel:0", "exotel:1"} == found


def test_an_entry_is_the_same_from_the_stream_as_from_the_table(deployment: Deployment) -> None:
    listed = replace(ENTRY, listed=True)
    journal.keep(listed)
    key = {"source_id": {"S": "exotel:1"}, "fact": {"S": "call-missed"}}
    image = client("dynamodb").get_item(TableName="test-journal", Key=key)["Item"]

    assert listed == journal.from_stream(image) == journal.load("exotel:1", "call-missed")


def test_an_entry_is_kept_for_at_least_a_year_and_then_goes_by_itself(deployment: Deployment) -> None:
    journal.keep(ENTRY)
    (row,) = JournalRow.scan()

    assert NOW + timedelta(days=365) < datetime.fromtimestamp(row.expires_at, UTC) == NOW + journal.KEPT_FOR


def test_a_missed_calls_row_is_at_most_one_kilobyte(deployment: Deployment) -> None:
    """One write unit: with every parameter of Exotel's own example of a call attempt (`events/exotel/call_missed.json`)."""
    deployment.callback(
        "CallSid=b7e12c0a94d3f5e86170a2c4d6e8f97v&CallFrom=09000000101&CallTo=08040001001&Direction=incoming"
        "&Created=Sat%2C+21+Nov+2026+11%3A00%3A00&DialCallDuration=0&StartTime=2026-11-21+11%3A00%3A00"
        "&EndTime=1970-01-01+05%3A30%3A00&CallType=call-attempt&DialWhomNumber=&flow_id=11754&tenant_id=1409"
        "&From=09000000101&To=08040001001&CurrentTime=2026-11-21+11%3A00%3A01"
    )
    (item,) = client("dynamodb").scan(TableName="test-journal")["Items"]
    size = sum(len(name) + len(str(next(iter(value.values()))).encode()) for name, value in item.items())

    assert size <= 1024

"""The meter: what it makes of the requests that pass."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from benchmarks.units import Index, Item, Shape
from benchmarks.wire import Answer, Meter, Request, Used, shape_of

SHAPES = {"t-journal": Shape(("id",)), "t-messages": Shape(("id",), (Index(("bucket",)),))}


class Table:
    """One item that a request changes to another."""

    def __init__(self, before: Item | None, after: Item | None) -> None:
        self.now = before
        self._after = after

    def look(self, table: str, key: Item) -> Item | None:
        return self.now

    def succeed(self, request: Request) -> Answer:
        self.now = self._after
        return Answer(200, {}, b"{}")

    def fail_condition(self, request: Request) -> Answer:
        return Answer(400, {}, b'{"__type": "com.amazonaws.dynamodb#ConditionalCheckFailedException"}')


def asking(target: str, **document: Any) -> Request:
    return Request("POST", "/", {"x-amz-target": target}, json.dumps(document).encode())


def telling(document: Mapping[str, Any]) -> Answer:
    return Answer(200, {}, json.dumps(document).encode())


def test_a_put_is_a_write_of_its_table() -> None:
    """Noted under the table's own name, without the deployment's prefix."""
    table = Table(None, {"id": {"S": "x" * 1500}})
    meter = Meter("t-", SHAPES, table.look)
    meter(asking("DynamoDB_20120810.PutItem", TableName="t-journal", Item={"id": {"S": "x"}}), table.succeed)

    assert meter.take() == {"dynamodb PutItem journal": Used(1, writes=2)}


def test_a_failed_condition_stands_apart_and_costs() -> None:
    """It is the price of finding out that something was done already."""
    table = Table({"id": {"S": "x"}}, None)
    meter = Meter("t-", SHAPES, table.look)
    request = asking("DynamoDB_20120810.UpdateItem", TableName="t-journal", Key={"id": {"S": "x"}})
    meter(request, table.fail_condition)

    assert meter.take() == {"dynamodb UpdateItem journal (condition failed)": Used(1, writes=1)}


def test_an_update_that_enters_an_index_costs_its_write_too() -> None:
    """A hold is two write units."""
    table = Table({"id": {"S": "x"}}, {"id": {"S": "x"}, "bucket": {"S": "held#1"}})
    meter = Meter("t-", SHAPES, table.look)
    request = asking("DynamoDB_20120810.UpdateItem", TableName="t-messages", Key={"id": {"S": "x"}})
    meter(request, table.succeed)

    assert meter.take() == {"dynamodb UpdateItem messages": Used(1, writes=2)}


def transaction() -> Request:
    puts = [{"Put": {"TableName": name, "Item": {"id": {"S": "x" * 1500}}}} for name in SHAPES]
    return asking("DynamoDB_20120810.TransactWriteItems", TransactItems=puts)


def test_a_transaction_is_one_request_whose_items_cost_double() -> None:
    """A turn in a menu: the call and its fact."""
    table = Table(None, {"id": {"S": "x" * 1500}})
    meter = Meter("t-", SHAPES, table.look)
    meter(transaction(), table.succeed)

    assert meter.take() == {
        "dynamodb TransactWriteItems journal": Used(1, writes=4),
        "dynamodb TransactWriteItems messages": Used(0, writes=4),
    }


def test_a_transaction_that_lost_a_race_costs_as_if_it_had_won() -> None:
    meter = Meter("t-", SHAPES, lambda table, key: None)
    meter(transaction(), lambda _: Answer(400, {}, b'{"__type": "...#TransactionCanceledException"}'))

    assert meter.take() == {
        "dynamodb TransactWriteItems journal (cancelled)": Used(1, writes=4),
        "dynamodb TransactWriteItems messages (cancelled)": Used(0, writes=4),
    }


def test_a_batch_read_pays_for_what_it_does_not_find() -> None:
    """Two keys, one item: two reads."""
    meter = Meter("t-", SHAPES, lambda table, key: None)
    keys = [{"id": {"S": "a"}}, {"id": {"S": "b"}}]
    request = asking(
        "DynamoDB_20120810.BatchGetItem", RequestItems={"t-journal": {"Keys": keys, "ConsistentRead": True}}
    )
    meter(request, lambda _: telling({"Responses": {"t-journal": [{"id": {"S": "a"}}]}}))

    assert meter.take() == {"dynamodb BatchGetItem journal": Used(1, reads=2)}


@pytest.mark.parametrize(
    ("operation", "told", "expected"),
    [("GetItem", {}, 0.5), ("Query", {"Items": []}, 0.5), ("Scan", {"Items": [{"id": {"S": "a"}}]}, 0.5)],
)
def test_a_read_is_half_a_unit_unless_consistent(
    operation: str, told: Mapping[str, Any], expected: float
) -> None:
    """Eventually consistent reads cost half."""
    meter = Meter("t-", SHAPES, lambda table, key: None)
    meter(asking(f"DynamoDB_20120810.{operation}", TableName="t-journal"), lambda _: telling(told))

    assert meter.take() == {f"dynamodb {operation} journal": Used(1, reads=expected)}


def test_other_services_are_counted_by_operation() -> None:
    """A batch of ten messages is one request."""
    meter = Meter("t-", SHAPES, lambda table, key: None)
    for _ in range(2):
        meter(asking("AmazonSQS.SendMessageBatch", Entries=[]), lambda _: telling({}))

    assert meter.take() == {"sqs SendMessageBatch": Used(2)}
    assert meter.take() == {}


def test_an_operation_without_a_rule_is_no_free_one() -> None:
    """Whoever brings a new operation must say what it costs."""
    meter = Meter("t-", SHAPES, lambda table, key: None)

    with pytest.raises(ValueError, match="no rule for the units of ExecuteStatement"):
        meter(asking("DynamoDB_20120810.ExecuteStatement"), lambda _: telling({}))


def test_a_shape_is_read_from_what_dynamodb_tells_of_a_table() -> None:
    """Keys and indexes decide what a write costs."""
    described = {
        "KeySchema": [{"AttributeName": "person"}, {"AttributeName": "message"}],
        "GlobalSecondaryIndexes": [
            {"KeySchema": [{"AttributeName": "bucket"}], "Projection": {"ProjectionType": "KEYS_ONLY"}}
        ],
    }

    assert shape_of(described) == Shape(("person", "message"), (Index(("bucket",)),))

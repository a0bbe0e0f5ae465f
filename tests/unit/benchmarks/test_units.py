"""DynamoDB's own rules for sizes and request units: every figure of the cost benchmark stands on them."""

import pytest

from benchmarks.units import (
    Index,
    Item,
    Shape,
    failed_write_units,
    query_units,
    read_units,
    size,
    write_units,
)

PLAIN = Shape(("id",))
WITH_DUE = Shape(("person", "message"), (Index(("bucket", "due_at")),))


def an_item(size_in_bytes: int) -> Item:
    return {"id": {"S": "x" * (size_in_bytes - len("id"))}}


def a_message(**attributes: str) -> Item:
    return {name: {"S": value} for name, value in {"person": "p", "message": "m", **attributes}.items()}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        pytest.param({"name": {"S": "जल"}}, 4 + 6, id="text counts as UTF-8"),
        pytest.param({"n": {"N": "27"}}, 1 + 2, id="two digits of a number take a byte, and one more"),
        pytest.param({"n": {"N": "-27"}}, 1 + 3, id="a sign takes one more"),
        pytest.param({"n": {"N": "1000000"}}, 1 + 2, id="trailing zeros take nothing"),
        pytest.param({"b": {"BOOL": True}}, 1 + 1, id="a boolean takes one"),
        pytest.param({"z": {"NULL": True}}, 1 + 1, id="so does nothing"),
        pytest.param({"s": {"SS": ["ab", "c"]}}, 1 + 3, id="a set takes what its members take"),
        pytest.param(
            {"l": {"L": [{"S": "ab"}]}}, 1 + 3 + 1 + 2, id="a list takes three, and one for each member"
        ),
        pytest.param({"m": {"M": {"k": {"S": "ab"}}}}, 1 + 3 + 1 + 1 + 2, id="a map too, and the names"),
    ],
)
def test_an_item_is_as_large_as_its_names_and_values(item: Item, expected: int) -> None:
    """Developer guide, "DynamoDB item sizes and formats"."""

    assert expected == size(item)


@pytest.mark.parametrize(("bytes_", "expected"), [(10, 1), (1024, 1), (1025, 2), (3000, 3)])
def test_a_write_takes_a_unit_for_each_kilobyte_begun(bytes_: int, expected: float) -> None:
    """1,024 bytes are one unit, one byte more is two."""

    assert expected == write_units(PLAIN, None, an_item(bytes_))


def test_a_write_is_billed_by_the_larger_of_before_and_after() -> None:
    """Making an item smaller, or deleting it, costs what it was."""

    assert write_units(PLAIN, an_item(3000), an_item(10)) == 3
    assert write_units(PLAIN, an_item(3000), None) == 3


def test_a_write_in_a_transaction_costs_twice() -> None:
    """Preparing and committing are billed each."""

    assert write_units(PLAIN, None, an_item(1025), in_transaction=True) == 4


def test_a_failed_condition_is_billed_as_the_write_would_have_been() -> None:
    """Also where the item does not exist."""

    assert failed_write_units(None) == 1
    assert failed_write_units(an_item(1500)) == 2
    assert failed_write_units(an_item(10), an_item(2500)) == 3


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param({}, {"state": "sent"}, 1, id="an item that is not in the index"),
        pytest.param({}, {"bucket": "held#1", "due_at": "11"}, 2, id="an item that comes into it"),
        pytest.param({"bucket": "held#1", "due_at": "11"}, {}, 2, id="an item that leaves it"),
        pytest.param(
            {"bucket": "held#1", "due_at": "11"},
            {"bucket": "held#1", "due_at": "12"},
            3,
            id="an item that moves in it",
        ),
        pytest.param(
            {"bucket": "held#1", "due_at": "11"},
            {"bucket": "held#1", "due_at": "11", "state": "x"},
            1,
            id="a change that the index does not hold",
        ),
    ],
)
def test_an_index_costs_a_write_where_what_it_holds_changes(
    before: dict[str, str], after: dict[str, str], expected: float
) -> None:
    """A sparse index of keys: entering and leaving are one write, moving is a delete and a put."""

    assert expected == write_units(WITH_DUE, a_message(**before), a_message(**after))


def test_an_index_of_whole_items_costs_a_write_with_every_change() -> None:
    """What it projects has changed, its keys have not: one write."""
    whole = Shape(("person", "message"), (Index(("bucket",), keeps_all=True),))

    assert write_units(whole, a_message(bucket="b"), a_message(bucket="b", state="x")) == 2


def test_reads_by_key_are_rounded_up_each_for_itself() -> None:
    """A batch of three is three reads of 4 KB, and what does not exist costs as much as the smallest item."""
    items = [an_item(10), an_item(4097), None]

    assert read_units(items, consistent=True) == 1 + 2 + 1
    assert read_units(items, consistent=False) == 0.5 + 1 + 0.5


def test_a_query_is_rounded_up_as_a_whole() -> None:
    """Three small items are one read; a query that finds nothing is one too."""

    assert query_units([an_item(1000)] * 3, consistent=False) == 0.5
    assert query_units([an_item(1500)] * 3, consistent=True) == 2
    assert query_units([], consistent=False) == 0.5

"""Stream deliveries behave as an event source mapping of AWS documents it."""

from collections.abc import Callable
from typing import Any

from ringback_local.streams import Delivery, Mapping, split


def a_record(key: str, n: int = 0) -> dict[str, Any]:
    return {"dynamodb": {"Keys": {"source_id": {"S": key}}, "SequenceNumber": str(n)}}


class Reader:
    """A function that refuses some batches, and what came of it."""

    def __init__(self, refuses: Callable[[list[str]], bool] = lambda keys: False) -> None:
        self.refuses = refuses
        self.taken: list[list[str]] = []
        self.attempts = 0
        self.given_up: list[list[str]] = []
        self.waited: list[float] = []

    def delivery(self, mapping: Mapping) -> Delivery:
        return Delivery(
            mapping, self.invoke, lambda batch: self.given_up.append(keys_of(batch)), self.waited.append
        )

    def invoke(self, batch: list[dict[str, Any]]) -> bool:
        self.attempts += 1
        if self.refuses(keys_of(batch)):
            return False
        self.taken.append(keys_of(batch))
        return True


def keys_of(batch: list[dict[str, Any]]) -> list[str]:
    return [record["dynamodb"]["Keys"]["source_id"]["S"] for record in batch]


def test_records_come_in_order_in_batches_of_the_size_asked_for() -> None:
    reader = Reader()

    reader.delivery(Mapping(batch_size=2)).deliver([a_record(key) for key in "abcde"])

    assert reader.taken == [["a", "b"], ["c", "d"], ["e"]]


def test_records_of_one_key_stay_in_one_lane_in_their_order() -> None:
    records = [a_record(f"call-{n % 7}", n) for n in range(70)]

    lanes = split(records, 4)

    assert sorted(record["dynamodb"]["SequenceNumber"] for lane in lanes for record in lane) == sorted(
        map(str, range(70))
    )
    for n in range(7):
        numbers = [
            [
                int(record["dynamodb"]["SequenceNumber"])
                for record in lane
                if keys_of([record]) == [f"call-{n}"]
            ]
            for lane in lanes
        ]
        (only,) = filter(None, numbers)

        assert only == sorted(only)


def test_every_record_is_delivered_when_lanes_run_at_once() -> None:
    reader = Reader()

    reader.delivery(Mapping(batch_size=10, lanes=4)).deliver([a_record(f"call-{n}") for n in range(100)])

    assert sorted(key for batch in reader.taken for key in batch) == sorted(f"call-{n}" for n in range(100))


def test_bisection_isolates_the_one_record_that_fails() -> None:
    """The others are delivered; the bad one is given up after its retries."""
    reader = Reader(lambda keys: "bad" in keys)

    reader.delivery(Mapping(batch_size=8, retries=2, bisects=True)).deliver(
        [a_record(key) for key in ("a", "b", "c", "bad", "d", "e", "f", "g")]
    )

    assert sorted(key for batch in reader.taken for key in batch) == list("abcdefg")
    assert reader.given_up == [["bad"]]


def test_a_batch_is_tried_once_and_then_as_often_as_retries_say() -> None:
    reader = Reader(lambda keys: True)

    reader.delivery(Mapping(retries=5)).deliver([a_record("a"), a_record("b")])

    assert reader.attempts == 6
    assert reader.given_up == [["a", "b"]]
    assert reader.waited == sorted(reader.waited)
    assert len(reader.waited) == 5


def test_a_batch_that_recovers_is_not_given_up() -> None:
    failures = iter([True, True, False])
    reader = Reader(lambda keys: next(failures))

    reader.delivery(Mapping(retries=5)).deliver([a_record("a")])

    assert (reader.taken, reader.given_up) == ([["a"]], [])

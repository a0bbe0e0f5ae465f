"""What a replay changed, told in sentences."""

from typing import Any

import pytest

from ringback_cli.stories.replays import differences

KEY = ("ringback-messages", "person welcome")
HELD, REFUSED, SENT = ({"state": {"S": state}, "rule": {"S": "x"}} for state in ("held", "refused", "sent"))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({KEY: SENT}, {KEY: SENT}, []),
        ({}, {KEY: SENT}, ["made in ringback-messages: person welcome"]),
        ({KEY: SENT}, {}, ["lost in ringback-messages: person welcome"]),
        ({KEY: HELD}, {KEY: SENT}, ["changed in ringback-messages: state of person welcome"]),
        ({KEY: REFUSED}, {KEY: SENT}, ["changed in ringback-messages: state of person welcome"]),
        ({KEY: HELD}, {KEY: REFUSED}, []),
    ],
    ids=["nothing", "made", "lost", "sent", "sent after all", "refused by now"],
)
def test_whatever_is_another_is_named_but_for_what_waited_and_is_refused_by_now(
    before: Any, after: Any, expected: list[str]
) -> None:
    assert differences(before, after) == expected

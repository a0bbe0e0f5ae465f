"""Ids in Exotel's shape."""

import re

from phone_network import sids


def test_an_id_is_32_lower_case_characters_and_not_always_hexadecimal() -> None:
    made = {sids.make("run", "call", index) for index in range(500)}

    assert len(made) == 500
    assert all(re.fullmatch(r"[0-9a-f]{31}[0-9a-z]", sid) for sid in made)
    assert any(sid[-1] > "f" for sid in made)


def test_an_id_depends_on_the_run_and_on_its_cause() -> None:
    assert sids.make("run", "call", 1) == sids.make("run", "call", 1)
    assert sids.make("run", "call", 1) != sids.make("other", "call", 1)
    assert sids.make("run", "call", 1) != sids.make("run", "call", 2)

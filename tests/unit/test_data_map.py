"""docs/data.md is the map of what is kept about people: whoever adds an attribute tells there what it is for."""

import re
from pathlib import Path
from typing import Any

import pytest

from ringback.store import tables

DATA = Path(__file__).resolve().parents[2] / "docs" / "data.md"
SECTIONS = dict(
    re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", DATA.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
)


@pytest.mark.parametrize("model", tables.ALL, ids=lambda model: model.__name__)
def test_every_attribute_of_a_table_stands_in_the_data_map(model: Any) -> None:
    named = {
        word
        for code in re.findall(r"`([^`]+)`", SECTIONS[model.Meta.table_name.rpartition("-")[2]])
        for word in re.findall(r"\w+", code)
    }

    assert [name for name in model.get_attributes() if name not in named] == []

"""Reading campaign files: every reason at once, each with its place."""

from pathlib import Path

import pytest

from ringback.domain.errors import Rejected
from ringback_cli import documents
from tests.deployment import ROOT

RULES = ROOT / "catalog/rules.yaml"
MENUS = ROOT / "catalog/menus"
CLEAN_WATER = ROOT / "catalog/campaigns/clean-water.yaml"


def a_file(folder: Path, text: str, name: str = "campaign.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def reasons(*files: Path, rules: Path = RULES) -> tuple[str, ...]:
    with pytest.raises(Rejected) as refused:
        documents.load(files, rules, MENUS)
    return refused.value.reasons


def test_the_shipped_campaigns_are_valid() -> None:
    files = sorted((ROOT / "catalog/campaigns").glob("*.yaml"))

    assert [campaign.id for campaign, _ in documents.load(files, RULES, MENUS)] == [
        "clean-water",
        "library-hours",
    ]


def test_the_rules_of_the_day_are_put_into_the_document() -> None:
    ((_, document),) = documents.load([CLEAN_WATER], RULES, MENUS)

    assert documents.mapping(RULES) == document["rules"]


def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    path = a_file(tmp_path, "campaign: a\ntexts:\n  welcome: 1\n  welcome: 2\n")

    assert (f"{path}, line 4, column 3: the key 'welcome' stands twice",) == reasons(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [1\nb: 2", ", line 2, column 2: did not find expected ',' or ']'"),
        ("- a\n- b", ": must be a mapping, as the campaigns in catalog/ are"),
        ("", ": must be a mapping, as the campaigns in catalog/ are"),
        ("a: !!python/object:os.system x", ", line 1, column 4: could not determine a constructor"),
        ("{[1]: a}", ", line 1, column 2: found unhashable key"),
    ],
    ids=["broken", "list", "empty", "a python object", "a list for a key"],
)
def test_what_is_no_campaign_is_refused_with_its_place(tmp_path: Path, text: str, reason: str) -> None:
    path = a_file(tmp_path, text)

    (found,) = reasons(path)
    assert found.startswith(f"{path}{reason.partition(':')[0]}"), found


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("name: caf\xe9".encode("latin-1"))

    assert (f"{path}: is not UTF-8: save it as UTF-8",) == reasons(path)


def test_every_reason_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    first = a_file(
        tmp_path, CLEAN_WATER.read_text().replace("default_language: en", "default_language: xx"), "a.yaml"
    )
    second = a_file(tmp_path, "campaign: UPPER\n", "b.yaml")

    found = reasons(first, second)

    assert f"{first}: default_language: must be one of the languages" in found
    assert sum(reason.startswith(f"{second}: ") for reason in found) > 1


def test_one_number_in_two_campaigns_is_refused(tmp_path: Path) -> None:
    text = CLEAN_WATER.read_text().replace("campaign: clean-water", "campaign: other")
    told = text.partition("\npatching:")[0].splitlines(True)
    copy = a_file(
        tmp_path, "".join(line for line in told if not line.strip().startswith(("menu:", "callback:")))
    )

    found = reasons(CLEAN_WATER, copy)

    assert f"{copy}: numbers: +918040001001 is also in {CLEAN_WATER}" in found


def test_one_campaign_in_two_files_is_refused(tmp_path: Path) -> None:
    copy = a_file(tmp_path, CLEAN_WATER.read_text())

    assert f"{copy}: campaign: clean-water is also in {CLEAN_WATER}" in reasons(CLEAN_WATER, copy)


def test_unreadable_rules_are_told_beside_what_is_wrong_in_the_files(tmp_path: Path) -> None:
    rules = a_file(tmp_path, "a: 1\na: 2\n", "rules.yaml")
    campaign = a_file(tmp_path, "b: 1\nb: 2\n")

    found = reasons(campaign, rules=rules)

    assert len(found) == 2
    assert found[0].startswith(f"{rules}, line 2")

"""`ringback publish` and `ringback campaigns`: content from files into force."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ringback.store import catalog
from ringback_cli.main import ringback
from tests.deployment import ROOT
from tests.integration.ringback_cli.conftest import Read, Run

RULES = str(ROOT / "catalog/rules.yaml")
CLEAN_WATER = ROOT / "catalog/campaigns/clean-water.yaml"


def changed(folder: Path, old: str, new: str) -> str:
    text = CLEAN_WATER.read_text(encoding="utf-8")
    assert old in text
    path = folder / "clean-water.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return str(path)


def test_a_change_becomes_the_next_version_and_a_repeat_changes_nothing(run: Run, tmp_path: Path) -> None:
    path = changed(tmp_path, "sms_budget_rupees: 25000", "sms_budget_rupees: 30000")

    first = run("publish", path, "--rules", RULES)
    second = run("publish", path, "--rules", RULES)

    assert "clean-water version 2 is in force: 18 numbers, 8 texts, 7 menus" in first.stdout
    assert "clean-water version 2 was in force already" in second.stdout
    assert "warning: texts.welcome.hi: 2 SMS" in first.stderr
    assert catalog.load("clean-water", 1).limits.sms_budget_paise == 2_500_000


def test_the_catalog_here_is_what_is_published_without_files(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)

    assert "library-hours version" in run("publish").stdout


def test_without_files_and_without_a_catalog_it_says_what_to_do(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    result = run("publish", "--rules", RULES)

    assert result.exit_code == 1
    assert "name the files" in result.stderr


def test_every_reason_is_printed_and_nothing_is_published(run: Run, tmp_path: Path) -> None:
    path = changed(tmp_path, "    hi:\n      body:", "    xx:\n      body:")

    result = run("publish", path, "--rules", RULES)

    assert result.exit_code == 1
    assert f"{path}: texts.welcome.hi" in result.stderr
    assert f"{path}: texts.training.hi" in result.stderr
    assert catalog.current_version("clean-water") == 1


def test_a_number_of_another_campaign_is_refused(run: Run, tmp_path: Path) -> None:
    path = changed(tmp_path, "campaign: clean-water", "campaign: other")
    (tmp_path / "other").symlink_to(ROOT / "catalog/menus/clean-water")

    result = run("publish", path, "--rules", RULES, "--menus", str(tmp_path))

    assert result.exit_code == 1
    assert "+918040001001 belongs to campaign clean-water" in result.stderr


def test_a_check_needs_no_deployment() -> None:
    checked = CliRunner().invoke(
        ringback, ["publish", "--check", str(CLEAN_WATER), "--rules", RULES, "--json"]
    )

    assert checked.exit_code == 0
    (row,) = json.loads(checked.stdout)["campaigns"]
    assert (row["campaign"], row["version"], row["numbers"]) == ("clean-water", None, 18)
    assert any(warning.startswith("texts.welcome.hi: 2 SMS") for warning in row["warnings"])


def test_campaigns_in_force_are_listed_and_shown(run: Run, read: Read) -> None:
    rows = {row["campaign"]: row for row in read("campaigns")["campaigns"]}

    assert rows["clean-water"]["version"] == 1
    assert rows["clean-water"]["budget_rupees"] == 25000
    assert "Clean Water Campaign" in run("campaigns").output
    shown = read("campaigns", "show", "clean-water")
    assert shown["numbers"][0]["number"] == "+918040001001"
    assert {text["sms"] for text in shown["texts"]} == {1, 2}
    assert "30 days" in run("campaigns", "show", "clean-water").output


def test_a_campaign_that_was_never_published_is_told_in_one_sentence(run: Run) -> None:
    result = run("campaigns", "show", "nowhere")

    assert (result.exit_code, result.stderr) == (1, "Error: campaign nowhere has no published content\n")

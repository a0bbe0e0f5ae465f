"""Publishing a menu with each lint fault prints each fault, with node and language (X9): the shipped menus, one thing spoilt at a time.

To read all that is printed: `pytest -rP tests/integration/ringback_cli/test_menu_faults.py | grep -E '^(Error: |warning: )?(menus|prompts)\\.'`.
"""

import shutil
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from ringback.store import catalog
from tests.deployment import ROOT
from tests.integration.ringback_cli.conftest import Run

RULES = str(ROOT / "catalog/rules.yaml")
CLEAN_WATER = ROOT / "catalog/campaigns/clean-water.yaml"
MENUS = ROOT / "catalog/menus"

Changes = dict[str, Any]
"""Place in the files, such as `main/nodes/choose/options` → what stands there instead; `...` takes it away."""

LONG = "हर गाँव में हर घर तक साफ़ पानी पहुँचे, यही हमारी माँग है।" * 12

FAULTS: dict[str, tuple[Changes, str]] = {
    "more than four choices": (
        {
            "main/nodes/choose/options/5": "goodbye",
        },
        "menus.main.nodes.choose: offers 5 choices, 1 to 4 are allowed",
    ),
    "more than five languages": (
        {"main/nodes/language/options/6": "en"},
        "menus.main.nodes.language: offers 6 choices, 1 to 5 are allowed",
    ),
    "a prompt over 30 seconds": (
        {"main/prompts/agenda/hi": LONG},
        "menus.main.nodes.agenda.hi: takes about 58 seconds to say, 30 are allowed",
    ),
    "a sound over 30 seconds": (
        {"main/prompts/agenda/audio": {"ta": {"url": "https://media.example/agenda.wav", "seconds": 31}}},
        "menus.main.nodes.agenda.ta: takes about 31 seconds to say, 30 are allowed",
    ),
    "a recording over 30 seconds": (
        {"main/nodes/dirty-water/max_seconds": 45},
        "menus.main.nodes.dirty-water: records for 45 seconds, 30 are allowed",
    ),
    "a missing translation": (
        {"main/prompts/agenda/mr": ...},
        "menus.main.prompts.agenda.mr: is missing",
    ),
    "a missing variable": (
        {"main/prompts/agenda/ur": "{minister} کا ایجنڈا۔"},
        "menus.main.prompts.agenda.ur: the variable {minister} has no value",
    ),
    "a misspelt variable": (
        {"main/prompts/agenda/en": "{ sponsor } asks for three things."},
        "menus.main.prompts.agenda.en: has braces that are not a {variable}",
    ),
    "an unreachable node": (
        {"main/nodes/island": {"say": "supported", "next": "goodbye"}},
        "menus.main.nodes.island: is never reached",
    ),
    "a loop without a way out": (
        {"main/nodes/subscribed": {"gather": "updates", "options": {"1": "subscribed", "2": "subscribed"}}},
        "menus.main.nodes.subscribed: has no way out: no path from here hangs up",
    ),
    "a loop that never asks": (
        {"main/nodes/supported/next": "support"},
        "menus.main.nodes.support: leads back to itself without asking anything",
    ),
    "no sponsor": (
        {"voice/prompts/welcome/hi": "नमस्ते।"},
        "menus.main.nodes.welcome.hi: is said first and does not say who speaks: {sponsor}",
    ),
    "no recording notice": (
        {"main/prompts/tell-us/ta": "பீப் ஒலிக்குப் பின் பேசவும்."},
        "menus.main.nodes.dirty-water.ta: records a caller who has not been told so",
    ),
    "a reserved key": (
        {"main/nodes/choose/options": {"1": "agenda", "2": "issue", "3": "event", "9": "updates"}},
        "menus.main.nodes.choose: the key '9' must be one of 1 to 8: 9 opts out, 0 repeats, * goes back, # ends a recording",
    ),
    "a node that is not there": (
        {"main/nodes/choose/options/1": "manifesto"},
        "menus.main.nodes.choose: 1 leads to 'manifesto', which is no node",
    ),
    "a start that is not there": (
        {"main/start": "hello"},
        "menus.main.start: there is no node 'hello'",
    ),
    "a prompt that is not there": (
        {"main/nodes/goodbye/hang_up": "farewell"},
        "menus.main.nodes.goodbye: there is no prompt 'farewell'",
    ),
    "a prompt that every menu needs": (
        {"voice/prompts/no-key": ...},
        "menus.main.prompts.no-key: is missing: every menu needs it",
    ),
    "a topic that is not there": (
        {"grievance/nodes/complaint/topic": "rumours"},
        "menus.grievance.nodes.complaint: there is no topic 'rumours'",
    ),
    "an issue that is not there": (
        {"main/nodes/support/pledge": "roads"},
        "menus.main.nodes.support: there is no issue 'roads'",
    ),
    "a recording about an issue that is not there": (
        {"main/nodes/no-water/issue": "roads"},
        "menus.main.nodes.no-water: there is no issue 'roads'",
    ),
    "a poll that is not there": (
        {"main/nodes/support": {"vote": "second-need", "option": "wells", "next": "supported"}},
        "menus.main.nodes.support: there is no poll 'second-need'",
    ),
    "an option that is not there": (
        {"main/nodes/support": {"vote": "first-need", "option": "roads", "next": "supported"}},
        "menus.main.nodes.support: there is no option of the poll first-need 'roads'",
    ),
    "a gathering that is not there": (
        {"main/nodes/attend/attend": "picnic"},
        "menus.main.nodes.attend: there is no gathering 'picnic'",
    ),
    "a menu that is not there": (
        {"main/nodes/support": {"call_back": "help", "menu": "second", "next": "supported"}},
        "menus.main.nodes.support: there is no menu 'second'",
    ),
    "a language that is not there": (
        {"main/nodes/language/options/5": "te"},
        "menus.main.nodes.language: there is no language 'te'",
    ),
    "words for a key that is no choice": (
        {"main/nodes/choose/speech/5": {"hi": ["पाँच"]}},
        "menus.main.nodes.choose: there is no option '5'",
    ),
    "words in a language that is not there": (
        {"main/nodes/choose/speech/1/te": ["ఒకటి"]},
        "menus.main.nodes.choose: there is no language 'te'",
    ),
    "hours that are none": (
        {
            "main/nodes/support": {
                "branch": "time",
                "cases": {"morning": "supported"},
                "otherwise": "supported",
            }
        },
        "menus.main.nodes.support: 'morning' are no hours such as `10:00-13:00`",
    ),
    "a case that cannot be": (
        {
            "main/nodes/support": {
                "branch": "language",
                "cases": {"te": "supported"},
                "otherwise": "supported",
            }
        },
        "menus.main.nodes.support: there is no language 'te'",
    ),
    "a number that is none": (
        {"main/nodes/support": {"transfer": "1800", "next": "supported"}},
        "menus.main.nodes.support: '1800' is no number in E.164, such as `+918040001001`",
    ),
    "a node that does two things": (
        {"main/nodes/agenda/hang_up": "goodbye"},
        "menus.main.nodes.agenda.hang_up: a node does one thing, and this one has `agenda` already",
    ),
}

WARNINGS: dict[str, tuple[Changes, str]] = {
    "a key announced before its purpose": (
        {"main/prompts/updates/en": "Press 1 to agree. For the main menu, press 2."},
        "menus.main.nodes.updates.en: announces 1 before what it is for",
    ),
    "a key announced before its purpose in Tamil": (
        {"main/prompts/updates/ta": "1-ஐ அழுத்தவும் சம்மதம் என்றால். முதன்மைப் பட்டியலுக்கு 2-ஐ அழுத்தவும்."},
        "menus.main.nodes.updates.ta: announces 1 before what it is for",
    ),
    "a language announced after its key": (
        {"voice/prompts/language/hi": "2 दबाएँ हिंदी के लिए।"},
        "menus.main.nodes.language.hi: announces 2 before what it is for",
    ),
    "a choice that nobody hears of": (
        {"main/prompts/updates/hi": "सहमत हों तो 1 दबाएँ।"},
        "menus.main.nodes.updates.hi: does not say what 2 is for",
    ),
    "a choice that is none": (
        {"main/prompts/updates/en": "To agree, press 1. For the main menu, press 2. For fun, press 3."},
        "menus.main.nodes.updates.en: announces 3, which is no choice",
    ),
    "a menu that does not say how to opt out": (
        {
            "poll/prompts/first-need/en": "For piped water, press 1. For well testing, press 2. For hand pumps, press 3.",
        },
        "menus.poll.en: never says that 9 opts out",
    ),
    "a prompt nobody says": (
        {"main/prompts/spare": dict.fromkeys(("en", "hi", "mr", "ta", "ur"), "…")},
        "menus.main.prompts.spare: no node says it",
    ),
    "a shared prompt nobody says": (
        {"voice/prompts/spare": dict.fromkeys(("en", "hi", "mr", "ta", "ur"), "…")},
        "prompts.spare: no menu says it",
    ),
}


@cache
def shipped(name: str) -> Any:
    text = (MENUS / "clean-water" / f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.load(text, yaml.CSafeLoader)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped menus, to be spoilt."""
    shutil.copytree(MENUS / "clean-water", tmp_path / "clean-water")
    return tmp_path


def spoil(folder: Path, changes: Changes) -> None:
    """Change places in files of the campaign's menus."""
    for place, value in changes.items():
        name, *path, last = place.split("/")
        document = deepcopy(shipped(name))
        within = document
        for key in path:
            within = within[key]
        if value is ...:
            del within[last]
        else:
            within[last] = value
        written = yaml.dump(document, Dumper=yaml.CSafeDumper, allow_unicode=True)
        (folder / "clean-water" / f"{name}.yaml").write_text(written, encoding="utf-8")


@pytest.mark.parametrize(("changes", "fault"), FAULTS.values(), ids=FAULTS)
def test_each_fault_is_printed_and_nothing_is_published(
    changes: Changes, fault: str, folder: Path, run: Run
) -> None:
    spoil(folder, changes)
    checked = run("menu", "check", "--menus", str(folder))
    published = run("publish", str(CLEAN_WATER), "--rules", RULES, "--menus", str(folder))
    print(checked.stderr)

    assert (checked.exit_code, published.exit_code) == (1, 1)
    assert fault in checked.stderr
    assert fault in published.stderr
    assert catalog.current_version("clean-water") == 1


@pytest.mark.parametrize(("changes", "warning"), WARNINGS.values(), ids=WARNINGS)
def test_each_warning_is_printed_by_the_check_and_by_publishing(
    changes: Changes, warning: str, folder: Path, run: Run
) -> None:
    spoil(folder, changes)
    checked = run("menu", "check", "--menus", str(folder))
    published = run("publish", str(CLEAN_WATER), "--rules", RULES, "--menus", str(folder))
    print(checked.stderr)

    assert (checked.exit_code, published.exit_code) == (0, 0)
    assert f"warning: {warning}" in checked.stderr
    assert f"warning: voice.{warning}" in published.stderr


def test_a_language_we_know_too_little_of_is_warned_about_in_every_menu(folder: Path, run: Run) -> None:
    for path in (folder / "clean-water").glob("*.yaml"):
        document = _with_telugu(shipped(path.stem))
        if path.stem == "voice":
            document["languages"] = [*document["languages"], "te"]
        path.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper, allow_unicode=True), encoding="utf-8")
    checked = run("menu", "check", "--menus", str(folder))
    print(checked.stderr)

    assert checked.exit_code == 0
    assert [line.partition(": we know too little")[0] for line in checked.stderr.splitlines()] == [
        f"warning: menus.{menu}.te"
        for menu in ("event", "grievance", "influencer", "main", "poll", "registration", "tracker")
    ]


def _with_telugu(within: Any) -> Any:
    """Wherever there are words in every language, English ones stand for Telugu too."""
    if not isinstance(within, dict):
        return within
    more = {"te": within["en"]} if {"en", "ur"} <= within.keys() else {}
    return {key: _with_telugu(value) for key, value in within.items()} | more


def test_the_shipped_menus_pass_without_a_warning(run: Run) -> None:
    checked = run("menu", "check", "--menus", str(MENUS))
    published = run("publish", str(CLEAN_WATER), "--rules", RULES, "--menus", str(MENUS))

    assert (checked.exit_code, checked.stderr) == (0, "")
    assert checked.stdout.startswith("7 menus are valid: ")
    assert published.exit_code == 0
    assert "menus" not in published.stderr

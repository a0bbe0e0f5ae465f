"""Walking a menu without a phone, and drawing it."""

import xml.etree.ElementTree as xml
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from ringback_cli.main import ringback
from tests.unit.domain.content import CATALOG

MENUS = str(CATALOG / "menus")


def run(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(ringback, [*words, "--menus", MENUS], input=typed)


def test_a_walk_prints_what_would_be_heard_and_what_happened() -> None:
    shown = run("walk", "--menu", "poll", "--lang", "hi", "--keys", "s,2")

    assert shown.exit_code == 0
    assert "first-need hi: आपके गाँव में सबसे पहले क्या हो?" in shown.output
    assert "· voted poll=first-need option=well-testing" in shown.output
    assert shown.output.endswith("the call has ended\n")


def test_keys_may_be_typed_and_a_blank_line_is_silence() -> None:
    shown = run("walk", "--menu", "grievance", typed="\n1\nr\n1\n")

    assert shown.exit_code == 0
    assert "beep, records up to 30 s" in shown.output
    assert "· feedback-recorded topic=grievance" in shown.output


def test_an_agenda_is_shown_as_heard_to_its_end() -> None:
    assert "[agenda] is heard to its end" in run("walk", "--keys", "s,1,h").output


def test_a_walk_is_told_how_the_other_side_of_a_connection_fared() -> None:
    shown = run("walk", "--menu", "influencer", "--stage", "APPROVED", "--keys", "s,1,nobody cap").output

    assert "[to-voter] connects to a voter" in shown
    assert "· connect-ended party=voter talked=False reason=cap" in shown
    assert "You have talked to as many voters as one day allows." in shown


def test_a_walk_may_give_the_right_pin_and_a_wrong_one() -> None:
    shown = run("walk", "--menu", "tracker", "--keys", "s,1234,pin idle,1").output

    assert "[pin] waits 8 s for a PIN" in shown
    assert shown.index("That PIN does not belong") < shown.index("No verdict of yours is awaited.")
    assert "· duty-changed on=True" in shown
    assert "review" not in shown


def test_a_caller_whose_keys_run_out_hangs_up() -> None:
    assert "menu-ended complete=False furthest=language" in run("walk", "--keys", "").output


def test_a_saved_walk_can_be_walked_again(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    run("walk", "--menu", "event", "--lang", "ur", "--keys", "5,say نہیں", "--save", str(first))
    did = [turn["did"] for turn in yaml.safe_load(first.read_text(encoding="utf-8"))["turns"]]

    run("walk", "--menu", "event", "--lang", "ur", "--keys", ",".join(did[1:]), "--save", str(second))

    assert first.read_text(encoding="utf-8") == second.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("walk", "--menu", "gone"),
            "there is no menu 'gone', there are event, grievance, influencer, main, poll, registration, tracker",
        ),
        (("walk", "--lang", "te"), "main does not speak 'te', it speaks en, hi, mr, ta, ur"),
        (("menu", "check", "--campaign", "gone"), "there are no menus in"),
        (("menu", "draw", "--format", "svg"), "an SVG shows one menu: name it with --menu NAME"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(words: tuple[str, ...], sentence: str) -> None:
    shown = run(*words)

    assert shown.exit_code != 0
    assert sentence in shown.output


def test_two_campaigns_ask_whose_menus(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "voice.yaml").write_text("topics: []\n", encoding="utf-8")

    shown = CliRunner().invoke(ringback, ["menu", "check", "--menus", str(tmp_path)])

    assert "say whose menus: --campaign a or b" in shown.output


def test_a_check_tells_every_fault_and_every_warning(tmp_path: Path) -> None:
    home = tmp_path / "clean-water"
    home.mkdir()
    for path in (CATALOG / "menus" / "clean-water").glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        (home / path.name).write_text(
            text.replace("To end the call, press 3.", "Press 3 to end."), encoding="utf-8"
        )

    warned = CliRunner().invoke(ringback, ["menu", "check", "--menus", str(tmp_path)])
    (home / "poll.yaml").write_text("start: gone\nnodes: {bye: {hang_up: gone}}\n", encoding="utf-8")
    refused = CliRunner().invoke(ringback, ["menu", "check", "--menus", str(tmp_path)])

    assert "menus.main.nodes.after-agenda.en: announces 3 before what it is for" in warned.output
    assert (warned.exit_code, refused.exit_code) == (0, 1)
    assert "menus.poll.start: there is no node 'gone'" in refused.output
    assert "menus.poll.nodes.bye: there is no prompt 'gone'" in refused.output


@pytest.mark.parametrize("language", ["en", "ur"])
def test_an_svg_shows_every_node_and_key(language: str) -> None:
    drawn = xml.fromstring(
        run("menu", "draw", "--menu", "main", "--lang", language, "--format", "svg").output
    )
    texts = {text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")}

    assert {"welcome", "choose", "dirty-water", "goodbye", "1", "2", "3", "4"} <= texts


def test_mermaid_shows_every_menu_with_its_keys_on_the_arrows() -> None:
    drawn = run("menu", "draw", "--lang", "en").output

    assert drawn.count("flowchart TD") == 7
    assert (
        '  n2{{"ask<br/>Which should come first in your village? For piped water, press 1. …"}}'
        in drawn.splitlines()
    )
    assert '  n2 -->|"1"| n3' in drawn.splitlines()

"""The list of commands: true, complete and quick to print."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from ringback_cli.main import SECTIONS, ringback

COMMANDS = [name for names in SECTIONS.values() for name in names]


def commands() -> dict[str, click.Command]:
    context = click.Context(ringback)
    found = {name: ringback.get_command(context, name) for name in ringback.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def test_every_command_is_there_and_named_as_its_module_names_it() -> None:
    assert {name: name for name in commands()} == {name: command.name for name, command in commands().items()}
    assert set(commands()) == set(COMMANDS)


def test_the_list_says_of_each_command_what_the_command_says_of_itself() -> None:
    lines = {name: line for names in SECTIONS.values() for name, (_, line) in names.items()}

    told = {name: (command.help or "").strip().partition("\n")[0] for name, command in commands().items()}

    assert {name: lines[name] for name in told} == told


def test_help_lists_every_section_and_command() -> None:
    shown = CliRunner().invoke(ringback, ["--help"])

    assert shown.exit_code == 0
    assert all(section in shown.output for section in SECTIONS)
    assert all(name in shown.output for name in commands())


def test_help_imports_nothing_heavy() -> None:
    asked = "import sys; from ringback_cli.main import main; sys.argv = ['ringback', '--help']\n"
    asked += "try: main()\nexcept SystemExit: pass\n"
    asked += "print(sorted({'boto3', 'rich', 'yaml', 'pynamodb', 'samtranslator'} & set(sys.modules)))"

    shown = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert shown.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", [name for name in commands() if name != "play"])
def test_each_command_explains_itself(name: str) -> None:
    shown = CliRunner().invoke(ringback, [name, "--help"])

    assert shown.exit_code == 0
    assert name == "recount" or "Examples:" in shown.output


def test_an_unknown_command_is_a_usage_error() -> None:
    shown = CliRunner().invoke(ringback, ["cals"])

    assert shown.exit_code == 2
    assert "ringback --help" in shown.output

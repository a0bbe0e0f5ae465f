"""`ringback menu`: check and draw what callers walk through."""

from pathlib import Path

import click

from ringback.domain import menu_documents, menu_lint
from ringback.domain.errors import NotFound
from ringback.domain.nodes import Menu
from ringback.domain.voices import Voice
from ringback_cli import documents, drawings
from ringback_local.catalog import voice

MENUS = Path("catalog/menus")

folder = click.option(
    "--menus",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=MENUS,
    show_default=True,
    help="The folder that holds one folder of menus for each campaign.",
)
campaign = click.option("--campaign", metavar="NAME", help="Whose menus; needed where there are several.")


@click.group(
    epilog="""\b
Examples:
  ringback menu check
  ringback menu draw --menu main --lang hi
"""
)
def menu() -> None:
    """Check and draw menus; needs no deployment."""


@menu.command()
@folder
@campaign
def check(folder: Path, campaign: str | None) -> None:
    """Tell everything that is wrong with a campaign's menus, and where."""
    voice = load(folder, campaign)
    for warning in menu_lint.warnings(voice):
        click.echo(f"warning: {warning}", err=True)
    click.echo(
        f"{len(voice.menus)} menus are valid: {', '.join(f'{m.id} ({len(m.nodes)} nodes)' for m in voice.menus.values())}"
    )


@menu.command(
    epilog="""\b
Examples:
  ringback menu draw                                     every menu as Mermaid
  ringback menu draw --menu main --lang hi --format svg > main.svg
"""
)
@click.option("--menu", "name", metavar="NAME", help="Only this menu.")
@click.option(
    "--lang", "language", metavar="CODE", help="The language of the labels; the campaign's own without."
)
@click.option("--format", "form", type=click.Choice(["mermaid", "svg"]), default="mermaid", show_default=True)
@folder
@campaign
def draw(name: str | None, language: str | None, form: str, folder: Path, campaign: str | None) -> None:
    """Draw menus: nodes as boxes, keys on the arrows. An SVG shows one menu."""
    voice = load(folder, campaign)
    if form == "svg" and name is None:
        raise click.UsageError("an SVG shows one menu: name it with --menu NAME")
    for drawn in [named(voice, name)] if name else voice.menus.values():
        make = drawings.svg if form == "svg" else drawings.mermaid
        click.echo(make(drawn, spoken(drawn, language)))


def load(folder: Path, campaign: str | None) -> Voice:
    """Read and check the menus of a campaign; `Rejected` with every reason."""
    home = _home(folder, campaign)
    document = voice(home, documents.mapping)
    languages = document.pop("languages", [])
    default_language = document.pop("default_language", "")
    values = document.pop("values", {})
    return menu_documents.parse(document, languages, default_language, values)


def named(voice: Voice, name: str) -> Menu:
    if name not in voice.menus:
        raise NotFound(f"there is no menu {name!r}, there are {', '.join(voice.menus)}")
    return voice.menus[name]


def spoken(menu: Menu, language: str | None) -> str:
    """The language asked for, or the campaign's own."""
    if language is not None and language not in menu.languages:
        raise NotFound(f"{menu.id} does not speak {language!r}, it speaks {', '.join(menu.languages)}")
    return language or menu.default_language


def _home(folder: Path, campaign: str | None) -> Path:
    homes = sorted(
        path.parent for path in folder.glob("*/voice.yaml") if campaign in (None, path.parent.name)
    )
    if not homes:
        raise NotFound(f"there are no menus in {folder / (campaign or '*')}: is there a voice.yaml?")
    if len(homes) > 1:
        raise click.UsageError(f"say whose menus: --campaign {' or '.join(home.name for home in homes)}")
    return homes[0]

"""`ringback publish`: campaign content from files into force."""

from collections.abc import Sequence
from pathlib import Path

import click

from ringback.domain import campaigns
from ringback.domain.errors import NotFound
from ringback.services import campaigns as publishing
from ringback.store import catalog
from ringback_cli import deployment, documents, output

CATALOG = Path("catalog")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    epilog="""\b
Examples:
  ringback publish                                     everything in catalog/campaigns
  ringback publish catalog/campaigns/clean-water.yaml  one campaign
  ringback publish --check                             only check; needs no deployment
"""
)
@click.argument("files", nargs=-1, type=FILE)
@click.option(
    "--rules",
    type=FILE,
    default=CATALOG / "rules.yaml",
    show_default=True,
    help="What law and operators oblige every campaign to.",
)
@click.option(
    "--menus",
    type=click.Path(file_okay=False, path_type=Path),
    default=CATALOG / "menus",
    show_default=True,
    help="The folder that holds one folder of menus for each campaign.",
)
@click.option("--check", is_flag=True, help="Only check the files; no deployment is asked.")
@deployment.option
@output.as_json
def publish(
    files: Sequence[Path], rules: Path, menus: Path, check: bool, stack: str | None, as_json: bool
) -> None:
    """Check campaign content and put it in force.

    Without FILES, every campaign in catalog/campaigns. If anything is wrong in any file, every reason is printed and nothing is
    published. A published version never changes; publishing the same content again changes nothing.
    """
    read = documents.load(files or _everything(), rules, menus)
    rows: list[dict[str, object]] = []
    runtime = None if check else deployment.connect(stack).runtime
    for campaign, document in read:
        version: int | None = None
        became = "is valid"
        if runtime is not None:
            before = catalog.current_version(campaign.id)
            version = publishing.publish(runtime, document)[0].version
            became = "was in force already" if version == before else "is in force"
        rows.append(
            {
                "campaign": campaign.id,
                "version": version,
                "became": became,
                "numbers": len(campaign.numbers),
                "texts": len(campaign.texts),
                "menus": sorted(campaign.voice.menus) if campaign.voice else [],
                "languages": list(campaign.languages),
                "warnings": list(campaigns.warnings(campaign)),
            }
        )
    if as_json:
        output.document({"campaigns": rows})
        return
    for row, (campaign, _) in zip(rows, read, strict=True):
        named = f"{campaign.id} version {row['version']}" if row["version"] else campaign.id
        menus_too = f", {len(campaign.voice.menus)} menus" if campaign.voice else ""
        click.echo(
            f"{named} {row['became']}: {len(campaign.numbers)} numbers, {len(campaign.texts)} texts{menus_too}"
        )
        for warning in campaigns.warnings(campaign):
            click.echo(f"  warning: {warning}", err=True)


def _everything() -> list[Path]:
    found = sorted((CATALOG / "campaigns").glob("*.yaml"))
    if not found:
        raise NotFound(
            f"there is no {CATALOG}/campaigns/*.yaml here: name the files, or go to the folder that holds {CATALOG}/"
        )
    return found

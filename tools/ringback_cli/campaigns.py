"""`ringback campaigns`: the content in force."""

import click

from ringback.domain.campaigns import Campaign
from ringback.store import catalog, sending
from ringback_cli import moments, output
from ringback_cli.deployment import Deployment, on_deployment


@click.group(
    cls=output.Noun,
    epilog="""\b
Examples:
  ringback campaigns                    every campaign in force
  ringback campaigns show clean-water   its numbers and texts
""",
)
def campaigns() -> None:
    """What is in force: campaigns, their numbers and texts."""


@campaigns.command("list")
@on_deployment
@output.as_json
def list_(deployment: Deployment, as_json: bool) -> None:
    """Every campaign with published content."""
    rows = [_summary(catalog.current(name)) for name in sorted(catalog.campaigns())]
    if as_json:
        output.document({"campaigns": rows})
        return
    columns = {
        "campaign": "campaign",
        "version": "version",
        "name": "name",
        "numbers": "numbers",
        "languages": "languages",
        "window": "SMS window",
        "spent_rupees": "spent, ₹",
        "budget_rupees": "budget, ₹",
        "paused": "paused because",
    }
    output.table(columns, rows, "nothing is published: `ringback publish`")


@campaigns.command()
@click.argument("campaign")
@on_deployment
@output.as_json
def show(deployment: Deployment, campaign: str, as_json: bool) -> None:
    """One campaign: its numbers, and its texts in every language."""
    content = catalog.current(campaign)
    numbers = [
        {
            "number": number.number,
            "purpose": str(number.purpose),
            "issue": number.issue,
            "language": number.language,
            "source": number.source,
            "text": number.text,
        }
        for number in content.numbers.values()
    ]
    texts = [
        _text(content, name, language) for name in content.texts for language in content.texts[name].bodies
    ]
    if as_json:
        output.document(_summary(content) | {"numbers": numbers, "texts": texts})
        return
    output.card({key.replace("_", " "): value for key, value in _summary(content).items()})
    output.table({key: key for key in ("number", "purpose", "issue", "language", "source", "text")}, numbers)
    output.table(
        {key: key.replace("_", " ") for key in ("text", "language", "sms", "once_per", "body")}, texts
    )


def _summary(content: Campaign) -> dict[str, object]:
    standing = sending.standing(content.id, ())
    return {
        "campaign": content.id,
        "version": content.version,
        "name": content.names[content.default_language],
        "numbers": len(content.numbers),
        "languages": list(content.languages),
        "window": f"{content.window.start:%H:%M}–{content.window.end:%H:%M}",
        "spent_rupees": standing.paise / 100,
        "budget_rupees": content.limits.sms_budget_paise // 100,
        "paused": standing.paused,
    }


def _text(content: Campaign, name: str, language: str) -> dict[str, object]:
    rendered = content.rendered(name, language)
    return {
        "text": name,
        "language": language,
        "sms": rendered.segments.parts,
        "once_per": moments.spoken(content.texts[name].once_per),
        "body": rendered.body,
        "template_id": rendered.template.template_id,
    }

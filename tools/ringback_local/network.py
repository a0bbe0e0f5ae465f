"""Configures the phone network so that it is the provider of a set of campaigns."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ringback.domain import campaigns
from ringback.domain.campaigns import Campaign
from ringback_local.keys import Keys
from ringback_local.template import ROOT

Document = Mapping[str, Any]
"""A campaign as it is written down, with the rules it was written under."""

MISSED_CALL_STEP = "missed-call"


def sample_documents(root: Path = ROOT) -> list[Document]:
    """The campaign documents in `catalog/`, each with the rules of the day, as `publish` takes them."""
    rules = yaml.safe_load((root / "catalog" / "rules.yaml").read_text(encoding="utf-8"))
    paths = sorted((root / "catalog" / "campaigns").glob("*.yaml"))
    return [{**yaml.safe_load(path.read_text(encoding="utf-8")), "rules": rules} for path in paths]


def parsed(documents: Iterable[Document]) -> list[Campaign]:
    """The campaigns that documents describe. Raises `ringback.domain.errors.Rejected`."""
    return [campaigns.parse(document) for document in documents]


def network_config(
    known: Sequence[Campaign],
    keys: Keys,
    api_url: str,
    *,
    sms_per_minute: int,
    clock_offset_seconds: float,
    timing: Mapping[str, Any],
) -> dict[str, Any]:
    """One account with the campaigns' numbers, each flow an asynchronous Passthru to our voice door, then a hangup."""
    exophones = [
        {"number": number, "flow": missed_call_flow(f"{api_url}/voice/{keys.voice_tokens[campaign.id]}")}
        for campaign in known
        for number in campaign.numbers
    ]
    templates = {
        template.template_id: template.body
        for campaign in known
        for text in campaign.texts.values()
        for template in text.templates.values()
    }
    account = {
        "sid": keys.account_sid,
        "api_key": keys.api_key,
        "api_token": keys.api_token,
        "sms_per_minute": sms_per_minute,
        "exophones": exophones,
        "headers": sorted({campaign.sender.header for campaign in known}),
        "dlt": {
            "entity_ids": sorted({campaign.sender.dlt_entity_id for campaign in known}),
            "templates": templates,
        },
    }
    return {
        "accounts": [account],
        "handsets": [],
        "clock_offset_seconds": clock_offset_seconds,
        "timing": dict(timing),
    }


def missed_call_flow(door: str) -> list[dict[str, Any]]:
    """What an ExoPhone does that is only ever rung: tell our door and hang up, so the caller pays nothing."""
    return [
        {"applet": "passthru", "url": f"{door}/{MISSED_CALL_STEP}", "async": True},
        {"applet": "hangup"},
    ]

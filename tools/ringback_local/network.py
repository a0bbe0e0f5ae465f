"""Configures the phone network so that it is the provider of a set of campaigns."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from ringback.domain import campaigns
from ringback.domain.campaigns import Campaign
from ringback_local.keys import Keys
from ringback_local.template import ROOT

MISSED_CALL_STEP = "missed-call"


def sample_campaigns(root: Path = ROOT) -> list[Campaign]:
    """The campaigns in `catalog/`, with the rules of the day. Raises `ringback.domain.errors.Rejected`."""
    rules = yaml.safe_load((root / "catalog" / "rules.yaml").read_text(encoding="utf-8"))
    paths = sorted((root / "catalog" / "campaigns").glob("*.yaml"))
    return [
        campaigns.parse({**yaml.safe_load(path.read_text(encoding="utf-8")), "rules": rules})
        for path in paths
    ]


def network_config(
    campaigns: Iterable[Campaign],
    keys: Keys,
    api_url: str,
    *,
    sms_per_minute: int,
    clock_offset_seconds: float,
    timing: Mapping[str, Any],
) -> dict[str, Any]:
    """One account with the campaigns' numbers, each flow an asynchronous Passthru to our voice door, then a hangup."""
    known = list(campaigns)
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
    entities = sorted({campaign.sender.dlt_entity_id for campaign in known})
    account = {
        "sid": keys.account_sid,
        "api_key": keys.api_key,
        "api_token": keys.api_token,
        "sms_per_minute": sms_per_minute,
        "exophones": exophones,
        "headers": sorted({campaign.sender.header for campaign in known}),
        "dlt": {"entity_id": entities[0] if entities else "", "templates": templates},
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

"""Configures the phone network so that it is the provider of a set of campaigns."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ringback.domain import campaigns
from ringback.domain.campaigns import Campaign
from ringback.providers import exotel, twilio
from ringback.providers.base import DIAL
from ringback.providers.exotel import menus as exotel_menus
from ringback.providers.twilio import callbacks as twilio_steps
from ringback_local.catalog import Document, with_voice
from ringback_local.keys import Keys
from ringback_local.template import ROOT

MISSED_CALL_STEP = "missed-call"

RECORDING_SECONDS = 30
"""What the Voicemail applet is set to: the longest a menu may ask for."""

SORRY = "Sorry, something is wrong on our side. Please call again later."
"""What Exotel itself says when it cannot make sense of our answer, or gets none."""


SAMPLE_HANDSETS: tuple[Mapping[str, Any], ...] = (
    {"number": "+919000000501", "talks_seconds": 60},
    {"number": "+919000000502", "talks_seconds": 60},
    {"number": "+919000000601", "answers": False},
    {"number": "+919000000602", "is_busy": True},
    {"number": "+919000000603", "talks_seconds": 45},
    {"number": "+919000000604", "answers_after_seconds": 12, "talks_seconds": 5},
)
"""Telephones of a stack that somebody plays with: a tracker, an influencer, and four voters, of whom one does not answer, one is busy and one
soon hangs up. Every other telephone answers after four seconds and talks for thirty.
"""


def sample_documents(root: Path = ROOT) -> list[Document]:
    """The campaign documents in `catalog/`, each with its menus and the rules of the day, as `publish` takes them."""
    rules = _read(root / "catalog" / "rules.yaml")
    paths = sorted((root / "catalog" / "campaigns").glob("*.yaml"))
    menus = root / "catalog" / "menus"
    return [{**with_voice(_read(path), menus, _read), "rules": rules} for path in paths]


def _read(path: Path) -> Document:
    document: Document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def parsed(documents: Iterable[Document]) -> list[Campaign]:
    """The campaigns that documents describe. Raises `ringback.domain.errors.Rejected`."""
    return [campaigns.parse(document) for document in documents]


def network_config(
    known: Sequence[Campaign],
    keys: Keys,
    api_url: str,
    *,
    sms_per_minute: int,
    calls_per_minute: int,
    clock_offset_seconds: float,
    timing: Mapping[str, Any],
) -> dict[str, Any]:
    """An account with the campaigns' numbers: the menu flow on those with a menu, on the others one that only tells us and hangs up;
    and one of Twilio's, where a campaign has that provider.
    """
    doors = {campaign.id: f"{api_url}/voice/{keys.voice_tokens[campaign.id]}" for campaign in known}
    exophones = [
        {
            "number": number.number,
            "flow": menu_flow_id(campaign.id) if number.menu else missed_call_flow(doors[campaign.id]),
        }
        for campaign in known
        if campaign.provider == exotel.NAME
        for number in campaign.numbers.values()
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
        "calls_per_minute": calls_per_minute,
        "exophones": exophones,
        "flows": {
            menu_flow_id(name): menu_flow(door, again=menu_flow_id(name)) for name, door in doors.items()
        },
        "headers": sorted({campaign.sender.header for campaign in known}),
        "dlt": {
            "entity_ids": sorted({campaign.sender.dlt_entity_id for campaign in known}),
            "templates": templates,
        },
    }
    return {
        "accounts": [account, *_twilio_accounts(known, keys, doors)],
        "handsets": [],
        "clock_offset_seconds": clock_offset_seconds,
        "timing": dict(timing),
    }


def _twilio_accounts(known: Sequence[Campaign], keys: Keys, doors: Mapping[str, str]) -> list[dict[str, Any]]:
    """Twilio's account with the numbers of its campaigns, wired as docs/providers/twilio.md tells; none without such a campaign."""
    numbers = [
        {
            "number": number.number,
            "voice_url": f"{door}/{twilio_steps.TURN}",
            "status_callback": f"{door}/{twilio_steps.TURN}",
        }
        if number.menu
        else {"number": number.number, "voice_url": f"{door}/{twilio_steps.MISSED_CALL}"}
        for campaign in known
        if campaign.provider == twilio.NAME
        for door in (doors[campaign.id],)
        for number in campaign.numbers.values()
    ]
    account = {"kind": "twilio", "sid": keys.twilio_account_sid, "auth_token": keys.twilio_auth_token}
    return [account | {"numbers": numbers}] if numbers else []


def missed_call_flow(door: str) -> list[dict[str, Any]]:
    """What an ExoPhone does that is only ever rung: tell our door and hang up, so the caller pays nothing."""
    return [
        {"applet": "passthru", "url": f"{door}/{MISSED_CALL_STEP}", "async": True},
        {"applet": "hangup"},
    ]


def menu_flow_id(campaign: str) -> str:
    return f"{campaign}-menus"


def menu_flow(door: str, again: str) -> list[dict[str, Any]]:
    """The one flow that drives any menu: ask our door what now, do it, and start again (docs/providers/exotel.md).

    Whom a Connect dials, whether it asks again after a failed attempt and where it tells of each is for our answer to say; it ends in the
    loop both ways.
    """
    say = {"applet": "greeting", "url": f"{door}/{exotel_menus.SAY}"}
    gather = {"applet": "gather", "url": f"{door}/{exotel_menus.GATHER}"}
    hang_up = {"applet": "hangup"}
    sorry = [{"applet": "greeting", "prompt": SORRY}, hang_up]
    loop = {"applet": "transfer", "flow": again}
    return [
        {"applet": "passthru", "url": f"{door}/{exotel_menus.TURN}", "async": False, "otherwise": sorry},
        {
            "applet": "switch",
            "cases": {
                "ask": [gather, loop],
                "play": [say, gather, loop],
                "say": [say, loop],
                "record": [say, {"applet": "voicemail", "max_seconds": RECORDING_SECONDS}, loop],
                "dial": [
                    {"applet": "connect", "url": f"{door}/{DIAL}", "otherwise": [loop]},
                    loop,
                ],
                "end": [say, hang_up],
                "hang-up": [hang_up],
            },
            "otherwise": sorry,
        },
    ]

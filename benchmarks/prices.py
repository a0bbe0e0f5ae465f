"""What AWS asks for: `catalog/rates/aws.yaml`, read."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from ringback_local.template import ROOT

RATES = ROOT / "catalog" / "rates" / "aws.yaml"


def used(name: str) -> float:
    """USD for one of what is billed by use: one request, one unit, one gigabyte."""
    rate = _rates()["used"][name]
    return float(rate["usd"]) if "usd" in rate else float(rate["usd_per_million"]) / 1_000_000


def monthly(name: str) -> float:
    """USD a month for one of what is billed for being there."""
    return float(_rates()["monthly"][name]["usd"])


def as_of() -> tuple[str, str]:
    """The oldest and the newest day on which a price was read."""
    days = [rate["as_of"] for kind in ("used", "monthly") for rate in _rates()[kind].values()]
    return min(days), max(days)


@cache
def _rates() -> Mapping[str, Any]:
    document: Mapping[str, Any] = yaml.safe_load(RATES.read_text(encoding="utf-8"))
    return document

"""A small campaign to test with: two languages, three numbers, one text, under the rules of the catalog."""

import copy
from pathlib import Path
from typing import Any

import yaml

from ringback.domain import campaigns
from ringback.domain.campaigns import Campaign

CATALOG = Path(__file__).parents[3] / "catalog"
RULES: dict[str, Any] = yaml.safe_load((CATALOG / "rules.yaml").read_text(encoding="utf-8"))

_DOCUMENT: dict[str, Any] = {
    "campaign": "clean-water",
    "names": {"en": "Clean Water", "hi": "स्वच्छ जल"},
    "sponsors": {"en": "Clear Springs Trust", "hi": "क्लियर स्प्रिंग्स ट्रस्ट"},
    "languages": ["en", "hi"],
    "default_language": "en",
    "provider": "exotel",
    "sender": {"header": "CLNWTR", "dlt_entity_id": "1101490000000012345", "sms_type": "promotional"},
    "limits": {"sms_budget_rupees": 1000, "prefix_per_minute": 60},
    "numbers": [
        {
            "number": "+918040001001",
            "purpose": "volunteer",
            "language": "en",
            "source": "tv",
            "text": "welcome",
        },
        {
            "number": "+918040001002",
            "purpose": "support",
            "issue": "wells",
            "language": "hi",
            "source": "rally",
            "text": "welcome",
        },
        {"number": "+918040001009", "purpose": "opt-out", "language": "en", "source": "sms"},
    ],
    "values": {"opt_out": {"en": "08040001009", "hi": "08040001009"}},
    "texts": {
        "welcome": {
            "once_per": "30 days",
            "en": {
                "body": "Thank you. Opt out: {opt_out}",
                "template_id": "1107160000000010101",
                "template": "Thank you. Opt out: {#cbn#}",
            },
            "hi": {
                "body": "धन्यवाद। हटने को: {opt_out}",
                "template_id": "1107160000000010102",
                "template": "धन्यवाद। हटने को: {#cbn#}",
            },
        }
    },
    "rules": RULES,
}


def a_document(**changes: Any) -> dict[str, Any]:
    """A valid document of its own. A change names its place (`texts__welcome__hi__body="…"`); `...` takes the key away."""
    document = copy.deepcopy(_DOCUMENT)
    for place, value in changes.items():
        *above, key = place.split("__")
        target = document
        for step in above:
            target = target[int(step)] if isinstance(target, list) else target.setdefault(step, {})
        if value is ...:
            del target[key]
        else:
            target[int(key) if isinstance(target, list) else key] = value
    return document


def a_campaign(**changes: Any) -> Campaign:
    return campaigns.parse(a_document(**changes))

"""What a campaign says by voice is read and checked with the campaign (X9): nothing wrong with a menu can be published."""

from typing import Any

import pytest

from ringback.domain import campaigns
from ringback.domain.errors import Rejected
from tests.unit.domain import menu_content
from tests.unit.domain.content import a_document

VALUES = {"sponsor": {"en": "Trust", "hi": "न्यास"}}


def a_campaign(number: dict[str, Any] = {}, **voice: Any) -> dict[str, Any]:  # noqa: B006 - only read
    document = a_document()
    document["voice"] = {
        "languages": ["en", "hi"],
        "default_language": "en",
        "values": VALUES,
        **menu_content.a_document(**voice),
    }
    document["numbers"].append(
        {
            "number": "+918040001008",
            "purpose": "information",
            "language": "hi",
            "source": "wall",
            "menu": "line",
        }
        | number
    )
    return document


def reasons(document: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(Rejected) as refused:
        campaigns.parse(document)
    return refused.value.reasons


def test_a_menu_is_of_the_version_it_is_published_with() -> None:
    campaign = campaigns.parse(a_campaign(), version=7)

    assert campaign.voice is not None
    assert campaign.voice.menus["line"].version == 7
    assert campaign.numbers["+918040001008"].menu == "line"


def test_a_campaign_without_voice_has_none() -> None:
    assert campaigns.parse(a_document()).voice is None


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (a_campaign({"menu": "other"}), "numbers[3].menu: there is no menu 'other'"),
        (
            a_campaign({"purpose": "opt-out"}),
            "numbers[3].menu: must be left out: whoever opts out is not to be kept on the line",
        ),
        (a_campaign({"language": "ta"}), "numbers[3].language: must be one of the languages"),
        (
            a_campaign(root__default_language="ta"),
            "voice.default_language: must be one of the languages",
        ),
        (a_campaign(nodes__bye=...), "voice.menus.line.nodes.vote: next leads to 'bye', which is no node"),
        (
            a_campaign(nodes__lost={"say": "welcome", "next": "bye"}),
            "voice.menus.line.nodes.lost: is never reached",
        ),
        (a_campaign(prompts__ask={"en": "To vote, press 3."}), "voice.menus.line.prompts.ask.hi: is missing"),
    ],
)
def test_what_is_wrong_with_a_menu_refuses_the_campaign_with_its_place(
    document: dict[str, Any], reason: str
) -> None:
    assert reason in reasons(document)


def test_what_looks_forgotten_in_a_menu_is_warned_about() -> None:
    document = a_campaign(prompts__spare={"en": "Nobody says this.", "hi": "कोई नहीं कहता।"})

    assert any(
        warning.startswith("voice.") and "spare" in warning
        for warning in campaigns.warnings(campaigns.parse(document))
    )

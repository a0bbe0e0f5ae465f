"""What a gathering tells by SMS is named in its content, and checked when it is published."""

from datetime import timedelta
from typing import Any

import pytest

from ringback.domain import campaigns
from ringback.domain.errors import Rejected
from tests.deployment import sample


def changed(**changes: Any) -> dict[str, Any]:
    document = sample("clean-water")
    document["voice"]["gatherings"]["training-day"] |= changes
    return document


TEXTS = {
    "confirmation": "training-place",
    "waiting_list": "training-waiting",
    "place_free": "training-place-free",
    "reminder": "training-reminder",
}


def test_the_shipped_gathering_has_its_texts_and_none_of_them_is_left_unsent() -> None:
    campaign = campaigns.parse(sample("clean-water"))
    assert campaign.voice is not None
    gathering = campaign.voice.gatherings["training-day"]

    assert gathering.texts is not None
    assert gathering.texts.all == set(TEXTS.values())
    assert gathering.starts_at - gathering.remind_at == timedelta(hours=20)
    assert not any("no number sends it" in warning for warning in campaigns.warnings(campaign))


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        pytest.param(
            TEXTS | {"reminder": "forgotten"},
            "voice.gatherings.training-day.texts: there is no text 'forgotten'",
            id="a text that is not there",
        ),
        pytest.param(
            {name: text for name, text in TEXTS.items() if name != "waiting_list"},
            "voice.gatherings.training-day.texts.waiting_list: is missing",
            id="a text that is not named",
        ),
    ],
)
def test_a_gathering_cannot_be_published_without_the_texts_it_names(
    texts: dict[str, str], reason: str
) -> None:
    with pytest.raises(Rejected) as refused:
        campaigns.parse(changed(texts=texts))

    assert reason in refused.value.reasons


def test_a_gathering_may_have_no_texts_and_its_own_time_to_remind() -> None:
    document = changed(remind_before="2 days")
    document["voice"]["gatherings"]["training-day"].pop("texts")
    for name in TEXTS.values():
        document["texts"].pop(name)
    voice = campaigns.parse(document).voice
    assert voice is not None

    assert voice.gatherings["training-day"].texts is None
    assert voice.gatherings["training-day"].remind_before == timedelta(days=2)

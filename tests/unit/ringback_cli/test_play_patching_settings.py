"""What `play patching` changes of the sample campaign is a campaign that could be published."""

import pytest

from ringback.domain import campaigns
from ringback_cli.stories.patching import cast, settings
from ringback_cli.stories.patching.cast import Size
from ringback_cli.stories.stage import documents


@pytest.mark.parametrize("influencers", [1, 2, 20])
def test_whatever_the_size_the_storys_campaign_is_valid(influencers: int) -> None:
    size = Size.of(200, influencers=influencers)
    script = cast.write(size, 1)
    parsed = [campaigns.parse(settings.of_content(document, script)) for document in documents()]
    patching = next(each.patching for each in parsed if each.id == settings.CAMPAIGN)

    assert patching is not None
    assert patching.slots.account == size.concurrent
    assert bool(patching.mystery_percent) is bool(patching.mystery_brief) is (influencers > 1)

"""Published versions never change, and a number belongs to one campaign."""

import pytest

from ringback.domain.campaigns import parse
from ringback.domain.errors import Conflict, NotFound
from ringback.store import catalog
from ringback.store.tables import CatalogRow
from tests.deployment import EVENING_HOURS, MORNING, VOLUNTEER, Deployment, sample
from tests.integration.wire import AwsRequest, Moment, listening


def test_publishing_the_same_document_again_changes_nothing(deployment: Deployment) -> None:
    rows = sorted((row.campaign, row.version, row.published_at) for row in CatalogRow.scan())
    deployment.clock.move(hours=1)
    assert deployment.publish("clean-water").version == 1

    assert rows == sorted((row.campaign, row.version, row.published_at) for row in CatalogRow.scan())


def test_a_changed_document_is_a_new_version_and_the_old_one_stays_as_it_was(deployment: Deployment) -> None:
    before = catalog.load("clean-water", 1)
    after = deployment.publish("clean-water", lambda document: document["names"].update(en="Cleaner Water"))

    assert 2 == after.version == catalog.current_version("clean-water")
    assert before == catalog.load("clean-water", 1)
    assert catalog.current("clean-water").names["en"] == "Cleaner Water"
    assert catalog.current("library-hours").version == 1


def test_a_number_of_another_campaign_is_a_conflict_that_names_it_and_writes_nothing(
    deployment: Deployment,
) -> None:
    def take(document: dict[str, list[dict[str, str]]]) -> None:
        document["numbers"][0]["number"] = EVENING_HOURS

    with pytest.raises(Conflict, match=rf"\{EVENING_HOURS} belongs to campaign library-hours"):
        deployment.publish("clean-water", take)

    assert catalog.current_version("clean-water") == 1
    assert catalog.owner(EVENING_HOURS) == "library-hours"


def test_of_two_who_publish_at_once_one_gets_a_conflict(deployment: Deployment) -> None:
    """The second looks, the first publishes, the second writes."""
    overtaken: list[bool] = []

    def publish_meanwhile(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE and request.operation == "TransactWriteItems" and not overtaken:
            overtaken.append(True)
            deployment.publish("clean-water", lambda document: document["names"].update(en="First"))

    with listening(publish_meanwhile), pytest.raises(Conflict, match="same moment"):
        deployment.publish("clean-water", lambda document: document["names"].update(en="Second"))

    assert catalog.current("clean-water").names["en"] == "First"
    assert catalog.current_version("clean-water") == 2


def test_what_was_never_published_is_not_found(deployment: Deployment) -> None:
    with pytest.raises(NotFound, match="nobody has no published content"):
        catalog.current("nobody")
    with pytest.raises(NotFound, match="clean-water has no version 9"):
        catalog.load("clean-water", 9)
    assert catalog.current_version("nobody") is None
    assert catalog.owner("+918040009999") is None


def test_the_published_campaigns_and_their_numbers_can_be_listed(deployment: Deployment) -> None:
    assert sorted(catalog.campaigns()) == ["clean-water", "library-hours"]
    assert catalog.owner(VOLUNTEER) == "clean-water"


def test_the_rules_a_version_was_checked_against_are_kept_in_it(deployment: Deployment) -> None:
    assert parse(sample("clean-water"), 1) == catalog.load("clean-water", 1)
    assert catalog.publish(parse(sample("clean-water")), sample("clean-water"), MORNING) == 1

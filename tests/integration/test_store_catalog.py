"""Published versions never change, and a number belongs to one campaign."""

from collections.abc import Callable
from typing import Any

import pytest

from ringback.domain.campaigns import MOST_NUMBERS, parse
from ringback.domain.errors import Conflict, NotFound, Rejected
from ringback.store import catalog
from ringback.store.tables import CatalogRow
from tests.deployment import EVENING_HOURS, MORNING, VOLUNTEER, Deployment, deployed, sample
from tests.integration.wire import AwsRequest, Moment, listening


def opening(number: str) -> dict[str, str]:
    """One more number of a campaign: for opting out, which any may have several of."""
    return {"number": number, "purpose": "opt-out", "language": "en", "source": "poster"}


def give_up(document: dict[str, Any], number: str) -> None:
    document["numbers"] = [each for each in document["numbers"] if each["number"] != number]


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


def test_a_number_that_a_campaign_gives_up_can_move_to_another(deployment: Deployment) -> None:
    deployment.publish("library-hours", lambda document: give_up(document, EVENING_HOURS))
    assert catalog.owner(EVENING_HOURS) is None
    deployment.publish("clean-water", lambda document: document["numbers"].append(opening(EVENING_HOURS)))
    assert catalog.owner(EVENING_HOURS) == "clean-water"

    with pytest.raises(Conflict, match=rf"\{EVENING_HOURS} belongs to campaign clean-water"):
        deployment.publish("library-hours")
    deployment.publish("clean-water")
    assert deployment.publish("library-hours").version == 3
    assert catalog.owner(EVENING_HOURS) == "library-hours"
    assert catalog.owner(VOLUNTEER) == "clean-water"


def test_as_many_numbers_as_a_campaign_may_have_are_published_at_once() -> None:
    """DynamoDB takes 100 items in a transaction."""
    with deployed(publish=()) as deployment:
        numbers = [opening(f"+9180400300{nth:02}") for nth in range(MOST_NUMBERS)]
        more = MOST_NUMBERS - len(sample("library-hours")["numbers"])
        content = deployment.publish(
            "library-hours", lambda document: document["numbers"].extend(numbers[:more])
        )

        assert len(content.numbers) == MOST_NUMBERS


def test_more_numbers_than_a_transaction_takes_change_in_steps(deployment: Deployment) -> None:
    def grow(block: int) -> Callable[[dict[str, Any]], None]:
        numbers = [opening(f"+9180400{block}{nth:02}") for nth in range(60)]
        return lambda document: document["numbers"].extend(numbers)

    deployment.publish("library-hours", grow(300))
    with pytest.raises(Rejected, match="60 are new and 60 are gone, 98 may change at once"):
        deployment.publish("library-hours", grow(301))
    assert catalog.owner("+918040030000") == "library-hours"
    deployment.publish("library-hours")
    deployment.publish("library-hours", grow(301))

    assert catalog.owner("+918040030000") is None
    assert catalog.owner("+918040030100") == "library-hours"


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

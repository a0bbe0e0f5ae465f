"""From a missed call's callback to the welcome SMS and its delivery report."""

from ringback.domain.messages import State
from tests.deployment import CALLER, VOLUNTEER, Deployment


def test_a_missed_call_becomes_a_contact_and_one_welcome_in_the_language_of_the_number(
    deployment: Deployment,
) -> None:
    deployment.ring(CALLER, VOLUNTEER)
    deployment.settle()

    contact = deployment.contact()
    assert contact is not None
    assert contact.phone == CALLER
    assert {"volunteer"} == contact.signals
    assert [sms.to for sms in deployment.provider.taken] == [CALLER]
    assert State.SENT is deployment.message().state
    assert deployment.counts()["raw"] == 1
    assert deployment.counts()["unique"] == 1

    deployment.report(deployment.message(), "sent", "20005")
    deployment.settle()

    assert State.DELIVERED is deployment.message().state
    assert deployment.counts()["verified"] == 1

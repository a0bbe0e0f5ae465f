"""`ringback dials`: whom we rang, what waits, and what a person settles."""

from datetime import timedelta

from ringback.providers.base import Unclear
from tests.deployment import CALL_BACK_LINE, CALLER, Deployment
from tests.integration.ringback_cli.conftest import Read, Run


def rung(deployment: Deployment) -> str:
    """Somebody is rung back; returns the dial's id."""
    deployment.ring(CALLER, CALL_BACK_LINE)
    deployment.settle()
    return deployment.dial().dial_id


def test_the_newest_dials_are_listed_with_their_sums(deployment: Deployment, run: Run, read: Read) -> None:
    dial_id = rung(deployment)
    document = read("dials")

    assert document["by_state"] == {"placed": 1}
    assert [row["dial_id"] for row in document["dials"]] == [dial_id]
    assert "placed 1" in run("dials").output


def test_a_held_dial_tells_which_rule_holds_it(deployment: Deployment, read: Read) -> None:
    rung(deployment)
    deployment.end(deployment.dial(), "busy")
    deployment.react()

    (held,) = read("dials", "list", "--state", "held")["dials"]
    assert (held["why"], held["attempt"]) == ("after-busy", 2)


def test_one_dial_tells_whom_it_rings_masked_unless_asked(deployment: Deployment, run: Run) -> None:
    dial_id = rung(deployment)

    assert "+9190••••01" in run("dials", "show", dial_id).output
    assert CALLER in run("dials", "show", dial_id, "--clear").output


def test_what_nobody_told_of_is_listed_and_settled_by_a_person(
    deployment: Deployment, run: Run, read: Read
) -> None:
    deployment.provider.call_answers = [Unclear("ReadTimeout")]
    dial_id = rung(deployment)
    deployment.clock.move(seconds=timedelta(hours=25).total_seconds())
    deployment.release()

    assert [row["dial_id"] for row in read("dials", "--state", "listed")["dials"]] == [dial_id]
    assert run("dials", "settle", dial_id, "--did-not-ring").output == f"{dial_id} is failed now\n"
    again = run("dials", "settle", dial_id, "--rang")
    assert again.exit_code == 1
    assert "this one is failed" in again.output


def test_what_is_no_dial_is_told_so(run: Run) -> None:
    assert "is no dial id" in run("dials", "show", "abc").output
    absent = "m2pbkf5zmukzow4hzyryepb77i.clean-water.main.7pn5nw2h7h63btyp"
    assert "holds no dial" in run("dials", "show", absent).output

"""`ringback influencers` and `ringback trackers`: the whole story of one person, and who may change it."""

from pathlib import Path

from ringback.domain.influencers import Stage
from ringback.domain.turns import Verdict
from ringback.services import trackers
from ringback.store import contacts
from ringback.store import influencers as store
from ringback.store.transactions import together
from tests.deployment import CALLER, OTHER_CALLER, Deployment
from tests.integration.patching import Patched, voter_phones
from tests.integration.people import (
    ASHA,
    BINA,
    approved,
    content,
    enrol,
    inform,
    judge,
    known,
    meet,
    open_review,
    stage,
    talk,
)
from tests.integration.ringback_cli.conftest import Read, Run


def test_one_influencers_story_has_stages_reviews_calls_and_refusals(
    deployment: Deployment, run: Run, read: Read
) -> None:
    tracker = enrol(deployment)
    enrol(deployment, BINA)
    inform(deployment)
    review = talk(deployment, open_review(deployment, tracker))
    judge(deployment, review, phone=BINA, call="exotel:call-3")
    judge(deployment, review)

    shown = read("influencers", "show", "09000000101")

    assert [(move["change"], move["stage"]) for move in shown["moves"]] == [
        ("informed", "INFORMED"),
        ("review-opened", "IN_REVIEW"),
        ("approved", "APPROVED"),
    ]
    (row,) = shown["reviews"]
    assert (row["review"], row["state"], row["talked"]) == ("r001", "approved", "60 s")
    assert (row["call"], row["verdict_call"], row["refused"]) == (
        "exotel:call-1",
        "exotel:call-2",
        ["not-theirs"],
    )
    assert [(each["machine"], each["execution"]) for each in shown["executions"]] == [
        ("test-verify-influencer", review.id)
    ]
    printed = run("influencers", "show", known(deployment).person).output
    assert "IN_REVIEW" in printed
    assert "exotel:call-2" in printed


def test_the_story_goes_on_with_each_call_and_with_what_every_machine_did(
    deployment: Deployment, run: Run, read: Read, tmp_path: Path
) -> None:
    """In moto an execution comes into one state and stands still; the journeys have whole ones."""
    patched = Patched(deployment)
    person = inform(deployment).person
    run("influencers", "approve", person, "--without-call", "our own district head")
    patched.fill(tmp_path, voter_phones(4))
    caller = patched.begin()
    first = caller.ask()
    assert first is not None
    caller.talk(first, 75)
    patched.react()

    shown = read("influencers", "show", person)
    printed = run("influencers", "show", person).output

    (row,) = shown["patches"]
    assert (row["call"], row["party"], row["rung"], row["talked"]) == ("exotel:call-1", "voter", 1, "75 s")
    (ran,) = shown["executions"]
    assert (ran["machine"], ran["about"], len(ran["states"])) == ("test-patch-call", "exotel:call-1", 1)
    assert f"test-patch-call  {ran['execution']}  (exotel:call-1)\n" in printed
    assert printed.rstrip().endswith(ran["states"][0]["state"])


def put_through(deployment: Deployment, phone: str, seconds: int = 90) -> None:
    """One call in which an influencer talked to a voter, counted."""
    day = deployment.clock.now().date()
    assert together(store.patched_action(known(deployment, phone), day, "call", seconds))


def test_lists_by_stage_and_says_who_was_put_through_most(deployment: Deployment, read: Read) -> None:
    approved(deployment)
    approved(deployment, OTHER_CALLER)
    meet(deployment, "+919000000103")
    for phone in (CALLER, *[OTHER_CALLER] * 3):
        put_through(deployment, phone)

    listed = read("influencers", "list", "--campaign", "clean-water", "--stage", "APPROVED")
    top = read("influencers", "top", "--campaign", "clean-water")

    assert {row["person"] for row in listed["influencers"]} == {
        deployment.person(phone) for phone in (CALLER, OTHER_CALLER)
    }
    assert read("influencers", "list")["found"] == 3
    assert [(row["person"], row["patched"], row["talked_minutes"]) for row in top["top"]] == [
        (deployment.person(OTHER_CALLER), 3, 4),
        (deployment.person(), 1, 1),
    ]
    assert top["found"] == 2, "who was put through to nobody is not among them"


def test_the_top_is_also_who_was_held_or_revoked_since_and_the_top_of_today(
    deployment: Deployment, run: Run, read: Read
) -> None:
    here = ("influencers", "top", "--campaign", "clean-water")
    approved(deployment)
    approved(deployment, OTHER_CALLER)
    assert "put through to a voter today" in run(*here, "--today").output
    for phone in (CALLER, CALLER, OTHER_CALLER, OTHER_CALLER):
        put_through(deployment, phone)
    run("influencers", "revoke", "09000000101", "--because", "sold the list")
    deployment.clock.move(days=1)
    put_through(deployment, OTHER_CALLER)
    put_through(deployment, OTHER_CALLER)
    put_through(deployment, CALLER)

    def rows(*options: str) -> list[tuple[str, str, int, int]]:
        told = read(*here, *options)["top"]
        return [(row["person"], row["stage"], row["patched"], row["today"]) for row in told]

    theirs, others = deployment.person(), deployment.person(OTHER_CALLER)
    assert rows() == [(others, "APPROVED", 4, 2), (theirs, "REVOKED", 3, 1)]
    for _ in range(3):
        put_through(deployment, CALLER)
    deployment.clock.move(days=1)
    put_through(deployment, OTHER_CALLER)
    assert rows() == [(theirs, "REVOKED", 6, 0), (others, "APPROVED", 5, 1)]
    assert rows("--today") == [(others, "APPROVED", 5, 1)]
    assert "REVOKED" in run(*here).output


def test_an_operator_approves_with_a_talk_or_with_a_reason(deployment: Deployment, run: Run) -> None:
    inform(deployment)

    assert run("influencers", "approve", "09000000101").exit_code == 2
    refused = run("influencers", "approve", "09000000101", "--because", "known to us")
    assert refused.exit_code == 1
    assert stage(deployment) is Stage.INFORMED
    done = run("influencers", "approve", "09000000101", "--without-call", "our own district head")

    assert done.exit_code == 0, done.output
    assert stage(deployment) is Stage.APPROVED
    assert "without a call: our own district head" in known(deployment).history[-1].because


def test_revoking_and_reopening_stand_in_the_history(deployment: Deployment, run: Run) -> None:
    approved(deployment)

    assert (
        "reaches nobody" in run("influencers", "revoke", "09000000101", "--because", "sold the list").output
    )
    assert run("influencers", "revoke", "09000000101", "--because", "again").exit_code == 1
    assert "tracker" in run("influencers", "reopen", "09000000101", "--because", "heard out").output

    assert [move.because for move in known(deployment).history[-2:]] == ["sold the list", "heard out"]
    assert run("influencers", "show", "09000000999").exit_code == 1
    assert run("influencers", "show", "nobody").exit_code == 1


def test_a_tracker_is_enrolled_works_is_locked_out_let_in_and_removed(
    deployment: Deployment, run: Run, read: Read
) -> None:
    here = ("--campaign", "clean-water")
    weak = run("trackers", "enrol", "09000000201", *here, "--name", "Asha", "--pin", "1234")
    assert weak.exit_code == 1
    assert "1234" not in weak.output
    enrolled = run("trackers", "enrol", "09000000201", *here, "--name", "Asha", "--pin", "4071")
    assert enrolled.exit_code == 0, enrolled.output
    assert "4071" not in enrolled.output
    assert read("trackers", "list", *here)["trackers"][0]["standing"] == "off duty"

    run("trackers", "duty", "09000000201", *here, "--on")
    assert read("trackers", "list", *here)["trackers"][0]["standing"] == "free"
    for _ in range(5):
        trackers.identify(deployment.runtime, content(), ASHA, "9026")
    assert read("trackers", "list", *here)["trackers"][0]["standing"] == "locked out"
    run("trackers", "unlock", "09000000201", *here)
    run("trackers", "unlock", "--everybody", *here)
    assert trackers.identify(deployment.runtime, content(), ASHA, "4071") is not None

    assert "no tracker" in run("trackers", "remove", "09000000201", *here).output
    assert read("trackers", "list", *here)["trackers"] == []
    assert run("trackers", "remove", "09000000201", *here).exit_code == 1


def test_a_rejection_shows(deployment: Deployment, read: Read) -> None:
    tracker = enrol(deployment)
    inform(deployment)
    judge(deployment, talk(deployment, open_review(deployment, tracker)), Verdict.NOT_GENUINE)

    assert read("influencers", "list", "--stage", "REJECTED")["found"] == 1


def test_a_call_that_goes_on_when_its_caller_is_revoked_is_said_to_where_nobody_can_end_it(
    deployment: Deployment, run: Run, read: Read, tmp_path: Path
) -> None:
    """F108: Exotel has no request for it."""
    patched = Patched(deployment)
    patched.approve(CALLER, OTHER_CALLER)
    patched.fill(tmp_path, voter_phones(4))
    assert patched.begin(CALLER, "call-1").ask() is not None
    assert patched.begin(OTHER_CALLER, "call-2").ask() is not None

    revoke = ("influencers", "revoke", "09000000101", "--because", "sold the list", "--end-calls")
    printed = run(*revoke).output
    again = read(*revoke)

    assert stage(deployment) is Stage.REVOKED
    assert "exotel:call-1 goes on until it ends by itself: Exotel cannot end a call\n" in printed
    assert again == {
        "person": deployment.person(),
        "stage": "REVOKED",
        "calls": [{"call": "exotel:call-1", "ended": False, "why": "Exotel cannot end a call"}],
    }
    assert len(known(deployment).history) == 1, "asked again, it only ends calls"


def test_revoking_tells_that_nobody_is_connected_and_asks_no_provider_unless_asked_to(
    deployment: Deployment, run: Run, read: Read
) -> None:
    approved(deployment)
    approved(deployment, OTHER_CALLER)

    first = run("influencers", "revoke", "09000000101", "--because", "sold the list", "--end-calls")
    second = read("influencers", "revoke", deployment.person(OTHER_CALLER), "--because", "sold the list")

    assert "they are connected in no call now" in first.output
    assert second == {"person": deployment.person(OTHER_CALLER), "stage": "REVOKED"}


def test_one_trackers_card_says_what_they_owe_and_what_they_said(
    deployment: Deployment, run: Run, read: Read
) -> None:
    here = ("--campaign", "clean-water")
    approved(deployment)
    deployment.clock.move(minutes=1)
    inform(deployment, OTHER_CALLER)
    tracker = trackers.find("clean-water", deployment.person(ASHA))
    waiting = talk(deployment, open_review(deployment, tracker, OTHER_CALLER, "exotel:call-5"))
    colleague = enrol(deployment, BINA)

    shown = read("trackers", "show", "09000000201", *here)

    assert (shown["standing"], shown["languages"], shown["reviews_given"]) == ("owes a verdict", ["hi"], 1)
    assert [(each["review"], each["state"]) for each in shown["owes"]] == [(waiting.id, "talked")]
    assert [(each["review"], each["why"]) for each in shown["verdicts"]] == [
        (f"{deployment.person()}-r001", "genuine")
    ]
    printed = run("trackers", "show", "09000000201", *here).output
    assert waiting.id in printed
    assert "9000000201" not in printed
    contacts.opt_out(colleague.person, deployment.clock.now())
    idle = read("trackers", "show", colleague.person, *here)
    assert (idle["owes"], idle["verdicts"], bool(idle["opted_out_at"])) == ([], [], True)
    assert run("trackers", "show", "09000000999", *here).exit_code == 1

"""The attacks A20 to A23 of the rules' list: guessed PINs, skipped and reused go-aheads, trackers who approve themselves or everybody."""

import json
import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from ringback.domain.influencers import Blocked, Stage, may_be_patched
from ringback.domain.reviews import Decision, Rule
from ringback.domain.trackers import PinLimits
from ringback.domain.turns import Verdict
from ringback.services import influencers, reviews, trackers
from ringback.store import dials
from ringback.store import trackers as tracker_store
from tests.deployment import CALLER, OTHER_CALLER, Deployment, callers, client, emitted
from tests.integration.people import (
    ASHA,
    BINA,
    PIN,
    approved,
    choose,
    content,
    enrol,
    inform,
    judge,
    known,
    meet,
    open_review,
    ring_tracker_line,
    stage,
    talk,
)
from tests.integration.wire import AwsRequest, Moment, listening

LIMITS = PinLimits()


pytestmark = pytest.mark.usefixtures("tokens")


def gives_pin(
    deployment: Deployment, phone: str | None = ASHA, pin: str = PIN, limits: PinLimits = LIMITS
) -> bool:
    campaign = content()
    assert campaign.reviews is not None
    campaign = replace(campaign, reviews=replace(campaign.reviews, pin=limits))
    return trackers.identify(deployment.runtime, campaign, phone, pin) is not None


# A20


def test_a20_a_pin_guessed_from_many_telephones_sounds_the_alarm_and_leaves_each_tracker_one_try(
    deployment: Deployment,
) -> None:
    enrol(deployment)
    guessers = callers(60)

    tried = [gives_pin(deployment, guessers[n], f"{n:04}") for n in range(60)]

    assert not any(tried)
    assert emitted("PinLocked") == 1
    assert gives_pin(deployment), "an honest tracker is not kept out"
    assert not gives_pin(deployment, pin="9026")
    assert not gives_pin(deployment), "the right PIN, after the one wrong try that was left"
    deployment.clock.move(hours=1)
    assert gives_pin(deployment)


def test_a20_an_operator_gives_everybody_all_tries_again(deployment: Deployment) -> None:
    enrol(deployment)
    for n in range(LIMITS.most_wrong_together):
        gives_pin(deployment, callers(100)[n], f"{n:04}")
    assert not gives_pin(deployment, pin="9026")
    assert not gives_pin(deployment)

    tracker_store.unlock_together("clean-water")

    assert gives_pin(deployment)
    assert emitted("PinLocked") == 1


def test_a20_a_shift_that_begins_in_one_moment_uses_up_no_tries(deployment: Deployment) -> None:
    """More trackers at once than wrong PINs are allowed together: all others come while the first one's digits are looked at."""
    shift = [f"+9190000002{n:02}" for n in range(4)]
    for phone in shift:
        enrol(deployment, phone)
    few, waiting = PinLimits(most_wrong_together=2), iter(shift)
    came_in: list[bool] = []

    def meanwhile(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.AFTER and request.operation == "UpdateItem" and (phone := next(waiting, None)):
            came_in.append(gives_pin(deployment, phone, limits=few))

    with listening(meanwhile):
        came_in.append(gives_pin(deployment, next(waiting), limits=few))

    assert came_in == [True] * len(shift)
    assert emitted("PinLocked") == 0


def test_a20_a_spoofed_trackers_number_has_five_tries(deployment: Deployment) -> None:
    enrol(deployment)
    enrol(deployment, BINA)

    for n in range(LIMITS.most_wrong):
        assert not gives_pin(deployment, pin=f"90{n:02}")

    assert emitted("PinLocked") == 1
    assert not gives_pin(deployment)
    assert gives_pin(deployment, BINA), "a colleague is not locked out with her"
    deployment.clock.move(hours=1)
    assert gives_pin(deployment)


def test_a20_trackers_numbers_spoofed_in_turn_meet_the_limit_of_all_together(deployment: Deployment) -> None:
    staff = [f"+9190000002{n:02}" for n in range(30)]
    for phone in staff:
        enrol(deployment, phone)

    for round_ in range(2):
        for phone in staff:
            gives_pin(deployment, phone, f"91{round_:02}")

    counted = client("dynamodb").get_item(
        TableName="test-counters", Key={"name": {"S": "pins#clean-water"}, "shard": {"S": "-"}}
    )["Item"]
    assert "locked_ms" in counted
    assert not gives_pin(deployment, staff[0])
    wrong = sum(trackers.find("clean-water", deployment.person(phone)).wrong_pins for phone in staff)
    assert wrong == LIMITS.most_wrong_together


def test_a20_honest_slips_lock_nobody_out(deployment: Deployment) -> None:
    enrol(deployment)

    for _ in range(12):
        for _ in range(LIMITS.most_wrong - 1):
            gives_pin(deployment, pin="9026")
        assert gives_pin(deployment)
        deployment.clock.move(minutes=30)

    assert emitted("PinLocked") == 0


def test_a20_the_right_pin_costs_nobody_a_try(deployment: Deployment) -> None:
    enrol(deployment)

    assert all(gives_pin(deployment) for _ in range(3 * LIMITS.most_wrong_together))


@pytest.mark.parametrize("phone", [None, CALLER, ASHA])
def test_a20_a_pin_from_a_telephone_that_is_no_trackers_opens_nothing(
    deployment: Deployment, phone: str | None
) -> None:
    enrol(deployment, BINA)

    assert not gives_pin(deployment, phone)
    assert not gives_pin(deployment, BINA, "")


def test_a20_a_lock_that_died_half_way_is_completed_by_the_next_try(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    for _ in range(LIMITS.most_wrong):
        tracker_store.take_try(tracker, LIMITS.most_wrong, deployment.clock.now())

    assert not gives_pin(deployment)

    assert trackers.find("clean-water", tracker.person).is_locked(deployment.clock.now())


def test_a20_an_operator_unlocks(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    for _ in range(LIMITS.most_wrong):
        gives_pin(deployment, pin="9026")
    assert not gives_pin(deployment)

    assert tracker_store.unlock("clean-water", tracker.person)

    assert gives_pin(deployment)


def test_a20_the_digits_are_kept_nowhere(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        enrol(deployment)
        for pin in ("90261", PIN, *["38194"] * LIMITS.most_wrong):
            gives_pin(deployment, pin=pin)

    names = client("dynamodb").list_tables()["TableNames"]
    rows = [client("dynamodb").scan(TableName=name)["Items"] for name in names if name != "test-catalog"]
    kept = json.dumps(rows) + caplog.text
    assert rows
    for digits in ("90261", "38194", f'"{PIN}"', f" {PIN} "):
        assert digits not in kept


# A21


def test_a21_a_forged_number_has_its_owner_rung_back_once_however_often_it_asks(
    deployment: Deployment,
) -> None:
    """Whoever forges it rings the influencers' line until nobody is free, again and again; the owner is who is rung."""
    once_per = content().callbacks.once_per
    tracker = enrol(deployment)
    inform(deployment)
    began = deployment.clock.now()
    kept_at = []
    for n in range(12):
        now = deployment.clock.now()
        influencers.promise(deployment.runtime, deployment.person(), f"exotel:forged-{n}/turn-5", now)
        if trackers.keep_promises(deployment.runtime):
            kept_at.append(now - began)
        deployment.clock.move(seconds=once_per.total_seconds() / 4)

    assert tracker.on_duty
    assert kept_at == [0 * once_per, once_per, 2 * once_per]
    assert len(dials.of_person(deployment.person())) == 3


# A22


def test_a22_who_skips_the_tracker_reaches_no_voter(deployment: Deployment) -> None:
    limits, now = influencers.limits_of(content()), deployment.clock.now()
    enrol(deployment)
    person = meet(deployment).person
    ring_tracker_line(deployment, CALLER)

    assert judge(deployment, f"{person}-r001", phone=CALLER) is Rule.MOVED_ON
    assert may_be_patched(known(deployment), limits, now) is Blocked.NOT_APPROVED
    inform(deployment)
    assert judge(deployment, f"{person}-r001", call="exotel:call-8") is Rule.MOVED_ON
    assert may_be_patched(known(deployment), limits, now) is Blocked.NOT_APPROVED


def test_a22_an_old_go_ahead_is_not_used_again(deployment: Deployment) -> None:
    influencer = approved(deployment)
    influencers.hold(deployment.runtime, influencer.person, "complaints")

    for turn in (4, 5):
        decided = judge(
            deployment, f"{influencer.person}-r001", call=f"exotel:verdict-{CALLER[-3:]}", turn=turn
        )
        assert decided in (Decision.REPEATED, Rule.MOVED_ON)
    assert stage(deployment) is Stage.INFORMED


def test_a22_another_telephone_is_another_person(deployment: Deployment) -> None:
    approved(deployment)
    meet(deployment, OTHER_CALLER)

    assert stage(deployment) is Stage.APPROVED
    assert stage(deployment, OTHER_CALLER) is Stage.NEW


def test_a22_a_verdict_for_one_influencer_is_none_for_another(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    inform(deployment)
    mine = talk(deployment, open_review(deployment, tracker))
    inform(deployment, OTHER_CALLER)
    other = open_review(deployment, enrol(deployment, BINA), OTHER_CALLER, "exotel:call-5")

    judge(deployment, mine)

    assert (stage(deployment), stage(deployment, OTHER_CALLER)) == (Stage.APPROVED, Stage.IN_REVIEW)
    assert judge(deployment, talk(deployment, other), call="exotel:call-6") is Rule.NOT_THEIRS


# A23


def test_a23_a_tracker_is_never_chosen_for_themselves(deployment: Deployment) -> None:
    tracker = enrol(deployment, CALLER)
    influencer = inform(deployment)
    assert tracker.person == influencer.person

    assert choose(deployment) is None
    assert reviews.open(deployment.runtime, content(), influencer, tracker, "exotel:call-1", 1) is None


def test_a23_a_tracker_does_not_approve_themselves(deployment: Deployment) -> None:
    enrol(deployment, CALLER)
    inform(deployment)
    review = talk(deployment, open_review(deployment, enrol(deployment)))

    assert judge(deployment, review, phone=CALLER) is Rule.SELF_APPROVAL

    assert stage(deployment) is Stage.IN_REVIEW
    assert reviews.find(review.id).refusals[0].rule == "self-approval"


def test_a23_approvals_of_one_tracker_end_with_the_hours_number(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    most = content().reviews.approvals_per_hour  # type: ignore[union-attr]
    people = callers(most + 2)
    decided = []
    for n, phone in enumerate(people):
        inform(deployment, phone)
        review = talk(deployment, open_review(deployment, tracker, phone, f"exotel:talk-{n}"))
        decided.append(judge(deployment, review, call=f"exotel:verdict-{n}"))

    assert decided == [Decision.APPROVE] * most + [Rule.TOO_MANY] * 2
    assert emitted("VerdictRefused") == 2
    deployment.clock.set(deployment.clock.now().replace(minute=59) + timedelta(minutes=2))
    review_id = f"{deployment.person(people[-1])}-r001"
    assert judge(deployment, review_id, call="exotel:verdict-late") in (Decision.APPROVE, Rule.TOO_LATE)


def test_a23_a_rejection_is_not_limited_by_the_hour(deployment: Deployment) -> None:
    tracker = enrol(deployment)
    most = content().reviews.approvals_per_hour  # type: ignore[union-attr]
    for n, phone in enumerate(callers(most + 2)):
        inform(deployment, phone)
        review = talk(deployment, open_review(deployment, tracker, phone, f"exotel:talk-{n}"))
        judge(deployment, review, Verdict.NOT_GENUINE, call=f"exotel:verdict-{n}")

        assert stage(deployment, phone) is Stage.REJECTED

"""The fault plan: rates by name, and the same victims for the same seed."""

import json
from pathlib import Path

import pytest

from phone_network import faults
from phone_network.faults import FaultPlan, FaultPlanError


def test_the_same_seed_strikes_the_same_causes_in_any_order() -> None:
    causes = [(f"+9190000{index:05}", "+918040001001", 1) for index in range(500)]
    plan, again = (FaultPlan.of({"passthru_drop": 0.3}, seed=7) for _ in range(2))

    struck = {cause for cause in causes if plan.strikes("passthru_drop", *cause)}
    struck_again = {cause for cause in reversed(causes) if again.strikes("passthru_drop", *cause)}

    assert struck == struck_again
    assert 100 < len(struck) < 200


def test_the_victims_of_a_seed_are_the_same_on_every_machine() -> None:
    """Fixed values: a change of the hash would change every recorded run."""
    plan = FaultPlan.of({"passthru_drop": 0.5}, seed=1)

    struck = [
        nth for nth in range(1, 25) if plan.strikes("passthru_drop", "+919000000101", "+918040001001", nth)
    ]

    assert struck == [1, 9, 10, 11, 13, 14, 15, 16, 17, 21, 23, 24]


def test_another_seed_strikes_others() -> None:
    def struck(seed: int) -> list[int]:
        plan = FaultPlan.of({"dlr_never": 0.5}, seed)
        return [index for index in range(100) if plan.strikes("dlr_never", index)]

    assert struck(1) != struck(2)


def test_two_faults_strike_independently() -> None:
    plan = FaultPlan.of({"passthru_drop": 0.5, "passthru_delay": 0.5})

    assert [plan.strikes("passthru_drop", n) for n in range(50)] != [
        plan.strikes("passthru_delay", n) for n in range(50)
    ]


@pytest.mark.parametrize(("rate", "struck"), [(0, 0), (1, 1000)], ids=["never", "always"])
def test_the_ends_of_the_rate_are_never_and_always(rate: float, struck: int) -> None:
    plan = FaultPlan.of({"sms_dnd": rate})

    assert sum(plan.strikes("sms_dnd", index) for index in range(1000)) == struck


def test_unknown_names_are_refused_all_at_once_with_the_list_of_known_ones() -> None:
    with pytest.raises(FaultPlanError) as refused:
        FaultPlan.of({"passthru_dorp": 0.1, "sms_dnd": 0.1, "gremlins": 1})

    assert str(refused.value).startswith("Unknown faults: gremlins, passthru_dorp. Known faults: ")
    for name in (*faults.NETWORK, *faults.OURS):
        assert name in str(refused.value)


@pytest.mark.parametrize("rate", [-0.1, 1.1, "often", True, None])
def test_a_rate_that_is_no_share_is_refused(rate: object) -> None:
    with pytest.raises(FaultPlanError, match="A rate must be a number from 0 to 1: sms_dnd"):
        FaultPlan.of({"sms_dnd": rate})


def test_none_strikes_nobody() -> None:
    plan = faults.load("none", seed=9)

    assert plan == FaultPlan(9)
    assert not any(plan.strikes(name, n) for name in faults.NETWORK for n in range(50))


def test_rough_holds_a_sensible_rate_of_everything_but_what_stops_an_account_for_good() -> None:
    plan = faults.load("rough")
    spared = {"api_unauthorised", "api_payment_required", "api_no_balance", "api_inactive"}

    assert set(plan.network) == set(faults.NETWORK) - spared
    assert set(plan.ours) == set(faults.OURS)
    assert all(0.01 <= rate <= 0.05 for rate in plan.network.values())
    assert all(0.01 <= rate <= 0.1 for rate in plan.ours.values())


def test_a_plan_file_holds_faults_of_the_network_and_ours(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"dlr_never": 0.5, "worker_killed_after_provider": 0.25}))

    plan = faults.load(str(path), seed=3)

    assert (plan.seed, dict(plan.network), dict(plan.ours)) == (
        3,
        {"dlr_never": 0.5},
        {"worker_killed_after_provider": 0.25},
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{", "is not JSON"), ("[]", "must be an object"), (None, "cannot be read")],
    ids=["broken", "list", "absent"],
)
def test_a_plan_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str | None, reason: str) -> None:
    path = tmp_path / "plan.json"
    if text is not None:
        path.write_text(text)

    with pytest.raises(FaultPlanError, match=reason):
        faults.load(str(path))

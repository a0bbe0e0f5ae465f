"""How many were verified, rung and reached, how fast, and how many talked at once."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ringback.domain.influencers import Stage
from ringback_cli.stories.patching.evidence import Evidence
from ringback_cli.stories.spreads import spread


def figures(
    evidence: Evidence,
    network: Mapping[str, Any],
    struck: Mapping[str, int],
    refused: int,
    seconds: float,
) -> dict[str, float]:
    """The story's figures, by name; times in the unit that the name ends with."""
    voters, answers = evidence.voter_legs, network["second_legs"]["answer_seconds"]
    reached = {leg.callee for leg in voters if leg.has_talked}
    minutes = _minutes(evidence)
    stages = Counter(each.stage for each in evidence.influencers.values())
    bridged = [leg for leg in evidence.legs if leg.has_talked]
    return {
        "verified": len({each.influencer for each in evidence.go_aheads}),
        "rejected": stages[Stage.REJECTED],
        "revoked": stages[Stage.REVOKED],
        "voters_rung": len({leg.callee for leg in voters}),
        "voters_reached": len(reached),
        "reached_per_minute": round(len(reached) / minutes, 1) if minutes else 0.0,
        "patched_calls": len({leg.call_id for leg in voters}),
        "calls_rung_per_second": round(len(evidence.legs) / minutes / 60, 2) if minutes else 0.0,
        "attempts_per_bridge": round(len(voters) / len(reached), 2) if reached else 0.0,
        "mystery_calls": sum(leg.has_talked for leg in evidence.mystery_legs),
        "bridges_at_once": network["second_legs"]["most_bridged"],
        "slots": evidence.script.size.concurrent,
        "refused_politely": refused,
        "connect_p50_ms": _ms(answers, "p50"),
        "connect_p95_ms": _ms(answers, "p95"),
        "talk_p50_real_seconds": spread(
            [
                (leg.ended_at - leg.answered_at).total_seconds()
                for leg in bridged
                if leg.ended_at and leg.answered_at
            ],
            0.5,
        ),
        "slots_held_at_rest": evidence.held_at_rest,
        "drift_before_recount": sum(map(abs, evidence.drift.values())),
        "executions": len(evidence.executions),
        "seconds": round(seconds, 1),
        **{f"fault_{name}": count for name, count in sorted({**network["faults"], **struck}.items())},
    }


def _minutes(evidence: Evidence) -> float:
    """From the first voter's ringing to the last one's end."""
    ends = [leg.ended_at for leg in evidence.voter_legs if leg.ended_at]
    if not ends:
        return 0.0
    began = min(leg.rang_at for leg in evidence.voter_legs)
    return float((max(ends) - began).total_seconds() / 60)


def _ms(latency: Mapping[str, Any], share: str) -> float:
    return float(round(1000 * (latency.get(share) or 0.0), 1))

"""How fast it went and how far callers came, of what was watched."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ringback_cli.stories.ivr.evidence import Evidence
from ringback_cli.stories.spreads import per_second

_NODES_SHOWN = 3
"""How many of a menu's furthest nodes are figures; `ringback calls` has them all."""


def figures(
    evidence: Evidence, network: Mapping[str, Any], struck: Mapping[str, int], most_live: int, seconds: float
) -> dict[str, float]:
    """The story's figures, by name; times in the unit that the name ends with. `struck` counts the faults on our side."""
    return {
        "calls": len(evidence.outcomes),
        "calls_live_at_most": most_live,
        "calls_per_second": per_second([outcome.call.began_at for outcome in evidence.outcomes]),
        "turns": sum(len(turns) for turns in evidence.turns.values()),
        "repeated_requests": sum(
            max(0, len(answers) - 1) for outcome in evidence.outcomes for answers in outcome.call.answers
        ),
        "recordings": len(evidence.recordings),
        "recordings_kept": len(evidence.objects),
        **_answers(network),
        **_completion(evidence),
        **_furthest(evidence),
        "drift_before_recount": evidence.drift_before,
        "seconds": round(seconds, 1),
        **{f"fault_{name}": count for name, count in sorted({**network["faults"], **struck}.items())},
    }


def _answers(network: Mapping[str, Any]) -> dict[str, float]:
    latency = network["passthru"]["latency_seconds"]
    return {f"answer_{share}_ms": round(1000 * (latency[share] or 0.0), 1) for share in ("p50", "p95", "p99")}


def _completion(evidence: Evidence) -> dict[str, float]:
    """The share of a menu's calls that came to one of its ends, in percent."""
    called: Counter[str] = Counter()
    complete: Counter[str] = Counter()
    for outcome in (outcome for outcome in evidence.outcomes if outcome.reached):
        called[outcome.menu] += 1
        complete[outcome.menu] += outcome.complete
    return {
        f"completion_{menu}_percent": round(100 * complete[menu] / n, 1) for menu, n in sorted(called.items())
    }


def _furthest(evidence: Evidence) -> dict[str, float]:
    """The nodes that most calls of a menu came to at the furthest."""
    nodes: dict[str, Counter[str]] = {}
    for outcome in (outcome for outcome in evidence.outcomes if outcome.reached):
        nodes.setdefault(outcome.menu, Counter())[outcome.furthest] += 1
    return {
        f"furthest_{menu}_{node}": n
        for menu, counted in sorted(nodes.items())
        for node, n in counted.most_common(_NODES_SHOWN)
    }

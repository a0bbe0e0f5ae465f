"""The callers of the benchmark `sessions` press what the shipped menu offers, and stay on the line."""

import random
import statistics

from benchmarks import sessions
from ringback.domain import campaigns
from ringback.domain.menus import MOST_STEPS, State, step
from ringback.domain.turns import Begin, Knowledge, Pressed


def test_every_key_leads_where_the_benchmark_says_and_no_call_ends() -> None:
    voice = campaigns.parse(sessions.without_a_choice_of_language()).voice
    assert voice is not None
    menu, chance = voice.menus["main"], random.Random(1)
    for _ in range(50):
        session, node = step(menu, None, Begin(Knowledge(language="en"))).session, "choose"
        for _ in range(sessions.PRESSES // sessions.SESSIONS):
            assert (session.node, session.state) == (node, State.TALKING)
            key, node = chance.choice(list(sessions.KEYS[node].items()))
            session = step(menu, session, Pressed(key)).session

    assert sessions.PRESSES / sessions.SESSIONS < MOST_STEPS


def test_what_the_machine_does_for_a_moment_does_not_change_the_usual_p99() -> None:
    calm = [float(nth % 100) for nth in range(10_000)]
    disturbed = [1_000.0] * 900 + calm[900:]

    assert sessions.usual_p99(disturbed) == sessions.usual_p99(calm)
    assert statistics.quantiles(disturbed, n=100)[98] == 1_000

"""One row per person: written in any order, any number of times, always the same in the end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringback.domain.contacts import Consent, Contact, Planned, is_due
from ringback.store import contacts
from tests.deployment import Deployment

NOW = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
WINDOW = timedelta(days=30)


def a_call(
    cause: str = "exotel:1",
    *,
    person: str = "p",
    at: datetime = NOW,
    number: str = "1",
    signal: str = "volunteer",
) -> Contact:
    return Contact(
        person=person,
        campaign="clean-water",
        phone="+919000000101",
        language="en",
        first_called_at=at,
        first_number=number,
        first_source="tv",
        last_called_at=at,
        first_calls={"campaign": cause, f"number:{number}": cause},
        signals=frozenset({signal}),
    )


def test_the_first_call_stands_and_later_ones_add_what_they_mean(deployment: Deployment) -> None:
    contacts.record_call(a_call(), opts_out=False)
    later = a_call("exotel:2", at=NOW + timedelta(hours=1), number="2", signal="support:wells")
    for _ in range(2):
        known = contacts.record_call(later, opts_out=False)

    assert known == contacts.load("p")
    assert (known.first_called_at, known.first_number) == (NOW, "1")
    assert known.first_calls == {"campaign": "exotel:1", "number:1": "exotel:1", "number:2": "exotel:2"}
    assert {"volunteer", "support:wells"} == known.signals


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_last_call_stands_in_whatever_order_calls_are_told(
    deployment: Deployment, order: tuple[int, ...]
) -> None:
    planned = [Planned(f"exotel:{hours}", NOW + timedelta(hours=hours)) for hours in range(3)]
    for n in (*order, order[0]):
        call = a_call(planned[n].cause, at=planned[n].at)
        if n == 1:
            contacts.record_call(call, opts_out=False)
        else:
            contacts.record_call_and_plan(call, "welcome", planned[n], WINDOW)

    known = contacts.load("p")
    assert known is not None
    assert known.last_called_at == NOW + timedelta(hours=2)
    assert known.planned["welcome"].cause == next(planned[n].cause for n in order if n != 1)


def test_whom_we_rang_has_not_rung_us(deployment: Deployment) -> None:
    contacts.record_call(replace(a_call(), last_called_at=None), opts_out=False)
    known = contacts.load("p")
    assert known is not None
    assert known.last_called_at is None


def test_an_opt_out_keeps_its_latest_moment_and_no_call_undoes_it(deployment: Deployment) -> None:
    contacts.record_call(a_call(), opts_out=True)
    contacts.record_call(a_call("exotel:2", at=NOW + timedelta(hours=1)), opts_out=True)
    contacts.record_call(a_call("exotel:3"), opts_out=False)
    assert contacts.opt_out("p", NOW) is None, "a later one stands"

    known = contacts.load("p")
    assert known is not None
    assert known.opted_out_at == NOW + timedelta(hours=1)


MOMENTS = st.integers(0, 5).map(lambda hours: NOW + timedelta(hours=hours))
COMINGS_AND_GOINGS = st.lists(
    st.one_of(
        st.tuples(st.just("rings to opt out"), MOMENTS),
        st.tuples(st.just("tells an operator"), MOMENTS),
        st.tuples(st.sampled_from(["sms", "call"]), MOMENTS, st.sampled_from(["exotel:8", "exotel:9"])),
    ),
    min_size=1,
    max_size=5,
)
_people = count()


def hear(person: str, told: tuple[str, datetime] | tuple[str, datetime, str]) -> None:
    match told:
        case ("rings to opt out", at):
            contacts.record_call(a_call("exotel:o", person=person, at=at), opts_out=True)
        case ("tells an operator", at):
            contacts.opt_out(person, at)
        case (channel, at, cause):
            contacts.consent(person, channel, Consent(cause, at))


@settings(
    derandomize=True,
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(COMINGS_AND_GOINGS, st.data())
def test_who_came_and_went_stands_the_same_in_every_order_however_often_told(
    deployment: Deployment, facts: list[tuple[str, datetime] | tuple[str, datetime, str]], data: st.DataObject
) -> None:
    """Where it ends depends on the set of facts alone, and is what the latest moments say."""
    repeats = data.draw(st.lists(st.sampled_from(facts), max_size=3))
    ends = []
    for order in (facts, data.draw(st.permutations([*facts, *repeats]))):
        person = f"person-{next(_people)}"
        contacts.record_call(a_call(person=person), opts_out=False)
        for told in order:
            hear(person, told)
        known = contacts.load(person)
        assert known is not None
        ends.append((known.opted_out_at, known.consents))
    outs = [told[1] for told in facts if len(told) == 2]
    ins = [told[1] for told in facts if len(told) == 3]
    stays_out = bool(outs) and (not ins or max(ins) <= max(outs))

    assert ends[0] == ends[1]
    assert ends[0][0] == (max(outs) if stays_out else None)
    assert all(consent.at > max(outs, default=NOW - WINDOW) for consent in ends[0][1].values())


@pytest.mark.parametrize("change", [lambda: contacts.opt_out("x", NOW), lambda: contacts.suppress("x", "dnd"), lambda: contacts.verify("x", "m")])  # fmt: skip
def test_nobody_is_made_by_a_change_to_somebody_unknown(deployment: Deployment, change: object) -> None:
    assert callable(change)
    assert change() is None
    assert contacts.load("x") is None


def test_the_first_reason_and_the_first_proof_stand(deployment: Deployment) -> None:
    contacts.record_call(a_call(), opts_out=False)
    for reason in ("bad-number", "suppress-contact"):
        contacts.suppress("p", reason)
    for message in ("m1", "m2"):
        known = contacts.verify("p", message)

    assert known is not None
    assert (known.suppressed, known.verified) == ("bad-number", "m1")


CAUSES = {"a": NOW, "b": NOW + timedelta(hours=1), "c": NOW + timedelta(days=31)}


@pytest.mark.parametrize("order", list(permutations(CAUSES)), ids="".join)
def test_in_every_order_the_store_plans_as_the_domain_says(
    deployment: Deployment, order: tuple[str, ...]
) -> None:
    """Three causes of one text, each told twice: DynamoDB's condition and `is_due` agree at every step."""
    planned: Planned | None = None
    for cause in (*order, *order):
        plan = Planned(cause, CAUSES[cause])
        expected = is_due(planned, cause, plan.at, WINDOW)
        known, due = contacts.record_call_and_plan(a_call(cause), "welcome", plan, WINDOW)
        planned = plan if expected else planned

        assert expected is due
        assert {"welcome": planned} == known.planned


def test_texts_have_windows_of_their_own(deployment: Deployment) -> None:
    for text in ("welcome", "training"):
        _, due = contacts.record_call_and_plan(a_call(), text, Planned(text, NOW), WINDOW)
        assert due


def test_many_people_are_loaded_at_once_and_unknown_ones_are_absent(deployment: Deployment) -> None:
    people = [f"p{index}" for index in range(100)]
    for person in people[:3]:
        contacts.record_call(a_call(person=person), opts_out=False)

    assert people[:3] == sorted(contacts.load_many(people))
    assert contacts.load_many([]) == {}
    assert 3 == len(list(contacts.every("clean-water"))) == len(list(contacts.every()))
    assert list(contacts.every("library-hours")) == []

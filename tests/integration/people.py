"""The people behind the calls, as tests bring them about: influencers, trackers, and the calls in which they meet."""

from collections.abc import Collection

import pytest

from ringback import workflows
from ringback.domain.campaigns import Campaign
from ringback.domain.contacts import Contact
from ringback.domain.conversations import Call
from ringback.domain.facts import Entry
from ringback.domain.influencers import Influencer, Stage
from ringback.domain.menus import Session
from ringback.domain.patches import Attempt, Kind, Patch
from ringback.domain.reviews import Decision, Review, Rule
from ringback.domain.trackers import Tracker
from ringback.domain.turns import AgendaHeard, Knowledge, Party, Verdict, VerdictGiven
from ringback.services import campaigns, influencers, reviews, trackers
from ringback.store import calls
from ringback.store import influencers as influencer_store
from ringback.store import patches as patch_store
from ringback.store import reviews as review_store
from ringback.store import trackers as tracker_store
from tests.deployment import CALLER, Deployment, client

ASHA = "+919000000201"
BINA = "+919000000202"
CHARU = "+919000000203"
PIN = "4071"

CALL = "exotel:call-1"
"""In which the influencer talks to a tracker."""
TRACKER_CALL = "exotel:call-2"
"""In which the tracker gives the verdict."""


def content() -> Campaign:
    return campaigns.Shelf(0).current("clean-water")


def enrol(
    deployment: Deployment, phone: str = ASHA, *, on_duty: bool = True, mystery: bool = False, pin: str = PIN
) -> Tracker:
    """A tracker, with their shift begun."""
    tracker = trackers.enrol(deployment.runtime, "clean-water", phone, "Asha", pin, ("hi",), mystery=mystery)
    if on_duty:
        tracker_store.duty("clean-water", tracker.person, on=True, at=deployment.clock.now())
    return trackers.find("clean-water", tracker.person)


def contact(deployment: Deployment, phone: str = CALLER) -> Contact:
    return Contact(
        person=deployment.person(phone),
        campaign="clean-water",
        phone=phone,
        language="hi",
        first_called_at=deployment.clock.now(),
        first_number="+918040001031",
        first_source="website",
    )


def meet(deployment: Deployment, phone: str = CALLER, by: str | None = None) -> Influencer:
    """Somebody rings the influencers' line for the first time."""
    influencers.met(contact(deployment, phone), deployment.clock.now(), by)
    return known(deployment, phone)


def inform(deployment: Deployment, phone: str = CALLER) -> Influencer:
    """Somebody hears the manifesto to its end."""
    meet(deployment, phone)
    heard = AgendaHeard("manifesto", completed=True)
    influencers.heard(
        content(),
        deployment.person(phone),
        heard,
        f"exotel:first-{phone[-3:]}/turn-2",
        deployment.clock.now(),
    )
    return known(deployment, phone)


def known(deployment: Deployment, phone: str = CALLER) -> Influencer:
    found = influencer_store.load(deployment.person(phone))
    assert found is not None
    return found


def stage(deployment: Deployment, phone: str = CALLER) -> Stage:
    return known(deployment, phone).stage


def choose(
    deployment: Deployment,
    phone: str = CALLER,
    call: str = CALL,
    attempt: int = 1,
    exclude: Collection[str] = (),
) -> Tracker | None:
    """The tracker whom a Connect rings for an influencer."""
    line, who = "+918040001031", known(deployment, phone)
    return trackers.choose(deployment.runtime, content(), who, call, attempt, exclude, number=line)


def open_review(
    deployment: Deployment, tracker: Tracker, phone: str = CALLER, call: str = CALL, attempt: int = 1
) -> Review:
    """A tracker is rung for an informed influencer, and the fact of it is reacted to."""
    review = reviews.open(deployment.runtime, content(), known(deployment, phone), tracker, call, attempt)
    assert review is not None
    reviews.begin(deployment.runtime, review.id)
    return review


def ring(deployment: Deployment, review: Review, tracker: Tracker) -> None:
    """The call's patch says that the tracker was rung, as the door writes it after it has opened the review."""
    now = deployment.clock.now()
    assert review.call is not None
    attempt = Attempt(
        review.attempt, tracker.person, tracker.phone, Kind.TRACKER, opened_at=now, review=review.id
    )
    patch = Patch(
        call_id=review.call,
        campaign="clean-water",
        version=1,
        number="+918040001031",
        influencer=review.person,
        party=Party.TRACKER,
        began_at=now,
        last_at=now,
        lease_until=now,
        attempts=(attempt,),
    )
    assert patch_store.note(patch)


def talk(deployment: Deployment, review: Review, seconds: int = 60) -> Review:
    """The influencer's call is over, and they talked for so long."""
    assert review.tracker is not None
    assert review.call is not None
    reviews.call_ended(
        deployment.runtime,
        content(),
        review.id,
        review.call,
        review.tracker,
        seconds,
        deployment.clock.now(),
    )
    trackers.free("clean-water", review.tracker, review.call, review.attempt)
    return reviews.find(review.id)


def ring_tracker_line(
    deployment: Deployment, phone: str = ASHA, call: str = TRACKER_CALL, *, pin: bool = True
) -> Call:
    """A call on the tracker line, in which the tracker's PIN was given or was not."""
    person = deployment.person(phone)
    session = Session(Knowledge(fields={"tracker": person} if pin else {}), "verdict", "verdict")
    now = deployment.clock.now()
    made = Call(
        call, "clean-water", 1, "tracker", "+918040001033", phone, person, session, now, now, 1, ("-",)
    )
    entry = Entry(call, "turn-1", "clean-water", "exotel", "turn", "", "", now)
    calls.save(made, entry, None)
    return made


def judge(
    deployment: Deployment,
    review: str | Review,
    verdict: Verdict | str = Verdict.GENUINE,
    *,
    phone: str = ASHA,
    call: str = TRACKER_CALL,
    turn: int = 4,
    pin: bool = True,
) -> Decision | Rule:
    """A fact says that a verdict was given in a call."""
    if calls.load(call) is None:
        ring_tracker_line(deployment, phone, call, pin=pin)
    effect = VerdictGiven(review if isinstance(review, str) else review.id, str(verdict))
    return reviews.verdict_given(
        deployment.runtime, content(), effect, call, f"{call}/turn-{turn}", deployment.clock.now()
    )


def approved(deployment: Deployment, phone: str = CALLER, tracker: str = ASHA) -> Influencer:
    """An influencer whom a tracker has approved, by the whole way."""
    inform(deployment, phone)
    staff = tracker_store.load("clean-water", deployment.person(tracker)) or enrol(deployment, tracker)
    review = talk(deployment, open_review(deployment, staff, phone, f"exotel:talk-{phone[-3:]}"))
    judge(deployment, review, phone=tracker, call=f"exotel:verdict-{phone[-3:]}")
    return known(deployment, phone)


def stored(review: Review) -> Review:
    found = review_store.load(review.id)
    assert found is not None
    return found


def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens that are answered from here on. moto cannot take an answer, so the wire to Step Functions ends here."""
    tokens: list[str] = []

    class Wire:
        def send_task_success(self, *, taskToken: str, output: str) -> None:
            tokens.append(taskToken)

        def start_execution(self, **given: str) -> None:
            client("stepfunctions").start_execution(**given)

    monkeypatch.setattr(workflows, "_client", Wire)
    return tokens

"""Reviews: one row each, moved by conditional writes along `domain.reviews`.

Whatever changes an influencer's stage too is one transaction of both rows. A verdict and the token that a machine waits by meet in the
row: whoever stores its half gets back the row as it then stands, so at least the second one sees both.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal
from zlib import crc32

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from ringback.domain import reviews, times
from ringback.domain.influencers import Influencer
from ringback.domain.reviews import (
    REFUSALS_KEPT,
    Awaited,
    Given,
    Kind,
    Refusal,
    Review,
    State,
)
from ringback.domain.turns import Verdict
from ringback.store import influencers
from ringback.store.tables import Attributes, ReviewRow, put_if_new, update_if
from ringback.store.transactions import Write, together

BUCKETS = 4
"""How many partitions each list of what waits is spread over."""

Waiting = Literal["open", "settling"]


def load(review_id: str) -> Review | None:
    """One review, read consistently; None when there is none by that id, or it is no id at all."""
    try:
        person, n = reviews.split_id(review_id)
        return _review(ReviewRow.get(person, n, consistent_read=True))
    except (ValueError, ReviewRow.DoesNotExist):
        return None


def of_person(person: str) -> list[Review]:
    """All reviews of one influencer, read consistently; the mystery ones first, then those by number."""
    return [_review(row) for row in ReviewRow.query(person, consistent_read=True)]


def of_tracker(campaign: str, tracker: str) -> list[Review]:
    """Every review in which a tracker was the last to talk, in no order. Scans the table: for operators, not for a request."""
    theirs = (ReviewRow.tracker == tracker) & (ReviewRow.campaign == campaign)
    return list(map(_review, ReviewRow.scan(filter_condition=theirs)))


def keep(review: Review) -> bool:
    """Write a new review that moves nobody, a mystery review; False when it was written before."""
    return put_if_new(_row(review), ReviewRow.person)


def open_(review: Review, found: Influencer, moved: Influencer) -> bool:
    """Write a new review and move its influencer into it, together; False when the influencer has moved on since."""
    new = Write(_row(review), (), ReviewRow.person.does_not_exist())
    return together(new, influencers.move_action(found, moved))


def rebind(review: Review, tracker: str, attempt: int) -> Review | None:
    """The next tracker is rung in the same call; the review as it then stands, or None when it is past that. The same again is the same.

    What another tracker said of it meanwhile is forgotten: they did not talk.
    """
    actions: list[Action] = [ReviewRow.tracker.set(tracker), ReviewRow.attempt.set(attempt)]
    if review.tracker != tracker:
        actions += [each.remove() for each in _VERDICT]
    same = (ReviewRow.attempt == attempt) & (ReviewRow.tracker == tracker)
    follows = (ReviewRow.call == review.call) & ((ReviewRow.attempt < attempt) | same)
    return _update(review, actions, _in(State.OPEN) & follows)


def talked(review: Review, at: datetime, seconds: int, expires_at: datetime) -> Review | None:
    """They talked, and the call is over; the review as it then stands, or None when that was noted before, or it is over."""
    asked = tuple(dict.fromkeys((*review.asked, *([review.tracker] if review.tracker else []))))
    actions = [
        ReviewRow.state.set(str(State.TALKED)),
        ReviewRow.talked_at.set(times.written(at)),
        ReviewRow.talked_seconds.set(seconds),
        ReviewRow.asked.set(" ".join(asked)),
        ReviewRow.expires_at.set(times.written(expires_at)),
    ]
    return _update(review, actions, _may_become(State.TALKED) & _by(review))


def asked(review: Review) -> Review | None:
    """The tracker is being rung for the verdict; None when they were before, or nothing waits for it."""
    return _update(review, [ReviewRow.state.set(str(State.ASKED))], _may_become(State.ASKED))


def note(review: Review, given: Given) -> Review | None:
    """Keep a verdict that came before the news of the talk; None when the review is no longer open. The first one stands."""
    first = ReviewRow.verdict_cause.does_not_exist() | (ReviewRow.verdict_cause == given.cause)
    return _update(review, _verdict(given), _in(State.OPEN) & _by(review) & first)


def explain(review: Review, tracker: str, call: str, reason: str) -> Review | None:
    """Keep what a tracker gave as the reason of their verdict in a call, whether or not that verdict is told by now; None when it is not
    theirs to say. A repeat changes nothing.
    """
    return _update(review, [ReviewRow.reasons.add({f"{call} {reason}"})], ReviewRow.tracker == tracker)


def end(
    review: Review, after: State, *others: Write, given: Given | None = None, reason: str | None = None
) -> bool:
    """Move a review to one of its ends, together with what else that changes; False when any of it has moved on since."""
    actions: list[Action] = [
        ReviewRow.state.set(str(after)),
        ReviewRow.bucket.set(_bucket("settling", review)),
        *(_verdict(given) if given else ()),
    ]
    if reason is not None:
        actions.append(ReviewRow.reason.set(reason))
    moved = Write(ReviewRow(review.person, review.n), actions, _in(review.state) & _by(review))
    assert reviews.may_follow(review.state, after)
    return together(moved, *others)


def refuse(review: Review, refusal: Refusal) -> bool:
    """Keep on the review that a verdict did not count; False when it is kept already."""
    if any(each.cause == refusal.cause for each in review.refusals):
        return False
    kept = (*review.refusals, refusal)[-REFUSALS_KEPT:]
    unchanged = (
        ReviewRow.refusals == _refusals(review.refusals)
        if review.refusals
        else ReviewRow.refusals.does_not_exist()
    )
    return _update(review, [ReviewRow.refusals.set(_refusals(kept))], unchanged) is not None


# ── its machine ──


def wait(review_id: str, awaits: Awaited, token: str) -> Review | None:
    """Store the token that the machine waits by, in place of an earlier one; the review as it then stands, None when there is none."""
    found = load(review_id)
    if found is None:
        return None
    return _update(found, [ReviewRow.awaits.set(str(awaits)), ReviewRow.token.set(token)], None)


def heard(review: Review, token: str | None) -> bool:
    """The machine knows. False when it waits by another token by now."""
    waits_by = ReviewRow.token == token if token else ReviewRow.token.does_not_exist()
    actions: list[Action] = [ReviewRow.token.remove(), ReviewRow.awaits.remove()]
    if not review.is_waiting:
        actions.append(ReviewRow.bucket.remove())
    return _update(review, actions, waits_by & _in(review.state)) is not None


def waiting(kind: Waiting, until: datetime) -> Iterator[str]:
    """The ids of the reviews in a list that expire up to `until`, earliest first within each bucket."""
    for bucket in range(BUCKETS):
        for row in ReviewRow.waiting.query(f"{kind}#{bucket}", ReviewRow.expires_at <= times.written(until)):
            yield f"{row.person}-{row.n}"


def _bucket(kind: Waiting, review: Review) -> str:
    return f"{kind}#{crc32(review.id.encode()) % BUCKETS}"


def _in(*states: State) -> Condition:
    within: Condition = ReviewRow.state.is_in(*(str(state) for state in states))
    return within


def _may_become(after: State) -> Condition:
    return _in(*reviews.predecessors(after))


def _by(review: Review) -> Condition:
    """The tracker is still the one who was looked at."""
    return (
        ReviewRow.tracker == review.tracker
        if review.tracker is not None
        else ReviewRow.tracker.does_not_exist()
    )


_VERDICT = (
    ReviewRow.verdict,
    ReviewRow.verdict_call,
    ReviewRow.verdict_cause,
    ReviewRow.verdict_at,
    ReviewRow.reasons,
)


def _verdict(given: Given) -> list[Action]:
    return [
        ReviewRow.verdict.set(str(given.verdict)),
        ReviewRow.verdict_call.set(given.call.call_id),
        ReviewRow.verdict_cause.set(given.cause),
        ReviewRow.verdict_at.set(times.written(given.at)),
    ]


def _update(review: Review, actions: Sequence[Action], condition: Condition | None) -> Review | None:
    exists = ReviewRow.person.exists()
    attributes: Attributes | None = update_if(
        ReviewRow,
        review.person,
        review.n,
        actions=actions,
        condition=exists & condition if condition is not None else exists,
    )
    if attributes is None:
        return None
    row = ReviewRow()
    row.deserialize(dict(attributes))
    return _review(row)


def _refusals(refusals: Sequence[Refusal]) -> str:
    kept = [[each.rule, each.cause, each.tracker, times.written(each.at)] for each in refusals]
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def _row(review: Review) -> ReviewRow:
    return ReviewRow(
        review.person,
        review.n,
        campaign=review.campaign,
        kind=str(review.kind),
        state=str(review.state),
        opened_at=times.written(review.opened_at),
        expires_at=times.written(review.expires_at),
        bucket=_bucket("open", review),
        tracker=review.tracker,
        call=review.call,
        attempt=review.attempt,
        asked=" ".join(review.asked) or None,
    )


def _review(row: ReviewRow) -> Review:
    return Review(
        person=row.person,
        n=row.n,
        campaign=row.campaign,
        kind=Kind(row.kind),
        opened_at=times.read(row.opened_at),
        expires_at=times.read(row.expires_at),
        state=State(row.state),
        tracker=row.tracker,
        call=row.call,
        attempt=int(row.attempt),
        talked_at=times.read(row.talked_at) if row.talked_at else None,
        talked_seconds=int(row.talked_seconds or 0),
        asked=tuple((row.asked or "").split()),
        verdict=Verdict(row.verdict) if row.verdict else None,
        verdict_call=row.verdict_call,
        verdict_cause=row.verdict_cause,
        verdict_at=times.read(row.verdict_at) if row.verdict_at else None,
        reasons=dict(each.split(" ", 1) for each in sorted(row.reasons or ())),
        reason=row.reason,
        refusals=tuple(
            Refusal(rule, cause, tracker, times.read(at))
            for rule, cause, tracker, at in json.loads(row.refusals or "[]")
        ),
        awaits=Awaited(row.awaits) if row.awaits else None,
        token=row.token,
    )

"""A review: a tracker talks to an influencer, then says whether they are genuine.

```
open ─► talked ─► asked ─► approved | rejected ─► withdrawn
  │        │        │
  └────────┴────────┴────► expired | withdrawn
```

A verdict belongs to one review: to its influencer, to the tracker who talked to them, and to two calls, the one in which they talked and
the one in which the verdict was given. Only who has talked may judge; where no verdict comes in time, the review expires and another
tracker talks to the influencer in a review of its own (docs/decisions/0032). A mystery review has no talk of this kind: a tracker was
rung in a voter's stead.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from ringback.domain.documents import Section
from ringback.domain.influencers import Influencer, Stage
from ringback.domain.trackers import PinLimits, Tracker, hour_of, read_pin_limits, was_identified
from ringback.domain.turns import Verdict

if TYPE_CHECKING:
    from ringback.domain.conversations import Call

LONGEST_CALL = timedelta(hours=1)
"""How long the end of an influencer's call is waited for."""

REFUSALS_KEPT = 10

MYSTERY_WITHIN = timedelta(hours=2)
"""How long a tracker who is rung in a voter's stead may tell of it at the longest, were the end of the call never told."""


class Kind(StrEnum):
    VERIFICATION = "verification"
    MYSTERY = "mystery"


class State(StrEnum):
    OPEN = "open"
    """The tracker is being rung, or the two are talking."""
    TALKED = "talked"
    ASKED = "asked"
    """The tracker is being rung for the verdict."""
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


WAITING = (State.OPEN, State.TALKED, State.ASKED)
"""Where a review still waits for something."""

DECIDED = (State.APPROVED, State.REJECTED)

_MAY_FOLLOW: Mapping[State, tuple[State, ...]] = {
    State.OPEN: (State.TALKED, State.EXPIRED, State.WITHDRAWN),
    State.TALKED: (State.ASKED, *DECIDED, State.EXPIRED, State.WITHDRAWN),
    State.ASKED: (*DECIDED, State.EXPIRED, State.WITHDRAWN),
    State.APPROVED: (State.WITHDRAWN,),
    State.REJECTED: (State.WITHDRAWN,),
    State.EXPIRED: (),
    State.WITHDRAWN: (),
}


def may_follow(before: State, after: State) -> bool:
    """Whether a review in `before` may move to `after`."""
    return after in _MAY_FOLLOW[before]


def predecessors(after: State) -> tuple[State, ...]:
    """The states from which `after` may be reached: the condition of the write that moves there."""
    return tuple(before for before, followers in _MAY_FOLLOW.items() if after in followers)


class Awaited(StrEnum):
    """What a review's machine waits for by a token."""

    END = "end"
    """Of the influencer's call."""
    VERDICT = "verdict"

    def has_come(self, state: State) -> bool:
        """Whether a review in that state has it."""
        return state is not State.OPEN if self is Awaited.END else state not in WAITING


class Lapse(StrEnum):
    """Why a review came to nothing."""

    NOBODY_TALKED = "nobody-talked"
    """The call ended before the two had talked for long enough."""
    NO_END = "no-end"
    """Nobody ever told how the call ended."""
    NO_VERDICT = "no-verdict"
    UNSURE = "unsure"
    """The tracker wants somebody else to judge."""


ASKS_ANOTHER = (Lapse.NO_VERDICT, Lapse.UNSURE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A verdict that did not count, and the rule that it broke."""

    rule: str
    cause: str
    tracker: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Review:
    """One verification of one influencer. `id` names it everywhere, its execution too."""

    person: str
    n: str
    """`r001` for the influencer's first verification; `m-` and a digest for a mystery review."""
    campaign: str
    kind: Kind
    opened_at: datetime
    expires_at: datetime
    """After this no verdict counts."""
    state: State = State.OPEN
    tracker: str | None = None
    """Who talks to the influencer; None where an operator decides without a call."""
    call: str | None = None
    """The influencer's call."""
    attempt: int = 0
    """In that call."""
    talked_at: datetime | None = None
    talked_seconds: int = 0
    asked: tuple[str, ...] = ()
    """Every tracker who has talked to this influencer since the last verdict: the next one is somebody else."""
    verdict: Verdict | None = None
    verdict_call: str | None = None
    verdict_cause: str | None = None
    """The turn in which it was given. A verdict may be told before the talk is: then it waits here."""
    verdict_at: datetime | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Call of the tracker's → why they judged as they did in it, in a word of their menu's."""
    reason: str | None = None
    """Why it ended as it did, where no verdict says so: one of `Lapse`, or an operator's words."""
    refusals: tuple[Refusal, ...] = ()
    awaits: Awaited | None = None
    token: str | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """`<person>-<n>`, at most 80 characters: an execution's name."""
        return f"{self.person}-{self.n}"

    @property
    def is_waiting(self) -> bool:
        return self.state in WAITING

    @property
    def accuses(self) -> bool:
        """Whether a tracker who posed as a voter said that the influencer breaks the rules."""
        return self.kind is Kind.MYSTERY and self.verdict is Verdict.NOT_GENUINE

    @property
    def verdict_reason(self) -> str | None:
        """Why the tracker judged so: what they said in the call whose verdict counts."""
        return self.reasons.get(self.verdict_call or "")


_ID = re.compile(r"([a-z2-7]{26})-(r\d{3,}|m-[0-9a-f]{16})")


def number(n: int) -> str:
    """How an influencer's nth verification is called: `r001`."""
    return f"r{n:03}"


def mystery_number(cause: str) -> str:
    """How the mystery review of one attempt of one call is called: the same for every repeat."""
    return f"m-{hashlib.sha256(cause.encode()).hexdigest()[:16]}"


def split_id(review_id: str) -> tuple[str, str]:
    """(person, n) of a review's id; ValueError when it has not that shape. Callers' menus hand ids back to us, so they are checked."""
    match = _ID.fullmatch(review_id)
    if match is None:
        raise ValueError("not a review's id")
    return match[1], match[2]


def has_machine(review_id: str) -> bool:
    """Whether an execution keeps the review's time: a mystery review has none."""
    return split_id(review_id)[1].startswith("r")


# ── the rules ──


@dataclass(frozen=True, slots=True)
class Rules:
    """How a campaign has its influencers verified: content, `reviews`. Without it nobody is ever approved."""

    menu: str
    """Who walks this menu is an influencer."""
    number: str
    """Ours, E.164: from which influencers are rung back."""
    manifesto: str
    """The prompt that informs whoever hears it to its end (F34)."""
    tracker_menu: str
    """What a tracker is rung with: PIN and verdict."""
    tracker_number: str
    answer_within: timedelta = timedelta(minutes=30)
    """How long a verdict is waited for before another tracker is asked."""
    ask_again: int = 2
    """How many further trackers are asked; then the influencer has to ring again."""
    approvals_per_hour: int = 20
    """By one tracker (A23): a talk, the menu and the keys take three minutes at the least."""
    valid_for: timedelta = timedelta(days=90)
    """How long a go-ahead is good."""
    talk_seconds: int = 20
    """A shorter talk is none: nobody can be judged in it."""
    pin: PinLimits = field(default_factory=PinLimits)


def read_rules(section: Section) -> Rules:
    """Read the section `reviews` of a campaign document:

    ```yaml
    reviews:
      menu: influencer
      number: "+918040001031"
      manifesto: manifesto
      tracker_menu: tracker
      tracker_number: "+918040001033"
      answer_within: 30 minutes                  # the rest may be left out
      ask_again: 2
      approvals_per_hour: 20
      valid_for: 90 days
      talk_seconds: 20
      pin: {most_wrong: 5, most_wrong_together: 40, window: 1 hour, locked_for: 1 hour}
    ```
    """
    usual = Rules("", "", "", "", "")
    return Rules(
        menu=section.text("menu"),
        number=section.text("number"),
        manifesto=section.text("manifesto"),
        tracker_menu=section.text("tracker_menu"),
        tracker_number=section.text("tracker_number"),
        answer_within=section.duration("answer_within", usual.answer_within),
        ask_again=section.integer("ask_again") if section.has("ask_again") else usual.ask_again,
        approvals_per_hour=section.integer("approvals_per_hour")
        if section.has("approvals_per_hour")
        else usual.approvals_per_hour,
        valid_for=section.duration("valid_for", usual.valid_for),
        talk_seconds=section.integer("talk_seconds") if section.has("talk_seconds") else usual.talk_seconds,
        pin=read_pin_limits(section.section("pin")) if section.has("pin") else usual.pin,
    )


def asks_another(review: Review, rules: Rules) -> bool:
    """Whether an expired review leads to another one with another tracker (F35): a bounded number of times in a row."""
    return (
        review.state is State.EXPIRED
        and review.reason in ASKS_ANOTHER
        and len(review.asked) <= rules.ask_again
    )


def asked_before(last: Review | None, rules: Rules) -> tuple[str, ...]:
    """The trackers whom a new review must do without, by the influencer's last one."""
    return last.asked if last is not None and asks_another(last, rules) else ()


# ── a verdict ──


@dataclass(frozen=True, slots=True)
class Given:
    """A verdict as a turn told it."""

    verdict: Verdict
    call: "Call"
    """In which it was given."""
    cause: str
    at: datetime


class Rule(StrEnum):
    """Why a verdict does not count."""

    NOT_ENROLLED = "not-enrolled"
    """Whoever rang is no tracker, or was removed."""
    NOT_IDENTIFIED = "not-identified"
    """No PIN was given in that call."""
    NOT_THEIRS = "not-theirs"
    """Another tracker talked to the influencer."""
    SELF_APPROVAL = "self-approval"
    SAME_CALL = "same-call"
    MOVED_ON = "moved-on"
    """The review is decided or over, or an earlier verdict waits in it for the news of the talk; or the influencer is in another."""
    TOO_LATE = "too-late"
    NO_TALK = "no-talk"
    """The two were not connected, or not for long enough."""
    TOO_MANY = "too-many-approvals"
    """In this hour, by this tracker (A23)."""


def meant(owed: Iterable[Review], tracker: Tracker, rung_about: str | None) -> Review | None:
    """The review that a tracker has in mind who gave the PIN in a call; None where none waits.

    Whom we rang about one review judges that one or nothing. Who rang us has the last talk in mind: the one they were last taken for, or
    else the one that ended last.
    """
    waiting = [each for each in owed if each.is_waiting and each.tracker == tracker.person]
    if rung_about:
        return next((each for each in waiting if each.id == rung_about), None)
    return max(
        waiting,
        key=lambda each: (
            tracker.busy_call == f"{each.call}/{each.attempt}",
            each.talked_at or each.opened_at,
            each.id,
        ),
        default=None,
    )


class Decision(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    ASK_ANOTHER = "ask-another"
    """The tracker is not sure."""
    WAIT = "wait"
    """It is not known yet that they talked."""
    REPEATED = "repeated"
    """This very verdict was counted before."""


def judge(
    review: Review,
    influencer: Influencer | None,
    tracker: Tracker | None,
    given: Given,
    rules: Rules,
) -> Decision | Rule:
    """What a verdict comes to, by all that is known of the review, the influencer, the tracker and both calls."""
    if review.verdict_cause == given.cause and not review.is_waiting:
        return Decision.REPEATED
    if broken := _stranger(review, influencer, tracker, given):
        return broken
    assert tracker is not None
    if broken := _out_of_time(review, influencer, given):
        return broken
    if review.state is State.OPEN:
        return Decision.WAIT if review.verdict_cause in (None, given.cause) else Rule.MOVED_ON
    if given.verdict is Verdict.UNSURE:
        return Decision.ASK_ANOTHER
    if given.verdict is Verdict.NOT_GENUINE:
        return Decision.REJECT
    if review.kind is Kind.MYSTERY:
        return Decision.APPROVE
    if review.talked_seconds < rules.talk_seconds:
        return Rule.NO_TALK
    if tracker.approved_in(counted_hour(tracker, given.at)) >= rules.approvals_per_hour:
        return Rule.TOO_MANY
    return Decision.APPROVE


def holds_at_once(review: Review, influencer: Influencer, given: Given) -> bool:
    """Whether a verdict that waits for the news of the talk's end lets no voter be rung until then: a bad word of who posed as one, though it
    may still come to nothing. Whoever was given a go-ahead since then keeps it.
    """
    is_accused = review.kind is Kind.MYSTERY and given.verdict is Verdict.NOT_GENUINE
    return is_accused and (influencer.stage_at is None or influencer.stage_at <= given.at)


def _stranger(
    review: Review, influencer: Influencer | None, tracker: Tracker | None, given: Given
) -> Rule | None:
    """Whether somebody speaks who has no say in this review."""
    if tracker is None or tracker.campaign != review.campaign or given.call.campaign != review.campaign:
        return Rule.NOT_ENROLLED
    if tracker.person == review.person or (influencer is not None and tracker.phone == influencer.phone):
        return Rule.SELF_APPROVAL
    if given.call.person != tracker.person or not was_identified(
        given.call.session.knowledge.fields, tracker
    ):
        return Rule.NOT_IDENTIFIED
    if tracker.person != review.tracker:
        return Rule.NOT_THEIRS
    return Rule.SAME_CALL if given.call.call_id == review.call else None


def _out_of_time(review: Review, influencer: Influencer | None, given: Given) -> Rule | None:
    """Whether the review is past being judged."""
    if not review.is_waiting or influencer is None:
        return Rule.MOVED_ON
    if review.kind is Kind.VERIFICATION and not is_current(review, influencer):
        return Rule.MOVED_ON
    return Rule.TOO_LATE if given.at >= review.expires_at else None


def is_current(review: Review, influencer: Influencer) -> bool:
    """Whether the influencer stands in this very review."""
    return influencer.stage is Stage.IN_REVIEW and number(influencer.review) == review.n


def counted_hour(tracker: Tracker, at: datetime) -> str:
    """The hour under which an approval at `at` is counted: never one before the last, so that late news widens nothing."""
    return max(tracker.hour, hour_of(at))

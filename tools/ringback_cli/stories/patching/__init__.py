"""`ringback play patching`: a whole campaign in miniature: trackers verify influencers, and influencers are patched to voters.

An operator loads the pool and enrols trackers, who begin their shifts. Influencers ring, hear the manifesto, ring again and talk to a tracker,
whose verdict decides what their next call does. From then on each call is patched to a voter, until the pool is empty. Some influencers are
impostors, some misuse their go-ahead; some voters never answer, some complain. Everybody acts on what they hear (`director`); the judge
asks the phone network who was rung by whom.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from math import inf
from pathlib import Path
from tempfile import gettempdir
from threading import Event, Thread

from ringback.domain import campaigns as content
from ringback.domain.campaigns import Campaign
from ringback.store import slots
from ringback_cli.stories import Report, Request, Tell, Unplayable
from ringback_cli.stories.patching import cast, evidence, figures, judge, loading, picture, settings
from ringback_cli.stories.patching.cast import Manner, Script, Size
from ringback_cli.stories.patching.director import Director, View
from ringback_cli.stories.patching.evidence import Evidence
from ringback_cli.stories.patching.telephones import Telephones
from ringback_cli.stories.stage import Restless, Setting, Stage
from ringback_cli.stories.stage import documents as sample_documents

_LONGEST_SECONDS = 3000.0
_SCHEDULES_EVERY_SECONDS = 20.0
_FUNCTIONS = {"RECORDING_WAIT_SECONDS": "0.5"}


def play(request: Request, tell: Tell) -> Report:
    """Play the whole story and judge it. Raises `Unplayable`."""
    size = Size.of(request.size, request.influencers, request.voters, request.concurrent)
    if size.influencers + size.voters > cast.MOST_PEOPLE:
        raise Unplayable(f"The story needs at most {cast.MOST_PEOPLE:,} people.")
    script = cast.write(size, request.seed)
    known = {
        each["campaign"]: content.parse(settings.of_content(each, script)) for each in sample_documents()
    }
    setting = Setting(
        seed=request.seed,
        faults=request.faults,
        settings=_FUNCTIONS,
        timing=settings.of_network(size),
        handsets=script.handsets(),
        content=lambda document: settings.of_content(document, script),
        lease=_lease(known[settings.CAMPAIGN]),
    )
    tell("starting a stack", 0, 0)
    with Stage(setting) as stage:
        try:
            return _perform(stage, known[settings.CAMPAIGN], script, request.minutes, tell)
        finally:
            if request.keep_logs:
                stage.keep_logs(request.keep_logs)


def _lease(campaign: Campaign) -> timedelta:
    assert campaign.patching is not None
    return campaign.patching.lease


@contextmanager
def _schedules(stage: Stage) -> Iterator[None]:
    """What schedules run is run every so often, beside the story, while this lasts."""
    over = Event()

    def run() -> None:
        while not over.wait(_SCHEDULES_EVERY_SECONDS):
            stage.run_schedules()

    thread = Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _perform(stage: Stage, campaign: Campaign, script: Script, minutes: int | None, tell: Tell) -> Report:
    started, unrest = time.monotonic(), ""
    telephones = Telephones(stage.stack.addresses.network_url)
    director = Director(telephones, campaign, script, stage.undone)
    held_at_rest = 0
    try:
        _prepare(stage, telephones, campaign, script, tell)
        unrest = _let_happen(stage, director, script, minutes, tell)
        stage.quiet(tell, "the last calls end")
        held_at_rest = slots.load(evidence.ACCOUNT).total
        stage.settle(tell)
    except Restless as problem:
        unrest = str(problem)
    tell("judging", 0, 0)
    summary = telephones.summary()
    found = evidence.gather(
        stage, telephones, campaign, script, director.ended_at, held_at_rest, tell, unrest
    )
    return Report(
        constants=stage.constants() | settings.shown(script, minutes),
        received=_received(found, director.view),
        stored=_stored(found),
        verdicts=judge.verdicts(found),
        figures=figures.figures(
            found, summary, stage.stack.struck(), director.view.refused, time.monotonic() - started
        ),
        picture=_drawn(found),
    )


def _prepare(stage: Stage, telephones: Telephones, campaign: Campaign, script: Script, tell: Tell) -> None:
    """What is done before the first influencer rings."""
    loading.load_pool(stage.runtime, campaign, script, tell)
    loading.enrol_trackers(stage.runtime, campaign, script)
    for voter in script.voters:
        if voter.manner is Manner.OPTED_OUT:
            telephones.begin({"from": voter.phone, "to": settings.OPT_OUT})
    stage.quiet(tell, "some voters opt out")


def _let_happen(stage: Stage, director: Director, script: Script, minutes: int | None, tell: Tell) -> str:
    """Why not everybody came through, if so; that the lines closed after so many minutes is no reason."""
    closing = inf if minutes is None else 60.0 * minutes

    def watch(view: View, through: int, of: int) -> None:
        tell(view.words(script.size.concurrent), through, of)

    with _schedules(stage):
        if not director.run(watch, closing, _LONGEST_SECONDS):
            return f"the story did not end in {_LONGEST_SECONDS:.0f} s"
        director.finish()
    return f"{len(director.stuck)} influencers gave up because nothing went on" if director.stuck else ""


def _drawn(found: Evidence) -> Path:
    """The picture of the story, in a file."""
    size = found.script.size
    title = f"{size.influencers:,} influencers, {size.voters:,} voters, {size.concurrent} slots, seed {found.script.seed}"
    path = Path(gettempdir()) / f"ringback-patching-{size.voters}-{size.concurrent}-{found.script.seed}.svg"
    given = [each.judgement.ended_at for each in found.go_aheads]
    path.write_text(picture.svg(found.legs, given, size.concurrent, title), encoding="utf-8")
    return path


def _received(found: Evidence, view: View) -> dict[str, int]:
    voters = found.voter_legs
    return {
        "influencers": len(found.script.influencers),
        "trackers": len(found.script.trackers),
        "voters in the pool": len(found.script.voters),
        "calls of influencers": len(found.told),
        "talks with trackers": sum(leg.has_talked for leg in found.tracker_legs),
        "verdicts keyed in": len(found.judgements),
        "voters rung": len({leg.callee for leg in voters}),
        "voters who talked": len({leg.callee for leg in voters if leg.has_talked}),
        "told that all lines are busy": view.refused,
    }


def _stored(found: Evidence) -> dict[str, int]:
    return {
        "influencers": len(found.influencers),
        "reviews": len(found.reviews),
        "patches": len(found.patches),
        "voters reached": found.reached,
        "legs booked": len(found.charges),
        "executions": len(found.executions),
    }

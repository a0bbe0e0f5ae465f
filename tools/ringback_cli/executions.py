"""What the state machines did for one influencer: each execution, and the states that it came into."""

from collections.abc import Iterable
from dataclasses import dataclass

import click

from ringback import workflows
from ringback.domain.dials import Dial
from ringback.domain.patches import Patch
from ringback.domain.reviews import Review
from ringback.runtime import Runtime
from ringback.services.ledger import execution_name
from ringback.workflows import Entered
from ringback_cli import output


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution, as the console names it, and what it is about."""

    machine: str
    name: str
    about: str
    states: tuple[Entered, ...]

    @property
    def row(self) -> dict[str, object]:
        states = [{"state": entered.state, "at": entered.at} for entered in self.states]
        return {"machine": self.machine, "execution": self.name, "about": self.about, "states": states}


def behind(
    runtime: Runtime, reviews: Iterable[Review], patches: Iterable[Patch], dials: Iterable[Dial]
) -> list[Execution]:
    """The executions behind somebody's reviews, patched calls and ring-backs, in their order. Step Functions keeps them for 90 days."""
    settings = runtime.settings
    meant = [
        *((settings.verify_influencer_arn, review.id, f"review {review.n}") for review in reviews),
        *(
            (settings.ring_back_patch_arn, execution_name(dial.person, dial.cause), dial.cause)
            for dial in dials
            if dial.attempt == 1
        ),
        *(
            (settings.patch_call_arn, execution_name(patch.influencer, patch.call_id), patch.call_id)
            for patch in patches
        ),
    ]
    found = (_execution(runtime, machine, name, about) for machine, name, about in meant)
    return sorted((each for each in found if each.states), key=lambda each: each.states[0].at)


def tell(executions: Iterable[Execution]) -> None:
    """Print them for people, one below the other."""
    for each in executions:
        click.echo(f"{each.machine}  {each.name}  ({each.about})")
        for entered in each.states:
            click.echo(f"  {output.cell(entered.at)}  {entered.state}")
        click.echo()


def _execution(runtime: Runtime, machine: str, name: str, about: str) -> Execution:
    # Step Functions tells its own time; that of a local run goes by another clock.
    offset = runtime.settings.clock_offset
    states = (Entered(entered.state, entered.at + offset) for entered in workflows.story(machine, name))
    return Execution(machine.rpartition(":")[2], name, about, tuple(states))

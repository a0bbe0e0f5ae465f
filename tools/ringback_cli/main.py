"""The entry point `ringback`, and which commands there are.

A command's module is imported when the command is called, so `ringback --help` does not wait for AWS's libraries.
"""

import os
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version

import click

from ringback_cli import problems

SECTIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Content": {
        "publish": ("publish", "Check campaign content and put it in force."),
        "campaigns": ("campaigns", "What is in force: campaigns, their numbers and texts."),
        "menu": ("menus", "Check and draw menus; needs no deployment."),
        "walk": ("walk", "Walk a menu in the terminal: hear what callers hear, press keys."),
    },
    "What happened": {
        "calls": ("calls", "Calls as they came in, missed or led through a menu, and what became of each."),
        "contacts": ("contacts", "People: look them up, export them, leave them alone."),
        "messages": ("messages", "The SMS ledger: what was sent, what waits and why."),
        "dials": ("dials", "Calls that were placed: whom we rang back, who answered, what waits."),
        "grievances": ("grievances", "What callers recorded: hear it, tag it, answer it in time."),
        "polls": ("polls", "Polls: one answer a person, the last one counts."),
        "issues": ("issues", "Issues ranked by how many people support them, by missed call or in a menu."),
        "gatherings": ("gatherings", "Gatherings: who comes, who waits, and checking in."),
        "pool": ("pool", "Voter pools: load them, watch them, pause and drain them."),
        "influencers": ("influencers", "Who talks to voters: their stages, reviews and calls."),
        "trackers": ("trackers", "Who verifies influencers: enrol them, see who is on duty."),
        "patches": (
            "patches",
            "Calls in which people were connected: who was rung, what came of it, what it cost.",
        ),
        "stats": ("stats", "Raw, unique and verified calls side by side."),
    },
    "Mending": {
        "redrive": ("repairs", "Take up again what ended in a dead-letter queue."),
        "replay": ("repairs", "React again to a span of the journal."),
        "recount": ("repairs", "Make every counter again from the journal."),
    },
    "On this machine": {
        "local": ("local", "Run a whole Ringback here: up, down, status, logs."),
        "ring": ("ring", "Let a handset give a missed call, and watch it."),
        "play": (
            "play",
            "Play a seeded STORY through a stack of its own, and judge it by what people received.",
        ),
    },
}
"""Section → command → its module in this package, and its line in `ringback --help`."""


class Commands(click.Group):
    """Finds each command in its module, and turns a mistake into a sentence instead of a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for names in SECTIONS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for names in SECTIONS.values():
            if cmd_name in names:
                module = import_module(f"{__package__}.{names[cmd_name][0]}")
                command: click.Command = getattr(module, cmd_name)
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section, names in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name, line) for name, (_, line) in names.items()])

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Exception as error:
            sentence = problems.explain(error)
            if sentence is None:
                raise
            raise click.ClickException(sentence) from error


@click.group(
    cls=Commands,
    epilog="Every command explains itself: `ringback calls --help`. Commands talk to the local stack, or to the CloudFormation "
    "stack named by --stack or RINGBACK_STACK. Those that read take --json.",
)
@click.version_option(version("ringback"), message="%(version)s")
def ringback() -> None:
    """Missed calls, contacts and SMS of your campaigns."""


def main() -> None:
    """Run the command line. What the services log stays silent unless LOG_LEVEL asks for it: the commands speak for them."""
    os.environ.setdefault("LOG_LEVEL", "CRITICAL")
    os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "ringback")
    os.environ.setdefault("POWERTOOLS_METRICS_DISABLED", "true")
    ringback(prog_name="ringback")


if __name__ == "__main__":
    main()

"""What a campaign says and asks by voice: its menus, and what they name."""

from collections.abc import Mapping
from dataclasses import dataclass

from ringback.domain.gatherings import Gathering
from ringback.domain.nodes import Menu
from ringback.domain.polls import Poll


@dataclass(frozen=True, slots=True)
class Voice:
    """The voice of one published version of a campaign. It never changes."""

    menus: Mapping[str, Menu]
    shared_prompts: frozenset[str]
    """The prompts that every menu has."""
    polls: Mapping[str, Poll]
    gatherings: Mapping[str, Gathering]
    topics: frozenset[str]
    """What recordings may be about: `grievance`."""
    issues: frozenset[str]
    """What callers may pledge support for or complain of: `piped-water`."""
    sponsors: Mapping[str, str]
    """Who speaks, by language."""

"""Campaign documents from files: YAML in which nothing may be said twice, with the rules of the day put in."""

from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import yaml

from ringback.domain import campaigns
from ringback.domain.campaigns import Campaign
from ringback.domain.errors import Rejected
from ringback_local.catalog import with_voice

Document = dict[str, Any]


def load(files: Iterable[Path], rules: Path, menus: Path) -> list[tuple[Campaign, Document]]:
    """Read and check campaign files, each with its folder in `menus` if it has one; `Rejected` with every reason of every file, each with its place.

    Also refused: two files of one campaign, and one number in two campaigns.
    """
    problems: list[str] = []
    read: list[tuple[Campaign, Document]] = []
    owners: dict[str, str] = {}
    try:
        rules_of_the_day = mapping(rules)
    except Rejected as problem:
        rules_of_the_day, problems = {}, list(problem.reasons)
    for path in files:
        try:
            document = {**with_voice(mapping(path), menus, mapping), "rules": rules_of_the_day}
            campaign = campaigns.parse(document) if rules_of_the_day else None
        except Rejected as problem:
            problems += [_placed(path, reason) for reason in problem.reasons]
            continue
        if campaign is None:
            continue
        for claimed in (f"campaign: {campaign.id}", *(f"numbers: {number}" for number in campaign.numbers)):
            if claimed in owners:
                problems.append(f"{path}: {claimed} is also in {owners[claimed]}")
            owners.setdefault(claimed, str(path))
        read.append((campaign, document))
    if problems:
        raise Rejected(*problems)
    return read


def mapping(path: Path) -> Document:
    """The mapping in a YAML file; `Rejected` names the file, the line and the column of what cannot be read."""
    try:
        read = yaml.load(path.read_text(encoding="utf-8"), Loader=_NothingTwice)
    except OSError as problem:
        raise Rejected(f"{path}: cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise Rejected(f"{path}: is not UTF-8: save it as UTF-8") from None
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise Rejected(f"{path}{place}: {problem.problem}") from None
    except (yaml.YAMLError, RecursionError) as problem:
        raise Rejected(f"{path}: {problem}") from None
    if not isinstance(read, dict):
        raise Rejected(f"{path}: must be a mapping, as the campaigns in catalog/ are")
    return read


def _placed(path: Path, reason: str) -> str:
    return reason if reason.startswith(str(path)) else f"{path}: {reason}"


class _NothingTwice(yaml.SafeLoader):
    """YAML's safe subset; of a key that stands twice, PyYAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                break  # which the loader itself refuses
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key!r} stands twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)

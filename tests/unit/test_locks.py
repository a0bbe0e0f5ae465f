"""The locks hold what `pyproject.toml` asks for, and both of them the same."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = ROOT / "requirements.txt"
LAYER_LOCK = ROOT / "layers/dependencies/requirements.txt"


def pins(lock: Path) -> dict[str, set[Version]]:
    """Name → the versions pinned; several where they differ by platform or Python."""
    found: dict[str, set[Version]] = {}
    for line in lock.read_text().splitlines():
        requirement = Requirement(line)
        (pin,) = requirement.specifier
        assert pin.operator == "==", f"{line} is not pinned"
        found.setdefault(canonicalize_name(requirement.name), set()).add(Version(pin.version))
    return found


RUN_TIME = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
TOOLS = [Requirement(text) for text in PROJECT["project"]["optional-dependencies"]["tools"]]
DEV = [Requirement(text) for text in PROJECT["dependency-groups"]["dev"]]


@pytest.mark.parametrize("requirement", RUN_TIME + TOOLS + DEV, ids=str)
def test_the_lock_satisfies_every_requirement(requirement: Requirement) -> None:
    pinned = pins(LOCK)[canonicalize_name(requirement.name)]

    assert all(version in requirement.specifier for version in pinned)


@pytest.mark.parametrize("requirement", RUN_TIME, ids=str)
def test_the_layer_holds_every_run_time_dependency(requirement: Requirement) -> None:
    assert canonicalize_name(requirement.name) in pins(LAYER_LOCK)


def test_the_layer_holds_the_versions_that_the_tests_ran_with() -> None:
    everything, layer = pins(LOCK), pins(LAYER_LOCK)

    assert {name: versions for name, versions in layer.items() if versions != everything.get(name)} == {}


def test_no_lock_names_where_packages_come_from() -> None:
    assert "://" not in LOCK.read_text() + LAYER_LOCK.read_text()

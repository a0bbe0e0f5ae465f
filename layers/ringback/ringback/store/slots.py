"""Slots: one counter per account, taken and given back by conditional updates; a correction is a compare-and-set on its version."""

from collections.abc import Mapping

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from ringback.domain.slots import Held, Limits
from ringback.store.singles import ONLY, load_single, update_single
from ringback.store.tables import UnrepeatedCounterRow, update_if

_NUMBER = "n_"


def acquire(account: str, number: str, limits: Limits) -> int | None:
    """Take a slot for a patch on one of our numbers; how many of the account are held then, or None, and nothing taken, when the account or the
    number has none left.
    """
    held, on_number = Path(["held"]), Path([_NUMBER + number])
    has_room = (held.does_not_exist() | (held < limits.account)) & (
        on_number.does_not_exist() | (on_number < limits.per_number)
    )
    row = update_single(_name(account), _moved_by(1, number), has_room)
    return int(row["held"]["N"]) if row is not None else None


def release(account: str, number: str) -> bool:
    """Give a slot back, which is for the one who moved the patch to its end; False when a correction has done so already, or it may not
    have been given back: the AWS client asks once, for a repeat of what had taken effect would give back the slot of another call, and
    then one more would talk than there are lines. One too many held is put right by the recount.
    """
    has_any = (Path(["held"]) > 0) & (Path([_NUMBER + number]) > 0)
    try:
        row = update_if(
            UnrepeatedCounterRow, _name(account), ONLY, actions=_moved_by(-1, number), condition=has_any
        )
    except UpdateError:
        return False
    return row is not None


def load(account: str) -> Held:
    """The slots of an account, read consistently."""
    row = load_single(_name(account))
    counts = {name: int(value["N"]) for name, value in row.items() if "N" in value}
    return Held(
        version=counts.get("version", 0),
        by_number={
            name.removeprefix(_NUMBER): count for name, count in counts.items() if name.startswith(_NUMBER)
        },
        total=counts.get("held", 0),
    )


def correct(account: str, seen: Held, right: Mapping[str, int]) -> bool:
    """Put the counts right, unless any slot was taken or given back since they were `seen`."""
    version = Path(["version"])
    unmoved = version == seen.version if seen.version else version.does_not_exist()
    actions = [
        version.set(seen.version + 1),
        Path(["held"]).set(sum(right.values())),
        *(Path([_NUMBER + number]).set(right.get(number, 0)) for number in sorted({*seen.by_number, *right})),
    ]
    return update_single(_name(account), actions, unmoved) is not None


def _moved_by(step: int, number: str) -> list[Action]:
    return [Path(["held"]).add(step), Path([_NUMBER + number]).add(step), Path(["version"]).add(1)]


def _name(account: str) -> str:
    return f"slots#{account}"

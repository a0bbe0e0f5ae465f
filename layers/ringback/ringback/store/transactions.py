"""Several rows changed together or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass

from pynamodb.connection import Connection
from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from ringback.store.tables import code_of, connection


@dataclass(frozen=True, slots=True)
class Write:
    """One row of a transaction: changed by its actions, or written whole where there are none."""

    row: Model
    actions: Sequence[Action]
    condition: Condition | None

    def add_to(self, transaction: TransactWrite) -> None:
        if self.actions:
            transaction.update(self.row, actions=list(self.actions), condition=self.condition)
        else:
            transaction.save(self.row, condition=self.condition)


def together(*writes: Write) -> bool:
    """Make all the writes or none; False, and nothing changed, when a condition failed or somebody else was changing one of the rows:
    read again, and see.
    """
    shared: Connection = connection(type(writes[0].row)).connection
    try:
        with TransactWrite(connection=shared) as transaction:
            for write in writes:
                write.add_to(transaction)
    except TransactWriteError as problem:
        if code_of(problem) == "TransactionCanceledException":
            return False
        raise
    return True

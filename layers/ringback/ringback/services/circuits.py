"""The circuit breaker: what stands between a sender and an account whose provider is failing (R18).

It repeats nothing and forgives nothing: a request that may have had its effect stays `unknown`. It only keeps the next ones from being
thrown after it. The workers of an account share its circuit through the row of its pace.
"""

from datetime import datetime, timedelta
from threading import Lock

from ringback import observability
from ringback.domain.circuits import Circuit
from ringback.providers.base import Outcome, Throttled, Unclear
from ringback.store import sending


def is_failure(outcome: Outcome) -> bool:
    """Whether an outcome speaks against the provider: 5xx, time-out, reset, no connection. A refusal, also a 429, is an answer."""
    return isinstance(outcome, Unclear) or (isinstance(outcome, Throttled) and not outcome.is_reached)


class Breaker:
    """An account's circuit as one batch of one worker sees it. Safe for the threads of the batch.

    Costs nothing while the circuit is closed and the provider answers: the circuit comes with what the sender reads of its account
    anyway (`sending.load_account`).
    """

    def __init__(self, account: str, circuit: Circuit, opens_for: timedelta) -> None:
        """`opens_for`: how long it opens the first time."""
        self._account, self._circuit, self._opens_for = account, circuit, opens_for
        self._is_trying = False
        self._lock = Lock()

    def admit(self, now: datetime, try_until: datetime) -> int | None:
        """How many requests may be made: None for any number, 1 for the one that tries a half-open circuit, 0 for none.

        Exactly one worker gets the 1, and nobody else before `try_until`: no worker may be at work on its request any more by then.
        """
        if self._circuit.open_until is None:
            return None
        if self._circuit.open_until > now:
            return 0
        trying = self._circuit.tried_until(try_until)
        self._is_trying = sending.change_circuit(self._account, self._circuit, trying)
        # Whoever was faster has done the same a moment ago, or has closed it: then the next batch finds it closed.
        self._circuit = trying
        return int(self._is_trying)

    def asked_again_at(self, now: datetime) -> datetime | None:
        """When to ask again for what was not admitted, as far as this batch knows; None for at once. No read."""
        return self._circuit.asked_again_at(now)

    def barred_until(self, now: datetime) -> datetime | None:
        """When to ask again for a request that was admitted and may not be made any more; None when it may. No read."""
        with self._lock:
            return None if self._is_trying else self._circuit.asked_again_at(now)

    def heard(self, *, failed: bool, now: datetime) -> None:
        """Tell how a request ended. A success costs a write only where failures were counted before it."""
        with self._lock:
            if failed:
                self._count_against(now)
            else:
                self._count_for()

    def _count_against(self, now: datetime) -> None:
        found = self._circuit if self._is_trying else sending.count_failure(self._account)
        if not (self._is_trying or found.must_open):
            self._circuit = found
            return
        opened = found.opened(now, self._opens_for)
        self._is_trying = False
        if sending.change_circuit(self._account, found, opened):
            observability.count("CircuitOpened")
            observability.logger.error(
                "The provider is failing: the circuit opened",
                extra={
                    "account": self._account,
                    "openings": opened.openings,
                    "until": str(opened.open_until),
                },
            )
        self._circuit = opened

    def _count_for(self) -> None:
        if self._is_trying:
            self._is_trying = False
            if sending.change_circuit(self._account, self._circuit, Circuit()):
                observability.count("CircuitClosed")
                observability.logger.info(
                    "The provider answers: the circuit closed", extra={"account": self._account}
                )
            self._circuit = Circuit()
        elif self._circuit.open_until is None and self._circuit.failures:
            sending.change_circuit(self._account, self._circuit, Circuit())
            self._circuit = Circuit()

    def give_back(self, now: datetime) -> None:
        """End the batch: a try that was never made is another worker's."""
        with self._lock:
            if self._is_trying:
                self._is_trying = False
                sending.change_circuit(self._account, self._circuit, self._circuit.tried_until(now))

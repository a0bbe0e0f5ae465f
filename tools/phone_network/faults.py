"""The seeded fault plan: which misfortunes strike, and how often.

A plan is one rate per fault, between 0 and 1. Whether a fault strikes depends on the seed, the fault's name
and the *cause* (the caller's third missed call to this ExoPhone, the second request to send this text to
this person), never on the order or the time of arrival. The same story with the same seed therefore meets
the same faults on any machine.

`NETWORK` faults are injected here. `OURS` are faults in the campaign's own machinery: this package only
carries their rates, for whoever runs that machinery to read from the same plan.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType

NETWORK: Mapping[str, str] = MappingProxyType(
    {
        # The Passthru request of a call.
        "passthru_drop": "the request is never sent; the call stands in the listing",
        "passthru_delay": "the request goes out late, after the call has ended",
        "passthru_reorder": "the request is held until the next one to the same URL has gone out",
        "passthru_duplicate": "the request is sent three times, one after the other",
        "passthru_concurrent": "the request is sent three times at once",
        "passthru_changed": "the request is repeated with another CallType under the same CallSid",
        "passthru_two_terminals": "asynchronous: two more requests follow under the same CallSid: completed, then failed",
        "passthru_terminal_first": "asynchronous: a request with CallStatus completed overtakes the one with ringing",
        "passthru_sparse": "only CallSid, From, To and CurrentTime are sent, and digits and RecordingUrl if any",
        "passthru_malformed": "nested, unknown, badly encoded and `null` parameters come with the good ones",
        # More of the Passthru, where the flow waits for its answer or has keys to tell.
        "passthru_timeout": "the request of a synchronous Passthru arrives, its answer comes too late: branch B",
        "passthru_retry": "a synchronous Passthru is sent again, and the second answer is the one that counts",
        "digits_spelling": "digits come bare, with blanks, or absent as an empty text, `null` or two quotes",
        "hangup_races_key": "the caller hangs up as they press: the Passthru with the keys is the last of the call",
        # The request for what a call is to play, gather, dial or send (Greeting, Gather, Connect, SMS URL).
        "fragment_drop": "the request is never sent; the applet goes to its fallback or fails",
        "fragment_delay": "the request goes out late; the caller waits",
        "fragment_reorder": "the request is held until the next one to the same URL has gone out",
        "fragment_duplicate": "the request is sent three times, one after the other",
        "fragment_concurrent": "the request is sent three times at once",
        "fragment_timeout": "the request arrives, its answer comes too late",
        # An event of the person whom a Connect applet dials. It fares like an asynchronous Passthru besides.
        "leg_drop": "the event is never told",
        # The StatusCallback of a call made by the API.
        "status_never": "the event is never told",
        "status_delay": "the event is told late",
        "status_duplicate": "the event is told twice, one after the other",
        "status_concurrent": "the event is told three times at once",
        # A recording.
        "recording_late": "the file takes longer to appear, by the fault delay",
        "recording_never": "the file never appears",
        # An answer of the REST API to a request that sends an SMS or makes a call.
        "api_unauthorised": "401, as if the key were wrong",
        "api_payment_required": "402, as if the account had to be topped up",
        "api_no_balance": "403 with code 40001",
        "api_inactive": "403 with code 40002, as if the account were suspended",
        "api_429": "429 without Retry-After; nothing is sent",
        "api_429_retry_after": "429 with Retry-After; nothing is sent",
        "api_5xx": "500, 503 or a gateway's 502 in HTML; nothing is sent",
        "api_timeout_before": "no answer, and nothing is sent",
        "api_timeout_after": "no answer, yet the SMS is sent or the call made",
        "api_reset_before": "the connection is reset, and nothing is sent",
        "api_reset_after": "the connection is reset, yet the SMS is sent or the call made",
        # A page of the call listing.
        "listing_503": "the listing answers 503",
        "listing_partial": "a page holds half of its rows; its cursor goes on from the last one given",
        "listing_repeat": "a page begins with the last rows of the page before",
        "listing_late": "a call is missing from a listing that should hold it, and is there the next time",
        # An accepted SMS.
        "sms_dlt_rejected": "the operator's DLT scrubbing refuses a text that is in order",
        "sms_dnd": "refused: the person is on the do-not-disturb register",
        "sms_expired": "the handset could not be reached in time",
        "sms_unknown_subscriber": "the operator knows no such subscriber",
        "sms_operator_error": "the operator failed; a later try may succeed",
        # The delivery report of an SMS.
        "dlr_never": "no delivery report is ever sent",
        "dlr_delay": "the report goes out late",
        "dlr_duplicate": "the report is sent twice, one after the other",
        "dlr_concurrent": "the report is sent three times at once",
        "dlr_reorder": "the report `submitted` arrives after the final one",
        "dlr_two_terminals": "after the final report another one says the opposite",
        "dlr_sparse": "the report holds only SmsSid, To and Status",
    }
)

OURS: Mapping[str, str] = MappingProxyType(
    {
        "stream_batch_twice": "a batch of the journal's stream is delivered again",
        "stream_batch_twice_at_once": "a batch of the journal's stream is delivered twice at the same time",
        "queue_message_twice": "a queue message is delivered again",
        "queue_message_twice_at_once": "a queue message is delivered twice at the same time",
        "worker_killed_before_provider": "the worker dies after its claim, before it calls the provider",
        "worker_killed_after_provider": "the worker dies after the provider's answer, before it notes it",
    }
)

# A rough day: nothing that stops an account for good, everything else now and then.
_ROUGH: Mapping[str, float] = MappingProxyType(
    {
        "passthru_drop": 0.02,
        "passthru_delay": 0.03,
        "passthru_reorder": 0.03,
        "passthru_duplicate": 0.05,
        "passthru_concurrent": 0.04,
        "passthru_changed": 0.02,
        "passthru_two_terminals": 0.02,
        "passthru_terminal_first": 0.02,
        "passthru_sparse": 0.02,
        "passthru_malformed": 0.03,
        "passthru_timeout": 0.01,
        "passthru_retry": 0.02,
        "digits_spelling": 0.05,
        "hangup_races_key": 0.02,
        "fragment_drop": 0.01,
        "fragment_delay": 0.01,
        "fragment_reorder": 0.01,
        "fragment_duplicate": 0.03,
        "fragment_concurrent": 0.03,
        "fragment_timeout": 0.01,
        "leg_drop": 0.05,
        "status_never": 0.02,
        "status_delay": 0.03,
        "status_duplicate": 0.04,
        "status_concurrent": 0.03,
        "recording_late": 0.05,
        "recording_never": 0.01,
        "api_429": 0.02,
        "api_429_retry_after": 0.02,
        "api_5xx": 0.02,
        "api_timeout_before": 0.01,
        "api_timeout_after": 0.01,
        "api_reset_before": 0.01,
        "api_reset_after": 0.01,
        "listing_503": 0.05,
        "listing_partial": 0.05,
        "listing_repeat": 0.05,
        "listing_late": 0.02,
        "sms_dlt_rejected": 0.02,
        "sms_dnd": 0.02,
        "sms_expired": 0.02,
        "sms_unknown_subscriber": 0.01,
        "sms_operator_error": 0.01,
        "dlr_never": 0.02,
        "dlr_delay": 0.03,
        "dlr_duplicate": 0.04,
        "dlr_concurrent": 0.03,
        "dlr_reorder": 0.03,
        "dlr_two_terminals": 0.02,
        "dlr_sparse": 0.02,
        "stream_batch_twice": 0.1,
        "stream_batch_twice_at_once": 0.1,
        "queue_message_twice": 0.1,
        "queue_message_twice_at_once": 0.1,
        "worker_killed_before_provider": 0.03,
        "worker_killed_after_provider": 0.03,
    }
)


class FaultPlanError(ValueError):
    """A plan names a fault that does not exist, or a rate that is no share of one."""


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Rates by name, and the seed that decides who is struck.

    Example: `FaultPlan.of({"passthru_drop": 0.05, "worker_killed_after_provider": 0.01}, seed=7)`.
    """

    seed: int = 0
    network: Mapping[str, float] = field(default_factory=dict)
    ours: Mapping[str, float] = field(default_factory=dict)
    struck: Counter[str] = field(default_factory=Counter, compare=False)
    """How often each fault has struck so far."""

    @classmethod
    def of(cls, rates: Mapping[str, object], seed: int = 0) -> "FaultPlan":
        """Make a plan from rates by name.

        Raises:
            FaultPlanError: with every unknown name and every bad rate at once, and the list of known names.
        """
        unknown = sorted(name for name in rates if name not in NETWORK and name not in OURS)
        if unknown:
            known = ", ".join([*NETWORK, *OURS])
            raise FaultPlanError(f"Unknown faults: {', '.join(unknown)}. Known faults: {known}.")
        checked = {name: _rate(rate) for name, rate in rates.items()}
        wrong = sorted(name for name, rate in checked.items() if rate is None)
        if wrong:
            raise FaultPlanError(f"A rate must be a number from 0 to 1: {', '.join(wrong)}.")
        rated = {name: rate for name, rate in checked.items() if rate}
        return cls(
            seed,
            MappingProxyType({name: rate for name, rate in rated.items() if name in NETWORK}),
            MappingProxyType({name: rate for name, rate in rated.items() if name in OURS}),
        )

    def strikes(self, fault: str, *cause: object) -> bool:
        """Say whether a fault strikes this cause: always the same answer for the same seed."""
        rate = self.network.get(fault) or self.ours.get(fault)
        strikes = rate is not None and self.share(fault, *cause) < rate
        if strikes:
            self.struck[fault] += 1
        return strikes

    def share(self, *cause: object) -> float:
        """Return a number in [0, 1) that depends on the seed and the cause alone."""
        text = "\x1f".join(map(str, (self.seed, *cause)))
        return (
            int.from_bytes(blake2b(text.encode("utf-8", "surrogateescape"), digest_size=7).digest()) / 2**56
        )


def load(source: str, seed: int = 0) -> FaultPlan:
    """Return the plan `none`, `rough`, or the one in a JSON file of `{fault: rate}`.

    Raises:
        FaultPlanError: the file cannot be read, is no JSON object, or holds an unknown name or a bad rate.
    """
    if source == "none":
        return FaultPlan(seed)
    if source == "rough":
        return FaultPlan.of(_ROUGH, seed)
    try:
        rates = json.loads(Path(source).read_bytes())
    except OSError as error:
        raise FaultPlanError(f"The fault plan {source} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise FaultPlanError(f"The fault plan {source} is not JSON: {error}.") from error
    if not isinstance(rates, dict):
        raise FaultPlanError(f"The fault plan {source} must be an object of rates by fault name.")
    return FaultPlan.of(rates, seed)


def _rate(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return float(value)

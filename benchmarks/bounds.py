"""What each figure is held to. The bounds are the project's promises: they live here and nowhere else."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit on one figure; `at_least` turns it round."""

    limit: float
    at_least: bool = False

    def holds(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


COLD_START_RATIO = Bound(1.3)
"""Init of the voice door ÷ init of a handler that makes one boto3 client, both with compiled code; lower quartiles."""

WEBHOOK_CPU_RATIO = Bound(1.4)
"""Processor time of one warm callback ÷ that of a handler doing one boto3 `put_item`; median of the runs."""

IVR_STEP_CPU_RATIO = Bound(1.8)
"""Processor time of one warm key press ÷ that of a handler doing one batch read and one transaction of two items; median of the runs."""

IVR_STEP_SIZE_RATIO = Bound(1.1)
"""Processor time of a key press in a menu of 200 nodes ÷ in the main menu: what it costs does not grow with the menu."""

IVR_STEP_ROUND_TRIPS = Bound(2)
"""Requests to AWS of one key press: one read, one transaction."""

SESSIONS_P99_RATIO = Bound(1.2)
"""p99 of a key press, the last ten thousand ÷ the first, when 5,000 calls are live all the while; in time and in processor time, each
÷ the bare handler's meanwhile."""

SESSIONS_MEMORY_RATIO = Bound(1.1)
"""Memory that an environment holds after 50,000 key presses ÷ before them: what is kept of a call is kept in the table."""

SESSIONS_MISTAKEN = Bound(0)
"""Calls that do not stand where their caller's keys lead, or whose turns are not as many as their presses."""

BURST_LOST = Bound(0)
"""Callbacks that were not answered 200, or answered and then not in the journal."""

BURST_MISCOUNTED = Bound(0)
"""By how much the counters differ from what was sent, and from their recount."""

WRITE_UNITS_PER_CALL = Bound(7)
"""DynamoDB write units from a new caller's callback to the hand-off of their SMS."""

USD_PER_MILLION_CALLS = Bound(8.5)
"""All of AWS from callback to SMS hand-off, list prices in ap-south-1, the provider answering in 300 ms."""

USD_PER_MILLION_MENU_CALLS = Bound(55)
"""All of AWS for a call of five turns in a menu, with every request that the flow's applets make, list prices in ap-south-1."""

USD_PER_THOUSAND_VERIFICATIONS = Bound(0.6)
"""All of AWS for a verification: the call to a tracker, the dial for the verdict and the call it becomes, one execution."""

USD_PER_THOUSAND_PATCHED_CALLS = Bound(0.4)
"""All of AWS for a patched call: one voter, who answers, every event that the provider tells, one execution."""

BILLED_BY_THE_HOUR = Bound(0)
"""Resources of the template that cost money for every hour they exist, used or not."""

PACE_SHARE = Bound(0.95, at_least=True)
"""How much of the allowed rate is used while there is work waiting."""

POOL_LOAD_RATIO = Bound(0.8, at_least=True)
"""Voters a second that `ringback pool load` writes ÷ those of a bare loop of `batch_write_item` over the same rows."""

POOL_LOAD_MB = Bound(200)
"""The most memory that loading a list holds, whatever its length."""

CLAIM_WRITES = Bound(3)
"""Write requests of one claim: the cursor, and a transaction."""

CLAIM_UNITS = Bound(8)
"""Write units of one claim."""

CLAIM_SIZE_RATIO = Bound(1.2)
"""Median time of a claim in the largest pool ÷ in the smallest."""

CLAIM_CONFLICTS = Bound(0.05)
"""Claims lost to another caller ÷ claims won."""

CLAIMED_TWICE = Bound(0)
"""Voters that two callers got."""

CONNECT_CPU_RATIO = Bound(1.8)
"""Processor time of one warm answer at the Connect URL ÷ that of a handler making the same five requests; median of the runs."""

CONNECT_ROUND_TRIPS = Bound(5)
"""Requests to AWS of an answer that opens a new voter."""

CONNECT_OVER = Bound(0)
"""Bridges beyond the limit, or slots held by nobody, when a crowd asks at once."""

MEMORY_SHARE = Bound(0.5)
"""The most a function has held ÷ what the template gives it: the other half is for spikes and for later features."""


def pace_in_60_seconds(limit: int) -> Bound:
    """Requests that the provider may see in any 60 seconds."""
    return Bound(limit)

"""Ten thousand callbacks as fast as the local stack takes them: none lost, and every count true once the work is done."""

import io
import sys
import zipfile

from benchmarks import bounds
from benchmarks.artefacts import BARE
from benchmarks.deployment import CAMPAIGN, call_id, caller, deployed, missed_call
from benchmarks.load import Load, get_all
from benchmarks.measuring import Check, NotMeasured, Report, Table, main, progress
from ringback.domain.times import BEGINNING
from ringback.services import metrics
from ringback.store import journal
from ringback_local.environments import SOURCE_VARIABLE
from ringback_local.stack import Options, Stack
from ringback_local.workarounds.in_template import API_ID

CALLBACKS, CALLERS = 10_000, 2_500
BARE_REQUESTS = 2_000
AT_ONCE = 32
DRAIN_SECONDS = 600


def measure() -> Report:
    options = Options(
        parameters={"SmsPerMinute": "0", "Schedules": "DISABLED"},
        timing={"sms_seconds": 3600},
    )
    with deployed(options) as (stack, runtime):
        bare_url = _deploy_bare(stack)
        get_all([bare_url] * 100, AT_ONCE)
        progress(f"{BARE_REQUESTS} requests to the bare handler")
        bare = get_all([f"{bare_url}?n={n}" for n in range(BARE_REQUESTS)], AT_ONCE)
        progress(f"{CALLBACKS} callbacks")
        door, now = f"{stack.voice_url(CAMPAIGN)}/missed-call", stack.now()
        burst = get_all(
            [f"{door}?{missed_call(call_id(n), caller(n % CALLERS), now)}" for n in range(CALLBACKS)], AT_ONCE
        )
        progress("waiting until everything is done")
        if not stack.wait_until_done(DRAIN_SECONDS):
            raise NotMeasured(f"not done after {DRAIN_SECONDS} s: {stack.unfinished()}")
        kept = sum(1 for _ in journal.between(BEGINNING, runtime.clock.now()))
        counted = metrics.totals(CAMPAIGN)
        drift = sum(abs(n) for counts in metrics.recount(runtime).values() for n in counts.values())
    answered = burst.statuses[200]
    return Report(
        "burst",
        [
            Table(
                f"{AT_ONCE} requests at once, the stack and the load on one machine",
                ("", "requests", "a second", "p50 ms", "p99 ms"),
                [
                    ("voice door, while the rest of the stack works", *_row(burst)),
                    ("bare handler: one put_item, the stack idle", *_row(bare)),
                    ("ratio", "", burst.rate / bare.rate, burst.p(50) / bare.p(50), burst.p(99) / bare.p(99)),
                ],
            ),
            Table(
                "After the work is done",
                ("", "sent", "found"),
                [
                    ("answered 200", CALLBACKS, answered),
                    ("in the journal", CALLBACKS, kept),
                    ("calls counted", CALLBACKS, counted["raw"]),
                    ("callers counted", CALLERS, counted["unique"]),
                    ("drift that a recount finds", 0, drift),
                ],
            ),
        ],
        [
            Check("callbacks lost", CALLBACKS - min(answered, kept), bounds.BURST_LOST),
            Check(
                "miscounted",
                abs(counted["raw"] - CALLBACKS) + abs(counted["unique"] - CALLERS) + drift,
                bounds.BURST_MISCOUNTED,
            ),
        ],
    )


def _row(load: Load) -> tuple[int, float, float, float]:
    return len(load.milliseconds), load.rate, load.p(50), load.p(99)


def _deploy_bare(stack: Stack) -> str:
    """Put the bare handler behind the stack's API, in the same kind of environment as ours; returns its address."""
    stack.client("dynamodb").create_table(
        TableName="bare",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    function = stack.client("lambda").create_function(
        FunctionName="Bare",
        Runtime="python3.13",
        Role=stack.client("lambda").get_function_configuration(FunctionName="VoiceWebhook")["Role"],
        Handler="app.lambda_handler",
        Code={"ZipFile": _archive()},
        MemorySize=1024,
        Environment={"Variables": {SOURCE_VARIABLE: str(BARE)}},
    )
    api = stack.client("apigatewayv2")
    integration = api.create_integration(
        ApiId=API_ID,
        IntegrationType="AWS_PROXY",
        IntegrationUri=function["FunctionArn"],
        PayloadFormatVersion="2.0",
    )
    api.create_route(
        ApiId=API_ID, RouteKey="ANY /bare", Target=f"integrations/{integration['IntegrationId']}"
    )
    return f"{stack.addresses.api_url}/bare"


def _archive() -> bytes:
    """A zip with nothing in it that matters: the stack runs functions from their folders."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("app.py", "")
    return content.getvalue()


if __name__ == "__main__":
    sys.exit(main(measure))

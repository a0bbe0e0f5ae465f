"""The rules that `template.yaml` keeps, whoever changes it. They read the translation that AWS would deploy."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from ringback_local import template

SAM = template.read()
TRANSLATED = template.translate(SAM)
RESOURCES: dict[str, dict[str, Any]] = TRANSLATED["Resources"]
PEOPLE = {"Journal", "Contacts", "Messages", "Answers", "Feedback"}
"""The tables that hold what people said and did."""

BILLED_BY_THE_HOUR = (
    "AWS::EC2::",
    "AWS::ECS::",
    "AWS::EKS::",
    "AWS::ElastiCache::",
    "AWS::ElasticLoadBalancing",
    "AWS::Kinesis::Stream",
    "AWS::MSK::",
    "AWS::OpenSearch",
    "AWS::RDS::",
    "AWS::Redshift",
)
WITHOUT_A_RESOURCE = ("states:SendTaskSuccess",)
"""Actions that can only be granted on everything. SOURCE: AWS, Service Authorization Reference, "Actions defined by AWS Step Functions"."""

LOGS = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
"""What SAM gives every function: writing logs, and nothing else."""


def of_type(*types: str) -> dict[str, dict[str, Any]]:
    """Resources' properties by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in RESOURCES.items()
        if resource["Type"] in types
    }


FUNCTIONS = of_type("AWS::Lambda::Function")
MAPPINGS = of_type("AWS::Lambda::EventSourceMapping")
QUEUES = of_type("AWS::SQS::Queue")
TABLES = of_type("AWS::DynamoDB::Table")
MACHINES = of_type("AWS::StepFunctions::StateMachine")


def target(value: Any) -> str:
    """The logical id that a Ref or GetAtt names."""
    (name,) = value.values()
    return str(name if isinstance(name, str) else name[0])


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, role in of_type("AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            yield from ((name, statement) for statement in policy["PolicyDocument"]["Statement"])


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def test_every_function_has_its_handler_in_its_folder() -> None:
    """A handler that is not where the template says deploys, and fails at its first event."""
    for name, folder in template.functions(SAM).items():
        module, _, function = FUNCTIONS[name]["Handler"].rpartition(".")

        assert f"def {function}(" in (folder / f"{module}.py").read_text(encoding="utf-8"), name


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_logs_to_a_group_of_its_own_that_forgets(name: str) -> None:
    """Lambda's own log groups keep everything for ever."""
    group = target(FUNCTIONS[name]["LoggingConfig"]["LogGroup"])

    assert f"{name}Logs" == group
    assert RESOURCES[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_runs_where_the_layers_are_built_for(name: str) -> None:
    """Compiled files of another Python are ignored, and then the cold start doubles."""
    assert (FUNCTIONS[name]["Runtime"], FUNCTIONS[name]["Architectures"]) == ("python3.13", ["arm64"])


@pytest.mark.parametrize("name", MAPPINGS)
def test_what_a_function_never_took_is_kept(name: str) -> None:
    """A stream needs finite retries and a destination, a queue its dead letters."""
    mapping = MAPPINGS[name]
    source = target(mapping["EventSourceArn"])

    if source in QUEUES:
        assert "deadLetterTargetArn" in QUEUES[source]["RedrivePolicy"]
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    else:
        assert mapping["MaximumRetryAttempts"] > 0
        assert target(mapping["DestinationConfig"]["OnFailure"]["Destination"]) in QUEUES


def test_what_runs_on_a_schedule_keeps_its_failures() -> None:
    """Lambda would try twice more and then forget."""
    scheduled = {target(rule["Targets"][0]["Arn"]) for rule in of_type("AWS::Events::Rule").values()}
    configured = of_type("AWS::Lambda::EventInvokeConfig").values()

    assert {"Release", "Reconcile"} == scheduled
    assert scheduled == {target(config["FunctionName"]) for config in configured}
    assert all(config["DestinationConfig"]["OnFailure"]["Destination"] for config in configured)
    assert all(rule["Targets"][0]["DeadLetterConfig"] for rule in of_type("AWS::Events::Rule").values())


@pytest.mark.parametrize("name", MAPPINGS)
def test_a_message_stays_hidden_for_six_times_its_readers_timeout(name: str) -> None:
    """Less, and a message is given out again while its first reader still works. SOURCE: AWS, Lambda with SQS."""
    mapping = MAPPINGS[name]
    source = target(mapping["EventSourceArn"])
    if source in QUEUES:
        timeout = FUNCTIONS[target(mapping["FunctionName"])]["Timeout"]

        assert QUEUES[source]["VisibilityTimeout"] >= 6 * timeout


def test_every_dead_letter_queue_has_an_alarm_and_keeps_letters_longest() -> None:
    """Nobody looks at a queue that does not call."""
    letters = {name for name in QUEUES if name.endswith("DeadLetters")}
    watched = {
        target(alarm["Dimensions"][0]["Value"])
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm.get("MetricName") == "ApproximateNumberOfMessagesVisible"
    }

    assert letters == watched
    assert {1_209_600} == {QUEUES[name]["MessageRetentionPeriod"] for name in letters}


def test_every_alarm_has_its_line_in_the_operators_book() -> None:
    """Whoever is woken finds there what it means and what to do."""
    told = re.findall(r"^\| (\w+) \|", (template.ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    alarms = [name.removesuffix("Alarm") for name in of_type("AWS::CloudWatch::Alarm")]

    assert sorted(name for name in told if name in alarms) == sorted(alarms)


def test_every_right_names_what_it_is_for() -> None:
    """No action on everything, no everything on an action, unless AWS lets that action be granted in no other way."""
    for role, statement in statements():
        if statement["Action"] in WITHOUT_A_RESOURCE:
            continue
        for text in (*strings(statement["Action"]), *strings(statement["Resource"])):
            assert not text.endswith("*"), (role, text)


def test_no_function_has_rights_from_a_managed_policy_but_to_log() -> None:
    """SAM's own event types would add the right to read any queue and any stream. A state machine writes no logs at all."""
    for name, role in of_type("AWS::IAM::Role").items():
        managed = role.get("ManagedPolicyArns", [])
        assert managed == ([] if name.removesuffix("Role") in MACHINES else [LOGS]), name


def test_the_voice_door_may_do_nothing_but_keep_facts_lead_calls_and_connect_them() -> None:
    """It is the one that strangers reach first. Whom it speaks to takes the pepper, which is fetched when the first menu is rung."""
    rights = [statement for role, statement in statements() if role == "VoiceWebhookRole"]

    assert [right["Sid"] for right in rights] == [
        "KeepFacts",
        "KeepCalls",
        "ReadContent",
        "KnowCallers",
        "KnowDials",
        "ReadWhoIsConnected",
        "KeepPatches",
        "TakeSlotsAndCountPins",
        "TakeTickets",
        "ClaimVoters",
        "ReadAndMoveInfluencers",
        "TakeTrackers",
        "OpenReviews",
        "ReadSecrets",
    ]


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_a_table_with_people_outlives_the_stack_and_can_be_restored(name: str) -> None:
    """Deleting a stack, or replacing a table, must not delete what people told us."""
    table = RESOURCES[name]

    assert "Retain" == table["DeletionPolicy"] == table["UpdateReplacePolicy"]
    assert TABLES[name]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_recordings_are_private_encrypted_and_forgotten() -> None:
    """A voice is personal data."""
    bucket = RESOURCES["Recordings"]
    properties = bucket["Properties"]
    (statement,) = RESOURCES["RecordingsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (rule,) = properties["LifecycleConfiguration"]["Rules"]

    assert "Retain" == bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", {"Ref": "RecordingRetentionDays"})
    assert TRANSLATED["Parameters"]["RecordingRetentionDays"]["Default"] == 90
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_recordings_come_from_the_provider_alone_unless_a_local_run_says_otherwise() -> None:
    """The origin that a deployment adds may be anywhere: a default would open a way into the network."""
    assert TRANSLATED["Parameters"]["RecordingsOrigin"]["Default"] == ""


def test_a_machines_definition_names_its_functions_and_no_address() -> None:
    """An address in the file would be right in one account only."""
    for name, path in template.machines(SAM).items():
        text = path.read_text(encoding="utf-8")

        assert set(re.findall(r"\$\{(\w+)\}", text)) == set(MACHINES[name]["DefinitionSubstitutions"])
        assert not re.search(r"arn:aws:\w+:[a-z]+-", text)


def test_every_task_of_a_machine_ends_in_time_and_every_failure_has_a_named_end() -> None:
    """Without it, an execution waits for a lost answer for a year."""
    for path in template.machines(SAM).values():
        states = yaml.safe_load(path.read_text(encoding="utf-8"))["States"]
        for name, state in states.items():
            if state["Type"] == "Task":
                assert state["TimeoutSeconds"], name
                assert "States.ALL" in state["Catch"][-1]["ErrorEquals"], name
                assert all(retry["JitterStrategy"] == "FULL" for retry in state["Retry"]), name


def test_nothing_bills_by_the_hour() -> None:
    """A campaign pays by the call; a quiet month costs a few alarms."""
    for name, resource in RESOURCES.items():
        assert not resource["Type"].startswith(BILLED_BY_THE_HOUR), name
    assert {"PAY_PER_REQUEST"} == {table["BillingMode"] for table in TABLES.values()}
    assert TRANSLATED["Parameters"]["ProvisionedConcurrency"]["Default"] == 0


def test_alarms_and_dashboard_can_be_left_out() -> None:
    """Off costs nothing."""
    conditions = {
        resource["Type"]: resource["Condition"]
        for resource in RESOURCES.values()
        if resource["Type"].startswith(("AWS::CloudWatch::", "AWS::SNS::"))
    }

    assert conditions == {
        "AWS::CloudWatch::Alarm": "HasAlarms",
        "AWS::CloudWatch::Dashboard": "HasDashboard",
        "AWS::SNS::Topic": "HasAlarms",
        "AWS::SNS::Subscription": "HasAlarmEmail",
    }


def test_the_doors_are_never_throttled_below_two_thousand_a_second() -> None:
    """A 429 loses an asynchronous callback for good."""
    settings = RESOURCES["ApiApiGatewayDefaultStage"]["Properties"]["DefaultRouteSettings"]
    parameters = TRANSLATED["Parameters"]

    assert settings["ThrottlingRateLimit"] == {"Ref": "RouteRate"}
    assert settings["ThrottlingBurstLimit"] == {"Ref": "RouteBurst"}
    for name in ("RouteRate", "RouteBurst"):
        assert parameters[name]["Default"] >= parameters[name]["MinValue"] >= 2000


def test_every_metric_that_is_paid_for_is_looked_at() -> None:
    """Alarms and dashboard watch the API as a whole; detailed metrics would bill every route for itself."""
    settings = RESOURCES["ApiApiGatewayDefaultStage"]["Properties"]["DefaultRouteSettings"]

    assert not settings.get("DetailedMetricsEnabled")


def test_the_dashboard_shows_this_stack_and_no_other() -> None:
    """Two stacks of one account write to one namespace."""
    (dashboard,) = of_type("AWS::CloudWatch::Dashboard").values()
    widgets = json.loads(dashboard["DashboardBody"]["Fn::Sub"])["widgets"]
    searches = [text for text in strings(widgets) if text.startswith("SEARCH")]

    (search,) = searches  # the sum of a gauge says nothing
    assert search == (
        "SEARCH('{Ringback,service} service=\"${AWS::StackName}\" NOT MetricName=SlotsTaken', 'Sum', 300)"
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_log_level_discards_our_metrics(name: str) -> None:
    """They are lines of the log without a level, which Lambda takes for INFO. SOURCE: AWS, Lambda, log-level filtering."""
    assert FUNCTIONS[name]["LoggingConfig"]["ApplicationLogLevel"] == {"Ref": "LogLevel"}
    assert TRANSLATED["Parameters"]["LogLevel"]["AllowedValues"] == ["DEBUG", "INFO"]


def test_access_logs_name_the_route_and_never_the_path() -> None:
    """A path holds a live token."""
    settings = RESOURCES["ApiApiGatewayDefaultStage"]["Properties"]["AccessLogSettings"]

    assert json.loads(settings["Format"])["route"] == "$context.routeKey"
    assert "path" not in settings["Format"].lower()


def test_react_hears_of_new_facts_only() -> None:
    """TTL removals and erasures are not facts."""
    (filtered,) = MAPPINGS["ReactFromJournal"]["FilterCriteria"]["Filters"]

    assert json.loads(filtered["Pattern"]) == {"eventName": ["INSERT"]}
    assert TABLES["Journal"]["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"


def test_what_waits_in_a_queue_is_encrypted() -> None:
    """Tables are always; a queue only when it says so."""
    assert all(queue["SqsManagedSseEnabled"] for queue in QUEUES.values())


def test_every_parameter_says_what_it_is_for() -> None:
    """`sam deploy --guided` shows nothing else."""
    assert all(parameter.get("Description") for parameter in TRANSLATED["Parameters"].values())


def test_no_secret_passes_through_the_template() -> None:
    """Secrets are read by name, so that no value stands in a parameter, an environment or a history of deployments."""
    for name in FUNCTIONS:
        variables = FUNCTIONS[name]["Environment"]["Variables"]

        assert variables["SECRETS_NAME"] == {"Ref": "SecretsName"}
        assert not [variable for variable in variables if variable.endswith(("_KEY", "_SECRET", "_PASSWORD"))]

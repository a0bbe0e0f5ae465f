"""What the local run changes in the translated template, and that it changes nothing else."""

from ringback_local import template
from ringback_local.workarounds.in_template import API_ID, rewrite, unpublished

SAM = unpublished(template.read())
PARAMETERS = {"SendConcurrency": "7"}
TRANSLATED = template.translate(SAM, PARAMETERS)
LOCAL = rewrite(TRANSLATED, PARAMETERS, template.functions(SAM))


def of_type(kind: str) -> dict[str, dict[str, object]]:
    return {
        name: resource["Properties"]
        for name, resource in LOCAL["Resources"].items()
        if resource["Type"] == kind
    }


def test_each_door_has_a_route_that_leads_to_its_function() -> None:
    routes = of_type("AWS::ApiGatewayV2::Route")
    integrations = of_type("AWS::ApiGatewayV2::Integration")

    assert {route["RouteKey"] for route in routes.values()} == {"ANY /voice/{proxy+}", "ANY /sms/{proxy+}"}
    assert {str(target["IntegrationUri"]).count("Webhook.Arn") for target in integrations.values()} == {1}
    assert of_type("AWS::ApiGatewayV2::Api")["Api"]["Tags"] == {"ms-custom-id": API_ID}


def test_each_function_runs_from_its_own_folder() -> None:
    """One dictionary of variables shared by all would give every function the last one's folder."""
    folders = {
        name: properties["Environment"]["Variables"]["RINGBACK_LOCAL_SOURCE"]  # type: ignore[index]
        for name, properties in of_type("AWS::Lambda::Function").items()
    }

    assert folders == {name: str(folder) for name, folder in template.functions(SAM).items()}


def test_numbers_are_numbers_and_variables_are_text() -> None:
    mapping = of_type("AWS::Lambda::EventSourceMapping")["SendMessageFromQueue"]
    variables = of_type("AWS::Lambda::Function")["SendMessage"]["Environment"]["Variables"]  # type: ignore[index]

    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 7}
    assert variables["SMS_PER_MINUTE"] == "200"


def test_no_version_stands_between_a_function_and_its_sources() -> None:
    assert not of_type("AWS::Lambda::Version")
    assert not of_type("AWS::Lambda::Alias")
    assert not of_type("AWS::Lambda::LayerVersion")


def test_tables_queues_rights_and_schedules_are_deployed_as_they_are() -> None:
    untouched = ("AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::IAM::Role", "AWS::Events::Rule")
    for name, resource in TRANSLATED["Resources"].items():
        if resource["Type"] in untouched:
            assert LOCAL["Resources"][name] == resource, name

"""Work-arounds in the translated template."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ringback_local.environments import SOURCE_VARIABLE
from ringback_local.template import Template

API_ID = "ringback"


def unpublished(template: Template) -> Template:
    """A function behind an alias runs as its version was published, not as its sources and settings are now: do without.

    Changes a SAM template before it is translated.
    """
    changed = copy.deepcopy(template)
    for resource in changed["Resources"].values():
        for name in ("AutoPublishAlias", "AutoPublishAliasAllProperties", "ProvisionedConcurrencyConfig"):
            resource.get("Properties", {}).pop(name, None)
    return changed


def rewrite(template: Template, parameters: Mapping[str, str], folders: Mapping[str, Path]) -> Template:
    """Make a translated template one that MiniStack can deploy from the sources in `folders`, by logical id."""
    rewritten: Template = numbers_as_numbers(copy.deepcopy(template), parameters)
    resources = rewritten["Resources"]
    for name, resource in list(resources.items()):
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::ApiGatewayV2::Api":
                resources |= routes_from_body(name, properties)
            case "AWS::Lambda::Function":
                run_from_sources(name, properties, folders[name])
            case "AWS::Lambda::LayerVersion":
                del resources[name]
            case "AWS::S3::BucketPolicy":
                del resources[
                    name
                ]  # the emulator speaks no TLS, so nobody would reach a bucket that demands it
    return rewritten


def define_inline(template: Template, definitions: Mapping[str, Path]) -> Template:
    """A state machine's definition would be fetched from S3, where nothing was packaged, and would have to be JSON there: put it
    into the template, from its file."""
    changed: Template = copy.deepcopy(template)
    for name, path in definitions.items():
        properties = changed["Resources"][name]["Properties"]
        del properties["DefinitionS3Location"]
        properties["DefinitionString"] = json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")))
    return changed


def numbers_as_numbers(template: Template, parameters: Mapping[str, str]) -> Template:
    """A `!Ref` to a parameter of type Number arrives as text, and the queue poller then compares text with a number:
    put the number in its place."""
    numbers = {
        name: int(parameters.get(name, declared.get("Default")))
        for name, declared in template["Parameters"].items()
        if declared["Type"] == "Number"
    }

    def put(node: Any) -> Any:
        if isinstance(node, dict):
            return (
                numbers[node["Ref"]]
                if node.keys() == {"Ref"} and node["Ref"] in numbers
                else {key: put(value) for key, value in node.items()}
            )
        return [put(item) for item in node] if isinstance(node, list) else node

    return {**template, "Resources": put(template["Resources"])}


def routes_from_body(api: str, properties: dict[str, Any]) -> Template:
    """`AWS::ApiGatewayV2::Api` ignores its Body, so an HttpApi deploys without routes: make them of their own.

    Also pins the API's id, by MiniStack's own tag, so that its address is known before it is deployed.
    """
    body = properties.pop("Body")
    properties.pop("FailOnWarnings", None)
    properties |= {"Name": "ringback", "ProtocolType": "HTTP", "Tags": {"ms-custom-id": API_ID}}
    made: Template = {}
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            key = f"{'ANY' if method == 'x-amazon-apigateway-any-method' else method.upper()} {path}"
            name = f"{api}Route{len(made) // 2}"
            integration = operation["x-amazon-apigateway-integration"]
            made[f"{name}Integration"] = {
                "Type": "AWS::ApiGatewayV2::Integration",
                "Properties": {
                    "ApiId": {"Ref": api},
                    "IntegrationType": "AWS_PROXY",
                    "IntegrationUri": integration["uri"],
                    "PayloadFormatVersion": integration["payloadFormatVersion"],
                },
            }
            made[name] = {
                "Type": "AWS::ApiGatewayV2::Route",
                "Properties": {
                    "ApiId": {"Ref": api},
                    "RouteKey": key,
                    "Target": {"Fn::Sub": f"integrations/${{{name}Integration}}"},
                },
            }
    return made


def run_from_sources(name: str, properties: dict[str, Any], folder: Path) -> None:
    """A layer is unpacked afresh for every environment: leave layers out and run the handler where its source lies,
    under the function's logical id, so that logs and invocations can name it."""
    properties.pop("Layers", None)
    properties["FunctionName"] = name
    properties["Code"] = {"ZipFile": "# runs from the sources"}
    variables = properties["Environment"]["Variables"]
    as_text = {name: str(value) if isinstance(value, int) else value for name, value in variables.items()}
    properties["Environment"] = {"Variables": {**as_text, SOURCE_VARIABLE: str(folder)}}

"""Reads `template.yaml` and translates it from SAM to plain CloudFormation, as AWS does when the stack is deployed.

Both the local stack and the lint work on the translation, so neither can drift from what AWS gets.
"""

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samtranslator.parser.parser import Parser
from samtranslator.sdk.resource import SamResourceType
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

REGION = "ap-south-1"
ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"

Template = dict[str, Any]
"""A parsed template. Its values are as free as CloudFormation's, hence Any."""


def read(path: Path = TEMPLATE) -> Template:
    """Parse a template; `!Ref` and its kin become `{"Ref": …}` and so on."""
    parsed: Template = yaml_parse(path.read_text(encoding="utf-8"))
    return parsed


def functions(template: Template, root: Path = ROOT) -> dict[str, Path]:
    """The folder of each function of a SAM template, by logical id."""
    return {
        name: root / resource["Properties"]["CodeUri"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == SamResourceType.Function.value
    }


def machines(template: Template, root: Path = ROOT) -> dict[str, Path]:
    """The definition of each state machine of a SAM template, by logical id."""
    return {
        name: root / resource["Properties"]["DefinitionUri"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == SamResourceType.StateMachine.value
    }


def translate(template: Template, parameters: Mapping[str, str] | None = None) -> Template:
    """Translate SAM to CloudFormation, without touching the network or needing credentials.

    Code addresses are replaced by a placeholder, because a translation takes only code that lies in S3. Raises
    `samtranslator.model.exceptions.InvalidDocumentException` with every fault of the template.
    """
    source = copy.deepcopy(template)
    for resource in source["Resources"].values():
        for place in ("CodeUri", "ContentUri", "DefinitionUri"):
            if place in resource.get("Properties", {}):
                resource["Properties"][place] = "s3://placeholder/code"
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    translation: Template = Translator({}, Parser()).translate(source, dict(parameters or {}))
    return translation

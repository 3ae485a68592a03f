"""The deployment as the checks see it: the template, the API's document, and both after SAM's transform."""

import copy
import functools
import json
import logging
from pathlib import Path

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

INFRA = Path(__file__).resolve().parent.parent
ROOT = INFRA.parent
REGION = "eu-west-1"

# The translator remarks that it has no feature toggles: those are AWS's own.
logging.getLogger("samtranslator").setLevel(logging.CRITICAL)

# By provider: the beginning of its resources' and parameters' names, and its name in paths and secrets.
PROVIDERS = {
    "CallTools": "calltools",
    "GenesysCloud": "genesys-cloud",
    "RingCentral": "ringcentral",
    "PortSip": "portsip",
}


class Deployment:
    """A template and an API document, as text and read."""

    def __init__(self, template_text, api_text):
        """Reads both texts; a text that is no YAML raises."""
        self.template_text = template_text
        self.api_text = api_text
        self.source = yaml_parse(template_text)
        self.api = yaml_parse(api_text)

    @classmethod
    def load(cls):
        """The deployment in this folder."""
        return cls((INFRA / "template.yaml").read_text("utf-8"), (INFRA / "openapi.yaml").read_text("utf-8"))

    def defaults(self):
        """The parameters' defaults, by name, as text."""
        return {name: str(each.get("Default", "")) for name, each in self.source["Parameters"].items()}

    @functools.cached_property
    def transformed(self):
        """What SAM makes of the template with the parameters' defaults."""
        return self.transformed_with({})

    def transformed_with(self, parameters):
        """What SAM makes of the template with these parameters. The document is put in first, as CloudFormation does."""
        source = copy.deepcopy(self.source)
        for resource in source["Resources"].values():
            properties = resource.get("Properties", {})
            if resource["Type"] == "AWS::Serverless::Function":
                # What packaging puts there; the translator takes no folder.
                properties["CodeUri"] = "s3://bucket/key"
            if "DefinitionBody" in properties:
                properties["DefinitionBody"] = self._included(properties["DefinitionBody"])
        session = boto3.session.Session(region_name=REGION)
        values = {**self.defaults(), **parameters}
        return Translator({}, Parser(), boto_session=session).translate(source, values)

    def _included(self, body):
        wanted = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "openapi.yaml"}}}
        if json.loads(json.dumps(body)) != wanted:
            raise ValueError(f"the API's body is not the include of openapi.yaml: {body}")
        return copy.deepcopy(self.api)


def of_type(template, kind):
    """The resources of a type, by their logical id."""
    return {name: each for name, each in template["Resources"].items() if each["Type"] == kind}


def walk(value, path=()):
    """Every value within a document with the path to it, outermost first."""
    yield path, value
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from walk(child, (*path, key))

"""The linters of others: cfn-lint on the template and on what SAM makes of it, and `sam validate`."""

import functools
import json
import os
import tempfile
from pathlib import Path

from cfnlint.api import lint
from click.testing import CliRunner

from .deployment import REGION


def source_faults(deployment):
    """What cfn-lint says of the template as it is written."""
    return _linted(deployment.template_text)


def transformed_faults(deployment):
    """What cfn-lint says of the transformed template: references to nothing, IAM actions and values are seen only here."""
    return _linted(json.dumps(deployment.transformed))


def sam_faults(deployment):
    """What `sam validate --lint` says; without an account, and in this process."""
    command = _sam()
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.yaml"
        template.write_text(deployment.template_text, "utf-8")
        (Path(folder) / "openapi.yaml").write_text(deployment.api_text, "utf-8")
        result = CliRunner().invoke(command, ["validate", "--lint", "--region", REGION, "--template", str(template)])
    return [] if result.exit_code == 0 else [f"sam validate: {result.output.strip()} {result.exception or ''}"]


def _linted(text):
    return [f"{each.rule.id} {each.message}" for each in lint(text, regions=[REGION])]


@functools.cache
def _sam():
    # Read by sam when it is imported: it must not phone home.
    os.environ["SAM_CLI_TELEMETRY"] = "0"
    from samcli.cli.main import cli

    # Commands are loaded by name; asking for one loads it.
    return cli

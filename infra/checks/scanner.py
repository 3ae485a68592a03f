"""checkov, a scanner for insecure settings: what it finds is exactly what is accepted here, each with its reason."""

import copy
import json
import os
import subprocess
import tempfile
from pathlib import Path

from .deployment import PROVIDERS, ROOT
from .privileges import KEY

# Its own environment: it pins other versions of what the other tools need.
PROGRAM = ROOT / "target" / "checkov" / "bin" / "checkov"
ON = {
    "SharedState": "true",
    "FixedEgress": "true",
    "KmsKeyArn": KEY,
    "AlarmEmail": "operator@example.com",
    **{f"{name}Connections": "acme" for name in PROVIDERS},
}
# By check: what it wants, and why it is not followed.
ACCEPTED = {
    "CKV_AWS_26": "an encrypted topic: CloudWatch cannot use the account's own key, and a message names an alarm only",
    "CKV_AWS_28": "point-in-time recovery of the table: it is a cache, and what it holds is worth seconds",
    "CKV_AWS_76": "access logs: they hold the caller's address and query; each verdict is in the function's log",
    "CKV_AWS_116": "a dead letter queue: a schedule's event is worth nothing a minute later",
    "CKV_AWS_119": "a customer's key for the table: it has one where one is given, which checkov does not see",
    "CKV_AWS_120": "caching in the gateway: a verdict is about now",
    "CKV_AWS_158": "log groups under a KMS key: the key's policy would have to admit CloudWatch, and no line holds a secret",
    "CKV_AWS_173": "the environment under a KMS key: it holds settings, no secrets",
}


def faults(deployment):
    """What checkov finds and nobody accepted, and what is accepted though it does not occur."""
    found = findings(deployment)
    for check, resources in sorted(found.items()):
        if check not in ACCEPTED:
            yield f"{check} on {', '.join(sorted(resources))}"
    for check in sorted(set(ACCEPTED) - set(found)):
        yield f"{check} is accepted and does not occur"


def findings(deployment):
    """By failed check: the resources. checkov reads the transformed template, and asks nothing of its servers."""
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.json"
        template.write_text(json.dumps(_everything_on(deployment.transformed)), "utf-8")
        command = [PROGRAM, "--skip-download", "--framework", "cloudformation", "--output", "json", "--file", template]
        environment = {**os.environ, "BC_SKIP_MAPPING": "TRUE"}
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    report = json.loads(result.stdout)
    if report["summary"]["parsing_errors"] or not report["summary"]["passed"]:
        raise RuntimeError(f"checkov did not read the template: {report['summary']}")
    found = {}
    for each in report["results"]["failed_checks"]:
        found.setdefault(each["check_id"], set()).add(each["resource"])
    return found


def _everything_on(template):
    """The template with every option as its default: checkov leaves out what a condition leaves out."""
    template = copy.deepcopy(template)
    for name, value in ON.items():
        template["Parameters"][name]["Default"] = value
    return template

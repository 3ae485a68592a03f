"""Service principals: who may take a role, call a function or publish. A mistyped one is deployed without a word."""

from .deployment import walk

# By resource type: the services that may appear in it.
KNOWN = {
    "AWS::IAM::Role": {"lambda.amazonaws.com", "scheduler.amazonaws.com"},
    "AWS::Lambda::Permission": {"apigateway.amazonaws.com"},
    "AWS::SNS::TopicPolicy": {"cloudwatch.amazonaws.com"},
}


def faults(deployment):
    """Principals that are not known for their kind of resource, and open ones."""
    resources = deployment.transformed["Resources"]
    # A role is taken by the service that the functions or the schedules run in, and no other.
    for name, resource in resources.items():
        kind = resource["Type"]
        for path, value in walk(resource):
            if not path or path[-1] != "Principal":
                continue
            yield from (f"{name}: {fault}" for fault in _principal_faults(kind, value))
        if kind == "AWS::IAM::Role":
            wanted = "scheduler.amazonaws.com" if name == "SchedulerRole" else "lambda.amazonaws.com"
            statements = resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]
            if [each["Principal"] for each in statements] != [{"Service": wanted}]:
                yield f"{name}: taken by {wanted} and nobody else"


def _principal_faults(kind, principal):
    if isinstance(principal, str):
        principal = {"Service": principal}
    for key, value in principal.items():
        if key == "Service":
            for service in value if isinstance(value, list) else [value]:
                if service not in KNOWN.get(kind, set()):
                    yield f"`{service}` is no service principal that a {kind} here needs"
        elif kind != "AWS::EC2::VPCEndpoint" or "root" not in str(value):
            yield f"the principal {key}: {value} is not wanted in a {kind}"

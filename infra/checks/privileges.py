"""Least privilege, proven: each role may do what is written here, on what is written here, and nothing else.

The policies of the transformed template, with what SAM adds, are evaluated against concrete ARNs, as AWS would.
"""

import functools
import itertools
import re

from .deployment import PROVIDERS, REGION, of_type
from .iam import allowed, listed
from .resolve import ACCOUNT, STACK, Resolver

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d-0000-1111-2222-333344445555"
OTHER_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/99999999-0000-1111-2222-333344445555"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{STACK}-StateTable"
# Every combination of what changes policies.
SWITCHES = {"KmsKeyArn": ("", KEY), "SharedState": ("false", "true"), "FixedEgress": ("false", "true")}

# Managed policies of AWS that a role may have. None: AWS widens them without asking.
MANAGED = frozenset()
# AWS knows no narrower resource for these.
ANY_RESOURCE = {
    "secretsmanager:ListSecrets",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
TABLE_ACTIONS = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem"}
# What nobody here may do, tried beside what the policies name.
TEMPTING = {
    "secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:UpdateSecret",
    "secretsmanager:PutSecretValue", "secretsmanager:PutResourcePolicy", "secretsmanager:BatchGetSecretValue",
    "secretsmanager:DescribeSecret", "secretsmanager:ListSecretVersionIds",
    "kms:Encrypt", "kms:CreateGrant", "kms:ScheduleKeyDeletion",
    "dynamodb:Scan", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:DeleteTable",
    "logs:CreateLogGroup", "logs:FilterLogEvents", "lambda:InvokeFunction", "lambda:UpdateFunctionCode",
    "iam:PassRole", "sts:AssumeRole", "ec2:RunInstances", "s3:GetObject",
}  # fmt: skip

SECRETS = [
    f"arn:aws:secretsmanager:{region}:{account}:secret:{name}-Ab3dEf"
    for region, account in ((REGION, ACCOUNT), (REGION, "999900001111"), ("us-east-1", ACCOUNT))
    for name in (
        *(f"{prefix}/{provider}/{connection}"
          for prefix in ("callgate", "callgate-grant")
          for provider in PROVIDERS.values()
          for connection in ("acme", "b-2")),
        # Names that only look alike.
        "callgate", "callgate-grant", "callgate-other/calltools/acme", "callgate/calltools-2/acme",
        "callgate/genesys-cloud-grant/acme", "other/callgate/calltools/acme", "production/database",
    )
]  # fmt: skip
GROUPS = {name: f"/callgate/{STACK}/{provider}" for name, provider in {**PROVIDERS, "TokenRefresh": "token-refresh"}.items()}
RESOURCES = {
    "secretsmanager": [*SECRETS, "*"],
    "kms": [KEY, OTHER_KEY],
    "dynamodb": [TABLE, f"{TABLE}-2", f"{TABLE}/index/by-age"],
    "logs": [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{each}:log-stream:s" for each in (*GROUPS.values(), "/aws/lambda/else")],
    "lambda": [
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{each}"
        for name in (*PROVIDERS, "TokenRefresh")
        for each in (f"{STACK}-{name}Function:live", f"{STACK}-{name}Function", f"{STACK}-{name}Function:7")
    ] + [f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:payroll:live"],
}  # fmt: skip
ELSEWHERE = ["*", f"arn:aws:iam::{ACCOUNT}:role/admin"]
SERVICES = [f"{each}.{REGION}.amazonaws.com" for each in ("secretsmanager", "dynamodb", "s3")]
CONTEXTS = {
    "kms": [
        {},
        *({"kms:ViaService": [service]} for service in SERVICES),
        *(
            {"kms:ViaService": [service], "kms:EncryptionContext:aws:dynamodb:tableName": [table]}
            for service in SERVICES
            for table in (f"{STACK}-StateTable", "payroll")
        ),
    ],
    "dynamodb": [
        {},
        *({"dynamodb:LeadingKeys": [f"{each}/acme/q"]} for each in PROVIDERS.values()),
        *({"dynamodb:LeadingKeys": [f"{each}/acme/q", "else"]} for each in PROVIDERS.values()),
        *({"dynamodb:LeadingKeys": [f"{each}-2/acme/q"]} for each in PROVIDERS.values()),
    ],
}


def faults(deployment):
    """Where a role may do more or less than it should, over all combinations of what changes policies."""
    for values in itertools.product(*SWITCHES.values()):
        parameters = dict(zip(SWITCHES, values))
        template = Resolver(deployment.transformed, parameters).template_resolved()
        where = ", ".join(f"{key} {'on' if value not in ('', 'false') else 'off'}" for key, value in parameters.items())
        yield from (f"{where}: {fault}" for fault in _template_faults(template, parameters))


def _template_faults(template, parameters):
    roles = of_type(template, "AWS::IAM::Role")
    expected = {f"{name}Role" for name in (*PROVIDERS, "TokenRefresh")} | {"SchedulerRole"}
    if set(roles) != expected:
        yield f"the roles are {sorted(roles)}, not {sorted(expected)}"
        return
    used = set()
    for name, role in roles.items():
        yield from _form_faults(name, role["Properties"])
        policies, faults_of_managed = _policies(template, role["Properties"])
        used.update(role["Properties"].get("ManagedPolicyArns", []))
        yield from (f"{name}: {fault}" for fault in faults_of_managed)
        statements = [statement for policy in policies for statement in listed(policy["Statement"])]
        understood = True
        for statement in statements:
            for fault in _statement_faults(statement):
                yield f"{name}: {fault}"
                understood = understood and "Not" not in fault
        if understood:
            yield from (f"{name}: {fault}" for fault in _role_faults(name, statements, parameters))
    for kind in ("AWS::IAM::Policy", "AWS::IAM::User", "AWS::IAM::Group"):
        for name in of_type(template, kind):
            yield f"{name}: a {kind} is not looked at here"
    for name in set(of_type(template, "AWS::IAM::ManagedPolicy")) - used:
        yield f"{name}: nobody has this policy"


def _form_faults(name, properties):
    known = {"AssumeRolePolicyDocument", "ManagedPolicyArns", "Policies", "Tags"}
    for key in set(properties) - known:
        yield f"{name}: {key} is not looked at here"


def _policies(template, properties):
    """The role's policy documents, and what is wrong with those that it borrows."""
    policies = [each["PolicyDocument"] for each in properties.get("Policies", [])]
    found = []
    for each in properties.get("ManagedPolicyArns", []):
        own = template["Resources"].get(each)
        if own is not None and own["Type"] == "AWS::IAM::ManagedPolicy":
            policies.append(own["Properties"]["PolicyDocument"])
        elif each not in MANAGED:
            found.append(f"the managed policy {each} is not on the list")
    return policies, found


def _statement_faults(statement):
    for key in ("NotAction", "NotResource", "NotPrincipal", "Principal"):
        if key in statement:
            yield f"{key} allows what nobody has written down"
    for action in listed(statement.get("Action", [])):
        if "*" in action or "?" in action:
            yield f"the action {action} is a wildcard"
        for resource in listed(statement.get("Resource", [])):
            if resource == "*" and action not in ANY_RESOURCE:
                yield f"{action} on *, where AWS knows narrower resources"


def _role_faults(role, statements, parameters):
    actions = TEMPTING | TABLE_ACTIONS | LOGS | ANY_RESOURCE | {"kms:Decrypt", "kms:GenerateDataKey", "secretsmanager:GetSecretValue"}
    # Also what a policy names beyond that; a wildcard has been found already.
    actions |= {each for statement in statements for each in listed(statement["Action"]) if "*" not in each}
    for action in sorted(actions):
        service = action.split(":")[0]
        for resource in RESOURCES.get(service, ELSEWHERE):
            for context in CONTEXTS.get(service, [{}]):
                found = allowed(statements, action, resource, context)
                wanted = _expected(role, action, resource, context, parameters)
                if found != wanted:
                    yield f"{'may' if found else 'may not'} {action} on {resource} with {context}"


def _expected(role, action, resource, context, parameters):
    """The definition: whether this role is to do this, with this resource, in this deployment."""
    name = role.removesuffix("Role")
    if name == "Scheduler":
        return action == "lambda:InvokeFunction" and re.fullmatch(
            rf"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-(CallTools|GenesysCloud|RingCentral|PortSip|TokenRefresh)Function:live",
            resource,
        ) is not None  # fmt: skip
    if action in LOGS:
        return resource == f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUPS[name]}:log-stream:s"
    if action.startswith("xray:"):
        return action in ANY_RESOURCE
    if action.startswith("ec2:"):
        return action in ANY_RESOURCE and parameters["FixedEgress"] == "true"
    if action.startswith("kms:"):
        return resource == KEY == parameters["KmsKeyArn"] and _key_expected(name, action, context, parameters)
    if action.startswith("dynamodb:"):
        keys = context.get("dynamodb:LeadingKeys", [])
        own = bool(keys) and name in PROVIDERS and all(each.startswith(f"{PROVIDERS[name]}/") for each in keys)
        return parameters["SharedState"] == "true" and action in TABLE_ACTIONS and resource == TABLE and own
    if name in PROVIDERS:
        return action == "secretsmanager:GetSecretValue" and _own_secret(f"callgate/{PROVIDERS[name]}/", resource)
    if action == "secretsmanager:ListSecrets":
        return True
    reads_and_writes = {"secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "secretsmanager:PutSecretValue"}
    return action in reads_and_writes and (_own_secret("callgate/", resource) or _own_secret("callgate-grant/", resource))


def _key_expected(name, action, context, parameters):
    via = context.get("kms:ViaService")
    if via == [f"secretsmanager.{REGION}.amazonaws.com"]:
        return action == "kms:Decrypt" or (action == "kms:GenerateDataKey" and name == "TokenRefresh")
    table = context.get("kms:EncryptionContext:aws:dynamodb:tableName")
    opens_table = via == [f"dynamodb.{REGION}.amazonaws.com"] and table == [f"{STACK}-StateTable"]
    return action == "kms:Decrypt" and opens_table and name in PROVIDERS and parameters["SharedState"] == "true"


@functools.cache
def _own_secret(prefix, resource):
    return resource.startswith(f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{prefix}")

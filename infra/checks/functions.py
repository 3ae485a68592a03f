"""The functions: what is built for each, where it logs, how many may run, and which version is called."""

import tomllib

from .deployment import INFRA, PROVIDERS, of_type
from .iam import listed
from .resolve import Resolver

NAMES = [*PROVIDERS, "TokenRefresh"]


def faults(deployment):
    """What is wrong with the functions; all of them are there, and each has what every function has."""
    source = of_type(deployment.source, "AWS::Serverless::Function")
    transformed = deployment.transformed
    functions = of_type(transformed, "AWS::Lambda::Function")
    if set(functions) != {f"{name}Function" for name in NAMES}:
        yield f"the functions are {sorted(functions)}, not {NAMES}"
    sound = True
    for name in NAMES:
        function = functions.get(f"{name}Function")
        if function:
            for fault in _structure_faults(name, function["Properties"], source[f"{name}Function"], transformed):
                sound = False
                yield fault
    # Where something is missing, nothing can be evaluated.
    for name in NAMES if sound and len(functions) == len(NAMES) else ():
        yield from _concurrency_faults(name, transformed)


def _structure_faults(name, properties, source, template):
    yield from _build_faults(name, source)
    yield from (f"{name}Function: {fault}" for fault in _property_faults(name, properties))
    yield from _log_faults(name, properties, template)
    yield from _alias_faults(name, template)


def _build_faults(name, function):
    metadata = function.get("Metadata", {})
    folder = (INFRA / function["Properties"]["CodeUri"]).resolve()
    manifest = folder / "Cargo.toml"
    binary = metadata.get("BuildProperties", {}).get("Binary")
    if metadata.get("BuildMethod") != "rust-cargolambda":
        yield f"{name}Function: built by {metadata.get('BuildMethod')}, not by rust-cargolambda"
    # cargo looks for a binary among the members that are built by default, or in the folder it is called in.
    if not manifest.is_file() or tomllib.loads(manifest.read_text("utf-8")).get("package", {}).get("name") != binary:
        yield f"{name}Function: CodeUri is not the folder of the package {binary}"
    if binary != f"callgate-{PROVIDERS.get(name, 'token-refresh')}":
        yield f"{name}Function: the binary is {binary}"


def _property_faults(name, properties):
    wanted = {
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        # A run of the refresher ends before its claim on a grant does.
        "Timeout": 85 if name == "TokenRefresh" else 30,
        "Architectures": [{"Ref": "Architecture"}],
        "MemorySize": {"Ref": "MemorySize"},
        "TracingConfig": {"Mode": "Active"},
        "Role": {"Fn::GetAtt": [f"{name}Role", "Arn"]},
    }
    for key, value in wanted.items():
        if properties.get(key) != value:
            yield f"{key} is {properties.get(key)}, not {value}"


def _log_faults(name, properties, template):
    group = template["Resources"].get(f"{name}Logs", {})
    if group.get("Type") != "AWS::Logs::LogGroup" or "RetentionInDays" not in group.get("Properties", {}):
        yield f"{name}Function: there is no log group {name}Logs with a retention"
    # Another format has Lambda rewrite the lines that carry the metrics.
    if properties.get("LoggingConfig") != {"LogFormat": "Text", "LogGroup": {"Ref": f"{name}Logs"}}:
        yield f"{name}Function: logs as text to its own log group {name}Logs, not {properties.get('LoggingConfig')}"


def _alias_faults(name, template):
    alias = template["Resources"].get(f"{name}FunctionAliaslive")
    if alias is None or alias["Properties"]["FunctionName"] != {"Ref": f"{name}Function"}:
        yield f"{name}Function: there is no alias live"


def _concurrency_faults(name, template):
    """Reserved and provisioned concurrency follow their parameters, and 0 is none."""
    for given, wanted in (("0", None), ("7", "7")):
        resources = Resolver(template, {f"{name}ReservedConcurrency": given}).template_resolved()["Resources"]
        reserved = resources[f"{name}Function"]["Properties"].get("ReservedConcurrentExecutions")
        if reserved != wanted:
            yield f"{name}Function: with {name}ReservedConcurrency {given}, {reserved} are reserved"
        if name in PROVIDERS:
            resources = Resolver(template, {f"{name}ProvisionedConcurrency": given}).template_resolved()["Resources"]
            provisioned = resources.get(f"{name}FunctionAliaslive", {}).get("Properties", {})
            if provisioned.get("ProvisionedConcurrencyConfig", {}).get("ProvisionedConcurrentExecutions") != wanted:
                yield f"{name}Function: with {name}ProvisionedConcurrency {given}, the alias has {provisioned}"


def version_faults(deployment):
    """Parameters that change a function and make no new version of it: the alias would go on with the old settings.

    CloudFormation replaces a version whose description changes; and Lambda makes a new one only where the function has
    changed, too. So both descriptions must follow.
    """
    # By parameter: a value that is not the default.
    others = {
        "Architecture": "arm64",
        "MemorySize": "1024",
        "DeadlineMs": "1700",
        "SecretTtlSeconds": "60",
        "ExplainBodies": "true",
        "SharedState": "true",
        "FixedEgress": "true",
        # Other subnets, although they have the same logical ids.
        "VpcCidr": "10.94.0.0/24",
        **{f"{name}Connections": "acme" for name in PROVIDERS},
    }
    unlisted = [name for name in deployment.defaults() if name not in others]
    others |= {name: _other(deployment.source["Parameters"][name]) for name in unlisted}
    on = {"FixedEgress": "true"}
    for parameter, value in others.items():
        base = {} if parameter in on else on
        before = _functions_and_versions(deployment, base)
        after = _functions_and_versions(deployment, {**base, parameter: value})
        for name, (function, version) in before.items():
            function_after, version_after = after[name]
            if function != function_after and version == version_after:
                yield f"{name}: {parameter} changes it, and the alias keeps the old version"
            if version != version_after and function == function_after:
                yield f"{name}: {parameter} asks for a new version of an unchanged function, which Lambda refuses"
    longest = {name: "a" * int(each.get("MaxLength", 0)) for name, each in deployment.source["Parameters"].items()}
    longest = {name: value for name, value in longest.items() if value}
    longest |= {"MemorySize": "3008", "DeadlineMs": "28000", "SecretTtlSeconds": "86400", "VpcCidr": "255.255.255.255/24"}
    for name, (function, _) in _functions_and_versions(deployment, longest).items():
        if len(function["Description"]) > 256:
            yield f"{name}: the description may be longer than the 256 characters that Lambda allows"


def _other(parameter):
    choices = [str(each) for each in listed(parameter.get("AllowedValues", []))]
    default = str(parameter.get("Default", ""))
    if choices:
        return next(each for each in choices if each != default)
    return str(int(default) + 1) if parameter["Type"] == "Number" else f"{default}1"


def _functions_and_versions(deployment, parameters):
    """By function: its properties that a version fixes, and what makes the version another one."""
    template = deployment.transformed_with(parameters)
    resolver = Resolver(template, parameters)
    resources = resolver.template_resolved()["Resources"]
    found = {}
    for logical_id, each in of_type(template, "AWS::Lambda::Version").items():
        name = each["Properties"]["FunctionName"]["Ref"]
        function = resources[name]["Properties"]
        if "VpcConfig" in function:
            # Subnets are replaced where their range changes.
            function["VpcConfig"]["Range"] = resolver.parameters["VpcCidr"]
        fixed = {key: value for key, value in function.items() if key != "ReservedConcurrentExecutions"}
        found[name] = (fixed, (logical_id, resolver.value(each["Properties"])))
    return found

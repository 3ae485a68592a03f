"""What the functions find in their environment: names that the code reads, and never the test switch."""

from .deployment import PROVIDERS, of_type
from .resolve import Resolver

FORBIDDEN = "CALLGATE_ALLOW_LOOPBACK"


def faults(deployment):
    """Variables that the code does not know, that are missing, or that must not be."""
    for name, text in (("template.yaml", deployment.template_text), ("openapi.yaml", deployment.api_text)):
        if FORBIDDEN in text:
            yield f"{name}: {FORBIDDEN} is for tests"
    given = {"DeadlineMs": "1700", "SecretTtlSeconds": "60"}
    given |= {f"{name}Connections": f"{provider}-one,two" for name, provider in PROVIDERS.items()}
    on = {**given, "ExplainBodies": "true", "SharedState": "true"}
    for parameters in (given, on):
        resolver = Resolver(deployment.transformed, parameters)
        functions = of_type(resolver.template_resolved(), "AWS::Lambda::Function")
        for name, function in functions.items():
            found = function["Properties"].get("Environment", {}).get("Variables", {})
            wanted = _wanted(resolver, name.removesuffix("Function"), parameters)
            if found != wanted:
                yield f"{name}: the environment is {found}, not {wanted}"


def _wanted(resolver, name, parameters):
    if name not in PROVIDERS:
        return {}
    wanted = {
        "CALLGATE_DEADLINE_MS": parameters["DeadlineMs"],
        "CALLGATE_SECRET_TTL_SECONDS": parameters["SecretTtlSeconds"],
        "CALLGATE_CONNECTIONS": parameters[f"{name}Connections"],
    }
    if parameters.get("ExplainBodies") == "true":
        wanted["CALLGATE_EXPLAIN_BODIES"] = "1"
    if parameters.get("SharedState") == "true":
        wanted["CALLGATE_STATE_TABLE"] = resolver.value({"Ref": "StateTable"})
    return wanted

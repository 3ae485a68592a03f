"""The template's parameters: each is described, used, and has a default that its own rules allow."""

import json
import re

from .deployment import walk


def faults(deployment):
    """What is wrong with the parameters."""
    source = json.loads(json.dumps(deployment.source))
    used = set()
    for _, value in walk({key: each for key, each in source.items() if key != "Parameters"}):
        if isinstance(value, dict) and "Ref" in value:
            used.add(value["Ref"])
        elif isinstance(value, str):
            used.update(re.findall(r"\$\{([A-Za-z0-9]+)\}", value))
    for name, parameter in source["Parameters"].items():
        if len(parameter.get("Description", "")) < 20:
            yield f"{name} is not described"
        if name not in used:
            yield f"{name} is not used"
        if "Default" not in parameter:
            yield f"{name} has no default: the first deployment must not ask for it"
            continue
        default = parameter["Default"]
        if default not in parameter.get("AllowedValues", [default]):
            yield f"{name}: the default {default} is not allowed"
        if not re.fullmatch(parameter.get("AllowedPattern", ".*"), str(default)):
            yield f"{name}: the default {default} does not match its pattern"
        if parameter["Type"] == "String" and not {"AllowedValues", "AllowedPattern"} & set(parameter):
            yield f"{name} takes any text"

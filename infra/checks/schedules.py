"""Schedules and asynchronous invocations: when, whom, with what, and never twice."""

import json
import re

from .deployment import PROVIDERS, of_type
from .resolve import Resolver

UNITS = ("minute", "hour", "day")
MONTHS = dict(zip("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), range(1, 13)))
DAYS = dict(zip("SUN MON TUE WED THU FRI SAT".split(), range(1, 8)))
# By field of a cron expression: the lowest and the highest number, and names for numbers.
CRON_FIELDS = {
    "minutes": (0, 59, {}),
    "hours": (0, 23, {}),
    "day of month": (1, 31, {}),
    "month": (1, 12, MONTHS),
    "day of week": (1, 7, DAYS),
    "year": (1970, 2199, {}),
}
# The period that the refresher's own reckoning rests on, and after which a sandbox may be gone.
PERIOD = "rate(5 minutes)"
EXAMPLES = ["acme", "second-line", "3rd"]


def expression_fault(expression):
    """What is wrong with a schedule expression, or None."""
    found = re.fullmatch(r"(rate|cron|at)\((.*)\)", expression)
    if not found:
        return f"`{expression}` is no rate(…), cron(…) or at(…)"
    kind, inside = found.groups()
    return {"rate": _rate_fault, "cron": _cron_fault, "at": _at_fault}[kind](inside)


def _rate_fault(inside):
    found = re.fullmatch(r"([1-9][0-9]*) ([a-z]+)", inside)
    if not found:
        return f"rate({inside}): a whole number above 0, a blank, and a unit are wanted"
    number, unit = found.groups()
    wanted = [each if number == "1" else f"{each}s" for each in UNITS]
    return None if unit in wanted else f"rate({inside}): the unit is one of {wanted}"


def _at_fault(inside):
    return None if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", inside) else f"at({inside}): yyyy-mm-ddThh:mm:ss is wanted"


def _cron_fault(inside):
    fields = inside.split()
    if len(fields) != len(CRON_FIELDS):
        return f"cron({inside}): {len(CRON_FIELDS)} fields are wanted, not {len(fields)}"
    for text, (name, limits) in zip(fields, CRON_FIELDS.items()):
        if not all(_cron_part(part, name, *limits) for part in text.split(",")):
            return f"cron({inside}): `{text}` is no {name}"
    if (fields[2] == "?") == (fields[4] == "?"):
        return f"cron({inside}): either the day of month or the day of week is `?`"
    return None


def _cron_part(part, name, low, high, names):
    if part == "?":
        return name.startswith("day")
    number = "|".join([r"\d+", *names])
    if name == "day of month" and re.fullmatch(r"L|LW|\d+W", part):
        return part[0] == "L" or low <= int(part[:-1]) <= high
    if name == "day of week" and re.fullmatch(rf"L|({number})L|({number})#[1-5]", part):
        return True
    found = re.fullmatch(rf"(?:\*|({number})(?:-({number}))?)(?:/([1-9]\d*))?", part)
    if not found:
        return False
    bounds = [names[each] if each in names else int(each) for each in found.groups()[:2] if each is not None]
    return all(low <= each <= high for each in bounds) and bounds == sorted(bounds)


def faults(deployment):
    """What is wrong with the schedules, and with how functions take asynchronous events."""
    template = deployment.transformed
    found = []
    example = Resolver(template, {f"{name}Connections": ",".join(EXAMPLES) for name in PROVIDERS}).template_resolved()
    alone = Resolver(template, {f"{name}Connections": EXAMPLES[0] for name in PROVIDERS}).template_resolved()
    bare = Resolver(template, {}).template_resolved()
    if set(of_type(bare, "AWS::Scheduler::Schedule")) != {"TokenRefreshSchedule"}:
        found.append("without connections, the refresh and nothing else is scheduled")
    wanted = {f"{name}Warming": (f"{name}Function", "warm") for name in PROVIDERS}
    wanted["TokenRefreshSchedule"] = ("TokenRefreshFunction", "refresh")
    schedules = of_type(example, "AWS::Scheduler::Schedule")
    if set(schedules) != set(wanted):
        found.append(f"the schedules are {sorted(schedules)}, not {sorted(wanted)}")
    resolver = Resolver(template, {})
    for name in set(schedules) & set(wanted):
        function, kind = wanted[name]
        target = resolver.value({"Ref": f"{function}Aliaslive"})
        role = resolver.value({"Fn::GetAtt": ["SchedulerRole", "Arn"]})
        for names, one in ((EXAMPLES, schedules[name]), (EXAMPLES[:1], alone["Resources"][name])):
            payload = {"warm": {"connections": names}} if kind == "warm" else {"refresh": {}}
            found += [f"{name}: {fault}" for fault in _schedule_faults(one["Properties"], target, role, payload)]
    found += _asynchronous_faults(template)
    return found


def _schedule_faults(properties, target, role, payload):
    expression = properties["ScheduleExpression"]
    fault = expression_fault(expression)
    if fault:
        yield fault
    elif expression != PERIOD:
        yield f"{expression} is not {PERIOD}"
    if properties.get("FlexibleTimeWindow") != {"Mode": "OFF"}:
        yield "a flexible time window delays it"
    if properties.get("State", "ENABLED") != "ENABLED":
        yield "it is switched off"
    aim = properties["Target"]
    if aim["Arn"] != target:
        yield f"it calls {aim['Arn']}, not {target}"
    if aim["RoleArn"] != role:
        yield f"its role is {aim['RoleArn']}, not {role}"
    if aim.get("RetryPolicy") != {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}:
        yield f"its retry policy is {aim.get('RetryPolicy')}: 0 attempts and 60 s are wanted"
    try:
        sent = json.loads(aim.get("Input", "null"))
    except json.JSONDecodeError as error:
        yield f"its payload is no JSON: {error}"
    else:
        if sent != payload:
            yield f"its payload is {sent}, not {payload}"


def _asynchronous_faults(template):
    configured = {}
    for each in of_type(template, "AWS::Lambda::EventInvokeConfig").values():
        properties = each["Properties"]
        configured[properties["FunctionName"]["Ref"]] = properties
    for name in of_type(template, "AWS::Lambda::Function"):
        properties = configured.get(name, {})
        if properties.get("MaximumRetryAttempts") != 0 or properties.get("MaximumEventAgeInSeconds") != 60:
            yield f"{name}: asynchronous events: 0 retries and an age of 60 s are wanted"
        if properties.get("Qualifier") != "live":
            yield f"{name}: asynchronous events are configured for {properties.get('Qualifier')}, not for the alias live"

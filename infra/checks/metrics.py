"""Alarms and the dashboard: they look at metrics that somebody emits, and say what to do."""

import json
import re

from .deployment import PROVIDERS, ROOT, of_type
from .resolve import Resolver

# What the functions' log lines carry.
CHECK = {
    "checks", "accepted", "unknown", "accepted_by_policy", "rate_limited", "upstream_requests", "elapsed_ms", "data_age_ms",
}  # fmt: skip
REFRESH = {"minutes_left", "refresh_failed"}
# What a filter of the template counts in log lines, and the words in the code that it looks for.
FILTERED = {"nothing_refreshed": "nothing was refreshed"}
# By the names of the dimensions.
EMITTED = {
    ("provider",): CHECK,
    ("provider", "connection"): CHECK | REFRESH,
    (): REFRESH | set(FILTERED),
}
# What AWS emits, of what is used here.
AWS_METRICS = {
    "AWS/Lambda": ({"Errors", "Throttles", "Invocations", "Duration", "ConcurrentExecutions"}, "FunctionName"),
    "AWS/ApiGateway": ({"Count", "4XXError", "5XXError", "Latency", "IntegrationLatency"}, "ApiName"),
}
# By alarm: what it must look at.
WATCHED = {
    **{f"{name}ErrorsAlarm": {"Errors"} for name in PROVIDERS},
    **{f"{name}ThrottlesAlarm": {"Throttles"} for name in PROVIDERS},
    **{f"{name}UnknownAlarm": {"unknown", "checks"} for name in PROVIDERS},
    **{f"{name}AcceptedByPolicyAlarm": {"accepted_by_policy"} for name in PROVIDERS},
    **{f"{name}SlowAlarm": {"elapsed_ms"} for name in PROVIDERS},
    "GatewayFailuresAlarm": {"5XXError"},
    "TokenMinutesLeftAlarm": {"minutes_left"},
    "RefreshFailedAlarm": {"refresh_failed"},
    "TokenRefreshErrorsAlarm": {"Errors"},
    "NothingRefreshedAlarm": {"nothing_refreshed"},
    "TokenRefreshMissingAlarm": {"Invocations"},
}


def faults(deployment):
    """What is wrong with alarms and dashboards."""
    template = deployment.transformed
    missing = sorted(set(WATCHED) - set(of_type(template, "AWS::CloudWatch::Alarm")))
    if missing:
        # The dashboard shows it: without it, nothing can be evaluated.
        yield f"there is no alarm {missing}"
        return
    resolver = Resolver(template, {"AlarmEmail": "operator@example.com"})
    resolved = resolver.template_resolved()
    functions = {resolver.value({"Ref": each}): each for each in of_type(template, "AWS::Lambda::Function")}
    names = {"FunctionName": set(functions), "ApiName": {deployment.api["info"]["title"]}}
    alarms = of_type(resolved, "AWS::CloudWatch::Alarm")
    topic = resolver.value({"Ref": "AlarmTopic"})
    for name, alarm in alarms.items():
        yield from (f"{name}: {fault}" for fault in _alarm_faults(name, alarm["Properties"], topic, names, functions))
    silent = Resolver(template, {}).template_resolved()
    for name, alarm in of_type(silent, "AWS::CloudWatch::Alarm").items():
        if alarm["Properties"].get("AlarmActions"):
            yield f"{name}: it acts, and there is no address"
    yield from _filter_faults(of_type(template, "AWS::Logs::MetricFilter"))
    dashboards = of_type(resolved, "AWS::CloudWatch::Dashboard")
    if not dashboards:
        yield "there is no dashboard"
    arns = {resolver.value({"Fn::GetAtt": [name, "Arn"]}) for name in alarms}
    for name, dashboard in dashboards.items():
        body = dashboard["Properties"]["DashboardBody"]
        yield from (f"{name}: {fault}" for fault in _dashboard_faults(body, arns, names))


def _filter_faults(filters):
    """A filter looks for what the code says; else its alarm can never ring."""
    code = (ROOT / "shared" / "src" / "lambda.rs").read_text("utf-8")
    counted = set()
    for name, each in filters.items():
        properties = each["Properties"]
        for made in properties["MetricTransformations"]:
            counted.add(made["MetricName"])
            words = FILTERED.get(made["MetricName"], "")
            if made["MetricNamespace"] != "callgate" or made["MetricName"] not in FILTERED:
                yield f"{name}: nobody has said what {made['MetricName']} counts"
            elif f'$.message = "{words}*"' not in properties["FilterPattern"] or f'"{words}' not in code:
                yield f"{name}: no function says `{words}`"
        if properties["LogGroupName"] != {"Ref": "TokenRefreshLogs"}:
            yield f"{name}: it looks at {properties['LogGroupName']}"
    for name in sorted(set(FILTERED) - counted):
        yield f"nothing counts {name}"


def _alarm_faults(name, properties, topic, names, functions):
    description = properties.get("AlarmDescription", "")
    if " First: " not in description or len(description) > 1024:
        yield "the description says what it means, then `First: ` and what to do"
    if properties.get("AlarmActions") != [topic] or properties.get("OKActions") != [topic]:
        yield "it tells nobody"
    # Only a run that is missing is itself the fault; where nobody asks, nothing is wrong.
    missing = "breaching" if name == "TokenRefreshMissingAlarm" else "notBreaching"
    if properties.get("TreatMissingData") != missing:
        yield f"missing data is {properties.get('TreatMissingData')}, not {missing}"
    if not 1 <= properties.get("DatapointsToAlarm", 1) <= properties["EvaluationPeriods"]:
        yield "it wants more data points than it looks at"
    watched = set()
    ids = set()
    for query in properties.get("Metrics", [{"MetricStat": {"Metric": properties}}]):
        if "MetricStat" in query:
            metric = query["MetricStat"]["Metric"]
            ids.add(query.get("Id"))
            watched.add(metric["MetricName"])
            dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions", [])}
            yield from _metric_faults(metric["Namespace"], metric["MetricName"], dimensions, names)
            yield from _owner_faults(name, dimensions, functions)
    for query in properties.get("Metrics", []):
        # Lower-case words that are no functions of metric math are ids.
        for word in re.findall(r"\b[a-z]\w*\b", query.get("Expression", "")):
            if word not in ids:
                yield f"its expression names {word}, which is none of its metrics"
    if watched != WATCHED.get(name, watched):
        yield f"it watches {sorted(watched)}, not {sorted(WATCHED[name])}"
    if name not in WATCHED:
        yield "nobody has said what it is to watch"


def _owner_faults(name, dimensions, functions):
    """An alarm named after a provider looks at that provider."""
    owner = next((each for each in [*PROVIDERS, "TokenRefresh"] if name.startswith(each)), None)
    provider = dimensions.get("provider")
    if provider is not None and PROVIDERS.get(owner) != provider:
        yield f"it watches the provider {provider}"
    function = dimensions.get("FunctionName")
    if function is not None and functions.get(function) != f"{owner}Function":
        yield f"it watches the function {function}"


def _metric_faults(namespace, metric, dimensions, names):
    if namespace == "callgate":
        if metric not in EMITTED.get(tuple(dimensions), set()):
            yield f"nobody emits callgate {metric} with the dimensions {list(dimensions)}"
        if "provider" in dimensions and dimensions["provider"] not in PROVIDERS.values():
            yield f"there is no provider {dimensions['provider']}"
        return
    known, dimension = AWS_METRICS.get(namespace, (set(), None))
    if metric not in known or list(dimensions) != [dimension]:
        yield f"nobody emits {namespace} {metric} with the dimensions {list(dimensions)}"
    elif dimensions[dimension] not in names[dimension]:
        yield f"there is no {dimension} {dimensions[dimension]}"


def _dashboard_faults(text, arns, names):
    try:
        body = json.loads(text)
    except json.JSONDecodeError as error:
        yield f"the dashboard is no JSON: {error}"
        return
    shown = set()
    for widget in body["widgets"]:
        properties = widget["properties"]
        if widget["x"] + widget["width"] > 24:
            yield f"`{properties['title']}` is wider than the dashboard"
        if widget["type"] == "alarm":
            if set(properties["alarms"]) != arns:
                yield f"not the alarms that there are: {sorted(set(properties['alarms']) ^ arns)}"
            continue
        for metric in properties["metrics"]:
            parts = [each for each in metric if isinstance(each, str)]
            options = [each for each in metric if isinstance(each, dict)]
            for each in options:
                yield from _expression_faults(each.get("expression"), shown)
            if parts:
                namespace, name, *pairs = parts
                shown.add(name)
                yield from _metric_faults(namespace, name, dict(zip(pairs[::2], pairs[1::2])), names)
    for name in sorted((CHECK | REFRESH) - shown):
        yield f"the dashboard does not show {name}"


def _expression_faults(expression, shown):
    if expression is None:
        return
    found = re.fullmatch(r"""SEARCH\('\{callgate((?:,\w+)*)\} MetricName="(\w+)"', '(\w+)', 300\)""", expression)
    if not found:
        yield f"the expression {expression} is not one that is understood here"
        return
    dimensions = tuple(found[1].split(",")[1:])
    shown.add(found[2])
    if found[2] not in EMITTED.get(dimensions, set()):
        yield f"nobody emits callgate {found[2]} with the dimensions {list(dimensions)}"

"""The HTTP API: every operation reaches a function that may be called, and no caller comes in without a key."""

import re

from .deployment import PROVIDERS, of_type, walk
from .iam import matches
from .resolve import Resolver

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace", "x-amazon-apigateway-any-method"}
STAGE = "live"


def faults(deployment):
    """What is wrong between the API's document and the template."""
    template = deployment.transformed
    yield from _reference_faults(deployment.api, template)
    resolver = Resolver(template, {})
    resolved = resolver.template_resolved()
    served = set()
    for path, method, operation in _operations(deployment.api):
        where = f"{method.upper()} {path}"
        if not _wants_key(deployment.api, operation):
            yield f"{where}: no key is wanted"
        if "x-amazon-apigateway-request-validator" in operation:
            yield f"{where}: the gateway's validator is on, and would answer in the function's place"
        integration = operation.get("x-amazon-apigateway-integration")
        if not integration:
            yield f"{where}: no integration"
            continue
        if (integration.get("type"), integration.get("httpMethod")) != ("aws_proxy", "POST"):
            yield f"{where}: a function is called by aws_proxy and POST"
        served.add(path)
        try:
            uri = resolver.value(integration["uri"])
        except KeyError as error:
            yield f"{where}: {error} is not in the template"
            continue
        yield from (f"{where}: {fault}" for fault in _call_faults(path, method, uri, resolver, resolved))
    for provider in PROVIDERS.values():
        if f"/v1/check/{provider}" not in served:
            yield f"/v1/check/{provider} is not served"
    if "x-amazon-apigateway-request-validator" in deployment.api:
        yield "the gateway's validator is on for all operations"
    yield from _resource_faults(deployment, resolver, resolved)


def _operations(api):
    for path, item in api["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def _reference_faults(api, template):
    """References in the document to nothing in the template. They are resolved by the deployment, and by no linter."""
    known = {*template["Resources"], *template["Parameters"]}
    for path, value in walk(api):
        if not isinstance(value, dict) or len(value) != 1:
            continue
        names = []
        if "Fn::Sub" in value:
            text = value["Fn::Sub"] if isinstance(value["Fn::Sub"], str) else value["Fn::Sub"][0]
            names = re.findall(r"\$\{([^!}.]+)", text)
        elif "Ref" in value:
            names = [value["Ref"]]
        elif "Fn::GetAtt" in value:
            target = value["Fn::GetAtt"]
            names = [target.split(".")[0] if isinstance(target, str) else target[0]]
        for name in names:
            if name not in known and not name.startswith("AWS::"):
                yield f"openapi.yaml, {'/'.join(map(str, path))}: `{name}` is not in the template"


def _wants_key(api, operation):
    schemes = api.get("components", {}).get("securitySchemes", {})
    keys = {name for name, each in schemes.items() if (each.get("type"), each.get("in"), each.get("name")) == ("apiKey", "header", "x-api-key")}
    wanted = operation.get("security", api.get("security", []))
    return bool(wanted) and all(keys & set(each) for each in wanted)


def _call_faults(path, method, uri, resolver, resolved):
    provider = path.removeprefix("/v1/check/").split("/")[0]
    name = next((name for name, each in PROVIDERS.items() if each == provider), None)
    if name is None:
        yield "the path names no provider"
        return
    alias = resolver.value({"Ref": f"{name}FunctionAliaslive"})
    if not uri.endswith(f":lambda:path/2015-03-31/functions/{alias}/invocations"):
        yield f"it calls {uri}, not {alias}"
    source = resolver.value(
        {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${CheckApi}/" + f"{STAGE}/{method.upper()}{path}"}
    )
    for permission in of_type(resolved, "AWS::Lambda::Permission").values():
        properties = permission["Properties"]
        if properties["FunctionName"] == alias and matches(properties.get("SourceArn", ""), source):
            return
    yield f"the gateway has no permission to call {alias}"


def _resource_faults(deployment, resolver, resolved):
    resources = resolved["Resources"]
    api = resources["CheckApi"]["Properties"]
    if api.get("Name") != deployment.api["info"]["title"]:
        yield f"the API's name {api.get('Name')} is not its document's title {deployment.api['info']['title']}"
    if api.get("EndpointConfiguration") != {"Types": ["REGIONAL"]}:
        yield f"the API is {api.get('EndpointConfiguration')}, not regional"
    stages = [each["Properties"] for each in of_type(resolved, "AWS::ApiGateway::Stage").values()]
    if [each["StageName"] for each in stages] != [STAGE]:
        yield f"the stages are {stages}, not {STAGE} alone"
    if any("AccessLogSetting" in each for each in stages):
        yield "access logs hold the caller's address and query"
    own = resolver.value({"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${CheckApi}/" + f"{STAGE}/"})
    for name, permission in of_type(resolved, "AWS::Lambda::Permission").items():
        properties = permission["Properties"]
        if not properties.get("SourceArn", "").startswith(own) or properties["Action"] != "lambda:InvokeFunction":
            yield f"{name}: any API may call the function"
    plan = resources["UsagePlan"]["Properties"]
    # A key without a plan is refused, and a plan without these has no cap.
    for part, keys in (("Throttle", {"RateLimit", "BurstLimit"}), ("Quota", {"Limit", "Period"})):
        if set(plan.get(part, {})) != keys:
            yield f"the usage plan has no {part.lower()}"
    if plan.get("ApiStages") != [{"ApiId": resolver.value({"Ref": "CheckApi"}), "Stage": STAGE}]:
        yield f"the usage plan is for {plan.get('ApiStages')}"
    joined = resources["UsagePlanKey"]["Properties"]
    if joined["KeyId"] != resolver.value({"Ref": "ApiKey"}) or joined["UsagePlanId"] != resolver.value({"Ref": "UsagePlan"}):
        yield "the key is not in the usage plan"

//! What API Gateway makes of the document: its extensions, and the part of `OpenAPI` that it takes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::document::{DOCUMENT, faults, operations};

/// What a schema may say: what API Gateway turns into a model, and `nullable`, which it leaves out.
const SCHEMA_WORDS: [&str; 14] = [
    "$ref",
    "type",
    "description",
    "enum",
    "properties",
    "required",
    "items",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "nullable",
];
/// The same for a list.
const LIST_WORDS: [&str; 2] = ["minItems", "maxItems"];

#[test]
fn each_operation_calls_its_providers_function_by_the_alias_live() {
    for operation in operations() {
        let function = match operation.provider.as_str() {
            "calltools" => "CallToolsFunction",
            "genesys-cloud" => "GenesysCloudFunction",
            "ringcentral" => "RingCentralFunction",
            "portsip" => "PortSipFunction",
            other => panic!("no function for {other}"),
        };
        let uri = format!(
            "arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{{function}Aliaslive}}/invocations"
        );
        let expected = json!({
            "type": "aws_proxy",
            // A function is always called by POST, whatever the caller's method is.
            "httpMethod": "POST",
            "uri": {"Fn::Sub": uri},
            "passthroughBehavior": "when_no_match",
            "timeoutInMillis": 29_000,
        });
        let what = format!("{} {}", operation.method, operation.path);
        assert_eq!(operation.written["x-amazon-apigateway-integration"], expected, "{what}");
        // Not at the root alone: the gateway asks for a key only where the method says so.
        assert_eq!(operation.written["security"], json!([{"ApiKey": []}]), "{what}");
    }
}

#[test]
fn the_key_comes_in_the_header_x_api_key_and_nothing_is_validated_by_the_gateway() {
    assert_eq!(DOCUMENT["x-amazon-apigateway-api-key-source"], "HEADER");
    let scheme = &DOCUMENT["components"]["securitySchemes"]["ApiKey"];
    assert_eq!(
        (&scheme["type"], &scheme["in"], &scheme["name"]),
        (&json!("apiKey"), &json!("header"), &json!("x-api-key"))
    );
    let written = DOCUMENT.to_string();
    assert!(!written.contains("request-validator"), "its answers would name one fault, and in other words");
}

#[test]
fn the_gateways_own_refusals_are_problems_that_say_what_to_do() {
    // The types without a status keep the one they have.
    let expected = [
        ("ACCESS_DENIED", Some("403")),
        ("DEFAULT_4XX", None),
        ("DEFAULT_5XX", None),
        ("INTEGRATION_FAILURE", Some("504")),
        ("INTEGRATION_TIMEOUT", Some("504")),
        ("INVALID_API_KEY", Some("403")),
        // What the gateway calls so is a path or a method that it does not have.
        ("MISSING_AUTHENTICATION_TOKEN", Some("404")),
        ("QUOTA_EXCEEDED", Some("429")),
        ("REQUEST_TOO_LARGE", Some("413")),
        ("THROTTLED", Some("429")),
    ];
    let written = DOCUMENT["x-amazon-apigateway-gateway-responses"].as_object().unwrap();
    let types: BTreeSet<&str> = written.keys().map(String::as_str).collect();
    assert_eq!(types, expected.into_iter().map(|(name, _)| name).collect());
    for (name, status) in expected {
        let response = &written[name];
        assert_eq!(response.get("statusCode").and_then(Value::as_str), status, "{name}");
        let headers = &response["responseParameters"];
        assert_eq!(headers["gatewayresponse.header.Content-Type"], "'application/problem+json'", "{name}");
        assert_eq!(headers["gatewayresponse.header.Cache-Control"], "'no-store'", "{name}");
        let retry = headers.get("gatewayresponse.header.Retry-After").is_some();
        assert_eq!(retry, name == "THROTTLED", "{name}");
        // The gateway chooses among the templates by what the caller accepts, and this one is its default.
        let templates = response["responseTemplates"].as_object().unwrap();
        assert_eq!(templates.keys().collect::<Vec<_>>(), ["application/json"], "{name}");
        let body = templates["application/json"].as_str().unwrap();
        let body = body.replace("$context.error.responseType", "UNSUPPORTED_MEDIA_TYPE");
        assert!(!body.contains('$'), "{name} has a variable that is not known to be text: {body}");
        let problem: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{name}: {error}: {body}"));
        assert_eq!(faults("Problem", &problem), [""; 0], "{name}");
        assert_eq!(problem.get("status").map(ToString::to_string).as_deref(), status, "{name}");
        assert!(problem["detail"].as_str().unwrap().contains("; "), "{name} must also say what to do: {problem}");
    }
}

#[test]
fn a_schema_says_only_what_becomes_a_model() {
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "a model's name is letters and digits: {name}");
        assert_plain(name, schema);
        assert!(!leads_to(name, schema, &mut BTreeSet::new()), "{name} refers to itself");
    }
}

fn assert_plain(at: &str, schema: &Value) {
    let written = schema.as_object().unwrap();
    for word in written.keys() {
        let known = SCHEMA_WORDS.contains(&word.as_str()) || LIST_WORDS.contains(&word.as_str());
        assert!(known, "{at}: API Gateway makes no model of {word}");
    }
    // What stands beside a reference is not read.
    assert!(written.len() == 1 || !written.contains_key("$ref"), "{at}: words beside $ref");
    if let Some(format) = written.get("format") {
        assert!(["uuid", "date-time"].iter().any(|known| format == known), "{at}: format {format}");
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        assert_plain(&format!("{at}.{name}"), property);
    }
    if let Some(items) = schema.get("items") {
        assert_plain(&format!("{at}[]"), items);
    }
}

/// Whether a schema leads back to the one of this name.
fn leads_to(name: &str, schema: &Value, seen: &mut BTreeSet<String>) -> bool {
    let mut references = BTreeSet::new();
    collect_references(schema, &mut references);
    references.into_iter().any(|reference| {
        let to = reference.rsplit('/').next().unwrap_or_default().to_owned();
        to == name || (seen.insert(to.clone()) && leads_to(name, &DOCUMENT["components"]["schemas"][&to], seen))
    })
}

fn collect_references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                found.insert(reference.clone());
            }
            members.values().for_each(|value| collect_references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        _ => {}
    }
}

#[test]
fn an_answer_is_written_out_and_its_schema_is_named() {
    for operation in operations() {
        for (status, response) in operation.written["responses"].as_object().unwrap() {
            let what = format!("{} {} {status}", operation.method, operation.path);
            assert!(response.get("$ref").is_none(), "{what}: references to shared answers are not followed");
            for (kind, content) in response["content"].as_object().unwrap() {
                let schema = content["schema"].as_object().unwrap();
                assert_eq!(schema.keys().collect::<Vec<_>>(), ["$ref"], "{what} {kind}");
            }
        }
    }
}

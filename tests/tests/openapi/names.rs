//! The document and the code have the same names: fields, options, words, reasons, statuses.

use std::collections::BTreeSet;

use callgate::criteria::{AgentCount, Condition, PatternKind, SINGLE_CRITERION_FIELDS, Scope};
use callgate::providers::ProviderName;
use callgate::verdict::Reason;

use crate::document::{
    DOCUMENT, operation, operations, parameters, properties, request_schema, resolved, schema, text, words,
};
use crate::providers::{known, request_fields};

fn set<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> BTreeSet<String> {
    names.into_iter().map(|name| name.as_ref().to_owned()).collect()
}

#[test]
fn each_provider_has_a_get_and_a_post_to_check_and_a_delete_to_end_a_hold_and_nothing_else() {
    let mut expected = BTreeSet::new();
    for provider in ProviderName::ALL {
        expected.extend(["get", "post"].map(|method| format!("{method} /v1/check/{provider}")));
        expected.insert(format!("delete /v1/check/{provider}/holds/{{id}}"));
    }
    let written = operations().into_iter().map(|operation| format!("{} {}", operation.method, operation.path));
    assert_eq!(written.collect::<BTreeSet<_>>(), expected);
    assert_eq!(
        set(words(&schema("Verdict")["properties"]["provider"])),
        set(ProviderName::ALL.map(ProviderName::as_str))
    );
}

#[test]
fn a_body_has_the_requests_fields_and_a_provider_its_options_and_templates() {
    let mut every_template = BTreeSet::new();
    for provider in ProviderName::ALL {
        let known = known(provider);
        let request = schema(&request_schema(provider.as_str()));
        assert_eq!(properties(request), request_fields(), "{provider}");
        assert_eq!(properties(&request["properties"]["options"]), set(known.options), "{provider}");
        assert_eq!(words(&request["properties"]["template"]), known.templates, "{provider}: the first is the default");
        assert_eq!(words(&request["properties"]["provider"]), [provider.as_str()]);
        every_template.extend(set(known.templates));
    }
    assert_eq!(set(words(&schema("Verdict")["properties"]["template"])), every_template);
}

#[test]
fn a_query_has_the_same_fields_flat() {
    for provider in ProviderName::ALL {
        let known = known(provider);
        let mut expected = request_fields();
        expected.retain(|field| field != "acceptance" && field != "options");
        expected.extend(set(known.options));
        expected.extend(set(SINGLE_CRITERION_FIELDS));
        let get = parameters(&operation(provider.as_str(), "get"));
        assert_eq!(set(get.keys()), expected, "{provider}");
        let required = get.iter().filter(|(_, parameter)| parameter["required"] == true);
        let in_body = &schema(&request_schema(provider.as_str()))["required"];
        assert_eq!(set(required.map(|(name, _)| name)), set(["connection", "queue"]), "{provider}");
        assert_eq!(in_body, &serde_json::json!(["connection", "queue"]), "{provider}");
        assert_eq!(set(parameters(&operation(provider.as_str(), "post")).keys()), set(["as", "explain"]), "{provider}");
        for parameter in get.values() {
            assert_eq!(parameter["in"], "query", "{parameter}");
        }
    }
}

#[test]
fn a_criterion_has_its_fields_and_their_words() {
    let mut expected = set(SINGLE_CRITERION_FIELDS);
    expected.extend(set(["all", "any", "not"]));
    for name in ["Acceptance", "AcceptancePart"] {
        assert_eq!(properties(schema(name)), expected, "{name}");
    }
    assert_eq!(words(schema("Condition")), Condition::ALL.map(Condition::as_str));
    assert_eq!(words(schema("RegexType")), PatternKind::ALL.map(PatternKind::as_str));
    assert_eq!(words(schema("Scope")), Scope::ALL.map(Scope::as_str));
    let counts = AgentCount::ALL.into_iter().filter(|count| *count != AgentCount::Headroom);
    let mut shown = set(counts.map(AgentCount::as_str));
    shown.insert("held".to_owned());
    assert_eq!(properties(schema("Counts")), shown, "a verdict shows no headroom, and what is held of it");
    let field = schema("ParseField")["description"].as_str().unwrap();
    for count in AgentCount::ALL {
        assert!(field.contains(count.as_str()), "ParseField must name {}", count.as_str());
    }
}

#[test]
fn the_reasons_are_the_codes_own() {
    assert_eq!(words(schema("Reason")), Reason::ALL.map(Reason::as_str));
    let of_problems = [Reason::CallerForbidden, Reason::InternalError].map(Reason::as_str);
    assert_eq!(words(&schema("Problem")["properties"]["reason"]), of_problems);
}

/// What the gateway answers where its function cannot be called, or its answer not be read: no type of response of its
/// own says so, only the rest of them.
const GATEWAY_FAILURES: [&str; 2] = ["500", "502"];

#[test]
fn the_statuses_are_those_of_the_code_and_of_the_gateway() {
    let source = text("shared/src/routes.rs");
    let code = source.split("problem(").skip(1).map(|rest| rest.trim_start().chars().take(3).collect::<String>());
    let code: BTreeSet<String> = code.filter(|status| status.parse::<u16>().is_ok()).collect();
    assert_eq!(code, set(["400", "403", "404", "405", "413", "500", "503"]), "what shared/src/routes.rs answers");
    let gateway = DOCUMENT["x-amazon-apigateway-gateway-responses"].as_object().unwrap();
    let gateway = gateway.values().filter_map(|response| response["statusCode"].as_str());
    let mut expected = &code | &set(gateway);
    expected.extend(set(GATEWAY_FAILURES));
    expected.insert("200".to_owned());
    // A check has no other way to fail than by its verdict; a hold has nothing to read.
    let without = |status: &str| expected.iter().filter(|known| *known != status).cloned().collect::<BTreeSet<_>>();
    for operation in operations() {
        let what = format!("{} {}", operation.method, operation.path);
        let responses = operation.written["responses"].as_object().unwrap();
        let expected = without(if operation.is_check() { "503" } else { "400" });
        assert_eq!(set(responses.keys()), expected, "{what}");
        for (status, response) in responses {
            let types: Vec<&String> = response["content"].as_object().unwrap().keys().collect();
            let wanted: &[&str] = match (status.as_str(), operation.is_check()) {
                ("200", true) => &["application/json", "text/plain"],
                ("200", false) => &["application/json"],
                _ => &["application/problem+json"],
            };
            assert_eq!(types, wanted, "{what} {status}");
        }
    }
}

#[test]
fn everything_is_described_and_everything_is_used() {
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].is_string(), "{name} needs a description");
        for (property, written) in schema["properties"].as_object().into_iter().flatten() {
            assert!(resolved(written)["description"].is_string(), "{name}.{property} needs a description");
        }
    }
    let written = DOCUMENT.to_string();
    for (kind, members) in DOCUMENT["components"].as_object().unwrap() {
        for name in members.as_object().unwrap().keys().filter(|_| kind != "securitySchemes") {
            assert!(written.contains(&format!("\"#/components/{kind}/{name}\"")), "nothing leads to {kind}/{name}");
        }
    }
}

#[test]
fn the_version_is_the_one_that_is_built() {
    assert_eq!(DOCUMENT["info"]["version"], env!("CARGO_PKG_VERSION"));
}

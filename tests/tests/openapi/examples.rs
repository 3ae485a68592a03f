//! The document's examples are real: each request is asked of the gates, and what is shown is what they answer.

use callgate::providers::ProviderName;
use callgate::routes::{HttpAnswer, HttpRequest};
use callgate_local::sample::Sample;
use callgate_local::simulator::Dialect;
use callgate_tests::events::flat;
use serde_json::{Map, Value};

use crate::document::{faults, operation, request_schema};

/// What differs from one check to the next.
const VARYING: [&str; 4] = ["decision_id", "elapsed_ms", "data_age_ms", "checked_at"];

#[tokio::test]
async fn each_example_is_what_is_answered_to_a_post_and_to_a_get() {
    for provider in ProviderName::ALL {
        let operation = operation(provider.as_str(), "post");
        let requests = examples(&operation["requestBody"]["content"]["application/json"]);
        let mut answers = examples(&operation["responses"]["200"]["content"]["application/json"]);
        answers.extend(examples(&operation["responses"]["200"]["content"]["text/plain"]));
        answers.extend(examples(&operation["responses"]["400"]["content"]["application/problem+json"]));
        assert_eq!(sorted(&requests), sorted(&answers), "{provider}: a request and its answer have the same name");
        assert!(requests.len() >= 2, "{provider} has only {} examples", requests.len());
        for (name, request) in &requests {
            let what = format!("{provider} {name}");
            assert_eq!(faults(&request_schema(provider.as_str()), request), [""; 0], "{what}");
            let path = format!("/v1/check/{provider}");
            let post = HttpRequest {
                method: "POST".to_owned(),
                path: path.clone(),
                body: request.to_string().into_bytes(),
                ..HttpRequest::default()
            };
            assert_same(&what, &answers[name], &asked(provider, &post).await, "/acceptance");
            let get = HttpRequest { method: "GET".to_owned(), path, query: flat(request), ..HttpRequest::default() };
            // In a query the criterion's fields have no home of their own.
            assert_same(&what, &answers[name], &asked(provider, &get).await, "");
        }
    }
}

/// Asks the sample's gates, which have answered nothing before.
async fn asked(provider: ProviderName, request: &HttpRequest) -> HttpAnswer {
    let sample = Sample::start(Dialect::Real, false).await.unwrap();
    sample.gates.respond(provider, request).await
}

#[track_caller]
fn assert_same(what: &str, shown: &Value, answer: &HttpAnswer, home: &str) {
    let Value::Object(_) = shown else {
        assert_eq!(shown.as_str(), Some(answer.body.as_str()), "{what}");
        assert_eq!((answer.status, answer.content_type), (200, "text/plain; charset=utf-8"), "{what}");
        return;
    };
    let answered: Value = serde_json::from_str(&answer.body).unwrap();
    let mut shown = shown.clone();
    if shown.get("status").is_some() {
        assert_eq!(answer.content_type, "application/problem+json", "{what}");
        assert_eq!(shown["status"], answer.status, "{what}");
        assert_eq!(faults("Problem", &shown), [""; 0], "{what}");
        for error in shown["errors"].as_array_mut().unwrap() {
            let pointer = error["pointer"].as_str().unwrap().strip_prefix("/acceptance").unwrap().to_owned();
            error["pointer"] = format!("{home}{pointer}").into();
        }
    } else {
        assert_eq!((answer.status, answer.content_type), (200, "application/json"), "{what}");
        for verdict in [&shown, &answered] {
            assert_eq!(faults("Verdict", verdict), [""; 0], "{what}");
        }
    }
    assert_eq!(masked(&shown), masked(&answered), "{what}: the left is the document's, the right the code's");
}

/// A text of the value, with the order of its fields, and of what varies only the type.
fn masked(value: &Value) -> String {
    let mut value = value.clone();
    for key in VARYING {
        if let Some(member) = value.get_mut(key) {
            *member = Value::from(match member {
                Value::String(_) => "some text",
                Value::Number(_) => "some number",
                _ => "something else",
            });
        }
    }
    format!("{value:#}")
}

fn examples(content: &Value) -> Map<String, Value> {
    let examples = content["examples"].as_object().into_iter().flatten();
    let examples = examples.map(|(name, example)| {
        assert!(example["summary"].is_string(), "{name} needs a summary");
        (name.clone(), example["value"].clone())
    });
    examples.collect()
}

fn sorted(examples: &Map<String, Value>) -> Vec<&String> {
    let mut names: Vec<&String> = examples.keys().collect();
    names.sort();
    names
}

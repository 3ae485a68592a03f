//! The document's limits are where the code draws them: what is just within passes, what is just beyond does not.

use callgate::providers::ProviderName;
use callgate::request::MAX_REQUEST_BYTES;
use serde_json::{Map, Value, json};

use crate::document::{DOCUMENT, Operation, operation, operations, parameters, request_schema, resolved, schema};
use crate::providers::{Known, known};

/// Where a request's field stands.
#[derive(Clone, Copy)]
enum Home {
    Envelope,
    Options,
    Criterion,
}

/// The faults of the shortest request with this field as well.
fn pointers(known: &Known, home: Home, field: &str, value: &Value) -> Vec<String> {
    let mut body = json!({"connection": "acme", "queue": "1"});
    match home {
        Home::Envelope => body[field] = value.clone(),
        Home::Options => body["options"] = json!({field: value}),
        Home::Criterion => body["acceptance"] = json!({field: value}),
    }
    let faults = (known.read)(&body).err().unwrap_or_default();
    faults.into_iter().map(|fault| fault.pointer).collect()
}

fn pointer(home: Home, field: &str) -> String {
    match home {
        Home::Envelope => format!("/{field}"),
        Home::Options => format!("/options/{field}"),
        Home::Criterion => format!("/acceptance/{field}"),
    }
}

/// Values at the edges of a schema, and whether it allows them.
fn edges(schema: &Value) -> Vec<(Value, bool)> {
    let mut edges = Vec::new();
    match schema["type"].as_str() {
        Some("integer") => {
            if let Some(least) = schema["minimum"].as_i64() {
                edges.extend([(json!(least), true), (json!(least - 1), false)]);
            }
            if let Some(most) = schema["maximum"].as_i64() {
                edges.extend([(json!(most), true), (json!(most + 1), false)]);
            }
            edges.extend([(json!(1.5), false), (json!([]), false)]);
        }
        Some("boolean") => edges.extend([(json!(true), true), (json!(false), true), (json!("perhaps"), false)]),
        Some("string") if schema["enum"].is_array() => {
            let words = schema["enum"].as_array().unwrap();
            edges.extend(words.iter().map(|word| (word.clone(), true)));
            edges.push((json!("no such word"), false));
        }
        Some("string") => {
            if let Some(most) = schema["maxLength"].as_u64().map(|most| usize::try_from(most).unwrap()) {
                edges.extend([(json!("a".repeat(most)), true), (json!("a".repeat(most + 1)), false)]);
            }
            if schema["minLength"] == 1 {
                edges.push((json!(""), false));
            }
            edges.push((json!({}), false));
        }
        Some("array") => edges.extend([(json!(["1"]), true), (json!({}), false)]),
        _ => {}
    }
    edges
}

#[test]
fn each_field_of_a_body_is_taken_at_its_limits_and_refused_beyond() {
    let mut tried = 0;
    for provider in ProviderName::ALL {
        let known = known(provider);
        let request = schema(&request_schema(provider.as_str()));
        let homes = [
            (Home::Envelope, request),
            (Home::Options, resolved(&request["properties"]["options"])),
            (Home::Criterion, schema("Acceptance")),
        ];
        for (home, written) in homes {
            for (field, schema) in written["properties"].as_object().unwrap() {
                for (value, allowed) in edges(resolved(schema)) {
                    // A list of criteria has a test of its own.
                    if field == "all" || field == "any" || is_apart(field, &value) {
                        continue;
                    }
                    let at = pointer(home, field);
                    let faults = pointers(&known, home, field, &value);
                    let refused = faults.iter().any(|fault| *fault == at || fault.starts_with(&format!("{at}/")));
                    let brief: String = value.to_string().chars().take(40).collect();
                    assert_eq!(refused, !allowed, "{provider} {at} {brief}: {faults:?}");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 250, "only {tried} values");
}

/// Values whose fate another field decides.
fn is_apart(field: &str, value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    match field {
        // A pattern belongs to one parse type, and some recipes have another; a word of the field is no count.
        "parse_field" | "pattern" | "regex_type" | "scope" => true,
        // Without its own field the parse type is not complete; the fault is at that field.
        "parse_type" => text != "no such word",
        _ => false,
    }
}

#[test]
fn the_texts_of_a_criterion_are_taken_at_their_limits_and_refused_beyond() {
    let known = known(ProviderName::CallTools);
    let refused = |criterion: Value, field: &str| -> bool {
        let body = json!({"connection": "acme", "queue": "1", "acceptance": criterion});
        let faults = (known.read)(&body).err().unwrap_or_default();
        faults.iter().any(|fault| fault.pointer == format!("/acceptance/{field}"))
    };
    let json = |path: &str| json!({"parse_type": "json", "parse_field": path, "condition": "exists"});
    let regex = |pattern: &str| json!({"parse_type": "regex", "pattern": pattern, "condition": "equals", "value": 1});
    let most = |name: &str| usize::try_from(schema(name)["maxLength"].as_u64().unwrap()).unwrap();
    assert!(!refused(json(&"a".repeat(most("ParseField"))), "parse_field"));
    assert!(refused(json(&"a".repeat(most("ParseField") + 1)), "parse_field"));
    assert!(refused(json(""), "parse_field"));
    assert!(!refused(regex(&"a".repeat(most("Pattern"))), "pattern"));
    assert!(refused(regex(&"a".repeat(most("Pattern") + 1)), "pattern"));
    assert!(refused(regex(""), "pattern"));
    let value = |value: String| json!({"value": value});
    assert!(!refused(value("a".repeat(most("ValueText"))), "value"));
    assert!(refused(value("a".repeat(most("ValueText") + 1)), "value"));
    for (kind, scope) in [("count", "record"), ("match", "body"), ("capture", "raw")] {
        let mut criterion = regex("a");
        criterion["regex_type"] = json!(kind);
        criterion["scope"] = json!(scope);
        assert!(!refused(criterion.clone(), "regex_type") && !refused(criterion, "scope"), "{kind} {scope}");
    }
    for field in ["regex_type", "scope"] {
        let mut criterion = regex("a");
        criterion[field] = json!("no such word");
        assert!(refused(criterion, field), "{field}");
    }
}

#[test]
fn a_list_of_criteria_has_as_many_as_the_document_says() {
    let known = known(ProviderName::CallTools);
    let most = usize::try_from(schema("Acceptance")["properties"]["all"]["maxItems"].as_u64().unwrap()).unwrap();
    let criterion = json!({"parse_type": "json", "parse_field": "count", "condition": "exists"});
    for (many, allowed) in [(0, false), (1, true), (most, true), (most + 1, false)] {
        for joined in ["all", "any"] {
            let acceptance = json!({joined: vec![criterion.clone(); many]});
            let body = json!({"connection": "acme", "queue": "1", "acceptance": acceptance});
            assert_eq!((known.read)(&body).is_ok(), allowed, "{joined} of {many}");
        }
    }
    let nested = |levels: usize| (0..levels).fold(criterion.clone(), |inner, _| json!({"not": inner}));
    let deepest = (1..20).take_while(|levels| {
        (known.read)(&json!({"connection": "acme", "queue": "1", "acceptance": nested(*levels)})).is_ok()
    });
    // The innermost level is the criterion's own.
    let said = format!("{} levels deep", deepest.count() + 1);
    assert!(schema("Acceptance")["description"].as_str().unwrap().contains(&said), "Acceptance must say {said}");
}

#[test]
fn a_pattern_of_the_document_is_what_the_code_takes() {
    let known = known(ProviderName::RingCentral);
    let cases = [
        (Home::Envelope, "connection", "Connection", ["a", "0-", "acme-2"], ["-a", "A", "a/b"]),
        (Home::Options, "account_id", "RingCentralAccountId", ["~", "1", "37439510"], ["~1", "a", "-1"]),
    ];
    for (home, field, name, taken, refused) in cases {
        let validator = jsonschema::validator_for(&json!({"pattern": schema(name)["pattern"]})).unwrap();
        for (texts, allowed) in [(taken, true), (refused, false)] {
            for text in texts {
                assert_eq!(validator.is_valid(&json!(text)), allowed, "{name} {text}");
                assert_eq!(pointers(&known, home, field, &json!(text)).is_empty(), allowed, "{field} {text}");
            }
        }
    }
    let extension = jsonschema::validator_for(&json!({"pattern": schema("RingCentralExtension")["pattern"]})).unwrap();
    for (text, allowed) in [("101", true), ("1a", false), ("", false)] {
        assert_eq!(extension.is_valid(&json!(text)), allowed, "{text:?}");
        let faults = pointers(&known, Home::Options, "extensions", &json!([text]));
        assert_eq!(faults.is_empty(), allowed, "{text:?}: {faults:?}");
    }
}

#[test]
fn each_name_in_a_query_is_known_and_no_other_is() {
    for provider in ProviderName::ALL {
        let known = known(provider);
        for name in parameters(&operation(provider.as_str(), "get")).keys() {
            let mut pairs =
                Map::from_iter([("connection".to_owned(), json!("acme")), ("queue".to_owned(), json!("1"))]);
            pairs.insert(name.clone(), json!("1"));
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.clone(), value_text(value))).collect();
            // A fault at it, or no warning of it: either way it is known.
            let unknown =
                (known.read_query)(&pairs).is_ok_and(|read| read.warnings.iter().any(|one| one.contains("not known")));
            assert!(!unknown, "{provider}: {name} is in the document, and the code does not know it");
        }
        let stranger = [("connection", "acme"), ("queue", "1"), ("colour", "red")];
        let stranger = stranger.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let read = (known.read_query)(&stranger).unwrap();
        assert!(read.warnings.iter().any(|warning| warning.contains("colour")), "{:?}", read.warnings);
    }
}

fn value_text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_size_of_a_request_and_the_longest_deadline_fit_the_gateway() {
    let kib = format!("{} KiB", MAX_REQUEST_BYTES >> 10);
    let deadline = schema("DeadlineMs")["maximum"].as_u64().unwrap();
    for operation in operations().into_iter().filter(Operation::is_check) {
        let said = operation.written["responses"]["413"]["description"].as_str().unwrap();
        assert!(said.contains(&kib), "{}: 413 must name {kib}", operation.path);
        let timeout = operation.written["x-amazon-apigateway-integration"]["timeoutInMillis"].as_u64().unwrap();
        assert!(timeout > deadline, "the gateway gives up after {timeout} ms, a check may take {deadline}");
    }
    let refusal = DOCUMENT["x-amazon-apigateway-gateway-responses"]["REQUEST_TOO_LARGE"].to_string();
    assert!(refusal.contains(&MAX_REQUEST_BYTES.to_string()), "{refusal}");
}

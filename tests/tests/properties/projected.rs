//! What is read of an answer, and what all of it says: the same, whatever the answer, the criteria and the recipe.
//!
//! Each answer is read twice. Once in full, every page a tree of values and the text that patterns meet rendered from
//! these; and once as a check reads it: of the records the fields that recipe and criteria name, and the text rendered
//! from the pages as received. Evaluations, counts, remarks and warnings must be the same.

use std::time::SystemTime;

use callgate::criteria::{Acceptance, AgentCount, Condition};
use callgate::evaluate::evaluate;
use callgate::lint;
use callgate::projection::Projection;
use callgate::providers::calltools::CallTools;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::providers::portsip::PortSip;
use callgate::providers::ringcentral::RingCentral;
use callgate::providers::{Provider, Template};
use callgate::request::CheckRequest;
use callgate::snapshot::{Document, Snapshot, Unread};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

/// A record as a provider sends it.
fn usual_record(list: &str) -> Value {
    match list {
        "results" => json!({"id": 7, "agent_status": 20561, "status": "Available", "ready": true, "logged_in": true,
            "queue_logged_in": true, "live_calls_count": 0, "agent": {"name": "Ada \"A\"", "tags": ["x", "ready"]}}),
        "entities" => json!({"id": "5e5e", "joined": true, "routingStatus": {"status": "IDLE"}, "user": {
            "presence": {"presenceDefinition": {"systemPresence": "On Queue"}}, "routingStatus": {"status": "IDLE"},
            "name": "Zoë\n", "division": {"id": 1.50}}}),
        "records" => json!({"member": {"id": "979428000", "extensionNumber": "101"}, "acceptQueueCalls": true,
            "acceptCurrentQueueCalls": true, "telephonyStatus": "NoCall", "userStatus": "Available"}),
        _ => json!({"extension_number": "1001", "status": "READY", "skills": [{"level": 1}, {"level": 2}]}),
    }
}

/// The paths of names to every field of an object and of the objects within it.
fn fields_of(value: &Value, at: &str, found: &mut Vec<String>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        fields_of(member, &path, found);
        found.push(path);
    }
}

fn fields(list: &str) -> Vec<String> {
    let mut found = Vec::new();
    fields_of(&usual_record(list), "", &mut found);
    found
}

/// What a field of a usual record is replaced by; nothing takes it away.
fn replacement() -> impl Strategy<Value = Option<Value>> {
    let tokens = ["0", "1", "3", "-1", "1.50", "1E2", "12345678901234567890123"];
    let words = ["", "Available", "On Queue", "IDLE", "Wrap Up", "true", "20562", "\"status\": \"READY\"", "é\u{7}\\"];
    prop_oneof![
        2 => Just(None),
        2 => Just(Some(Value::Null)),
        4 => any::<bool>().prop_map(|flag| Some(Value::from(flag))),
        3 => select(tokens.to_vec()).prop_map(|token| callgate::json::parse(token).ok()),
        4 => select(words.to_vec()).prop_map(|word| Some(Value::from(word))),
        1 => Just(Some(json!({"status": "IDLE", "ready": [true, false]}))),
        1 => Just(Some(json!([{"status": "IDLE"}, {"status": null}, true, []]))),
    ]
}

fn record(list: &'static str) -> impl Strategy<Value = Value> {
    let usual = prop::collection::vec((any::<Index>(), replacement()), 0..3).prop_map(move |changes| {
        let mut record = usual_record(list);
        let fields = fields(list);
        for (at, replacement) in changes {
            let path = at.get(&fields);
            let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
            let pointer = if parent.is_empty() { String::new() } else { format!("/{}", parent.replace('.', "/")) };
            let Some(parent) = record.pointer_mut(&pointer).and_then(Value::as_object_mut) else { continue };
            match replacement {
                Some(value) => drop(parent.insert(name.to_owned(), value)),
                None => drop(parent.shift_remove(name)),
            }
        }
        record
    });
    prop_oneof![12 => usual, 1 => replacement().prop_map(Option::unwrap_or_default)]
}

/// The pages of an answer, as texts.
fn pages(list: &'static str) -> impl Strategy<Value = Vec<String>> {
    let envelope = prop::collection::vec(
        (select(vec!["total", "count", "next", "status", "paging", "ready"]), replacement()),
        0..4,
    );
    let items = prop_oneof![
        12 => prop::collection::vec(record(list), 0..5).prop_map(Value::from),
        1 => replacement().prop_map(Option::unwrap_or_default),
    ];
    let page = (envelope, items, 0..5_u8).prop_map(move |(envelope, items, form)| {
        let members = envelope.into_iter().map(|(name, value)| (name.to_owned(), value.unwrap_or_default()));
        let mut page: Map<String, Value> = members.collect();
        page.insert(list.to_owned(), items.clone());
        let page = Value::Object(page);
        match form {
            0 => format!("{page:#}"),
            1 => items.to_string(),
            // A name twice, of which the last counts.
            2 => page.to_string().replacen("\"ready\":", "\"status\":\"Lunch\",\"ready\":", 2),
            // As servers write it that send ASCII alone.
            3 => page.to_string().replace('é', "\\u00e9").replace('ë', "\\u00EB").replace('/', "\\/"),
            _ => page.to_string(),
        }
    });
    prop::collection::vec(page, 1..4)
}

fn path(list: &'static str) -> impl Strategy<Value = String> {
    let names = fields(list);
    let field = (any::<Index>(), 0..12_u8).prop_map(move |(at, odd)| match odd {
        0 => "absent".to_owned(),
        1 => "status.deep".to_owned(),
        2 => "tags[0]".to_owned(),
        _ => at.get(&names).clone(),
    });
    let test = (field.clone(), select(vec!["== true", "== 'Available'", "> 0", "!= null", "== 'IDLE'", ""]))
        .prop_map(|(field, test)| format!("@.{field} {test}"));
    let test = prop_oneof![
        8 => test,
        1 => field.clone().prop_map(|field| format!("length(@.{field}) > 1")),
        1 => field.clone().prop_map(|field| format!("match(@.{field}, 'A.*')")),
        1 => Just("@ == 'Available'".to_owned()),
        1 => Just("count(@.*) > 2".to_owned()),
    ];
    let filter = (test.clone(), select(vec!["&&", "|| !"]), prop::option::of(test))
        .prop_map(|(one, join, two)| two.map_or_else(|| format!("[?{one}]"), |two| format!("[?{one} {join}({two})]")));
    let selector = prop_oneof![
        4 => Just("[*]".to_owned()), 4 => filter, 1 => Just("[0]".to_owned()), 1 => Just("[-1]".to_owned()),
        1 => Just("[0:2]".to_owned()), 1 => Just(".*".to_owned()), 1 => Just("..status".to_owned()), 1 => Just(String::new()),
    ];
    let in_list =
        (selector, prop::option::of(field.clone()), select(vec!["", "", "", "[*]", "[0]", "[*].status", ".*"]))
            .prop_map(move |(selector, field, more)| {
                let field = field.map(|field| format!(".{field}")).unwrap_or_default();
                format!("$.{list}{selector}{field}{more}")
            });
    let plain = (field, select(vec!["[*]", "[0]", "[1]"])).prop_map(move |(field, at)| format!("{list}{at}.{field}"));
    let others =
        ["total", "paging.total", "count", "$..ready", "$[*].status", "$[?@.ready == true]", "$", "$.*", "[0].status"];
    prop_oneof![6 => in_list, 4 => plain, 2 => select(others.to_vec()).prop_map(str::to_owned)]
}

fn criterion(list: &'static str) -> impl Strategy<Value = Value> {
    let patterns = [
        r#""status": "Available""#,
        r#""ready": true"#,
        r#""acceptCurrentQueueCalls": true"#,
        r"(\d+)",
        r#""absent": "#,
        r#""staus": "READY""#,
        r#""nmae": "#,
        r#""(?:status|ready)": ([^,}]+)"#,
        r"\{.*\}",
        r"^\{",
        r"[^\x00-\x7f]",
        r#"\\"status"#,
    ];
    let pattern = (select(patterns.to_vec()), select(vec!["count", "match", "capture"]), 0..4_u8);
    let reading = prop_oneof![
        6 => path(list).prop_map(|path| json!({"parse_type": "json", "parse_field": path})),
        3 => pattern.prop_map(|(pattern, kind, scope)| {
            let scope = ["record", "body", "raw"].get(usize::from(scope)).copied();
            json!({"parse_type": "regex", "regex_type": kind, "pattern": pattern, "scope": scope})
        }),
        1 => select(AgentCount::ALL.map(AgentCount::as_str).to_vec())
            .prop_map(|count| json!({"parse_type": "agents", "parse_field": count})),
    ];
    let value = select(vec![json!(0), json!(1), json!(2), json!(true), json!("Available"), json!("IDLE")]);
    (reading, select(Condition::ALL.map(Condition::as_str).to_vec()), value).prop_map(|(reading, condition, value)| {
        let mut criterion = reading;
        criterion["condition"] = condition.into();
        criterion["value"] = value;
        criterion.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        criterion
    })
}

fn acceptance(list: &'static str) -> impl Strategy<Value = Value> {
    let several = prop::collection::vec(criterion(list), 1..4);
    prop_oneof![
        2 => criterion(list),
        1 => (several, select(vec!["all", "any"])).prop_map(|(parts, join)| json!({"not": {join: parts}})),
    ]
}

/// Reads the pages in full, as values.
fn in_full(pages: &[String], list: Option<&'static str>) -> Document {
    let value = |page: &String| callgate::json::parse(page).unwrap_or_else(|error| panic!("{page}: {error}"));
    let (first, further) = pages.split_first().unwrap();
    let mut document = Document::new(value(first), list, first.clone());
    for page in further {
        // A further page without its list ends the reading, here as in a check.
        if document.join(value(page), page.clone()).is_err() {
            break;
        }
    }
    document
}

/// Reads the pages as a check does, whose recipe needs these rows of the records and whose criteria these fields.
fn as_needed(
    pages: &[String],
    list: Option<&'static str>,
    rows: &'static [&'static str],
    fields: &Projection,
) -> Document {
    let (first, further) = pages.split_first().unwrap();
    let mut document =
        Document::read_with_rows(first.clone(), list, rows, fields).unwrap_or_else(|error| panic!("{first}: {error}"));
    for page in further {
        let read = document.read_page(page).unwrap_or_else(|error| panic!("{page}: {error}"));
        if document.join(read, page.clone()).is_err() {
            break;
        }
    }
    document
}

/// Everything that is made of a document: evaluation, counts, remarks, warnings.
fn said<P: Provider>(
    template: P::Template,
    options: &P::Options,
    acceptance: &Acceptance,
    document: &Document,
) -> String {
    let counts = P::counts(template, options, document);
    let snapshot = Snapshot {
        counts: counts.clone(),
        document: document.clone(),
        queue_closed: false,
        observed_at: SystemTime::UNIX_EPOCH,
        warnings: Vec::new(),
        unread_because: None,
    };
    let evaluation = evaluate(acceptance, &snapshot, &|| true);
    let remarks = P::remarks(template, options, document);
    let warnings = lint::warnings(acceptance, &evaluation, &snapshot);
    format!("{evaluation:?}\n{counts:?}\n{remarks:?}\n{warnings:?}")
}

/// Compares the two ways of reading; `false` where the criteria are none.
fn compare<P: Provider>(
    template: P::Template,
    options: &Map<String, Value>,
    pages: &[String],
    criteria: [&Value; 2],
    unread: Unread,
) -> Result<bool, TestCaseError> {
    let plan = |criteria| CheckRequest::plan_for_saved::<P>(criteria, Some(template.as_str()), options);
    let [Ok(plan), Ok(other)] = criteria.map(plan) else { return Ok(false) };
    let (list, options) = (P::list_field(template), &plan.question.options);
    let with_rest = |mut document: Document| {
        document.length_field = P::length_field(template);
        document.unread = unread;
        document
    };
    let expected = said::<P>(template, options, &plan.acceptance, &with_rest(in_full(pages, list)));
    // For these criteria, for the recipe alone, and for other criteria: a document may be shared between checks.
    for needed in [Some(&plan.acceptance), None, Some(&other.acceptance)] {
        let fields = needed.map_or_else(Projection::nothing, |acceptance| acceptance.record_fields(list));
        let document = match P::record_fields(template) {
            Some(rows) => as_needed(pages, list, rows, &fields),
            None => as_needed(pages, list, &[], &Projection::Whole),
        };
        let document = with_rest(document);
        let came = said::<P>(template, options, &plan.acceptance, &document);
        prop_assert_eq!(&came, &expected, "{:?} by {:?}", criteria[0], fields);
    }
    Ok(true)
}

fn holds<P: Provider>(template: &str, options: &Value, list: &'static str) {
    let template = P::Template::from_name(template).unwrap();
    let unread = select(vec![Unread::Nothing, Unread::Nothing, Unread::AtMost(2), Unread::Unbounded]);
    let config = ProptestConfig { cases: 384, failure_persistence: None, ..ProptestConfig::default() };
    let compared = std::cell::Cell::new(0);
    proptest!(config, |(pages in pages(list), one in acceptance(list), two in acceptance(list), unread in unread)| {
        if compare::<P>(template, options.as_object().unwrap(), &pages, [&one, &two], unread)? {
            compared.set(compared.get() + 1);
        }
    });
    assert!(compared.get() > 100, "only {} of the criteria were any", compared.get());
}

#[test]
fn calltools_answers_say_the_same_however_much_is_read() {
    holds::<CallTools>("agent_statuses", &json!({}), "results");
    holds::<CallTools>("ready_agents", &json!({"agent_status_id": 20561, "ready": true}), "results");
}

#[test]
fn genesys_cloud_answers_say_the_same_however_much_is_read() {
    holds::<GenesysCloud>("queue_members", &json!({}), "entities");
    holds::<GenesysCloud>("on_queue_idle", &json!({"members_fallback": true}), "entities");
}

#[test]
fn ringcentral_answers_say_the_same_however_much_is_read() {
    holds::<RingCentral>("queue_presence", &json!({}), "records");
    holds::<RingCentral>("ready_agents", &json!({}), "records");
}

#[test]
fn portsip_answers_say_the_same_however_much_is_read() {
    holds::<PortSip>("queue_agents", &json!({}), "items");
}

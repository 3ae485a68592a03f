//! Every way to write criteria wrongly, and the pointers of all the faults in each.

use std::collections::BTreeSet;

use callgate::providers::calltools::CallTools;
use callgate::request::CheckRequest;
use serde_json::{Value, json};

use crate::fixtures;

#[test]
fn every_fault_is_named_at_its_pointer() {
    let mut problems = Vec::new();
    let (_, cases) = fixtures("faults").into_iter().find(|(path, _)| path.ends_with("acceptance.json")).unwrap();
    let cases = cases.as_array().unwrap();
    assert!(cases.len() >= 99, "{} cases", cases.len());
    for case in cases {
        let body = json!({"connection": "acme", "queue": "5457", "acceptance": case["acceptance"]});
        let wanted: BTreeSet<&str> = case["pointers"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        match CheckRequest::from_value::<CallTools>(&body) {
            Ok(_) => problems.push(format!("{}: accepted, expected {wanted:?}", case["name"])),
            Err(faults) => {
                let came: BTreeSet<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
                if came != wanted {
                    problems.push(format!("{}: expected {wanted:?}, came {came:?}", case["name"]));
                }
                if faults.len() != came.len() {
                    problems.push(format!("{}: a fault is named twice: {faults:?}", case["name"]));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

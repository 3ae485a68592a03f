//! Every numbered example of the providers' and platforms' documentation, in every whitespace a provider may use.

use callgate::providers::calltools::CallTools;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::providers::portsip::PortSip;
use callgate::providers::ringcentral::RingCentral;
use callgate::providers::{Provider, ProviderName};
use callgate::request::CheckRequest;
use callgate::saved::evaluate_saved;
use serde_json::{Map, Value};

use crate::expectation::differences;
use crate::fixtures;

#[test]
fn calltools_examples_come_out_as_documented() {
    run::<CallTools>(23);
}

#[test]
fn genesys_cloud_examples_come_out_as_documented() {
    run::<GenesysCloud>(13);
}

#[test]
fn ringcentral_examples_come_out_as_documented() {
    run::<RingCentral>(14);
}

#[test]
fn portsip_agent_statuses_come_out_as_documented() {
    run::<PortSip>(25);
}

fn run<P: Provider>(least: usize) {
    let cases = fixtures(&format!("examples/{}", P::NAME));
    assert!(cases.len() >= least, "{} cases", cases.len());
    let mut problems = Vec::new();
    for (path, case) in &cases {
        assert_eq!(case["provider"].as_str().and_then(ProviderName::from_name), Some(P::NAME), "{}", path.display());
        let template = case["template"].as_str();
        let plan = CheckRequest::plan_for_saved::<P>(&case["acceptance"], template, &Map::new())
            .unwrap_or_else(|faults| panic!("{}: {faults:?}", path.display()));
        let documents = case["documents"].as_array().unwrap();
        assert!(documents.len() >= 3, "{}: compact, spaced and pretty", path.display());
        for document in documents.iter().map(Value::as_str) {
            let (_, evaluation) = evaluate_saved(&plan, document.unwrap()).unwrap();
            for difference in differences(&evaluation, &case["expected"]) {
                problems.push(format!("{} ({}): {difference}", path.display(), case["name"]));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

//! Other people's tools on the document: a validator, and Schemathesis, which tries the gateway against it.

use std::fs;
use std::sync::Arc;

use callgate::providers::ProviderName;
use callgate_local::gateway::Gateway;
use callgate_local::sample::{CONNECTION, REVOKED, Sample, queues};
use callgate_local::simulator::Dialect;
use callgate_tests::python::Python;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::document::{path, tightened};

#[test]
fn the_document_is_valid_open_api() {
    let Some(python) = Python::installed() else { return };
    let validated = python.module("openapi_spec_validator").arg(path()).output().unwrap();
    let said = String::from_utf8_lossy(&validated.stdout).into_owned() + &String::from_utf8_lossy(&validated.stderr);
    assert!(validated.status.success(), "{said}");
}

#[tokio::test]
async fn whatever_the_document_allows_is_answered_as_it_says() {
    let Some(python) = Python::installed() else { return };
    // Any names at all, and names that there are, so that most requests reach a provider.
    let known = json!([CONNECTION, REVOKED, "elsewhere"]);
    for (connections, phases) in [(Value::Null, "fuzzing"), (known, "examples,coverage,fuzzing")] {
        let sample = Sample::start(Dialect::Real, false).await.unwrap();
        let gateway = Gateway::bind(0).await.unwrap();
        let url = gateway.url();
        let (end, ended) = oneshot::channel::<()>();
        let serving = tokio::spawn(gateway.serve(Arc::clone(&sample.gates), async move {
            let _ = ended.await;
        }));

        let folder = tempfile::tempdir().unwrap();
        let document = folder.path().join("openapi.json");
        fs::write(&document, narrowed(&connections).to_string()).unwrap();
        // It keeps what it learnt in the folder it runs in.
        let mut schemathesis = tokio::process::Command::from(python.module("schemathesis.cli"));
        schemathesis
            .current_dir(folder.path())
            .kill_on_drop(true)
            .arg("run")
            .arg(&document)
            .args(["--url", &url, "--phases", phases]);
        let tried = schemathesis.args(ARGUMENTS).output().await.unwrap();
        drop(end);
        serving.await.unwrap().unwrap();

        let said = String::from_utf8_lossy(&tried.stdout).into_owned() + &String::from_utf8_lossy(&tried.stderr);
        assert!(tried.status.success(), "{said}");
        assert!(said.contains("Selected: 12/12") && said.contains("Tested: 12"), "{said}");
    }
}

/// What is checked of each answer, of which requests, in which order: the same in every run.
///
/// Not that a request which the schema refuses is refused: a number may be written as text, null is a field left out,
/// and what is not known is ignored with a warning.
const ARGUMENTS: [&str; 8] = [
    "--checks=not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
     response_schema_conformance,unsupported_method,allow_header_conformance",
    "--max-examples=25",
    "--generation-deterministic",
    "--continue-on-failure",
    "--request-timeout=15",
    "--max-failures=20",
    "--warnings=off",
    "--no-color",
];

/// The document, in which nothing may be that is not said; with these connections and the queues that there are, where
/// connections are given.
fn narrowed(connections: &Value) -> Value {
    let mut document = tightened();
    if connections.is_null() {
        return document;
    }
    let schemas = &mut document["components"]["schemas"];
    schemas["Connection"] = json!({"type": "string", "enum": connections});
    schemas["Queue"] = json!({"type": "string", "enum": QUEUES});
    // Examples name other queues of the same providers; a deadline that is too short ends before the provider is asked.
    schemas["DeadlineMs"]["minimum"] = json!(2000);
    assert_eq!(ProviderName::ALL.len() * 2, QUEUES.len(), "a provider has two queues");
    document
}

const QUEUES: [&str; 8] = [
    queues::CALLTOOLS_SALES,
    queues::CALLTOOLS_SUPPORT,
    queues::GENESYS_SALES,
    queues::GENESYS_SUPPORT,
    queues::RINGCENTRAL_SALES,
    queues::RINGCENTRAL_SUPPORT,
    queues::PORTSIP_SALES,
    queues::PORTSIP_SUPPORT,
];

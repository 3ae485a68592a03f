//! `callgate doctor`: every kind of trouble is found where it is, and nothing is found where there is none.

use std::collections::BTreeMap;
use std::process::Command;

use callgate::providers::ProviderName;
use callgate_local::diagnosis::{Diagnosis, FindingResult, Subject};
use callgate_local::sample::{CONNECTION, REVOKED, Sample, queues};
use callgate_local::simulator::{Dialect, Failure, Fault, Faults};
use callgate_tests::binaries::executable;
use serde_json::{Map, Value, json};

fn subject(provider: ProviderName) -> Subject {
    let queue = match provider {
        ProviderName::CallTools => queues::CALLTOOLS_SALES,
        ProviderName::GenesysCloud => queues::GENESYS_SALES,
        ProviderName::RingCentral => queues::RINGCENTRAL_SALES,
        ProviderName::PortSip => queues::PORTSIP_SALES,
    };
    Subject {
        provider,
        connection: CONNECTION.to_owned(),
        queue: queue.to_owned(),
        template: None,
        options: Map::new(),
        acceptance: None,
    }
}

fn faults(sample: &Sample, provider: ProviderName) -> &Faults {
    match provider {
        ProviderName::CallTools => sample.calltools.faults(),
        ProviderName::GenesysCloud => sample.genesys_cloud.faults(),
        ProviderName::RingCentral => sample.ringcentral.faults(),
        ProviderName::PortSip => sample.portsip.faults(),
    }
}

fn failed(diagnosis: &Diagnosis) -> Vec<&'static str> {
    let failed = diagnosis.findings.iter().filter(|finding| finding.result == FindingResult::Fail);
    failed
        .inspect(|finding| assert!(finding.to_do.as_ref().is_some_and(|to_do| !to_do.is_empty()), "{finding:?}"))
        .map(|finding| finding.check)
        .collect()
}

#[tokio::test]
async fn a_healthy_connection_passes_everything_in_both_dialects() {
    for dialect in Dialect::ALL {
        let sample = Sample::start(dialect, false).await.unwrap();
        for provider in ProviderName::ALL {
            let diagnosis = Diagnosis::of(&sample.gates, &subject(provider)).await.unwrap();
            assert!(!diagnosis.has_failed(), "{provider}: {:?}", diagnosis.findings);
            let results: Vec<FindingResult> = diagnosis.findings.iter().map(|finding| finding.result).collect();
            assert_eq!(results, [FindingResult::Pass; 10], "{provider}: {:?}", diagnosis.findings);
        }
    }
}

#[tokio::test]
async fn each_trouble_of_the_provider_fails_the_one_check_it_belongs_to() {
    let troubles = [
        (Failure::Unauthorized, "token"),
        (Failure::Forbidden, "permission"),
        (Failure::RateLimited { retry_after_seconds: 60 }, "quota"),
        (Failure::Internal, "connection and TLS"),
        (Failure::Unavailable, "connection and TLS"),
    ];
    for provider in ProviderName::ALL {
        for (failure, check) in troubles {
            let sample = Sample::start(Dialect::Real, false).await.unwrap();
            faults(&sample, provider).push(Fault::failure(failure).always());
            let diagnosis = Diagnosis::of(&sample.gates, &subject(provider)).await.unwrap();
            // CallTools refuses an unknown key and a missing permission alike.
            let check =
                if (provider, check) == (ProviderName::CallTools, "permission") && failed(&diagnosis) == ["token"] {
                    "token"
                } else {
                    check
                };
            assert_eq!(failed(&diagnosis), [check], "{provider} {failure:?}: {:?}", diagnosis.findings);
        }
    }
}

#[tokio::test]
async fn each_trouble_of_the_setting_up_fails_the_one_check_it_belongs_to() {
    let sample = Sample::start(Dialect::Real, false).await.unwrap();
    for provider in ProviderName::ALL {
        let healthy = subject(provider);
        sample.gates.put_secret(provider, "no-json", "token");
        sample.gates.put_secret(provider, "ended", ended(provider, sample.base_url(provider)).to_string());
        let unknown_queue = match provider {
            ProviderName::GenesysCloud => "11111111-1111-4111-8111-111111111111",
            _ => "999999",
        };
        for (subject, check) in [
            (Subject { connection: "nobody".to_owned(), ..healthy.clone() }, "secret"),
            (Subject { connection: "no-json".to_owned(), ..healthy.clone() }, "secret"),
            (Subject { connection: REVOKED.to_owned(), ..healthy.clone() }, "token"),
            (Subject { connection: "ended".to_owned(), ..healthy.clone() }, "token"),
            (Subject { queue: unknown_queue.to_owned(), ..healthy.clone() }, "queue"),
            (
                Subject {
                    acceptance: Some(
                        json!({"parse_type": "json", "parse_field": "agents_free", "condition": "at_least", "value": 1}),
                    ),
                    ..healthy.clone()
                },
                "fields",
            ),
        ] {
            let diagnosis = Diagnosis::of(&sample.gates, &subject).await.unwrap();
            assert_eq!(failed(&diagnosis), [check], "{provider}: {:?}", diagnosis.findings);
        }
        let faulty = Subject { template: Some("no_such_recipe".to_owned()), ..healthy };
        assert!(Diagnosis::of(&sample.gates, &faulty).await.unwrap_err().contains("/template"));
    }
}

/// A secret whose token ended in 2001.
fn ended(provider: ProviderName, base_url: &str) -> Value {
    let token = if provider == ProviderName::CallTools { "token" } else { "access_token" };
    json!({token: "an-old-token", "base_url": base_url, "expires_at": "2001-09-09T01:46:40Z"})
}

#[tokio::test]
async fn a_provider_that_ignores_its_filters_is_found_out() {
    // An API that gives the same agents whatever queue is named.
    let everybody = json!({"count": 1, "next": null, "previous": null, "results": [{"app_user": 1, "ready": true, "status": "Available"}]});
    let server = wiremock::MockServer::start().await;
    wiremock::Mock::given(wiremock::matchers::any())
        .respond_with(wiremock::ResponseTemplate::new(200).set_body_json(everybody))
        .mount(&server)
        .await;
    let sample = Sample::start(Dialect::Real, false).await.unwrap();
    let secret = json!({"token": "a-token", "base_url": server.uri()});
    sample.gates.put_secret(ProviderName::CallTools, "careless", secret.to_string());
    let subject = Subject { connection: "careless".to_owned(), ..subject(ProviderName::CallTools) };
    let diagnosis = Diagnosis::of(&sample.gates, &subject).await.unwrap();
    assert_eq!(failed(&diagnosis), ["filters"], "{:?}", diagnosis.findings);
}

#[test]
fn the_command_exits_0_where_nothing_is_wrong_and_1_where_something_is() {
    let doctor = |arguments: &[&str]| {
        let output = Command::new(executable("callgate").unwrap())
            .env("CALLGATE_STORE", "no-such-store.json")
            .arg("doctor")
            .args(arguments)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, findings) = doctor(&["portsip", CONNECTION, "8001", "--json"]);
    assert_eq!(code, Some(0));
    let findings: Vec<BTreeMap<String, Value>> = serde_json::from_str(&findings).unwrap();
    assert_eq!(findings.len(), 10);
    assert!(findings.iter().all(|finding| finding["result"] == "pass"), "{findings:?}");
    let (code, table) = doctor(&["ringcentral", REVOKED, queues::RINGCENTRAL_SALES]);
    assert_eq!(code, Some(1));
    assert!(table.contains("token") && table.contains("fail") && table.contains("skipped"), "{table}");
    for arguments in [&["avaya", CONNECTION, "1"][..], &["portsip", CONNECTION, "1", "--options", "{"], &["portsip"]] {
        assert_eq!(doctor(arguments).0, Some(64), "{arguments:?}");
    }
}

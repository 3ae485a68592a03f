//! What a run writes: its own fields only, one version for one token, and one connection apart from the others.

use std::time::Duration;

use callgate::clock::rfc3339;
use callgate::credentials::{StoreFailure, WritableStore, Written, secret_name};
use callgate::grants::grant_name;
use callgate::refresh::{Outcome, Refreshed};
use callgate_local::simulator::{Clock, Dialect, Fault, GenesysCloud as Organisation};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::desk::{
    CLIENT_SECRET, Desk, GenesysCloud, KINDS, answer_with, endpoint, joined, meanwhile, outcomes, provider, received,
    token, token_name,
};
use crate::store::PutFault;

const OWN: [&str; 5] = ["access_token", "issued_at", "expires_at", "rotates", "grant_rejected"];

fn others(mut secret: Value) -> Value {
    for field in OWN {
        secret.as_object_mut().unwrap().remove(field);
    }
    secret
}

#[tokio::test]
async fn fields_of_others_are_kept() {
    for kind in KINDS {
        let server = endpoint(token("new")).await;
        let desk = Desk::with(kind, &server.uri(), 20);
        let more = json!({
            "allowed_api_key_ids": ["k-1"],
            "defaults": {"queue": "7"},
            "sub_account_id": "99",
            "ünknown": [1, {"a": null}, 1.5, "\u{1F600}"],
        });
        desk.store.set(&token_name(kind), &joined(desk.token(kind).await, more.clone()));
        desk.set_grant(kind, &joined(desk.grant(kind).await, json!({"note": {"by": "ops"}})));
        let before = desk.token(kind).await;
        assert_eq!(desk.run_one().await.outcome, Outcome::Refreshed, "{kind}");
        let after = desk.token(kind).await;
        assert_eq!(others(after.clone()), others(before), "{kind}");
        assert_eq!(after["access_token"], "new", "{kind}");
        assert_eq!(after["issued_at"], rfc3339(desk.clock.now()), "{kind}");
        assert_eq!(after["expires_at"], rfc3339(desk.clock.now() + Duration::from_hours(1)), "{kind}");
        let grant = desk.grant(kind).await;
        assert_eq!(grant["note"], json!({"by": "ops"}), "{kind}");
        assert!(!after.to_string().contains("canary"), "{kind}: no long-lived credential where checks read");

        // A refusal adds a note, and keeps the rest.
        answer_with(&server, ResponseTemplate::new(401).set_body_json(json!({"error": "invalid_client"}))).await;
        desk.pass(50);
        let before = desk.token(kind).await;
        assert_eq!(desk.run_one().await.outcome, Outcome::Rejected, "{kind}");
        let mut after = desk.token(kind).await;
        after.as_object_mut().unwrap().remove("grant_rejected");
        assert_eq!(after, before, "{kind}");
    }
}

#[tokio::test]
async fn a_refresh_writes_what_it_must_and_no_more() {
    for (kind, tokens, grants) in
        [("genesys-cloud", 1, 0), ("jwt-bearer", 1, 0), ("refresh_token", 1, 2), ("portsip", 1, 1)]
    {
        let body = json!({"access_token": "new", "expires_in": 3600, "refresh_token": "r-1"});
        let server = endpoint(ResponseTemplate::new(200).set_body_json(body)).await;
        let desk = Desk::with(kind, &server.uri(), 20);
        for expected in [Outcome::Refreshed, Outcome::NotDue, Outcome::NotDue] {
            assert_eq!(desk.run_one().await.outcome, expected, "{kind}");
        }
        let puts = desk.store.puts();
        let written = |name: String| puts.iter().filter(|put| put.name == name).count();
        assert_eq!(written(token_name(kind)), tokens, "{kind}");
        assert_eq!(written(grant_name(provider(kind), "acme")), grants, "{kind}");
        assert_eq!(received(&server).await.len(), 1, "{kind}");
        assert!(!desk.token(kind).await.to_string().contains("r-1"), "{kind}: the grant alone holds it");
        if kind == "refresh_token" {
            let grant = desk.grant(kind).await;
            assert_eq!((&grant["refresh_token"], &grant["access_token"]), (&json!("r-1"), &json!("new")));
            assert_eq!(grant["generation"], 1);
            let (last_grant, token) = (puts.len() - 2, puts.len() - 1);
            assert!(puts[last_grant].name.starts_with("callgate-grant/") && puts[token].name.starts_with("callgate/"));
        }
    }
}

#[tokio::test]
async fn a_write_that_is_repeated_is_one_version_and_another_is_refused() {
    let desk = Desk::with("genesys-cloud", "http://127.0.0.1:9", 20);
    let name = token_name("genesys-cloud");
    let put = |value: &'static str| desk.store.put(&name, value.into(), "version-1");
    assert_eq!(put("{\"access_token\":\"a\"}").await, Ok(Written::Done));
    assert_eq!(put("{\"access_token\":\"a\"}").await, Ok(Written::Done));
    assert_eq!(desk.store.versions(&name), 2);
    assert_eq!(put("{\"access_token\":\"b\"}").await, Ok(Written::RefusedForAnother));
    assert_eq!(desk.store.get(&name).await["access_token"], "a");
    let missing = desk.store.put("callgate/portsip/other", "{}".into(), "version-1").await;
    assert_eq!(missing, Err(StoreFailure::Missing));
}

#[tokio::test]
async fn of_two_runs_that_saw_the_same_token_one_writes_and_nothing_is_lost() {
    for kind in ["genesys-cloud", "jwt-bearer", "portsip"] {
        let server = endpoint(token("new")).await;
        let desk = Desk::with(kind, &server.uri(), 20);
        let (one, other) = (desk.refresher(), desk.refresher());
        let (one, other) = tokio::join!(one.run(), other.run());
        let mut seen = [one.unwrap()[0].outcome, other.unwrap()[0].outcome].map(|outcome| format!("{outcome:?}"));
        seen.sort();
        assert_eq!(desk.token(kind).await["access_token"], "new", "{kind}");
        // Two writes of one second's token are alike: both are the one version.
        assert!(seen == ["AnotherWrote", "Refreshed"] || seen == ["Refreshed", "Refreshed"], "{kind}: {seen:?}");
        assert_eq!(desk.store.versions(&token_name(kind)), 2, "{kind}");
    }
}

#[tokio::test]
async fn a_refusal_noted_late_does_not_take_the_place_of_another_runs_token() {
    let simulator = Organisation::new(Dialect::Real).with_clock(Clock::stopped()).client("app", CLIENT_SECRET);
    let simulator = simulator.start().await.unwrap();
    let desk = Desk::with("genesys-cloud", simulator.base_url(), 20);
    let refusal = json!({"error": "invalid_client", "description": "authentication failed"}).to_string();
    simulator.faults().push(Fault::answer(400, refusal).held());
    let (late, other) = (desk.refresher(), desk.refresher());
    let happens = async {
        simulator.received(1).await;
        let lines = other.run().await.unwrap();
        assert_eq!(lines[0].outcome, Outcome::Refreshed);
        simulator.faults().release();
    };
    meanwhile(late.run(), happens).await.unwrap();
    let secret = desk.token("genesys-cloud").await;
    assert_eq!(secret["access_token"], "genesys-cloud-access-0001", "{secret}");
    assert_eq!(desk.run_one().await.outcome, Outcome::NotDue);
}

#[tokio::test]
async fn an_answer_of_the_store_that_is_lost_costs_no_token() {
    for (kind, secret) in [("genesys-cloud", "callgate/"), ("jwt-bearer", "callgate/"), ("portsip", "callgate/")] {
        for fault in [PutFault::AnswerLost, PutFault::NotWritten] {
            let server = endpoint(token("new")).await;
            let desk = Desk::with(kind, &server.uri(), 30);
            desk.store.fail_puts(secret, fault, 1);
            let line = desk.run_one().await;
            assert_eq!(line.outcome, Outcome::Failed, "{kind} {fault:?}: {line:?}");
            desk.pass(5);
            let expected = if fault == PutFault::AnswerLost { Outcome::NotDue } else { Outcome::Refreshed };
            assert_eq!(desk.run_one().await.outcome, expected, "{kind} {fault:?}");
            assert_eq!(desk.token(kind).await["access_token"], "new", "{kind} {fault:?}");
        }
    }
}

#[tokio::test]
async fn one_connection_that_fails_does_not_stop_the_others() {
    let simulator = Organisation::new(Dialect::Real).with_clock(Clock::stopped()).client("app", CLIENT_SECRET);
    let simulator = simulator.start().await.unwrap();
    let desk = Desk::new();
    let names: Vec<String> = (0..20).map(|index| format!("c-{index:02}")).collect();
    for name in &names {
        desk.connect(name, "genesys-cloud", simulator.base_url(), 20);
    }
    let grant = |index: usize| grant_name(GenesysCloud, &names[index]);
    desk.store.set_text(&grant(0), "no JSON");
    desk.store.set(&grant(1), &json!({"client_id": "app"}));
    desk.connect(&names[2], "genesys-cloud", "http://127.0.0.1:9", 20);
    desk.store.set(&grant_name(GenesysCloud, "without-a-secret"), &desk.store.get(&grant(4)).await);
    desk.store.set_text(&secret_name(GenesysCloud, &names[3]), "[]");
    desk.store.set("callgate-grant/calltools/keys", &json!({"token": "a"}));
    desk.store.set("callgate-grant/unknown/other", &json!({}));
    desk.store.set("callgate-grant/nothing", &json!({}));
    let lines = desk.run().await;
    for (connection, outcome) in outcomes(&lines) {
        let fails =
            names[..4].iter().any(|name| name == connection) || ["without-a-secret", "keys"].contains(&connection);
        assert_eq!(outcome == Outcome::Failed, fails, "{connection}: {outcome:?}");
        assert_eq!(outcome == Outcome::Refreshed, !fails, "{connection}: {outcome:?}");
    }
    assert_eq!(lines.len(), 22);
    let cause = |name: &str| lines.iter().find(|line| line.connection == name).unwrap().cause.clone().unwrap();
    assert!(cause(&names[0]).contains("callgate-grant/genesys-cloud/c-00"));
    assert!(cause(&names[1]).contains("client_secret"));
    assert!(cause(&names[2]).contains("refused"));
    assert!(cause(&names[3]).contains("callgate/genesys-cloud/c-03"));
    assert!(cause("without-a-secret").contains("callgate/genesys-cloud/without-a-secret"));
}

#[tokio::test]
async fn one_connection_that_hangs_does_not_hold_up_the_others() {
    for kind in ["genesys-cloud", "jwt-bearer", "portsip"] {
        let hung = Organisation::new(Dialect::Real).client("app", CLIENT_SECRET).start().await.unwrap();
        hung.faults().push(Fault::pass().held().always());
        let server = endpoint(token("new")).await;
        let desk = Desk::new();
        desk.connect("acme", kind, hung.base_url(), 20);
        for index in 0..7 {
            desk.connect(&format!("c-{index}"), "genesys-cloud", &server.uri(), 20);
        }
        let (before, refresher) = (desk.token(kind).await, desk.refresher());
        let others = async {
            hung.received(1).await;
            // All others are done while the one hangs.
            while desk.store.puts().len() < 7 {
                tokio::task::yield_now().await;
            }
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(20)).await;
            tokio::time::resume();
        };
        let lines = meanwhile(refresher.run(), others).await.unwrap();
        let hanging = lines.iter().find(|line| line.connection == "acme").unwrap();
        assert_eq!((hanging.outcome, hanging.minutes_left), (Outcome::Failed, Some(20)), "{hanging:?}");
        assert!(hanging.cause.as_ref().unwrap().contains("did not answer"), "{hanging:?}");
        assert_eq!(desk.token(kind).await, before);
        assert_eq!(lines.iter().filter(|line| line.outcome == Outcome::Refreshed).count(), 7);
    }
}

#[tokio::test]
async fn the_lines_say_what_is_left_what_became_of_it_and_why() {
    let server = endpoint(token("new")).await;
    let desk = Desk::new();
    desk.connect("fresh", "genesys-cloud", &server.uri(), 45);
    desk.connect("due", "genesys-cloud", &server.uri(), 30);
    desk.connect("over", "genesys-cloud", "http://127.0.0.1:9", 0);
    desk.pass(2);
    let lines: Vec<Value> = desk.run().await.iter().map(|line| serde_json::to_value(line).unwrap()).collect();
    let end = |minutes: u64| rfc3339(desk.clock.now() + Duration::from_mins(minutes));
    let line = |connection: &str, outcome: &str, left: i64, end: String| json!({"provider": "genesys-cloud", "connection": connection, "outcome": outcome, "minutes_left": left, "expires_at": end});
    assert_eq!(lines[0], line("due", "refreshed", 60, end(60)));
    assert_eq!(lines[1], line("fresh", "not_due", 43, end(43)));
    let over = rfc3339(desk.clock.now() - Duration::from_mins(2));
    let cause = json!({"cause": "the provider cannot be reached: the connection was refused"});
    assert_eq!(lines[2], joined(line("over", "failed", -2, over), cause));
}

#[tokio::test]
async fn a_pasted_token_near_its_end_is_told_of() {
    let desk = Desk::new();
    let secret = |hours: u64| json!({"access_token": "pasted", "expires_at": rfc3339(desk.clock.now() + Duration::from_hours(hours))});
    desk.store.set("callgate/genesys-cloud/soon", &secret(23));
    desk.store.set("callgate/ringcentral/later", &secret(25));
    desk.store.set("callgate/portsip/endless", &json!({"access_token": "pasted"}));
    desk.store.set("callgate/calltools/key", &json!({"token": "key", "silo": "east-1"}));
    desk.store.set_text("callgate/portsip/broken", "no JSON");
    let lines = desk.run().await;
    assert_eq!(outcomes(&lines), [("soon", Outcome::NoGrant)]);
    assert_eq!(lines[0].minutes_left, Some(23 * 60));
    assert!(lines[0].outcome.is_alarming() && lines[0].cause.as_ref().unwrap().contains("pasted"));
    desk.clock.advance(Duration::from_hours(26));
    let lines = desk.run().await;
    let left: Vec<_> = lines.iter().map(|line: &Refreshed| (line.connection.as_str(), line.minutes_left)).collect();
    assert_eq!(left, [("soon", Some(-180)), ("later", Some(-60))]);
}

#[tokio::test]
async fn a_store_that_is_down_is_told_and_loses_nothing() {
    let server = endpoint(token("new")).await;
    let desk = Desk::with("refresh_token", &server.uri(), 20);
    desk.store.set_down(true);
    assert_eq!(desk.refresher().run().await, Err(StoreFailure::Unavailable("ThrottlingException".to_owned())));
    assert_eq!(received(&server).await.len(), 0);
    desk.store.set_down(false);
    assert_eq!(desk.run_one().await.outcome, Outcome::Refreshed);
}

#[tokio::test]
async fn what_was_refreshed_is_told_where_the_tokens_cannot_be_listed() {
    let server = endpoint(token("new")).await;
    let desk = Desk::with("genesys-cloud", &server.uri(), 20);
    desk.store.set_tokens_unlisted();
    assert_eq!(desk.run_one().await.outcome, Outcome::Refreshed);
}

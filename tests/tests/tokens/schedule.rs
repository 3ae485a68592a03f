//! A schedule that fires twice, late or not at all, and clocks that are set.

use std::time::{Duration, UNIX_EPOCH};

use callgate::clock::{Clock, parse};
use callgate::refresh::{Outcome, Refresher};
use callgate_local::simulator::{Clock as SimulatorClock, Dialect, GenesysCloud as Organisation, Simulator};
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::desk::{CLIENT_SECRET, Desk, HTTP, KINDS, START_MS, endpoint, received, token, token_name};
use crate::interleaved::Seeded;

const KIND: &str = "genesys-cloud";

#[tokio::test]
async fn a_schedule_that_fires_twice_refreshes_once() {
    for kind in KINDS {
        let server = endpoint(token("new")).await;
        let desk = Desk::with(kind, &server.uri(), 20);
        assert_eq!(desk.run_one().await.outcome, Outcome::Refreshed);
        assert_eq!(desk.run_one().await.outcome, Outcome::NotDue);
        assert_eq!(received(&server).await.len(), 1, "{kind}");

        // Both at once: one version, whoever is first.
        desk.pass(40);
        let (one, other) = (desk.refresher(), desk.refresher());
        let (one, other) = tokio::join!(one.run(), other.run());
        assert!(one.is_ok() && other.is_ok());
        assert_eq!(desk.store.versions(&token_name(kind)), 3, "{kind}");
    }
}

#[tokio::test]
async fn nothing_lapses_where_the_schedule_misses_two_periods_or_is_ten_minutes_late() {
    for life in [24, 30, 60, 1_440_u64] {
        let organisation = Organisation::new(Dialect::Real).with_clock(SimulatorClock::stopped());
        let organisation = organisation.token_life(Duration::from_mins(life)).client("app", CLIENT_SECRET);
        let simulator = organisation.start().await.unwrap();
        for seed in 0..5 {
            let desk = Desk::with(KIND, simulator.base_url(), 0);
            simulator.forget_requests();
            live(&desk, &simulator, seed).await;
        }
    }
}

/// A day in which runs come five to fifteen minutes apart, some of them twice.
async fn live(desk: &Desk, simulator: &Simulator<Organisation>, seed: u64) {
    let seeded = Seeded::new(seed);
    let mut next = 0;
    for minute in 0..24 * 60 {
        if minute == next {
            for _ in 0..=seeded.below(2) {
                assert!(!desk.run_one().await.outcome.is_alarming());
            }
            next += [5, 5, 10, 15, 15][seeded.below(5)];
        }
        let secret = desk.token(KIND).await;
        let end = parse(&secret["expires_at"]).unwrap();
        assert!(end > desk.clock.now(), "minute {minute}: it ended");
        desk.pass(1);
        simulator.clock().advance(Duration::from_mins(1));
    }
    let puts = desk.store.puts();
    assert!(puts.windows(2).all(|two| two[1].at.duration_since(two[0].at).unwrap() >= Duration::from_mins(10)));
    assert_eq!(simulator.requests().len(), puts.len(), "one request for each token");
}

#[tokio::test]
async fn a_run_whose_clock_is_wrong_breaks_nothing() {
    for kind in KINDS {
        for minutes_left in [0, 20, 45] {
            for off in [-3_600_000_i64, -10_000, 10_000, 3_600_000, i64::try_from(START_MS).unwrap()] {
                let server = endpoint(token("new")).await;
                let desk = Desk::with(kind, &server.uri(), minutes_left);
                let wrong = Clock::stopped_at(START_MS.checked_add_signed(off).unwrap());
                let lines = Refresher::new(&desk.store, &HTTP, wrong.clone(), true).run().await.unwrap();
                assert!(!lines[0].outcome.is_alarming(), "{kind} {off}: {lines:?}");
                let zero = Clock::stopped_at(0);
                assert!(Refresher::new(&desk.store, &HTTP, zero, true).run().await.is_ok());
                // Back on time: what was noted under the wrong one holds nobody up.
                desk.pass(70);
                let line = desk.run_one().await;
                assert!(matches!(line.outcome, Outcome::Refreshed | Outcome::NotDue), "{kind} {off}: {line:?}");
            }
        }
    }
}

#[tokio::test]
async fn times_at_the_ends_of_what_can_be_written_break_nothing() {
    for kind in KINDS {
        for written in [
            json!(0),
            json!(-1),
            json!(1e18),
            json!("9999-12-31T23:59:59Z"),
            json!("0001-01-01T00:00:00Z"),
            json!("soon"),
            json!([]),
        ] {
            let body = json!({"access_token": "new", "expires_in": 1e18});
            let server = endpoint(ResponseTemplate::new(200).set_body_json(body)).await;
            for field in ["issued_at", "expires_at"] {
                let desk = Desk::with(kind, &server.uri(), 20);
                let mut secret = desk.token(kind).await;
                secret[field] = written.clone();
                desk.store.set(&token_name(kind), &secret);
                let line = desk.run_one().await;
                assert!(!line.outcome.is_alarming(), "{kind} {field} {written}: {line:?}");
                if line.outcome == Outcome::Refreshed {
                    let end = parse(&desk.token(kind).await["expires_at"]).unwrap();
                    let two_days = UNIX_EPOCH + Duration::from_millis(START_MS) + Duration::from_hours(48);
                    assert_eq!(end, two_days, "{kind} {field} {written}");
                }
            }
        }
    }
}

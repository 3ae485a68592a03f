//! `callgate simulate`: the day it simulates, what it prints, and that the documentation has the same.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::process::{Command, Output};
use std::time::Duration;

use callgate::freshness::Quota;
use callgate::providers::ProviderName;
use callgate_local::simulation::{Asking, Scenario, Settings, Tally, advise, simulate};
use callgate_tests::binaries::executable;

/// A busy hour of one queue.
fn scenario(provider: ProviderName) -> Scenario {
    Scenario {
        provider,
        calls_per_minute: 12,
        queues: 1,
        instances: 20,
        agents: 6,
        hours: 1,
        quota: Scenario::published_quota(provider),
        outage: Duration::ZERO,
        seed: 7,
    }
}

/// What is advised, shared.
fn settings(scenario: &Scenario) -> Settings {
    let max_age = advise(scenario).max_age;
    Settings { max_age, stale_if_error: Duration::from_mins(1), hold_for: None, is_shared: true }
}

fn with(scenario: &Scenario, settings: Settings) -> Tally {
    simulate(scenario, Asking::With(settings)).unwrap()
}

fn run(arguments: &[&str]) -> Output {
    Command::new(executable("callgate").unwrap()).arg("simulate").args(arguments).output().unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_table_in_the_docs_is_what_the_command_prints() {
    let page = include_str!("../../docs/freshness.md");
    let printed = printed(&[]);
    let table: Vec<&str> = printed.lines().take_while(|line| line.starts_with('|')).collect();
    assert!(table.len() > 10, "{printed}");
    assert!(
        page.contains(&format!("\n{}\n", table.join("\n"))),
        "docs/freshness.md has another table; put this one there:\n{printed}"
    );
}

#[test]
fn the_ages_in_the_docs_are_the_arithmetic_of_the_quota() {
    let page = include_str!("../../docs/freshness.md");
    for (name, provider, agents) in [
        ("CallTools", ProviderName::CallTools, 12),
        ("Genesys Cloud", ProviderName::GenesysCloud, 12),
        ("RingCentral", ProviderName::RingCentral, 12),
        ("PortSIP", ProviderName::PortSip, 12),
    ] {
        let ages = [1, 2, 5, 10].map(|queues| {
            let advice = advise(&Scenario { agents, queues, ..scenario(provider) });
            advice.max_age.as_millis().to_string()
        });
        let end = format!(" | {} |", ages.join(" | "));
        let row = page.lines().find(|line| line.starts_with(&format!("| {name} |")) && line.ends_with(&end));
        assert!(row.is_some(), "docs/freshness.md needs a row of {name} that ends in{end}");
    }
}

#[test]
fn the_same_day_comes_to_the_same_and_another_seed_to_another() {
    let scenario = scenario(ProviderName::CallTools);
    let other = Scenario { seed: 8, ..scenario };
    assert_eq!(with(&scenario, settings(&scenario)), with(&scenario, settings(&scenario)));
    assert_ne!(with(&scenario, settings(&scenario)), with(&other, settings(&other)));
}

#[test]
fn every_check_of_the_hour_is_decided_once() {
    for provider in ProviderName::ALL {
        let scenario = scenario(provider);
        for asking in [Asking::Anew, Asking::With(settings(&scenario))] {
            let tally = simulate(&scenario, asking).unwrap();
            // Ten in the morning has 2.2 times the day's average.
            assert_eq!(tally.checks, 12 * 60 * 22 / 10, "{provider}");
            assert!(tally.wrong_accepts <= tally.accepted, "{provider}");
            assert!(tally.wrong_rejects <= tally.checks - tally.accepted, "{provider}");
        }
    }
}

#[test]
fn without_callgate_each_check_asks_and_one_over_the_quota_is_unknown() {
    let scenario = scenario(ProviderName::CallTools);
    let tally = simulate(&scenario, Asking::Anew).unwrap();
    assert_eq!(tally.requests, tally.checks);
    // The first 1000 of the hour's 1584 are answered.
    assert_eq!((tally.refused, tally.unknown), (584, 584));
    assert_eq!(tally.age_ms(0).map(|age_ms| age_ms >= 80), Some(true), "no answer is newer than its way");
    assert_eq!(tally.age_ms(100).map(|age_ms| age_ms <= 300), Some(true), "and none is kept");
}

#[test]
fn ringcentrals_wait_begins_anew_with_each_request_so_that_it_never_ends() {
    // 26 checks a minute, and two requests for each that is answered: the fifty are gone within the first minutes.
    let tally = simulate(&scenario(ProviderName::RingCentral), Asking::Anew).unwrap();
    let answered = tally.checks - tally.unknown;
    assert!(answered < 26 * 10, "{tally:?}");
    assert!(tally.refused >= tally.unknown, "{tally:?}");
}

#[test]
fn shared_the_quota_is_kept_by_any_number_of_instances() {
    for provider in ProviderName::ALL {
        for instances in [1, 20, 200] {
            let scenario = Scenario { instances, ..scenario(provider) };
            let settings = settings(&scenario);
            let tally = with(&scenario, settings);
            assert_eq!((tally.refused, tally.unknown), (0, 0), "{provider} {instances}: {tally:?}");
            assert!(tally.most_in_a_window <= u64::from(scenario.quota.requests), "{provider} {instances}");
            let requests = u128::from(advise(&scenario).requests_of_an_answer);
            // Each instance of PortSIP's also reads who the agents are, every two minutes.
            let lists = if provider == ProviderName::PortSip { u128::from(instances) * 30 } else { 0 };
            let most = (3_600_000 / settings.max_age.as_millis() + 1) * requests + lists;
            assert!(u128::from(tally.requests) <= most, "{provider} {instances}: {} > {most}", tally.requests);
        }
    }
}

#[test]
fn an_answer_is_never_older_than_it_may_be() {
    let scenario = scenario(ProviderName::CallTools);
    let tally = with(&scenario, settings(&scenario));
    assert!(tally.age_ms(100).unwrap() <= 5200, "{:?}", tally.age_ms(100));
    assert!(tally.age_ms(100).unwrap() > 300, "old answers are used");
}

#[test]
fn instances_on_their_own_ask_more_than_those_that_share() {
    let scenario = scenario(ProviderName::CallTools);
    let shared = settings(&scenario);
    let alone = Settings { is_shared: false, ..shared };
    assert!(with(&scenario, alone).requests > with(&scenario, shared).requests);
}

#[test]
fn with_holds_fewer_calls_are_promised_an_agent_who_is_promised_already() {
    for provider in ProviderName::ALL {
        let scenario = scenario(provider);
        let without = settings(&scenario);
        let advice = advise(&scenario);
        let held = Settings { hold_for: Some(advice.max_age + advice.rings), ..without };
        let (without, held) = (with(&scenario, without), with(&scenario, held));
        assert!(held.wrong_accepts * 2 < without.wrong_accepts, "{provider}: {held:?} {without:?}");
        let right = |tally: &Tally| tally.accepted - tally.wrong_accepts;
        assert!(right(&held) > 0, "{provider}: {held:?}");
    }
}

#[test]
fn in_an_outage_stale_answers_stand_in_for_as_long_as_they_may() {
    let scenario = Scenario { outage: Duration::from_mins(10), ..scenario(ProviderName::GenesysCloud) };
    let minute = settings(&scenario);
    let hour = Settings { stale_if_error: Duration::from_hours(1), ..minute };
    let none = Settings { stale_if_error: Duration::ZERO, ..minute };
    let unknown = [none, minute, hour].map(|settings| with(&scenario, settings).unknown);
    assert!(unknown[0] > unknown[1] && unknown[1] > 0, "{unknown:?}");
    assert_eq!(unknown[2], 0, "an hour is longer than the outage");
}

#[test]
fn a_users_own_numbers_are_simulated_and_the_last_line_says_what_to_set() {
    let text = printed(&[
        "calltools",
        "--calls-per-minute",
        "3",
        "--queues",
        "4",
        "--instances",
        "5",
        "--agents",
        "2",
        "--hours",
        "1",
        "--quota",
        "500/3600",
        "--no-shared",
        "--hold-ms",
        "9000",
        "--max-age-ms",
        "2000",
        "--stale-if-error-ms",
        "30000",
        "--seed",
        "3",
    ]);
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| calltools "))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let set_to: Vec<&str> = rows.iter().map(|row| row[2]).collect();
    let expected = ["ask for each check", "max_age_ms 2000, not shared", "max_age_ms 2000, hold_ms 9000, not shared"];
    assert_eq!(set_to, expected, "{text}");
    for row in &rows {
        // 3 a minute, 2.2 times as many at ten.
        assert_eq!((row[1], row[3]), ("5", "396"), "{text}");
        assert!(row[6].ends_with(" of 500"), "{text}");
    }
    // 3,600,000 ms / 350 requests * 4 queues = 41,142.9.
    let last =
        "calltools: max_age_ms 41200 keeps 4 queues under 70 % of 500 requests an hour, at 1 request for an answer.";
    assert_eq!(text.lines().last(), Some(last));
}

#[test]
fn an_argument_that_makes_no_sense_is_named() {
    for (arguments, named) in [
        (&["avaya"][..], "avaya is no provider"),
        (&["calltools", "--quota", "1000"], "--quota"),
        (&["calltools", "--quota", "0/60"], "--quota"),
        (&["calltools", "--queues", "0"], "--queues"),
        (&["calltools", "--instances", "0"], "--instances"),
        (&["calltools", "--hours", "25"], "--hours"),
        (&["calltools", "--agents", "many"], "--agents"),
        (&["calltools", "--calls-per-minute", "0"], "--calls-per-minute"),
        (&["calltools", "--hold-ms", "600001"], "--hold-ms"),
        (&["calltools", "--max-age-ms", "-1"], "-1"),
    ] {
        let output = run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {said}");
        assert!(said.contains(named), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_quota_of_ones_own_is_kept_too() {
    let scenario = Scenario { quota: Quota::new(100, 600), ..scenario(ProviderName::GenesysCloud) };
    let tally = with(&scenario, settings(&scenario));
    assert_eq!(tally.refused, 0, "{tally:?}");
    assert!(tally.most_in_a_window <= 100, "{tally:?}");
}

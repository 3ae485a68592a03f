//! `callgate simulate`: a day of calls on a simulated clock, without callgate and with it.

use std::process::ExitCode;
use std::time::Duration;

use callgate::freshness::Quota;
use callgate::providers::ProviderName;
use callgate_local::simulation::{Asking, Scenario, Settings, Tally, advise, simulate};
use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::table::table;
use super::{Stopped, print};

/// The arguments of `callgate simulate`. Without any: all providers, and the table of the documentation.
#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// calltools, genesys-cloud, ringcentral or portsip. Without it: all of them.
    provider: Option<String>,
    /// Checks a minute over all queues, on the day's average; the busiest hour has 2.2 times as many.
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = number(1..=6000))]
    calls_per_minute: u32,
    /// Queues of the account.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = number(1..=200))]
    queues: u32,
    /// Instances of the function.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = number(1..=1000))]
    instances: u32,
    /// Agents of each queue.
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = number(1..=500))]
    agents: u32,
    /// How many hours of the day, around ten in the morning.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = number(1..=24))]
    hours: u32,
    /// What the provider allows the account: REQUESTS/SECONDS. Without it: its published limit.
    #[arg(long, value_name = "1000/3600", value_parser = quota)]
    quota: Option<Quota>,
    /// How old an answer may be. Without it: what keeps the queues within 70 % of the quota.
    #[arg(long, value_name = "MS", value_parser = number(0..=86_400_000))]
    max_age_ms: Option<u32>,
    /// How old an answer may be where there is no newer one to be had.
    #[arg(long, value_name = "MS", default_value_t = 60_000, value_parser = number(0..=86_400_000))]
    stale_if_error_ms: u32,
    /// How long an accept holds an agent. Without it: the age and the time until an agent shows as busy. 0: no row.
    #[arg(long, value_name = "MS", value_parser = number(0..=600_000))]
    hold_ms: Option<u32>,
    /// Instances share answers, quota and holds, as they do with a table. This is the default.
    #[arg(long, overrides_with = "no_shared")]
    shared: bool,
    /// Each instance is on its own.
    #[arg(long)]
    no_shared: bool,
    /// For how long the provider answers nothing, from the middle of the time on.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = number(0..=1440))]
    outage_minutes: u32,
    /// Other calls for another number, the same for the same one.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

fn number(range: std::ops::RangeInclusive<u64>) -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(range)
}

fn quota(text: &str) -> Result<Quota, String> {
    let read = || {
        let (requests, seconds) = text.split_once('/')?;
        let (requests, seconds) = (requests.trim().parse().ok()?, seconds.trim().parse().ok()?);
        (requests > 0 && (1..=86_400).contains(&seconds)).then(|| Quota::new(requests, seconds))
    };
    read().ok_or_else(|| "give requests and seconds, such as 1000/3600; at most a day".to_owned())
}

/// One line of the table.
struct Row {
    scenario: Scenario,
    asking: Asking,
}

impl Simulate {
    /// Simulates, and prints what came of it.
    pub(super) fn run(self) -> Result<ExitCode, Stopped> {
        let providers = match &self.provider {
            None => ProviderName::ALL.to_vec(),
            Some(name) => vec![ProviderName::from_name(name).ok_or_else(|| {
                let names = ProviderName::ALL.map(ProviderName::as_str).join(", ");
                Stopped::bad_request(format!("{name} is no provider; name one of {names}"))
            })?],
        };
        let rows: Vec<Row> = providers.iter().flat_map(|provider| self.rows(*provider)).collect();
        let tallies = simulated(&rows)?;
        let header = [
            "provider",
            "instances",
            "set to",
            "checks",
            "requests",
            "refused",
            "most per window",
            "age, half",
            "age, 99 %",
            "unknown",
            "accepts",
            "wrong accepts",
            "wrong rejects",
        ];
        let mut shown = table(header, &[1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        for (row, tally) in rows.iter().zip(&tallies) {
            shown.add_row(row.cells(tally));
        }
        print(&shown.to_string());
        for provider in providers {
            print(&sentence(&self.scenario(provider)));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn scenario(&self, provider: ProviderName) -> Scenario {
        Scenario {
            provider,
            calls_per_minute: self.calls_per_minute,
            queues: self.queues,
            instances: self.instances,
            agents: self.agents,
            hours: self.hours,
            quota: self.quota.unwrap_or_else(|| Scenario::published_quota(provider)),
            outage: Duration::from_mins(u64::from(self.outage_minutes)),
            seed: self.seed,
        }
    }

    fn rows(&self, provider: ProviderName) -> Vec<Row> {
        let scenario = self.scenario(provider);
        let advice = advise(&scenario);
        let millis = |ms: u32| Duration::from_millis(u64::from(ms));
        let settings = Settings {
            max_age: self.max_age_ms.map_or(advice.max_age, millis),
            stale_if_error: millis(self.stale_if_error_ms),
            hold_for: None,
            is_shared: self.shared || !self.no_shared,
        };
        let with = |settings| Row { scenario, asking: Asking::With(settings) };
        let mut rows = vec![Row { scenario, asking: Asking::Anew }];
        rows.push(with(settings));
        if self.provider.is_none() && provider == ProviderName::CallTools {
            // For the documentation: what the number of instances does, and what sharing does.
            let alone = Settings { is_shared: false, ..settings };
            rows.push(with(alone));
            for (instances, settings) in [(1, alone), (MANY, settings)] {
                rows.push(Row { scenario: Scenario { instances, ..scenario }, ..with(settings) });
            }
        }
        let hold_for = self.hold_ms.map_or(settings.max_age + advice.rings, millis);
        if !hold_for.is_zero() {
            rows.push(with(Settings { hold_for: Some(hold_for), ..settings }));
        }
        rows
    }
}

/// Runs all rows: one does not wait for another.
fn simulated(rows: &[Row]) -> Result<Vec<Tally>, Stopped> {
    std::thread::scope(|scope| {
        let under_way: Vec<_> = rows.iter().map(|row| scope.spawn(|| simulate(&row.scenario, row.asking))).collect();
        under_way
            .into_iter()
            .map(|row| row.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).map_err(Stopped::failed))
            .collect()
    })
}

impl Row {
    fn cells(&self, tally: &Tally) -> [String; 13] {
        let age = |hundredths| tally.age_ms(hundredths).map_or_else(|| "–".to_owned(), |age_ms| format!("{age_ms} ms"));
        [
            self.scenario.provider.to_string(),
            self.scenario.instances.to_string(),
            self.set_to(),
            tally.checks.to_string(),
            tally.requests.to_string(),
            tally.refused.to_string(),
            format!("{} of {}", tally.most_in_a_window, self.scenario.quota.requests),
            age(50),
            age(99),
            tally.unknown.to_string(),
            tally.accepted.to_string(),
            tally.wrong_accepts.to_string(),
            tally.wrong_rejects.to_string(),
        ]
    }

    fn set_to(&self) -> String {
        let Asking::With(settings) = self.asking else { return "ask for each check".to_owned() };
        let hold = settings.hold_for.map_or_else(String::new, |hold_for| format!(", hold_ms {}", hold_for.as_millis()));
        let shared = if settings.is_shared || self.scenario.instances == 1 { "" } else { ", not shared" };
        format!("max_age_ms {}{hold}{shared}", settings.max_age.as_millis())
    }
}

/// What to set, and by which arithmetic.
fn sentence(scenario: &Scenario) -> String {
    let advice = advise(scenario);
    let queues = if scenario.queues == 1 { "one queue".to_owned() } else { format!("{} queues", scenario.queues) };
    let window = match scenario.quota.window.as_secs() {
        3600 => "an hour".to_owned(),
        60 => "a minute".to_owned(),
        seconds => format!("in {seconds} s"),
    };
    let requests = match advice.requests_of_an_answer {
        1 => "1 request".to_owned(),
        requests => format!("up to {requests} requests"),
    };
    format!(
        "{}: max_age_ms {} keeps {queues} under 70 % of {} requests {window}, at {requests} for an answer.",
        scenario.provider,
        advice.max_age.as_millis(),
        scenario.quota.requests,
    )
}

/// As many instances as a busy deployment has.
const MANY: u32 = 200;

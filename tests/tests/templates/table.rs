//! Every recipe against every state an agent can be in, in both dialects: the counts and the decisions are summed up
//! from what the providers' definitions say of each state.

use std::collections::BTreeMap;

use callgate_local::simulator::{Dialect, Failure, Fault, Simulator};
use serde_json::{Value, json};

use crate::desk::{COUNTS, Desk, agents, compared};
use crate::states::{CallToolsSite, GenesysCloudSite, PortSipSite, Recipe, RingCentralSite, Row, Site};

#[tokio::test]
async fn calltools_counts_each_state_as_the_provider_defines_it() {
    run::<CallToolsSite>().await;
}

#[tokio::test]
async fn genesys_cloud_counts_each_state_as_the_provider_defines_it() {
    run::<GenesysCloudSite>().await;
}

#[tokio::test]
async fn ringcentral_counts_each_state_as_the_provider_defines_it() {
    run::<RingCentralSite>().await;
}

#[tokio::test]
async fn portsip_counts_each_state_as_the_provider_defines_it() {
    run::<PortSipSite>().await;
}

/// A queue: how many agents it has of each state, in the order of the table, and how many callers wait in it.
pub(crate) struct Population {
    pub(crate) what: &'static str,
    pub(crate) of_each: fn(usize) -> usize,
    pub(crate) waiting: u32,
}

/// Each state by another number, so that no two can be taken for one another.
const POPULATIONS: [Population; 4] = [
    Population { what: "one in each state", of_each: |_| 1, waiting: 1 },
    Population { what: "other numbers of each state", of_each: |at| at % 4 + 1, waiting: 0 },
    Population { what: "only every third state", of_each: |at| if at % 3 == 2 { 2 } else { 0 }, waiting: 4 },
    Population { what: "nobody", of_each: |_| 0, waiting: 2 },
];

async fn run<S: Site>() {
    let mut problems = Vec::new();
    for dialect in Dialect::ALL {
        let mut centre = S::new(dialect);
        for (place, population) in POPULATIONS.iter().enumerate() {
            let queue = S::queue(place);
            centre = S::with_queue(centre, &queue, population.waiting);
            let crowd = S::STATES.iter().enumerate().flat_map(|(at, row)| vec![row; (population.of_each)(at)]);
            for (number, row) in crowd.enumerate() {
                centre = S::with_agent(centre, &queue, place * 1000 + number, &row.state);
            }
        }
        let simulator = Simulator::start(centre).await.unwrap();
        let desk = Desk::at(S::PROVIDER, simulator.base_url());
        for recipe in S::recipes(dialect) {
            simulator.faults().clear();
            if let Some(path) = recipe.refused {
                simulator.faults().push(Fault::failure(Failure::Forbidden).only(path).always());
            }
            for (place, population) in POPULATIONS.iter().enumerate() {
                let name = format!("{} {} {}, {}", dialect.name(), recipe.template, recipe.options, population.what);
                let expected = Expected::of::<S>(&recipe, population);
                let question = json!({
                    "queue": S::queue(place), "template": recipe.template, "options": recipe.options
                });
                let found = expected.differences(&recipe, &desk, &question).await;
                problems.extend(found.into_iter().map(|problem| format!("{name}: {problem}")));
            }
        }
    }
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

/// What a recipe should say of a queue.
struct Expected {
    /// The counts it knows; the others are missing.
    counts: BTreeMap<&'static str, i64>,
    /// What its own default criterion sees; `None` where that is missing.
    own: Option<i64>,
}

impl Expected {
    fn of<S: Site>(recipe: &Recipe, population: &Population) -> Self {
        let number_of = |word: &str| {
            let counted = |row: &Row<S::State>| row.counted[recipe.column].split_whitespace().any(|own| own == word);
            let each = S::STATES.iter().enumerate().filter(|(_, row)| counted(row));
            i64::try_from(each.map(|(at, _)| (population.of_each)(at)).sum::<usize>()).unwrap()
        };
        let is_listed = |row: &Row<S::State>| row.counted[recipe.column] != "-";
        let mut listed =
            S::STATES.iter().enumerate().filter(|(at, row)| is_listed(row) && (population.of_each)(*at) > 0);
        let known = if listed.next().is_some() { recipe.knows } else { recipe.knows_of_nobody };
        let mut counts: BTreeMap<_, _> = known.split_whitespace().map(|word| (word, number_of(word))).collect();
        if let Some(waiting) = counts.get_mut("waiting") {
            *waiting = i64::from(population.waiting);
        }
        if let (Some(available), Some(waiting)) = (counts.get("available"), counts.get("waiting")) {
            counts.insert("headroom", available - waiting);
        }
        let own = match recipe.own["parse_field"].as_str() {
            Some(count) if recipe.own["parse_type"] == "agents" => counts.get(count).copied(),
            _ => Some(number_of("own")),
        };
        Self { counts, own }
    }

    async fn differences(&self, recipe: &Recipe, desk: &Desk, question: &Value) -> Vec<String> {
        let mut problems = Vec::new();
        let mut compare = |what: String, came: Value, wanted: Value| {
            if came != wanted {
                problems.push(format!("{what}: expected {wanted}, came {came}"));
            }
        };
        // With `explain` all is read.
        let explained = desk.ask(&with(question, &json!({"explain": true}))).await;
        let mut shown = json!(self.counts);
        shown.as_object_mut().unwrap().remove("headroom");
        compare("counts".to_owned(), explained["counts"].clone(), shown);
        compare("available".to_owned(), explained["available"].clone(), json!(self.counts.get("available")));
        compare("counts_complete".to_owned(), explained["counts_complete"].clone(), true.into());
        compare("the criterion's value".to_owned(), explained["findings"][0]["observed"].clone(), json!(self.own));
        let by_default = desk.ask(question).await;
        let accepts = |own: Option<i64>| own.is_some_and(|own| own > 0);
        compare("accept by default".to_owned(), by_default["accept"].clone(), accepts(self.own).into());

        let readings = COUNTS.map(|count| (agents(count, "", 0), self.counts.get(count).copied()));
        let own = Some((recipe.own.clone(), self.own)).filter(|(own, _)| own["parse_type"] != "agents");
        for (reading, count) in readings.into_iter().chain(own) {
            // Below, at and above what is there: with the words in which platforms ask for a least number, and others.
            for (condition, off, met) in [
                ("greater_than", -1, true),
                ("greater_than", 0, false),
                ("at_least", 0, true),
                ("at_least", 1, false),
                ("less_than", 1, true),
                ("equals", 0, true),
                ("not_equals", 0, false),
            ] {
                // What is missing is missing in whatever condition.
                if count.is_none() && condition != "less_than" && off != -1 {
                    continue;
                }
                let criterion = compared(&reading, condition, count.unwrap_or_default() + off);
                let verdict = desk.ask(&with(question, &json!({"acceptance": criterion}))).await;
                let expected = match (count, met) {
                    (None, _) => json!([false, true, "field_missing"]),
                    (Some(_), true) => json!([true, false, "ok"]),
                    (Some(_), false) => json!([false, false, "condition_not_met"]),
                };
                let came = json!([verdict["accept"], verdict["on_unknown_applied"], verdict["reason"]]);
                compare(format!("{criterion}"), came, expected);
            }
        }
        problems
    }
}

fn with(question: &Value, more: &Value) -> Value {
    crate::desk::merged(question.clone(), more)
}

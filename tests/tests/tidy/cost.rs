//! The sums on the page of costs, done again.

use std::collections::HashSet;

use crate::repository::text;
use crate::tables::{table, tables};

const PAGE: &str = "docs/cost.md";
const PRODUCTS: &str = "| part | quantity | price, $ | cost, $ |";
const TOGETHER: &str = "**together**";

#[test]
fn every_cost_is_its_quantity_times_its_price_and_every_sum_is_the_sum_of_its_costs() {
    let page = text(PAGE);
    let products = tables(&page, PRODUCTS);
    assert_eq!(products.len(), 3, "a million checks, a month, and its options");
    let mut sums = 0;
    for table in products {
        let mut total = 0.0;
        for row in table {
            let [part, quantity, price, cost] = row.as_slice() else { panic!("{row:?}") };
            if part == TOGETHER {
                assert_eq!(cost.trim_matches('*'), money(total), "{row:?}");
                sums += 1;
                continue;
            }
            assert_eq!(*cost, money(number(quantity) * number(price)), "{row:?}");
            total += number(cost);
        }
    }
    assert_eq!(sums, 2, "the options are not added up: nobody takes both processors");
}

#[test]
fn every_price_in_a_sum_is_one_of_the_prices() {
    let page = text(PAGE);
    let prices = prices(&page);
    let in_products = tables(&page, PRODUCTS).into_iter().flatten().filter_map(|row| row.get(2).cloned());
    let in_processors = processors(&page).into_iter().filter_map(|row| row.get(3).cloned());
    for price in in_products.chain(in_processors).filter(|price| !price.is_empty()) {
        assert!(prices.contains(&price), "{PAGE}: {price} is none of the prices");
    }
}

#[test]
fn gb_seconds_are_memory_times_time() {
    for row in table(&text(PAGE), "| a check takes, ms | memory, MB | GB-seconds of a million |") {
        let [ms, megabytes, gb_seconds] = row.as_slice() else { panic!("{row:?}") };
        let expected = MILLION * number(megabytes) / 1024.0 * number(ms) / 1000.0;
        assert_eq!(money(number(gb_seconds)), money(expected), "{row:?}");
    }
}

#[test]
fn another_time_and_processor_change_lambdas_time_alone() {
    let page = text(PAGE);
    let base = tables(&page, PRODUCTS).remove(0);
    let is_time = |row: &[String]| row.first().is_some_and(|part| part == "Lambda, GB-seconds");
    let others: f64 = base
        .iter()
        .filter(|row| row.first().is_none_or(|part| part != TOGETHER) && !is_time(row))
        .filter_map(|row| row.last().map(|cost| number(cost)))
        .sum();
    let rows = processors(&page);
    assert_eq!(rows.len(), 4);
    for row in rows {
        let [ms, _, gb_seconds, price, time, all] = row.as_slice() else { panic!("{row:?}") };
        assert_eq!(money(number(gb_seconds)), money(MILLION / 2.0 * number(ms) / 1000.0), "512 MB: {row:?}");
        assert_eq!(*time, money(number(gb_seconds) * number(price)), "{row:?}");
        assert_eq!(*all, money(others + number(time)), "{row:?}");
    }
}

#[test]
fn what_is_written_adds_up_and_is_what_a_million_checks_are_charged_for() {
    let page = text(PAGE);
    let rows = table(&page, "| written | bytes |");
    let (last, parts) = rows.split_last().expect("a sum");
    let sum: f64 = parts.iter().filter_map(|row| row.last().map(|bytes| number(bytes))).sum();
    let said = number(last.last().map(String::as_str).unwrap_or_default().trim_matches('*'));
    assert_eq!(money(sum), money(said));
    let base = tables(&page, PRODUCTS).remove(0);
    let logs = base.iter().find(|row| row.first().is_some_and(|part| part == "logs, GB"));
    let logs = logs.and_then(|row| row.get(1)).expect("a row for logs");
    assert_eq!(money(number(logs) * 1000.0), money(sum), "bytes a check are kB a thousand, and GB a million");
}

#[test]
fn units_of_the_table_cost_what_reads_and_writes_do() {
    let page = text(PAGE);
    let read = price(&page, "DynamoDB, on demand, reads");
    let write = price(&page, "DynamoDB, on demand, writes");
    for row in table(&page, "| a check that | reads | writes | a million, $ |") {
        let [_, reads, writes, cost] = row.as_slice() else { panic!("{row:?}") };
        assert_eq!(*cost, money(number(reads) * read + number(writes) * write), "{row:?}");
    }
}

#[test]
fn metrics_are_counted_by_the_formula_and_by_what_the_code_writes() {
    let page = text(PAGE);
    let source = text("shared/src/telemetry.rs");
    let in_a_check = source.matches("\", COUNT),\n").count() + source.matches("\", MILLISECONDS)").count();
    let formula = format!("metrics = {in_a_check} × (providers in use + connections) + 2 ×");
    assert!(page.contains(&formula), "{PAGE} must say {formula}");
    let in_a_check = f64::from(u32::try_from(in_a_check).unwrap());
    let per_metric = price(&page, "CloudWatch, custom metrics");
    for row in table(&page, "| providers in use | connections | with a grant | metrics | a month, $ |") {
        let [providers, connections, grants, metrics, cost] = row.as_slice() else { panic!("{row:?}") };
        let expected = in_a_check * (number(providers) + number(connections)) + 2.0 * (1.0 + number(grants));
        assert_eq!(money(number(metrics)), money(expected), "{row:?}");
        assert_eq!(*cost, money(expected * per_metric), "{row:?}");
    }
}

#[test]
fn the_alarms_charged_for_are_the_templates() {
    let template = text("infra/template.yaml");
    let alarms = template.matches("Type: AWS::CloudWatch::Alarm\n").count();
    let with_several = template.matches("\n      Metrics:\n").count();
    let looked_at = alarms - with_several + template.matches("MetricStat:\n").count();
    let row = format!("| metrics that alarms look at | {looked_at} |");
    assert!(text(PAGE).contains(&row), "{PAGE} needs a row {row:?}");
}

const MILLION: f64 = 1_000_000.0;

fn prices(page: &str) -> HashSet<String> {
    let prices: HashSet<String> =
        table(page, "| price | of | $ |").into_iter().filter_map(|row| row.last().cloned()).collect();
    assert!(prices.len() > 10, "only {prices:?}");
    prices
}

#[track_caller]
fn price(page: &str, of: &str) -> f64 {
    let rows = table(page, "| price | of | $ |");
    let row = rows.iter().find(|row| row.first().is_some_and(|name| name == of)).and_then(|row| row.last());
    number(row.unwrap_or_else(|| panic!("there is no price {of:?}")))
}

fn processors(page: &str) -> Vec<Vec<String>> {
    table(page, "| a check takes, ms | processor | GB-seconds | price, $ | Lambda's time, $ | a million checks, $ |")
}

#[track_caller]
fn number(cell: &str) -> f64 {
    cell.replace(',', "").parse().unwrap_or_else(|_| panic!("{cell:?} is no number"))
}

/// An amount in dollars and cents.
fn money(amount: f64) -> String {
    format!("{amount:.2}")
}

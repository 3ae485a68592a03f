//! What an answer costs from its bytes to an evaluation, as a multiple of copying these bytes.
//!
//! `cargo bench -p callgate-benchmarks`. The rows "in full" read every field, as a check with
//! `explain` does; "warnings" are the lint's and the recipe's. A target is held where a list is of the largest size:
//! smaller answers lie in the processor's nearest memory, and are copied from it ten times faster than they are read.
#![expect(clippy::print_stdout, reason = "the figures are what the program is for")]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, SystemTime};

use callgate::evaluate::evaluate;
use callgate::lint;
use callgate::projection::Projection;
use callgate::providers::Provider;
use callgate::providers::calltools::CallTools;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::request::{CheckRequest, Plan};
use callgate::snapshot::{Counts, Document, Snapshot};
use callgate_benchmarks::answers::{RECORDS, calltools, genesys_cloud};
use callgate_benchmarks::stopwatch::best_of;
use serde_json::{Map, Value, json};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let field = json!({"parse_type": "json", "parse_field": "total", "condition": "greater_than", "value": 0});
    let filter = "$.entities[?@.routingStatus.status == 'IDLE' && @.joined == true]";
    let filter = json!({"parse_type": "json", "parse_field": filter, "condition": "greater_than", "value": 0});
    let pattern = "\"status\": \"IDLE\"";
    let pattern = json!({"parse_type": "regex", "pattern": pattern, "condition": "greater_than", "value": 0});
    let counts = json!({"parse_type": "agents", "parse_field": "available", "condition": "greater_than", "value": 0});
    for records in RECORDS {
        let body = genesys_cloud(records);
        let table = Table::new(records, &body);
        table.rows::<GenesysCloud>("a field", Some(40), &field, &body)?;
        table.rows::<GenesysCloud>("a filter", Some(65), &filter, &body)?;
        table.rows::<GenesysCloud>("a pattern", None, &pattern, &body)?;
        table.matching(8, &pattern, &body)?;
        table.compiling(&[&field, &filter, &pattern])?;
        let body = calltools(records);
        Table::new(records, &body).rows::<CallTools>("normalised counts", Some(60), &counts, &body)?;
    }
    Ok(())
}

/// The figures of one answer.
struct Table {
    copy: Duration,
}

impl Table {
    fn new(records: usize, body: &str) -> Self {
        let mut copied = vec![0; body.len()];
        let copy = best_of(|| {
            copied.copy_from_slice(black_box(body.as_bytes()));
            black_box(&copied).len()
        });
        println!("\n{records} records, {} bytes, copied in {copy:?}", body.len());
        Self { copy }
    }

    fn row(&self, what: &str, target: Option<u32>, took: Duration) {
        let ratio = took.as_secs_f64() / self.copy.as_secs_f64();
        let target = target.map(|target| format!("  (target {target} at 2000 records)")).unwrap_or_default();
        println!("  {what:<34} {:>9.1} µs {ratio:>8.1} ×{target}", took.as_secs_f64() * 1e6);
    }

    fn rows<P: Provider>(&self, what: &str, target: Option<u32>, criterion: &Value, body: &str) -> Outcome<()> {
        let plan = plan::<P>(criterion)?;
        let template = plan.question.template;
        let fields = plan.acceptance.record_fields(P::list_field(template));
        self.row(what, target, best_of(|| evaluated(&plan, body, &fields)));
        self.row(&format!("{what}, in full"), None, best_of(|| evaluated(&plan, body, &Projection::Whole)));
        let snapshot = snapshot(&plan, body, &fields)?;
        let evaluation = evaluate(&plan.acceptance, &snapshot, &|| true);
        let warnings = || {
            let remarks = P::remarks(template, &plan.question.options, &snapshot.document);
            (remarks, lint::warnings(&plan.acceptance, &evaluation, &snapshot))
        };
        self.row(&format!("{what}: warnings"), None, best_of(warnings));
        Ok(())
    }

    /// Matching alone: compiled once, the text at hand.
    fn matching(&self, target: u32, criterion: &Value, body: &str) -> Outcome<()> {
        let plan = plan::<GenesysCloud>(criterion)?;
        let snapshot = snapshot(&plan, body, &Projection::nothing())?;
        let took = best_of(|| evaluate(&plan.acceptance, &snapshot, &|| true));
        self.row("a pattern: matching alone", Some(target), took);
        Ok(())
    }

    /// Reading a request's criteria again.
    fn compiling(&self, criteria: &[&Value]) -> Outcome<()> {
        let all = json!({"all": criteria});
        plan::<GenesysCloud>(&all)?;
        self.row("three criteria read again", None, best_of(|| plan::<GenesysCloud>(&all).is_ok()));
        Ok(())
    }
}

fn plan<P: Provider>(criterion: &Value) -> Outcome<Plan<P>> {
    CheckRequest::plan_for_saved(criterion, None, &Map::new()).map_err(|faults| format!("{faults:?}").into())
}

fn snapshot<P: Provider>(plan: &Plan<P>, body: &str, fields: &Projection) -> Outcome<Snapshot> {
    let template = plan.question.template;
    let (list, rows) = (P::list_field(template), P::record_fields(template).unwrap_or_default());
    let mut document = Document::read_with_rows(body.to_owned(), list, rows, fields)?;
    document.length_field = P::length_field(template);
    Ok(Snapshot {
        counts: P::counts(template, &plan.question.options, &document),
        document,
        queue_closed: false,
        observed_at: SystemTime::UNIX_EPOCH,
        warnings: Vec::new(),
        unread_because: None,
    })
}

/// What a check makes of an answer: its counts, and whether the criteria are settled.
fn evaluated<P: Provider>(plan: &Plan<P>, body: &str, fields: &Projection) -> Option<(Counts, bool)> {
    let snapshot = snapshot(plan, black_box(body), fields).ok()?;
    let evaluation = evaluate(&plan.acceptance, &snapshot, &|| true);
    Some((snapshot.counts, evaluation.outcomes.decided().is_some()))
}

//! The rules of section after section, as data: conditions, paths, patterns, counts, logic, lists read in part.

use std::time::SystemTime;

use callgate::criteria::{AcceptanceDraft, CriterionDraft, Interval};
use callgate::evaluate::evaluate;
use callgate::fault::Faults;
use callgate::snapshot::{Counts, Document, Snapshot, Unread};
use serde_json::Value;

use crate::expectation::differences;
use crate::fixtures;

#[test]
fn every_rule_comes_out_as_written_down() {
    let mut cases = 0;
    let mut problems = Vec::new();
    for (path, file) in fixtures("criteria") {
        for case in file["cases"].as_array().unwrap() {
            cases += 1;
            let name = format!("{} ({})", path.file_stem().unwrap().display(), case["name"]);
            let mut faults = Faults::default();
            let draft = AcceptanceDraft::parse(&case["acceptance"], "/acceptance", &mut faults);
            let acceptance =
                draft.and_then(|draft| draft.complete(&CriterionDraft::default(), "/acceptance", &mut faults));
            let (Some(acceptance), true) = (acceptance, faults.is_empty()) else {
                problems.push(format!("{name}: refused: {:?}", faults.into_vec()));
                continue;
            };
            let evaluation = evaluate(&acceptance, &snapshot(case), &|| true);
            problems
                .extend(differences(&evaluation, &case["expected"]).into_iter().map(|line| format!("{name}: {line}")));
        }
    }
    assert!(cases >= 791, "{cases} cases");
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

fn snapshot(case: &Value) -> Snapshot {
    let mut pages = match (&case["pages"], &case["document"]) {
        (Value::Array(pages), _) => pages.iter().map(|page| page.as_str().unwrap()).collect(),
        (_, Value::String(document)) => vec![document.as_str()],
        _ => vec!["{}"],
    }
    .into_iter();
    // A fixture's list field is one of the providers' own.
    let list = case["list"].as_str().map(|list| {
        ["results", "entities", "records", "items"].into_iter().find(|known| *known == list).expect("a provider's list")
    });
    let page = |text: &str| callgate::json::parse(text).unwrap();
    let first = pages.next().unwrap();
    let mut document = Document::new(page(first), list, first.to_owned());
    for text in pages {
        document.join(page(text), text.to_owned()).unwrap();
    }
    document.unread = match &case["unread"] {
        Value::Null => Unread::Nothing,
        unread => unread["at_most"].as_u64().map_or(Unread::Unbounded, Unread::AtMost),
    };
    let counts = counts(&case["counts"], document.unread);
    Snapshot {
        counts,
        document,
        queue_closed: false,
        observed_at: SystemTime::UNIX_EPOCH,
        warnings: Vec::new(),
        unread_because: None,
    }
}

/// The counts of a fixture; what is unread may add to `available`.
fn counts(counts: &Value, unread: Unread) -> Counts {
    let exactly = |name: &str| counts[name].as_i64().map(Interval::exactly);
    let available = counts["available"].as_i64().map(|low| match unread {
        Unread::Nothing => Interval::exactly(low),
        Unread::AtMost(more) => Interval { low, high: Some(low + i64::try_from(more).unwrap()) },
        Unread::Unbounded => Interval { low, high: None },
    });
    Counts {
        available,
        on_call: exactly("on_call"),
        wrap_up: exactly("wrap_up"),
        not_ready: exactly("not_ready"),
        logged_in: exactly("logged_in"),
        waiting: exactly("waiting"),
        held: 0,
    }
}

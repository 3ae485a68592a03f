//! Criteria that saw one page of several.
//!
//! A list read page by page is right without a warning: what is unread makes a count an interval, and reading stops
//! only once no outcome within it differs. So these are left: an answer that has more records than are in it and was
//! not read on (a saved page, a recipe whose provider is not known to page), and fields that describe a page.

use serde_json::Value;

use super::{Answer, Leaf, printable};
use crate::criteria::{FieldPath, PatternKind, Reading, Step};
use crate::snapshot::{Document, Unread};

/// Says so, where the criterion sees one page only.
pub(super) fn remark(leaf: &Leaf<'_>, answer: &Answer<'_>) -> Option<String> {
    let document = answer.document();
    let seen = document.records()?.len();
    let more = More::of(document, seen);
    let several = more.is_some() || document.pages.len() > 1 || !is_complete(document);
    if let Reading::Json(path) = &leaf.criterion.reading
        && several
        && let Some(name) = page_field(path)
    {
        let list = document.list_field().unwrap_or("$");
        return Some(format!("reads `{name}` of one page of several; write `{list}` to count the whole list"));
    }
    let more = more?;
    if !answer.is_whole() {
        return None;
    }
    if !counts_records(leaf, answer, seen) {
        return None;
    }
    let instead = match more.total {
        Some((field, _)) => format!("read `{field}`, or run a check with `explain`, which reads all the pages it can"),
        None => "run a check with `explain`, which reads all the pages it can".to_owned(),
    };
    let of = more.total.map(|(_, total)| format!(" of {total}")).unwrap_or_default();
    Some(format!("saw one page of several, {seen}{of} records, so that what it counts is a lower bound; {instead}"))
}

/// What says that there are more records than the answer has.
struct More {
    /// The field with the number of all records, and the number.
    total: Option<(&'static str, u64)>,
}

impl More {
    fn of(document: &Document, seen: usize) -> Option<Self> {
        if document.pages.len() > 1 || !is_complete(document) {
            return None;
        }
        let root = document.root();
        let at = |path: &str| path.split('.').try_fold(root, |value, name| value.get(name));
        let seen = u64::try_from(seen).ok()?;
        let total = TOTALS.into_iter().find_map(|path| Some((path, at(path)?.as_u64()?)));
        let linked = NEXT.into_iter().any(|path| at(path).and_then(Value::as_str).is_some_and(|link| !link.is_empty()));
        let total = total.filter(|(_, total)| *total > seen);
        (linked || total.is_some()).then_some(Self { total })
    }
}

/// Where providers say how many records there are in all.
const TOTALS: [&str; 5] = ["count", "total", "totalElements", "paging.totalElements", "page.totalElements"];
/// Where they link to the next page.
const NEXT: [&str; 5] = ["next", "nextUri", "nextPage", "navigation.nextPage.uri", "links.next"];
/// Fields that describe one page, without case and `_`.
const OF_A_PAGE: [&str; 9] = [
    "page",
    "pagesize",
    "pagenumber",
    "pageindex",
    "pagestart",
    "pageend",
    "currentpage",
    "perpage",
    "numberofelements",
];

fn is_complete(document: &Document) -> bool {
    matches!(document.unread, Unread::Nothing | Unread::AtMost(0))
}

fn page_field(path: &FieldPath) -> Option<String> {
    let Some(Step::Name(name)) = path.prefix_steps().last().filter(|_| path.is_singular()) else { return None };
    // Below an index it would be a record's own field.
    let of_a_record = path.prefix_steps().iter().any(|step| matches!(step, Step::Index(_)));
    let plain: String = name.chars().filter(|letter| *letter != '_').flat_map(char::to_lowercase).collect();
    (!of_a_record && OF_A_PAGE.contains(&plain.as_str())).then(|| printable(path.as_str(), super::MAX_NAME_SHOWN))
}

/// Whether what the criterion saw grows with the list.
fn counts_records(leaf: &Leaf<'_>, answer: &Answer<'_>, seen: usize) -> bool {
    let document = answer.document();
    match &leaf.criterion.reading {
        Reading::Json(path) => {
            let whole_list = path.prefix(document.root()).is_some_and(Value::is_array) || !path.is_singular();
            let leads_there = match path.prefix_steps().first() {
                Some(Step::Name(name)) => document.list_field() == Some(name),
                Some(Step::Index(_)) => false,
                None => true,
            };
            whole_list && leads_there && path.prefix_steps().len() <= 1
        }
        Reading::Regex(pattern) => {
            pattern.kind != PatternKind::Capture && !super::pattern::reads_envelope(pattern, answer)
        }
        // A number that the provider counted itself is larger than its page.
        Reading::Agents(count) => answer.snapshot.counts.count(*count).is_some_and(|count| {
            u64::try_from(count.low).is_ok_and(|low| usize::try_from(low).is_ok_and(|low| low <= seen))
        }),
    }
}

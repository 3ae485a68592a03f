//! Field paths: plain ones (`results[*].status`) and RFC 9535 JSONPath (`$.results[?@.ready == true]`).

use std::sync::Arc;

use serde_json::Value;
use serde_json_path::JsonPath;

use super::compiled::PATHS;
use super::path_text::{self, Segment as PathSegment};

/// Where in the answer a `json` criterion looks.
#[derive(Clone, Debug)]
pub struct FieldPath(Arc<Parsed>);

/// What is compiled of a path's text.
#[derive(Debug)]
pub(super) struct Parsed {
    written: String,
    /// Its segments, where its text is understood.
    segments: Option<Vec<PathSegment>>,
    query: JsonPath,
    prefix: JsonPath,
    prefix_steps: Vec<Step>,
    tail: Tail,
    /// Where the path is plain names over lists: the items of each list, and the field of theirs that the path names.
    fields_of_items: Vec<(JsonPath, JsonPath)>,
}

/// What follows the longest run of names and indexes at the start of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Nothing: the path has one value or none.
    None,
    /// `[*]` and then names only: a field of every record.
    FieldOfEach,
    /// `[*]` or one filter, so that each record gives one node at most.
    OneEach,
    /// More records can only add nodes.
    Growing,
    /// A record further on can change what is selected before it.
    Open,
}

/// One name or index of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A member of an object.
    Name(String),
    /// An element of an array; negative counts from its end.
    Index(i64),
}

impl FieldPath {
    /// Reads a path. The error says what is wrong with it and what to write instead.
    ///
    /// # Errors
    /// No such path, or one whose evaluation could outlast a call: nested filters, or more than one `..`.
    pub fn parse(written: &str) -> Result<Self, String> {
        let parsed = match PATHS.get(written) {
            Some(parsed) => parsed,
            None => PATHS.put(written, Parsed::parse(written)?),
        };
        Ok(Self(parsed))
    }

    /// The path as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.written
    }

    /// Its segments. `None`: they are not understood.
    pub(super) fn segments(&self) -> Option<&[PathSegment]> {
        self.0.segments.as_deref()
    }

    /// Whether the path has one value at most.
    #[must_use]
    pub fn is_singular(&self) -> bool {
        self.0.tail == Tail::None
    }

    /// What follows the names and indexes.
    #[must_use]
    pub fn tail(&self) -> Tail {
        self.0.tail
    }

    /// The names and indexes at the start.
    #[must_use]
    pub fn prefix_steps(&self) -> &[Step] {
        &self.0.prefix_steps
    }

    /// Whether the path is the one name, as `total` or `$.total`.
    #[must_use]
    pub fn is_name(&self, name: &str) -> bool {
        self.is_singular() && matches!(self.0.prefix_steps.as_slice(), [Step::Name(only)] if only == name)
    }

    /// What the names and indexes at the start lead to.
    #[must_use]
    pub fn prefix<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        self.0.prefix.query(document).first()
    }

    /// Whether the path is plain names over lists, and the items of one of them have the field it names nowhere: absent
    /// or null in all of them, so that the provider does not give it.
    #[must_use]
    pub fn is_dropped_from(&self, document: &Value) -> bool {
        self.0.fields_of_items.iter().any(|(items, field)| {
            !items.query(document).is_empty() && field.query(document).iter().all(|value| value.is_null())
        })
    }

    /// All the path selects, in document order.
    #[must_use]
    pub fn select<'v>(&self, document: &'v Value) -> Vec<&'v Value> {
        self.0.query.query(document).all()
    }
}

impl Parsed {
    fn parse(written: &str) -> Result<Self, String> {
        if written.len() > MAX_PATH_BYTES {
            return Err(format!("is longer than {MAX_PATH_BYTES} bytes"));
        }
        let jsonpath = if written.starts_with('$') { written.to_owned() } else { plain_to_jsonpath(written)? };
        let query = JsonPath::parse(&jsonpath).map_err(|error| format!("is no RFC 9535 JSONPath: {error}"))?;
        let outline = Outline::of(&jsonpath);
        if outline.descendants > 1 {
            return Err("has more than one `..`; name the list instead, as in `$.results[*].status`".to_owned());
        }
        if outline.nested_filter {
            return Err("has a filter within a filter; combine the tests with `&&` in one filter".to_owned());
        }
        if outline.refers_to_root {
            return Err("compares with `$` in a filter; compare with a value, or with `@`".to_owned());
        }
        if !outline.patterns.iter().all(|pattern| is_cheap_pattern(pattern.as_deref())) {
            return Err("has a pattern in match() or search() that is no short text; use parse_type regex".to_owned());
        }
        if outline.selectors > MAX_SELECTORS {
            return Err(format!("selects in more than {MAX_SELECTORS} ways at once; name fewer in brackets"));
        }
        let prefix_text = jsonpath.get(..outline.prefix_end).unwrap_or("$");
        let prefix = JsonPath::parse(prefix_text).map_err(|error| format!("is no RFC 9535 JSONPath: {error}"))?;
        let part = |end: usize| JsonPath::parse(jsonpath.get(..end)?).ok();
        let fields_of_items = outline
            .fields_of_items()
            .into_iter()
            .filter_map(|(items, field)| Some((part(items)?, part(field)?)))
            .collect();
        let (tail, prefix_steps) = (outline.tail(), outline.steps);
        let segments = path_text::segments(written);
        Ok(Self { written: written.to_owned(), segments, query, prefix, tail, prefix_steps, fields_of_items })
    }
}

const MAX_PATH_BYTES: usize = 1024;
const MAX_SELECTORS: usize = 16;
const MAX_FILTER_PATTERN_BYTES: usize = 32 << 10;

fn plain_to_jsonpath(plain: &str) -> Result<String, String> {
    if plain.is_empty() {
        return Err("is empty; name a field, such as `total` or `results[*].status`".to_owned());
    }
    let wrong = |what: &str| {
        Err(format!(
            "{what}; write names joined by dots, with [0] or [*] behind a list, or start with `$` for JSONPath"
        ))
    };
    let mut jsonpath = String::from("$");
    for (place, part) in plain.split('.').enumerate() {
        let (name, mut brackets) = part.split_at(part.find('[').unwrap_or(part.len()));
        if name.is_empty() && (place > 0 || brackets.is_empty()) {
            return wrong("has an empty name");
        }
        if !name.is_empty() {
            jsonpath.extend(["['", &name.replace('\\', "\\\\").replace('\'', "\\'"), "']"]);
        }
        while !brackets.is_empty() {
            let Some((inside, rest)) = brackets.strip_prefix('[').and_then(|open| open.split_once(']')) else {
                return wrong("has a bracket that is not closed");
            };
            if inside != "*" && (inside.is_empty() || !inside.bytes().all(|byte| byte.is_ascii_digit())) {
                return wrong("has something other than a number or * in brackets");
            }
            jsonpath.extend(["[", inside, "]"]);
            brackets = rest;
        }
    }
    Ok(jsonpath)
}

/// What the text of a valid JSONPath shows of its shape. The crate keeps its own parse to itself.
#[derive(Default)]
struct Outline {
    steps: Vec<Step>,
    prefix_end: usize,
    /// The segments behind the prefix, each with where it ends.
    rest: Vec<Segment>,
    rest_ends: Vec<usize>,
    descendants: usize,
    nested_filter: bool,
    refers_to_root: bool,
    /// The patterns of `match()` and `search()`, where they are literal.
    patterns: Vec<Option<String>>,
    /// The product of the selectors in each bracket: how often one node may be selected.
    selectors: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Segment {
    Singular,
    Wildcard,
    Filter,
    Descendant,
    Other,
}

impl Outline {
    fn of(jsonpath: &str) -> Self {
        let mut outline = Self { prefix_end: 1, ..Self::default() };
        let mut rest = jsonpath.get(1..).unwrap_or_default();
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                return outline;
            }
            let (segment, step, length) = outline.segment(rest);
            rest = rest.get(length..).unwrap_or_default();
            match step {
                Some(step) if outline.rest.is_empty() => {
                    outline.steps.push(step);
                    outline.prefix_end = jsonpath.len() - rest.len();
                }
                _ => {
                    outline.rest.push(segment);
                    outline.rest_ends.push(jsonpath.len() - rest.len());
                }
            }
        }
    }

    /// The first segment of `text`: its kind, its name or index where it is one, and its length in bytes.
    fn segment(&mut self, text: &str) -> (Segment, Option<Step>, usize) {
        if let Some(descendant) = text.strip_prefix("..") {
            self.descendants += 1;
            let (_, _, length) =
                if descendant.starts_with('[') { self.bracket(descendant) } else { dotted(descendant) };
            return (Segment::Descendant, None, 2 + length);
        }
        if let Some(member) = text.strip_prefix('.') {
            let blanks = member.len() - member.trim_start().len();
            let (segment, step, length) = dotted(member.trim_start());
            return (segment, step, 1 + blanks + length);
        }
        self.bracket(text)
    }

    fn bracket(&mut self, text: &str) -> (Segment, Option<Step>, usize) {
        let mut quote = None;
        let mut escaped = false;
        let mut depth = 0_usize;
        let mut parentheses = 0_usize;
        let mut filters = 0_usize;
        let mut commas = 0_usize;
        let mut previous = ' ';
        let mut end = text.len();
        for (at, letter) in text.char_indices() {
            if let Some(open) = quote {
                if escaped {
                    escaped = false;
                } else if letter == '\\' {
                    escaped = true;
                } else if letter == open {
                    quote = None;
                }
            } else {
                match letter {
                    '\'' | '"' => quote = Some(letter),
                    '[' => depth += 1,
                    ']' => {
                        depth = depth.saturating_sub(1);
                        if depth == 0 {
                            end = at + 1;
                            break;
                        }
                    }
                    ',' if depth == 1 && parentheses == 0 => commas += 1,
                    ')' => parentheses = parentheses.saturating_sub(1),
                    '?' => {
                        filters += 1;
                        self.nested_filter |= depth > 1;
                    }
                    '$' => self.refers_to_root = true,
                    '(' => {
                        parentheses += 1;
                        let before = text.get(..at).unwrap_or_default();
                        if before.ends_with("match") || before.ends_with("search") {
                            self.patterns.push(literal_argument(text.get(at + 1..).unwrap_or_default()));
                        }
                    }
                    '.' if previous == '.' => self.descendants += 1,
                    _ => {}
                }
            }
            previous = letter;
        }
        self.selectors = self.selectors.max(1).saturating_mul(commas + 1);
        let inside = text.get(1..end.saturating_sub(1)).unwrap_or_default().trim();
        let segment = match (commas, filters) {
            (0, 1) if inside.starts_with('?') => Segment::Filter,
            (0, 0) if inside == "*" => Segment::Wildcard,
            (0, 0) => {
                if let Some(step) = single_step(inside) {
                    return (Segment::Singular, Some(step), end);
                }
                Segment::Other
            }
            _ => Segment::Other,
        };
        (segment, None, end)
    }

    /// For each list of a plain path: where the path to its items ends, and the path to the field named of them.
    fn fields_of_items(&self) -> Vec<(usize, usize)> {
        if !self.rest.iter().all(|segment| matches!(segment, Segment::Singular | Segment::Wildcard)) {
            return Vec::new();
        }
        let lists: Vec<usize> =
            (0..self.rest.len()).filter(|at| self.rest.get(*at) == Some(&Segment::Wildcard)).collect();
        let next_list = |after: usize| lists.iter().find(|at| **at > after).copied().unwrap_or(self.rest.len());
        lists
            .iter()
            .filter(|at| next_list(**at) > **at + 1)
            .filter_map(|at| Some((*self.rest_ends.get(*at)?, *self.rest_ends.get(next_list(*at) - 1)?)))
            .collect()
    }

    fn tail(&self) -> Tail {
        let Some((first, others)) = self.rest.split_first() else { return Tail::None };
        let names_only = others.iter().all(|segment| *segment == Segment::Singular);
        match first {
            Segment::Wildcard if names_only && !others.is_empty() => Tail::FieldOfEach,
            Segment::Wildcard | Segment::Filter if names_only => Tail::OneEach,
            _ if self.rest.contains(&Segment::Other) => Tail::Open,
            _ => Tail::Growing,
        }
    }
}

/// The crate compiles a filter's pattern anew for each record: one that is small when compiled costs microseconds.
fn is_cheap_pattern(pattern: Option<&str>) -> bool {
    let cheap = |pattern| regex::RegexBuilder::new(pattern).size_limit(MAX_FILTER_PATTERN_BYTES).build().is_ok();
    pattern.is_some_and(cheap)
}

/// The second argument of a call, where it is a literal; `text` begins behind the opening parenthesis.
fn literal_argument(text: &str) -> Option<String> {
    let mut quote = None;
    let mut escaped = false;
    let mut begins = None;
    for (at, letter) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if letter == '\\' => escaped = true,
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None => match letter {
                '\'' | '"' => quote = Some(letter),
                ',' => begins = Some(at + 1),
                ')' => {
                    let argument = text.get(begins?..at)?.trim();
                    return match single_step(argument)? {
                        Step::Name(pattern) => Some(pattern),
                        Step::Index(_) => None,
                    };
                }
                _ => {}
            },
        }
    }
    None
}

fn dotted(text: &str) -> (Segment, Option<Step>, usize) {
    if text.starts_with('*') {
        return (Segment::Wildcard, None, 1);
    }
    let end = text.find(['.', '[', ' ', '\t', '\n', '\r']).unwrap_or(text.len()).max(1);
    let name = text.get(..end).unwrap_or(text);
    (Segment::Singular, Some(Step::Name(name.to_owned())), end.min(text.len()))
}

fn single_step(inside: &str) -> Option<Step> {
    if let Ok(index) = inside.parse::<i64>() {
        return Some(Step::Index(index));
    }
    if inside.starts_with('"') {
        return serde_json::from_str(inside).ok().map(Step::Name);
    }
    let single = inside.strip_prefix('\'')?.strip_suffix('\'')?;
    let double = format!("\"{}\"", single.replace("\\'", "'").replace('"', "\\\""));
    serde_json::from_str(&double).ok().map(Step::Name)
}

#[cfg(test)]
mod tests {
    use super::{FieldPath, Step, Tail};

    fn tail(path: &str) -> Tail {
        FieldPath::parse(path).unwrap_or_else(|error| panic!("{path} {error}")).tail()
    }

    #[test]
    fn the_shape_of_a_path_is_read_from_its_text() {
        for path in
            ["total", "$.total", "$['a.b'][0]", "$[\"x\"].y", "paging.totalElements", "results[0].status", "$ .a"]
        {
            assert_eq!(tail(path), Tail::None, "{path}");
        }
        for path in ["results[*].status", "$.results[*]['status']", "$.results.*.user.name"] {
            assert_eq!(tail(path), Tail::FieldOfEach, "{path}");
        }
        for path in
            ["results[*]", "$.results[?@.a == ']' && @.b]", "$.results[? @['x'] == 'it\\'s']", "$.r[?length(@.a) > 1]"]
        {
            assert_eq!(tail(path), Tail::OneEach, "{path}");
        }
        for path in ["$..status", "$.results[*].tags[*]", "$.results[?@.a].b[*]", "$..[?@.a]"] {
            assert_eq!(tail(path), Tail::Growing, "{path}");
        }
        for path in ["$.results[0:2]", "$.results[-1:]", "$.results[0,1]", "$['a','b']"] {
            assert_eq!(tail(path), Tail::Open, "{path}");
        }
    }

    #[test]
    fn the_prefix_is_the_longest_run_of_names_and_indexes() {
        let path = FieldPath::parse("$['a\\'b'][2].c[?@.d == 1].e").unwrap();
        assert_eq!(path.prefix_steps(), [Step::Name("a'b".to_owned()), Step::Index(2), Step::Name("c".to_owned())]);
        let document = serde_json::json!({"a'b": [0, 1, {"c": [{"d": 1, "e": 7}]}]});
        assert_eq!(path.prefix(&document), document.pointer("/a'b/2/c"));
        assert_eq!(path.select(&document), [&serde_json::json!(7)]);
    }

    #[test]
    fn a_filter_may_match_a_short_pattern() {
        for path in ["$.r[?match(@.a, 'Av.*')]", "$.r[?search(@['a)'], \"lunch|break\") && @.b == 1]"] {
            assert_eq!(tail(path), Tail::OneEach, "{path}");
        }
    }

    #[test]
    fn what_could_outlast_a_call_is_refused() {
        for path in [
            "$..a..b",
            "$[?@.a[?@.b]]",
            "$..[?@..b]",
            "$[?count(@..a) > 1]..b",
            "$.r[?@.a == $.b]",
            "$.r[?match(@.a, @.b)]",
            "$.r[?search(@.a, '(x{99}){99}')]",
        ] {
            assert!(FieldPath::parse(path).is_err(), "{path}");
        }
        for path in ["", ".", "a..b", "a[", "a[x]", "a[-1]", "a[]", "[", "$.", "$[", "a.", "$[?@.a == ]", "a]b["] {
            assert!(FieldPath::parse(path).is_err(), "{path}");
        }
    }
}

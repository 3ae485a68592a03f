//! Regular expressions over the answer's text: what is counted or captured, and over which part.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::Hir;

use super::compiled::PATTERNS;

/// A `regex` criterion's pattern, compiled.
#[derive(Clone, Debug)]
pub struct Pattern {
    expression: Arc<Expression>,
    /// What is made of the matches.
    pub kind: PatternKind,
    /// Over which text; `None`: the default for the kind and the answer.
    pub scope: Option<Scope>,
}

/// What is compiled of a pattern's text. Shared and never cloned: a clone of the regex would begin with empty caches.
#[derive(Debug)]
pub(super) struct Expression {
    regex: Regex,
    hir: Hir,
}

/// The platform's "Regex Type".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternKind {
    /// The number of matches that do not overlap.
    Count,
    /// 1 where there is a match, else 0.
    Match,
    /// The first group of the first match.
    Capture,
}

/// The text a pattern is matched against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Each record of the provider's list by itself.
    Record,
    /// The whole answer, its list joined.
    Body,
    /// The bytes as received, page by page.
    Raw,
}

impl PatternKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Count, Self::Match, Self::Capture];

    /// The name in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Match => "match",
            Self::Capture => "capture",
        }
    }
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 3] = [Self::Record, Self::Body, Self::Raw];

    /// The name in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Body => "body",
            Self::Raw => "raw",
        }
    }
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// The pattern is longer than 1 KiB, is no regular expression, or is too large when compiled.
    pub fn parse(written: &str, kind: PatternKind, scope: Option<Scope>) -> Result<Self, String> {
        let expression = match PATTERNS.get(written) {
            Some(expression) => expression,
            None => Expression::parse(written)?,
        };
        if kind == PatternKind::Capture && expression.regex.captures_len() < 2 {
            return Err("captures nothing; put the part to capture in parentheses".to_owned());
        }
        Ok(Self { expression, kind, scope })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.expression.regex.as_str()
    }

    /// The compiled expression.
    #[must_use]
    pub fn regex(&self) -> &Regex {
        &self.expression.regex
    }

    /// What the expression is made of.
    #[must_use]
    pub fn hir(&self) -> &Hir {
        &self.expression.hir
    }

    /// Whether the pattern spaces a key's colon otherwise than `"key": value`, as the text it meets always has it.
    #[must_use]
    pub fn misses_the_space_after_a_key(&self) -> bool {
        self.as_str().contains("\" :")
            || self.as_str().match_indices("\":").any(|(at, found)| {
                let after = self.as_str().get(at + found.len()..).unwrap_or_default();
                let one_space = after.strip_prefix(' ').is_some_and(|rest| !rest.starts_with(' '));
                !(one_space || after.starts_with('\\') || after.starts_with('[') || after.starts_with('.'))
            })
    }
}

impl Expression {
    fn parse(written: &str) -> Result<Arc<Self>, String> {
        if written.len() > MAX_PATTERN_BYTES {
            return Err(format!(
                "is longer than {MAX_PATTERN_BYTES} bytes; match less, or use `all` with several criteria"
            ));
        }
        let compiled = |most| RegexBuilder::new(written).size_limit(most).dfa_size_limit(MAX_COMPILED_BYTES).build();
        let small = compiled(MAX_REMEMBERED_BYTES);
        let is_small = small.is_ok();
        let regex = small.or_else(|_| compiled(MAX_COMPILED_BYTES)).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                format!("is larger than {MAX_COMPILED_BYTES} bytes when compiled; use smaller repetition counts")
            }
            other => format!("is no regular expression: {}", last_line(&other.to_string())),
        })?;
        let hir = regex_syntax::parse(written).map_err(|error| format!("is no regular expression: {error}"))?;
        if hir.properties().minimum_len() == Some(0) {
            return Err("can match the empty text, and so matches everywhere; write what is to be found".to_owned());
        }
        let expression = Self { regex, hir };
        Ok(if is_small { PATTERNS.put(written, expression) } else { Arc::new(expression) })
    }
}

const MAX_PATTERN_BYTES: usize = 1024;
const MAX_COMPILED_BYTES: usize = 256 << 10;
/// A pattern that is larger when compiled is compiled anew each time, so that those remembered stay small together.
const MAX_REMEMBERED_BYTES: usize = 64 << 10;

/// The regex crate draws the pattern over several lines and says what is wrong in the last.
fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or(text).trim_start_matches("error: ")
}

//! Regular expressions over the answer's text: what is counted or captured, and over which part.

use regex::{Regex, RegexBuilder};

/// A `regex` criterion's pattern, compiled.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    /// What is made of the matches.
    pub kind: PatternKind,
    /// Over which text; `None`: the default for the kind and the answer.
    pub scope: Option<Scope>,
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
        if written.len() > MAX_PATTERN_BYTES {
            return Err(format!(
                "is longer than {MAX_PATTERN_BYTES} bytes; match less, or use `all` with several criteria"
            ));
        }
        let regex = RegexBuilder::new(written)
            .size_limit(MAX_COMPILED_BYTES)
            .dfa_size_limit(MAX_COMPILED_BYTES)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => {
                    format!("is larger than {MAX_COMPILED_BYTES} bytes when compiled; use smaller repetition counts")
                }
                other => format!("is no regular expression: {}", last_line(&other.to_string())),
            })?;
        if can_match_nothing(written) {
            return Err("can match the empty text, and so matches everywhere; write what is to be found".to_owned());
        }
        if kind == PatternKind::Capture && regex.captures_len() < 2 {
            return Err("captures nothing; put the part to capture in parentheses".to_owned());
        }
        Ok(Self { regex, kind, scope })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// The compiled expression.
    #[must_use]
    pub fn regex(&self) -> &Regex {
        &self.regex
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

fn can_match_nothing(pattern: &str) -> bool {
    regex_syntax::parse(pattern).is_ok_and(|hir| hir.properties().minimum_len() == Some(0))
}

const MAX_PATTERN_BYTES: usize = 1024;
const MAX_COMPILED_BYTES: usize = 256 << 10;

/// The regex crate draws the pattern over several lines and says what is wrong in the last.
fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or(text).trim_start_matches("error: ")
}

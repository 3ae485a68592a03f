//! Patterns that can join two records, and keys in them that the answer does not have.

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

use super::{Answer, Leaf, MAX_NAME_SHOWN, nearest, printable};
use crate::criteria::{Outcome, Pattern, PatternKind, Scope};

/// The work that may be put into all patterns of a check together: some milliseconds.
pub(super) const MAX_EFFORT: u32 = 500_000;

/// What is odd about a pattern.
pub(super) fn remarks(leaf: &Leaf<'_>, pattern: &Pattern, answer: &Answer<'_>) -> Vec<String> {
    let hir = pattern.hir();
    let scope = scope(pattern, answer);
    let mut remarks = Vec::new();
    remarks.extend(joins(pattern, hir, scope, answer));
    remarks.extend(absent_key(leaf, hir, scope, answer));
    remarks
}

/// Whether the keys that the pattern reads are the envelope's, and no record's.
pub(super) fn reads_envelope(pattern: &Pattern, answer: &Answer<'_>) -> bool {
    let keys = keys(pattern.hir());
    let envelope = |key: &String| {
        answer.document().root().get(key).is_some()
            && answer.record_keys().is_some_and(|keys| !keys.contains(key.as_str()))
    };
    !keys.is_empty() && keys.iter().all(envelope)
}

fn scope(pattern: &Pattern, answer: &Answer<'_>) -> Scope {
    let by_record = pattern.kind == PatternKind::Count && answer.document().list_field().is_some();
    pattern.scope.unwrap_or(if by_record { Scope::Record } else { Scope::Body })
}

fn joins(pattern: &Pattern, hir: &Hir, scope: Scope, answer: &Answer<'_>) -> Option<String> {
    let records = answer.records()?;
    if scope == Scope::Record || records.iter().filter(|record| record.is_object()).count() < 2 {
        return None;
    }
    // A match as long as the shortest record, or shorter, was not meant to run on.
    if longest(hir).is_some_and(|longest| longest <= answer.shortest_record()) {
        return None;
    }
    let between = match scope {
        Scope::Raw => answer
            .document()
            .pages
            .iter()
            .filter(|page| page.len() <= MAX_PAGE)
            .find_map(|page| between_records(page))?,
        _ => "}, {",
    };
    // A repetition at either end makes a match longer, and no other; it matters where matches are counted.
    let inner = if pattern.kind == PatternKind::Count { vec![hir] } else { without_ends(hir) };
    let lexer = Lexer { between: between.as_bytes(), effort: &answer.effort };
    if !lexer.can_cross(&inner, starts_at_an_opening_quote(pattern.as_str()))? {
        return None;
    }
    Some(match pattern.kind {
        PatternKind::Capture => {
            "can begin in one record and end in another, and so capture across agents; write `[^{}]*` \
             for what stands between, as in `\"key\": \"a\"[^{}]*\"other\": (…)`"
                .to_owned()
        }
        PatternKind::Count | PatternKind::Match => {
            "can begin in one record and end in another, and so join two agents in one match; write scope `record`"
                .to_owned()
        }
    })
}

/// The most letters of a match. `None`: there is no most.
fn longest(hir: &Hir) -> Option<usize> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(0),
        HirKind::Literal(literal) => Some(String::from_utf8_lossy(&literal.0).chars().count()),
        HirKind::Class(_) => Some(1),
        HirKind::Capture(capture) => longest(&capture.sub),
        HirKind::Repetition(repetition) => {
            longest(&repetition.sub)?.checked_mul(usize::try_from(repetition.max?).ok()?)
        }
        HirKind::Concat(parts) => parts.iter().try_fold(0, |all: usize, part| all.checked_add(longest(part)?)),
        HirKind::Alternation(parts) => parts.iter().try_fold(0, |most, part| Some(longest(part)?.max(most))),
    }
}

/// What stands between two records in a page as received: its first `}`, `,` and `{` with nothing but blanks between.
fn between_records(page: &str) -> Option<&str> {
    let mut rest = page;
    while let Some(at) = rest.find('}') {
        let from = rest.get(at..)?;
        let behind = from.get(1..)?.trim_start();
        if let Some(record) = behind.strip_prefix(',')
            && let Some(inside) = record.trim_start().strip_prefix('{')
        {
            let found = from.get(..from.len() - inside.len())?;
            return (found.len() <= MAX_BETWEEN).then_some(found);
        }
        rest = from.get(1..)?;
    }
    None
}

fn starts_at_an_opening_quote(pattern: &str) -> bool {
    let second = |rest: &str| rest.chars().next();
    pattern.strip_prefix('"').and_then(second).is_some_and(|second| !":,}]\\ ".contains(second))
}

/// The parts of a pattern without the repetitions at its ends.
fn without_ends(hir: &Hir) -> Vec<&Hir> {
    let HirKind::Concat(parts) = hir.kind() else { return vec![hir] };
    let is_loose = |part: &&Hir| match part.kind() {
        HirKind::Repetition(repetition) => matches!(repetition.sub.kind(), HirKind::Class(_)),
        HirKind::Look(_) => true,
        _ => false,
    };
    let mut inner: Vec<&Hir> = parts.iter().skip_while(is_loose).collect();
    while inner.last().is_some_and(is_loose) {
        inner.pop();
    }
    inner
}

/// The places of JSON text in which a pattern can be, as a set: bits of a number.
///
/// A match can begin anywhere, so that the pattern is followed from every place at once, and whether it can run from
/// one record into the next is whether it can end in a place behind the text that stands between two records. Quotes
/// are followed, so that `"[^"]*"` stays within its text.
struct Lexer<'a> {
    between: &'a [u8],
    effort: &'a std::cell::Cell<u32>,
}

type Places = u128;

/// Outside of quotes, in a number, in a text, behind its backslash, and within `true`, `false`, `null`.
const OUTSIDE: u32 = 0;
const NUMBER: u32 = 1;
const TEXT: u32 = 2;
const ESCAPE: u32 = 3;
const PLACES: u32 = 14;
/// The same places behind the end of a record; then the places within what stands between two records.
const PROGRESS: u32 = 2 * PLACES;
const MAX_BETWEEN: usize = 96;
/// Beyond this no pattern is matched against the text as received.
const MAX_PAGE: usize = 1 << 20;

/// Each letter that JSON treats in its own way, and one for all others within ASCII, one beyond.
const LETTERS: [u8; 28] = *b"{}[],: \n\t\r\"\\0-+.truefalsnEx\x80";

impl Lexer<'_> {
    /// Whether the pattern can match over the end of a record. `None`: it is too much work to tell.
    fn can_cross(&self, parts: &[&Hir], from_an_opening_quote: bool) -> Option<bool> {
        let mut places: Places = if from_an_opening_quote { 1 << OUTSIDE } else { (1 << PLACES) - 1 };
        for part in parts {
            places = self.through(part, places, false)?;
        }
        let crossed: Places = ((1 << PLACES) - 1) << PLACES;
        Some(places & crossed != 0)
    }

    /// The places after a part of the pattern.
    fn through(&self, hir: &Hir, from: Places, repeats: bool) -> Option<Places> {
        if from == 0 {
            return Some(0);
        }
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Some(from),
            HirKind::Literal(literal) => {
                literal.0.iter().try_fold(from, |places, byte| self.after(*byte, places, repeats))
            }
            HirKind::Class(class) => self.after_one_of(&letters_of(class), from, repeats),
            HirKind::Capture(capture) => self.through(&capture.sub, from, repeats),
            HirKind::Concat(parts) => parts.iter().try_fold(from, |places, part| self.through(part, places, repeats)),
            HirKind::Alternation(parts) => {
                parts.iter().try_fold(0, |places, part| Some(places | self.through(part, from, repeats)?))
            }
            HirKind::Repetition(repetition) => self.repeated(repetition, from, repeats),
        }
    }

    fn repeated(&self, repetition: &Repetition, from: Places, repeats: bool) -> Option<Places> {
        let repeats = repeats || repetition.max.is_none_or(|most| most > 1);
        let letters = match repetition.sub.kind() {
            HirKind::Class(class) => Some(letters_of(class)),
            _ => None,
        };
        let once = |places| match &letters {
            Some(letters) => self.after_one_of(letters, places, repeats),
            None => self.through(&repetition.sub, places, repeats),
        };
        let mut places = from;
        for _ in 0..repetition.min {
            let next = once(places)?;
            if next == places {
                break;
            }
            places = next;
        }
        let mut all = places;
        let mut more = repetition.max.map(|most| most.saturating_sub(repetition.min));
        while more != Some(0) {
            places = once(places)?;
            if places & !all == 0 {
                break;
            }
            all |= places;
            more = more.map(|more| more - 1);
        }
        Some(all)
    }

    fn after_one_of(&self, letters: &[u8], from: Places, repeats: bool) -> Option<Places> {
        letters.iter().try_fold(0, |places, letter| Some(places | self.after(*letter, from, repeats)?))
    }

    /// The places after one letter.
    fn after(&self, letter: u8, from: Places, repeats: bool) -> Option<Places> {
        let mut rest = from;
        let mut places: Places = 0;
        self.effort.set(self.effort.get().checked_sub(from.count_ones())?);
        while rest != 0 {
            let place = rest.trailing_zeros();
            rest &= rest - 1;
            if let Some(next) = self.next(letter, place, repeats) {
                places |= 1 << next;
            }
        }
        Some(places)
    }

    fn next(&self, letter: u8, place: u32, repeats: bool) -> Option<u32> {
        if place >= PROGRESS {
            let read = usize::try_from(place - PROGRESS).ok()? + 1;
            if self.between.get(read) == Some(&letter) {
                let is_over = read + 1 == self.between.len();
                return Some(if is_over { PLACES + OUTSIDE } else { place + 1 });
            }
            return self.next(letter, OUTSIDE, repeats);
        }
        let (crossed, within) = (place / PLACES, place % PLACES);
        let next = json_place(letter, within)?;
        // Only a repetition joins by accident; who writes the braces means them.
        if letter == b'}' && next == OUTSIDE && crossed == 0 && repeats && self.between.len() > 1 {
            return Some(PROGRESS);
        }
        Some(crossed * PLACES + next)
    }
}

/// The place after a letter in JSON text. `None`: JSON has no such letter there.
fn json_place(letter: u8, place: u32) -> Option<u32> {
    const WORDS: [(&[u8], u32); 3] = [(b"true", 4), (b"false", 7), (b"null", 11)];
    let structure = b"{}[],: \n\t\r".contains(&letter);
    match place {
        TEXT => Some(match letter {
            b'"' => OUTSIDE,
            b'\\' => ESCAPE,
            _ => TEXT,
        }),
        ESCAPE => Some(TEXT),
        OUTSIDE | NUMBER if structure => Some(OUTSIDE),
        NUMBER => (letter.is_ascii_digit() || b"+-.eE".contains(&letter)).then_some(NUMBER),
        OUTSIDE if letter == b'"' => Some(TEXT),
        OUTSIDE if letter.is_ascii_digit() || letter == b'-' => Some(NUMBER),
        OUTSIDE => WORDS.iter().find(|(word, _)| word.first() == Some(&letter)).map(|(_, first)| *first),
        _ => {
            let (word, first) = WORDS.iter().rev().find(|(_, first)| place >= *first)?;
            let read = usize::try_from(place - first).ok()? + 1;
            let fits = word.get(read) == Some(&letter);
            fits.then(|| if read + 1 == word.len() { OUTSIDE } else { place + 1 })
        }
    }
}

/// Those of the letters that a class has.
fn letters_of(class: &Class) -> Vec<u8> {
    let has = |letter: u8| match class {
        // Beyond ASCII every letter is like the other.
        Class::Unicode(class) if letter >= 0x80 => class.ranges().last().is_some_and(|range| range.end() > '\x7f'),
        Class::Unicode(class) => class
            .ranges()
            .iter()
            .take_while(|range| range.start() <= '\x7f')
            .any(|range| (range.start()..=range.end()).contains(&char::from(letter))),
        Class::Bytes(class) => class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&letter)),
    };
    // A digit other than 0 and a letter of no word are like the others of their kind.
    let digit = (b'1'..=b'9').find(|digit| has(*digit)).map(|_| b'0');
    let other = (b'!'..=b'~')
        .find(|letter| !LETTERS.contains(letter) && !letter.is_ascii_digit() && has(*letter))
        .map(|_| b'x');
    LETTERS.into_iter().filter(|letter| has(*letter)).chain(digit).chain(other).collect()
}

/// Says so, where the pattern cannot match for want of a key.
fn absent_key(leaf: &Leaf<'_>, hir: &Hir, scope: Scope, answer: &Answer<'_>) -> Option<String> {
    let keys = keys(hir);
    if keys.is_empty() || keys.iter().all(|key| answer.has_key(key, scope == Scope::Record)) || !answer.is_whole() {
        return None;
    }
    let records = answer.records();
    let (known, place) = if scope == Scope::Record {
        let looked_at = records.filter(|records| records.iter().any(serde_json::Value::is_object))?;
        (answer.record_keys()?, super::fields::none_of(looked_at.len()))
    } else {
        // An empty list, or one that was not read to its end, says nothing of the keys of its records.
        if answer.document().list_field().is_some() && records.is_none_or(<[_]>::is_empty) {
            return None;
        }
        (answer.keys()?, "nothing in the answer has".to_owned())
    };
    let absent = keys.into_iter().find(|key| !known.contains(key.as_str()))?;
    let met_without =
        leaf.finding.outcomes.decided() == Some(if leaf.negated { Outcome::NotMet } else { Outcome::Met });
    let name = printable(&absent, MAX_NAME_SHOWN);
    match nearest(&absent, known.iter().copied()) {
        Some(near) => {
            Some(format!("reads the key `{name}`, which {place}; write `{}`", printable(near, MAX_NAME_SHOWN)))
        }
        None if met_without || !leaf.criterion.condition.needs_value() => None,
        None => {
            Some(format!("reads the key `{name}`, which {place}; write a key of the answer, which `explain` shows"))
        }
    }
}

/// The keys without which a pattern cannot match: `"key":` in its literal text.
fn keys(hir: &Hir) -> Vec<String> {
    let mut runs = vec![Vec::new()];
    literal_runs(hir, &mut runs);
    runs.iter().filter_map(|run| std::str::from_utf8(run).ok()).flat_map(keys_in).collect()
}

fn literal_runs(hir: &Hir, runs: &mut Vec<Vec<u8>>) {
    match hir.kind() {
        HirKind::Literal(literal) => {
            if let Some(run) = runs.last_mut() {
                run.extend_from_slice(&literal.0);
            }
        }
        HirKind::Concat(parts) => parts.iter().for_each(|part| literal_runs(part, runs)),
        HirKind::Capture(capture) => literal_runs(&capture.sub, runs),
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Repetition(repetition) if repetition.min > 0 => {
            runs.push(Vec::new());
            literal_runs(&repetition.sub, runs);
            runs.push(Vec::new());
        }
        HirKind::Repetition(_) | HirKind::Alternation(_) | HirKind::Class(_) => runs.push(Vec::new()),
    }
}

fn keys_in(run: &str) -> Vec<String> {
    let quotes: Vec<usize> = run.match_indices('"').map(|(at, _)| at).collect();
    quotes
        .windows(2)
        .filter_map(|pair| {
            let [open, close] = pair else { return None };
            let key = run.get(open + 1..*close)?;
            let is_key = run.get(close + 1..)?.trim_start().starts_with(':') && !key.is_empty() && !key.contains('\\');
            is_key.then(|| key.to_owned())
        })
        .collect()
}

//! What the text of a path shows: its segments, and what its filters test. Read from the text alone.

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) kind: Kind,
    /// The segment as JSONPath writes it.
    pub(crate) text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A member.
    Name(String),
    /// An item.
    Index(i64),
    /// `[*]`
    Each,
    /// One filter: what stands behind its `?`.
    Filter(String),
    /// `..`, with the name behind it where it is one.
    Descendants(Option<String>),
    /// A slice, or several selectors at once.
    Other,
}

/// What a filter asks of one field of each record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Test {
    /// The names at the start of the field's path, `@` being the record.
    pub(crate) names: Vec<String>,
    /// The field's path as written.
    pub(crate) text: String,
    /// The path is these names and no more.
    pub(crate) only_names: bool,
    /// The field is only asked for: not compared, and not given to a function.
    pub(crate) is_existence: bool,
    /// It stands behind a `!`.
    pub(crate) negated: bool,
}

impl Segment {
    /// The member's name, where the segment is one.
    pub(crate) fn name(&self) -> Option<&str> {
        match &self.kind {
            Kind::Name(name) => Some(name),
            _ => None,
        }
    }
}

/// The segments of a valid path. `None`: its text is not understood.
pub(crate) fn segments(path: &str) -> Option<Vec<Segment>> {
    match path.strip_prefix('$') {
        Some(behind) => {
            let (segments, rest) = scan(behind)?;
            rest.trim().is_empty().then_some(segments)
        }
        None => plain(path),
    }
}

/// What a filter tests, and whether it has an `||`.
pub(crate) fn tests(filter: &str) -> (Vec<Test>, bool) {
    let tokens = tokens(filter);
    let mut open: Vec<(bool, bool)> = Vec::new();
    let mut tests = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        match token {
            Token::Open => open.push((before == Some(&Token::Word), before == Some(&Token::Not))),
            Token::Close => {
                open.pop();
            }
            Token::Field(names, text, only_names) => {
                let compared = before == Some(&Token::Compare) || tokens.get(at + 1) == Some(&Token::Compare);
                let in_function = open.iter().any(|(function, _)| *function);
                let negations = open.iter().filter(|(_, negated)| *negated).count();
                tests.push(Test {
                    names: names.clone(),
                    text: text.clone(),
                    only_names: *only_names,
                    is_existence: !compared && !in_function,
                    negated: (negations + usize::from(before == Some(&Token::Not))) % 2 == 1,
                });
            }
            _ => {}
        }
    }
    (tests, tokens.contains(&Token::Or))
}

/// The fields that a filter reads of a record, each as the names at the start of its path. `None`: it reads the record
/// itself, or its text is not understood.
pub(crate) fn fields_of_filter(filter: &str) -> Option<Vec<Vec<String>>> {
    let (tests, _) = tests(filter);
    let understood = unquoted(filter).filter(|(_, letter)| *letter == '@').count() == tests.len();
    let fields: Vec<Vec<String>> = tests.into_iter().map(|test| test.names).collect();
    (understood && fields.iter().all(|names| !names.is_empty())).then_some(fields)
}

/// A name as JSONPath writes it behind what it is a member of.
pub(crate) fn member(name: &str) -> String {
    if is_shorthand(name) {
        format!(".{name}")
    } else {
        format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"))
    }
}

fn is_shorthand(name: &str) -> bool {
    name.chars().all(is_name_letter) && name.chars().next().is_some_and(|first| !first.is_ascii_digit())
}

fn is_name_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || !letter.is_ascii()
}

fn plain(path: &str) -> Option<Vec<Segment>> {
    let mut segments = Vec::new();
    for part in path.split('.') {
        let (name, mut brackets) = part.split_at(part.find('[').unwrap_or(part.len()));
        if !name.is_empty() {
            segments.push(Segment { kind: Kind::Name(name.to_owned()), text: member(name) });
        }
        while !brackets.is_empty() {
            let (inside, behind) = brackets.strip_prefix('[')?.split_once(']')?;
            let kind = if inside == "*" { Kind::Each } else { Kind::Index(inside.parse().ok()?) };
            segments.push(Segment { kind, text: format!("[{inside}]") });
            brackets = behind;
        }
    }
    Some(segments)
}

/// The segments at the start of a text, and what is behind them.
fn scan(text: &str) -> Option<(Vec<Segment>, &str)> {
    let mut segments = Vec::new();
    let mut rest = text;
    loop {
        let ahead = rest.trim_start_matches(BLANKS);
        let (kind, behind) = if let Some(inner) = ahead.strip_prefix("..") {
            let (kind, behind) = if inner.starts_with('[') { bracket(inner)? } else { dotted(inner)? };
            let name = match kind {
                Kind::Name(name) => Some(name),
                _ => None,
            };
            (Kind::Descendants(name), behind)
        } else if let Some(inner) = ahead.strip_prefix('.') {
            dotted(inner.trim_start_matches(BLANKS))?
        } else if ahead.starts_with('[') {
            bracket(ahead)?
        } else {
            return Some((segments, rest));
        };
        let text = ahead.get(..ahead.len() - behind.len())?.to_owned();
        segments.push(Segment { kind, text });
        rest = behind;
    }
}

const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

fn dotted(text: &str) -> Option<(Kind, &str)> {
    if let Some(behind) = text.strip_prefix('*') {
        return Some((Kind::Each, behind));
    }
    let (name, behind) = text.split_at(text.find(|letter| !is_name_letter(letter)).unwrap_or(text.len()));
    (!name.is_empty()).then(|| (Kind::Name(name.to_owned()), behind))
}

fn bracket(text: &str) -> Option<(Kind, &str)> {
    let mut depth = 0_usize;
    let mut commas = 0_usize;
    let mut end = None;
    for (at, letter) in unquoted(text) {
        match letter {
            '[' | '(' => depth += 1,
            ']' | ')' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    end = Some(at);
                    break;
                }
            }
            ',' if depth == 1 => commas += 1,
            _ => {}
        }
    }
    let end = end?;
    let inside = text.get(1..end)?.trim_matches(BLANKS);
    let kind = if commas > 0 {
        Kind::Other
    } else if inside == "*" {
        Kind::Each
    } else if let Some(filter) = inside.strip_prefix('?') {
        Kind::Filter(filter.trim_matches(BLANKS).to_owned())
    } else if let Some(name) = unquote(inside) {
        Kind::Name(name)
    } else {
        inside.parse().map_or(Kind::Other, Kind::Index)
    };
    Some((kind, text.get(end + 1..)?))
}

/// The letters of a text that stand in no quotes, and where.
fn unquoted(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    let mut escaped = false;
    text.char_indices().filter(move |(_, letter)| {
        let Some(open) = quote else {
            quote = Some(*letter).filter(|letter| matches!(letter, '\'' | '"'));
            return quote.is_none();
        };
        if escaped {
            escaped = false;
        } else if *letter == '\\' {
            escaped = true;
        } else if *letter == open {
            quote = None;
        }
        false
    })
}

/// The text within quotes, where the whole is one quoted text.
fn unquote(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|letter| matches!(letter, '\'' | '"'))?;
    let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut json = String::from("\"");
    let mut letters = inside.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next()? {
                '\'' => json.push('\''),
                other => json.extend(['\\', other]),
            },
            '"' => json.push_str("\\\""),
            other => json.push(other),
        }
    }
    json.push('"');
    serde_json::from_str(&json).ok()
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Not,
    Or,
    Compare,
    /// A function's name, or a literal.
    Word,
    /// Quoted text, a path from the root, `&&`, a comma.
    Rest,
    Field(Vec<String>, String, bool),
}

fn tokens(filter: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = filter.trim_start_matches(BLANKS);
    while let Some(first) = rest.chars().next() {
        let (token, length) = token(first, rest);
        tokens.push(token);
        rest = rest.get(length.max(first.len_utf8())..).unwrap_or_default().trim_start_matches(BLANKS);
    }
    tokens
}

fn token(first: char, text: &str) -> (Token, usize) {
    let behind = text.get(first.len_utf8()..).unwrap_or_default();
    match first {
        '(' => (Token::Open, 1),
        ')' => (Token::Close, 1),
        '|' => (Token::Or, 2),
        '=' | '!' | '<' | '>' if behind.starts_with('=') => (Token::Compare, 2),
        '<' | '>' => (Token::Compare, 1),
        '!' => (Token::Not, 1),
        '\'' | '"' => {
            let length = unquoted(text).next().map_or(text.len(), |(at, _)| at);
            (Token::Rest, length)
        }
        '@' | '$' => {
            let (segments, rest) = scan(behind).unwrap_or((Vec::new(), ""));
            let length = text.len() - rest.len();
            if first == '$' {
                return (Token::Rest, length);
            }
            let written = text.get(..length).unwrap_or(text).trim_end_matches(BLANKS).to_owned();
            let names: Vec<String> = segments.iter().map_while(Segment::name).map(str::to_owned).collect();
            let only_names = !names.is_empty() && names.len() == segments.len();
            (Token::Field(names, written, only_names), length)
        }
        _ => {
            let length = text.find(|letter| !(is_name_letter(letter) || "+-.".contains(letter))).unwrap_or(text.len());
            if length == 0 { (Token::Rest, first.len_utf8()) } else { (Token::Word, length) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, segments, tests};

    fn kinds(path: &str) -> Vec<Kind> {
        segments(path).unwrap_or_else(|| panic!("{path}")).into_iter().map(|segment| segment.kind).collect()
    }

    fn name(name: &str) -> Kind {
        Kind::Name(name.to_owned())
    }

    #[test]
    fn a_path_is_taken_apart_whatever_stands_in_its_quotes() {
        for (path, expected) in [
            ("a.b[0][*]", vec![name("a"), name("b"), Kind::Index(0), Kind::Each]),
            ("[0].a", vec![Kind::Index(0), name("a")]),
            ("$", vec![]),
            ("$.a['b.c'][\"d]e\"]", vec![name("a"), name("b.c"), name("d]e")]),
            ("$['it\\'s'][\"\\u0061\\\"\"]", vec![name("it's"), name("a\"")]),
            ("$['\\\\'].b", vec![name("\\"), name("b")]),
            ("$['say \"x\"']", vec![name("say \"x\"")]),
            ("$ .a [ 'b' ] [ -1 ]", vec![name("a"), name("b"), Kind::Index(-1)]),
            ("$.*.a", vec![Kind::Each, name("a")]),
            ("$[1:2][0,1]['a','b']", vec![Kind::Other, Kind::Other, Kind::Other]),
            ("$['a,b']", vec![name("a,b")]),
            ("$..a", vec![Kind::Descendants(Some("a".to_owned()))]),
            ("$..['a']", vec![Kind::Descendants(Some("a".to_owned()))]),
            ("$..*", vec![Kind::Descendants(None)]),
            ("$..[?@.a]", vec![Kind::Descendants(None)]),
            ("$[?@.a == ']']", vec![Kind::Filter("@.a == ']'".to_owned())]),
            ("$[? match(@.a, 'x') ].b", vec![Kind::Filter("match(@.a, 'x')".to_owned()), name("b")]),
            ("$[?@.a,?@.b]", vec![Kind::Other]),
            ("$.é_1", vec![name("é_1")]),
        ] {
            assert_eq!(kinds(path), expected, "{path}");
        }
    }

    #[test]
    fn a_segment_keeps_its_text() {
        let texts = |path| segments(path).unwrap().into_iter().map(|segment| segment.text).collect::<Vec<_>>();
        assert_eq!(texts("$.a['b'][?@.c]"), [".a", "['b']", "[?@.c]"]);
        assert_eq!(texts("a-b.c[*]"), ["['a-b']", ".c", "[*]"]);
    }

    #[test]
    fn a_filters_tests_are_read_whatever_stands_in_its_quotes() {
        // The names, whether existence is asked, whether it is negated.
        let read = |filter: &str| {
            let (tests, or) = tests(filter);
            let shown = |test: super::Test| (test.names.join("."), test.is_existence, test.negated);
            (tests.into_iter().map(shown).collect::<Vec<_>>(), or)
        };
        let field = |name: &str, existence, negated| (name.to_owned(), existence, negated);
        for (filter, expected, or) in [
            ("@.a", vec![field("a", true, false)], false),
            ("!@.a", vec![field("a", true, true)], false),
            ("!(@.a && !@.b)", vec![field("a", true, true), field("b", true, false)], false),
            ("@.a==1", vec![field("a", false, false)], false),
            ("1<=@.a.b", vec![field("a.b", false, false)], false),
            ("@['a'] == 'x' || @[\"b\"]", vec![field("a", false, false), field("b", true, false)], true),
            ("@.a == '@.b || !@.c'", vec![field("a", false, false)], false),
            ("@.a == \"it's\" && @.b", vec![field("a", false, false), field("b", true, false)], false),
            ("length(@.a) > 2 && (@.b)", vec![field("a", false, false), field("b", true, false)], false),
            ("@.a == $.b.c", vec![field("a", false, false)], false),
            ("@ == 'x'", vec![field("", false, false)], false),
            ("@.a[*].b", vec![field("a", true, false)], false),
            ("@.a == -1.5e3", vec![field("a", false, false)], false),
        ] {
            assert_eq!(read(filter), (expected, or), "{filter}");
        }
    }
}

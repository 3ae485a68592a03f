//! What the criteria read of each record of an answer's list, so that the rest need not be kept.

use super::path_text::{Kind, Segment, fields_of_filter};
use super::{Acceptance, FieldPath, Reading};
use crate::projection::Projection;

impl Acceptance {
    /// The fields of a record without which the criteria cannot be evaluated, where the records stand in the field
    /// `list` or are the answer itself. Patterns meet the text as received, and counts are made by the recipe: neither
    /// needs any.
    #[must_use]
    pub fn record_fields(&self, list: Option<&str>) -> Projection {
        let mut fields = Projection::nothing();
        for criterion in self.criteria() {
            if let Reading::Json(path) = &criterion.reading {
                fields.add(&of_path(path, list));
            }
        }
        fields
    }
}

fn of_path(path: &FieldPath, list: Option<&str>) -> Projection {
    match path.segments() {
        Some([Segment { kind: Kind::Name(name), .. }, inside @ ..]) if list == Some(name) => of_segments(inside),
        // A member of the envelope, which is kept in full; an answer that is a list has no members.
        Some([Segment { kind: Kind::Name(_), .. }, ..]) => Projection::nothing(),
        _ => Projection::Whole,
    }
}

/// What a path reads of each record whose segments behind the list are these.
fn of_segments(segments: &[Segment]) -> Projection {
    // The list itself is counted: its records are there, whatever is kept of them.
    let Some((selector, behind)) = segments.split_first() else { return Projection::nothing() };
    let mut fields = match &selector.kind {
        // A list has no members. Where no list is found, all is kept.
        Kind::Name(_) => return Projection::nothing(),
        Kind::Index(_) | Kind::Each => Projection::nothing(),
        Kind::Filter(filter) => of_filter(filter),
        Kind::Descendants(_) | Kind::Other => return Projection::Whole,
    };
    let names: Vec<&str> = behind.iter().map_while(Segment::name).collect();
    if !behind.is_empty() {
        // All below the last name is kept, whatever else the path does there; without one, all of the record.
        fields.add_field(names);
    }
    fields
}

fn of_filter(filter: &str) -> Projection {
    let mut fields = Projection::nothing();
    match fields_of_filter(filter) {
        Some(read) => read.iter().for_each(|names| fields.add_field(names.iter().map(String::as_str))),
        None => fields = Projection::Whole,
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::of_path;
    use crate::criteria::FieldPath;
    use crate::projection::Projection;

    fn read_by(path: &str) -> Projection {
        of_path(&FieldPath::parse(path).unwrap_or_else(|problem| panic!("{path} {problem}")), Some("l"))
    }

    #[test]
    fn a_path_reads_the_fields_that_it_names() {
        for (path, fields) in [
            ("l", &[][..]),
            ("l[0]", &[]),
            ("$.l[*]", &[]),
            ("l.a", &[]),
            ("total", &[]),
            ("paging[0].l", &[]),
            ("l[*].a", &["a"]),
            ("$['l'][-1]['a']", &["a"]),
            ("l[0].a.b", &["a.b"]),
            ("l[*].a[0].b", &["a"]),
            ("$.l[*].a..b", &["a"]),
            ("$.l[?@.a == 'x' && @['b'].c]", &["a", "b.c"]),
            ("$.l[?length(@.a) > 1 || !@.b[0]].c", &["a", "b", "c"]),
            ("$.l[?match(@.a, '@.x')].c.d", &["a", "c.d"]),
            ("$.l[?@.a==\"@.b\"]", &["a"]),
        ] {
            assert_eq!(read_by(path), Projection::of_fields(fields), "{path}");
        }
    }

    #[test]
    fn where_the_fields_cannot_be_told_the_whole_record_is_read() {
        for path in [
            "$",
            "$..a",
            "$[*]",
            "[*].a",
            "$[?@.a]",
            "$.*[*].a",
            "$.l[0,1]",
            "$.l[1:].a",
            "$.l[*][0]",
            "$.l[*].*",
            "$.l[?@.*]",
            "$.l[?@[0] == 1]",
            "$.l[?@ == 1]",
            "$.l[?@..a]",
            "$.l..a",
            "$.l[?@.a && @ != null]",
            "$.l[?count(@.*) > 1]",
            "$['l','m'][0]",
        ] {
            assert_eq!(read_by(path), Projection::Whole, "{path}");
        }
    }
}

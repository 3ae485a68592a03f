//! Which fields of a list's records anybody will read, so that the others need not be built.

use std::collections::BTreeMap;

/// The fields of a record, or of an object within one, that are read.
///
/// It names what a reader keeps, and a reader keeps more than it names: whatever is no object stays as it is, and an
/// array is kept with all its items, each with these fields. So lengths, nulls and booleans are never lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Projection {
    /// All of it.
    Whole,
    /// Of an object these fields, each as far as it says.
    Fields(BTreeMap<String, Projection>),
}

impl Projection {
    /// No field of any object: only that the record is there.
    #[must_use]
    pub fn nothing() -> Self {
        Self::Fields(BTreeMap::new())
    }

    /// These fields, each a path of names joined by dots and kept with all that is below it.
    #[must_use]
    pub fn of_fields(paths: &[&str]) -> Self {
        let mut projection = Self::nothing();
        for path in paths {
            projection.add_field(path.split('.'));
        }
        projection
    }

    /// Adds the field that the names lead to, with all that is below it.
    pub fn add_field<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        let mut at = self;
        for name in names {
            match at {
                Self::Whole => return,
                Self::Fields(fields) => at = fields.entry(name.to_owned()).or_insert_with(Self::nothing),
            }
        }
        *at = Self::Whole;
    }

    /// Adds what another reader needs.
    pub fn add(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Whole, _) => {}
            (_, Self::Whole) => *self = Self::Whole,
            (Self::Fields(fields), Self::Fields(others)) => {
                for (name, other) in others {
                    fields.entry(name.clone()).or_insert_with(Self::nothing).add(other);
                }
            }
        }
    }

    /// Whether what this keeps is enough for a reader who needs `other`.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Whole, _) => true,
            (_, Self::Whole) => false,
            (Self::Fields(fields), Self::Fields(others)) => {
                others.iter().all(|(name, other)| fields.get(name).is_some_and(|own| own.covers(other)))
            }
        }
    }

    /// What is kept of a field. `None`: nothing, not even that it is there.
    #[must_use]
    pub fn of_field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Whole => Some(self),
            Self::Fields(fields) => fields.get(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Projection;

    #[test]
    fn a_field_is_kept_with_all_below_it_and_its_neighbours_are_not() {
        let projection = Projection::of_fields(&["a", "b.c", "b.d.e"]);
        let at = |names: &[&str]| names.iter().try_fold(&projection, |at, name| at.of_field(name)).cloned();
        for whole in [&["a"][..], &["a", "x"], &["b", "c"], &["b", "d", "e", "x"]] {
            assert_eq!(at(whole), Some(Projection::Whole), "{whole:?}");
        }
        for absent in [&["x"][..], &["b", "x"], &["b", "d", "x"]] {
            assert_eq!(at(absent), None, "{absent:?}");
        }
        assert_eq!(Projection::of_fields(&[]), Projection::nothing());
    }

    #[test]
    fn the_wider_need_wins_in_whatever_order_they_come() {
        let (narrow, wide) = (Projection::of_fields(&["a.b"]), Projection::of_fields(&["a", "c"]));
        for (one, other) in [(&narrow, &wide), (&wide, &narrow)] {
            let mut both = one.clone();
            both.add(other);
            assert_eq!(both, wide);
        }
        let mut all = narrow;
        all.add(&Projection::Whole);
        assert_eq!(all, Projection::Whole);
        all.add_field(["a"]);
        assert_eq!(all, Projection::Whole);
    }

    #[test]
    fn a_projection_covers_what_it_has_and_no_more() {
        let wide = Projection::of_fields(&["a", "b.c"]);
        for covered in [&[][..], &["a"], &["a.x.y"], &["b.c"], &["a.x", "b.c.z"]] {
            assert!(wide.covers(&Projection::of_fields(covered)), "{covered:?}");
        }
        for more in [&["b"][..], &["x"], &["a", "b.d"]] {
            assert!(!wide.covers(&Projection::of_fields(more)), "{more:?}");
        }
        assert!(!wide.covers(&Projection::Whole));
        assert!(Projection::Whole.covers(&Projection::Whole));
    }
}

//! What a recipe reads of each record of a list: a few fields, one row for each record.
//!
//! Counts and remarks are made of the same few fields of every record. In rows they cost a fraction of what an object
//! for each record would.

use std::cell::RefCell;

use serde_json::{Map, Value};

/// The fields of each record, by their path of names joined by dots.
#[derive(Clone, Debug)]
pub struct Rows {
    fields: &'static [&'static str],
    cells: Vec<Option<Value>>,
    length: usize,
}

impl Rows {
    /// The rows of no record.
    #[must_use]
    pub fn none(fields: &'static [&'static str]) -> Self {
        Self { fields, cells: Vec::new(), length: 0 }
    }

    /// The rows of records that are at hand.
    #[must_use]
    pub fn of(records: &[Value], fields: &'static [&'static str]) -> Self {
        let cell =
            |record: &Value, field: &str| field.split('.').try_fold(record, |at, name| at.get(name)).map(shallow);
        let cells = records.iter().flat_map(|record| fields.iter().map(|field| cell(record, field)));
        Self { fields, cells: cells.collect(), length: records.len() }
    }

    /// The fields that there are.
    #[must_use]
    pub fn fields(&self) -> &'static [&'static str] {
        self.fields
    }

    /// How many rows there are.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// Each row.
    #[must_use]
    pub fn each(&self) -> Vec<Row<'_>> {
        let width = self.fields.len();
        let row = |at: usize| Row {
            fields: self.fields,
            cells: self.cells.get(at * width..(at + 1) * width).unwrap_or_default(),
        };
        (0..self.length).map(row).collect()
    }

    /// Adds the rows of a further page.
    pub fn append(&mut self, mut more: Self) {
        self.cells.append(&mut more.cells);
        self.length += more.length;
    }
}

/// One record's fields.
#[derive(Clone, Copy, Debug)]
pub struct Row<'r> {
    fields: &'static [&'static str],
    cells: &'r [Option<Value>],
}

impl<'r> Row<'r> {
    /// A field, where the record has it. Of an array or object it is told that it is one, and not what is in it.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&'r Value> {
        let at = self.fields.iter().position(|known| *known == field)?;
        self.cells.get(at)?.as_ref()
    }

    /// A field that is text.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&'r str> {
        self.get(field)?.as_str()
    }

    /// A field that is true or false.
    #[must_use]
    pub fn flag(&self, field: &str) -> Option<bool> {
        self.get(field)?.as_bool()
    }
}

/// The rows of a list that is being read, record by record.
#[derive(Debug)]
pub(crate) struct Filling(RefCell<Rows>);

impl Filling {
    /// Nothing read yet.
    pub(crate) fn new(fields: &'static [&'static str]) -> Self {
        Self(RefCell::new(Rows::none(fields)))
    }

    /// What was read.
    pub(crate) fn into_rows(self) -> Rows {
        self.0.into_inner()
    }

    /// Forgets the rows of a list that was read before: a key that is repeated counts where it stands last.
    pub(crate) fn start_list(&self) {
        let mut rows = self.0.borrow_mut();
        *rows = Rows::none(rows.fields);
    }

    /// Begins a row, which lacks every field so far.
    pub(crate) fn start_row(&self) {
        let mut rows = self.0.borrow_mut();
        let cells = rows.cells.len() + rows.fields.len();
        rows.cells.resize(cells, None);
        rows.length += 1;
    }

    /// Takes the last row away: it was begun, and there was no record any more.
    pub(crate) fn drop_row(&self) {
        let mut rows = self.0.borrow_mut();
        let cells = rows.cells.len().saturating_sub(rows.fields.len());
        rows.cells.truncate(cells);
        rows.length = rows.length.saturating_sub(1);
    }

    /// Puts a value into a column of the last row.
    pub(crate) fn put(&self, column: usize, value: Option<Value>) {
        let mut rows = self.0.borrow_mut();
        let at = rows.cells.len().saturating_sub(rows.fields.len()) + column;
        if let Some(cell) = rows.cells.get_mut(at) {
            *cell = value;
        }
    }
}

/// Where in a record the columns of its row are.
#[derive(Debug)]
pub(crate) enum Columns {
    /// At this place is the column.
    Here(usize),
    /// They are in these members.
    Within(Vec<(&'static str, Columns)>),
}

impl Columns {
    /// The columns of these fields, none of which is within another.
    pub(crate) fn of(fields: &'static [&'static str]) -> Self {
        Self::within(fields.iter().copied().enumerate().collect())
    }

    fn within(fields: Vec<(usize, &'static str)>) -> Self {
        if let [(column, "")] = fields.as_slice() {
            return Self::Here(*column);
        }
        let mut members: Vec<(&'static str, Vec<(usize, &'static str)>)> = Vec::new();
        for (column, field) in fields {
            let (name, rest) = field.split_once('.').unwrap_or((field, ""));
            match members.iter_mut().find(|(known, _)| *known == name) {
                Some((_, inside)) => inside.push((column, rest)),
                None => members.push((name, vec![(column, rest)])),
            }
        }
        Self::Within(members.into_iter().map(|(name, inside)| (name, Self::within(inside))).collect())
    }

    /// The columns within a member.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Here(_) => None,
            Self::Within(members) => members.iter().find(|(known, _)| *known == name).map(|(_, columns)| columns),
        }
    }

    /// Takes what the last row has in these columns away: the member is repeated.
    pub(crate) fn clear(&self, filling: &Filling) {
        match self {
            Self::Here(column) => filling.put(*column, None),
            Self::Within(members) => members.iter().for_each(|(_, columns)| columns.clear(filling)),
        }
    }
}

/// A value without what is in it.
pub(crate) fn shallow(value: &Value) -> Value {
    match value {
        Value::Array(_) => Value::Array(Vec::new()),
        Value::Object(_) => Value::Object(Map::new()),
        scalar => scalar.clone(),
    }
}

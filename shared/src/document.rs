//! A provider's answer as one JSON document, read as far as anybody needs it, with its pages as received.
//!
//! Of the records of a long list hardly anything is read: the fields that the criteria name, and those that a recipe's
//! counts and remarks are made of. A document read from its pages keeps the former as values, and no more of them than a
//! [`Projection`] says, and the latter in [`Rows`]; all but the records it keeps in full. It also keeps the pages
//! themselves, so that whoever needs other fields reads it again. Two documents of the same pages differ in nothing but
//! the fields kept: their lists are as long, and null, numbers, text and flags in them the same.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::OnceLock;

use bytes_utils::Str;
use serde::{Deserialize, Serialize};
use serde_json::{Error, Value};

use crate::json;
use crate::projection::Projection;
use crate::render::{Rendered, python_json};
use crate::rows::Rows;

/// How much of a list was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unread {
    /// All of it was read.
    Nothing,
    /// At most so many items are unread.
    AtMost(u64),
    /// Nobody said how many.
    Unbounded,
}

/// One page of an answer: its text as received, shared and not copied.
#[derive(Clone, Debug)]
pub struct Page {
    text: Str,
    rendered: OnceLock<Rendered>,
}

impl Page {
    /// The page as patterns meet it, rendered once.
    fn rendered(&self, list: Option<&str>) -> &Rendered {
        self.rendered.get_or_init(|| Rendered::of(&self.text, list))
    }
}

impl<T: Into<Str>> From<T> for Page {
    fn from(text: T) -> Self {
        Self { text: text.into(), rendered: OnceLock::new() }
    }
}

impl Deref for Page {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// A provider's answer as one JSON document: the first page's envelope with the list of all pages joined.
#[derive(Clone, Debug)]
pub struct Document {
    root: Value,
    list: Option<&'static str>,
    /// A field that, where the answer lacks it, means the number of the list's items (Genesys Cloud's `total`).
    pub length_field: Option<&'static str>,
    /// How much of the list was not read.
    pub unread: Unread,
    /// The pages as received, for patterns with scope `raw`.
    pub pages: Vec<Page>,
    /// What is kept of each record.
    records: Projection,
    /// What the recipe reads of each record.
    rows: Rows,
    /// Whether the document is its pages and nothing else, so that it can be read from them again.
    is_its_pages: bool,
    /// The document as patterns meet it, where that is no single page's text.
    rendered: OnceLock<Rendered>,
}

impl Document {
    /// A complete document that is not only what one page says. `list` names the field in which the provider's answer
    /// has its list, if it has one; `text` is what was received.
    #[must_use]
    pub fn new(root: Value, list: Option<&'static str>, text: impl Into<Page>) -> Self {
        let page = ReadPage { root, rows: Rows::none(&[]) };
        Self { is_its_pages: false, ..Self::of_page(page, list, text.into(), Projection::Whole) }
    }

    /// Reads a document from its first page, and of the list's records what `records` names.
    ///
    /// # Errors
    /// The text is no JSON, or nested more than 128 deep; whatever is to be kept of it.
    pub fn read(text: impl Into<Page>, list: Option<&'static str>, records: &Projection) -> Result<Self, Error> {
        Self::read_with_rows(text, list, &[], records)
    }

    /// Reads a document from its first page: of the list's records the fields of `rows` for the recipe, and as values
    /// what `records` names.
    ///
    /// # Errors
    /// The text is no JSON, or nested more than 128 deep; whatever is to be kept of it.
    pub fn read_with_rows(
        text: impl Into<Page>,
        list: Option<&'static str>,
        rows: &'static [&'static str],
        records: &Projection,
    ) -> Result<Self, Error> {
        let text = text.into();
        let (root, rows) = json::parse_rows(&text, list, records, rows)?;
        // Without a list everything is kept.
        let records = if list.is_some() || root.is_array() { records.clone() } else { Projection::Whole };
        Ok(Self::of_page(ReadPage { root, rows }, list, text, records))
    }

    fn of_page(page: ReadPage, list: Option<&'static str>, text: Page, records: Projection) -> Self {
        Self {
            root: page.root,
            rows: page.rows,
            list,
            length_field: None,
            unread: Unread::Nothing,
            pages: vec![text],
            records,
            is_its_pages: true,
            rendered: OnceLock::new(),
        }
    }

    /// In place of a document that is not here, though its counts are: nothing can be read in it.
    #[must_use]
    pub fn withheld() -> Self {
        Self { pages: Vec::new(), ..Self::new(Value::Null, None, String::new()) }
    }

    /// Whether it is not here.
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        self.pages.is_empty()
    }

    /// The document, its list joined; of the records what is kept.
    #[must_use]
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// The field that has the list, where the provider's answer is defined to have one.
    #[must_use]
    pub fn list_field(&self) -> Option<&'static str> {
        self.list
    }

    /// The list itself: also where the provider sent it bare. `None`: it is not there.
    #[must_use]
    pub fn list(&self) -> Option<&Value> {
        let list = if self.root.is_array() { &self.root } else { self.root.get(self.list?)? };
        list.is_array().then_some(list)
    }

    /// These fields of each record, one row for each; no row where the list is not there.
    #[must_use]
    pub fn rows(&self, fields: &'static [&'static str]) -> Cow<'_, Rows> {
        let records = self.records().unwrap_or_default();
        if self.rows.fields() == fields && self.rows.length() == records.len() {
            return Cow::Borrowed(&self.rows);
        }
        let document = self.covering(&Projection::of_fields(fields));
        Cow::Owned(Rows::of(document.records().unwrap_or_default(), fields))
    }

    /// The list's items, of each what is kept. `None`: the list is not there.
    #[must_use]
    pub fn records(&self) -> Option<&[Value]> {
        self.list().and_then(Value::as_array).map(Vec::as_slice)
    }

    /// The list's items, to be completed from further requests. What is made of them is in no page: the document must
    /// have been read in full, and is not read again.
    pub fn records_mut(&mut self) -> Option<&mut Vec<Value>> {
        self.is_its_pages = false;
        self.rows = Rows::none(&[]);
        self.list_mut()
    }

    fn list_mut(&mut self) -> Option<&mut Vec<Value>> {
        self.rendered = OnceLock::new();
        let field = self.list?;
        if self.root.is_array() {
            return self.root.as_array_mut();
        }
        self.root.get_mut(field)?.as_array_mut()
    }

    /// Reads a further page as this document was read, for [`Self::join`].
    ///
    /// # Errors
    /// It is no JSON, or nested more than 128 deep.
    pub fn read_page(&self, text: &str) -> Result<ReadPage, Error> {
        let (root, rows) = json::parse_rows(text, self.list, &self.records, self.rows.fields())?;
        Ok(ReadPage { root, rows })
    }

    /// Joins a further page: its list's items, and its text. The rest of its envelope is dropped.
    ///
    /// # Errors
    /// The page has no list; nothing is joined.
    pub fn join(&mut self, page: impl Into<ReadPage>, text: impl Into<Page>) -> Result<(), Unreadable> {
        let ReadPage { mut root, rows } = page.into();
        let items = self.list.and_then(|field| root.get_mut(field)).and_then(Value::as_array_mut);
        let (Some(items), Some(records)) = (items, self.list_mut()) else { return Err(Unreadable::NoList) };
        records.append(items);
        self.rows.append(rows);
        self.pages.push(text.into());
        Ok(())
    }

    /// Whether what is kept of the records is enough for a reader who needs these fields.
    #[must_use]
    pub fn covers(&self, records: &Projection) -> bool {
        self.records.covers(records)
    }

    /// The document with these fields of its records too: itself where it has them, else read again from its pages.
    #[must_use]
    pub fn covering(&self, records: &Projection) -> Cow<'_, Self> {
        if self.covers(records) { Cow::Borrowed(self) } else { Cow::Owned(self.read_again(records)) }
    }

    /// The same document read again from its pages, with these fields of its records beside those it has. What was
    /// completed from further requests has every field already and stays as it is.
    #[must_use]
    pub fn read_again(&self, records: &Projection) -> Self {
        let mut all = self.records.clone();
        all.add(records);
        // What was read once is JSON, and can be read again.
        if self.is_its_pages
            && let Ok(document) = self.read_from_pages(&all)
        {
            document
        } else {
            self.clone()
        }
    }

    fn read_from_pages(&self, records: &Projection) -> Result<Self, Unreadable> {
        let (first, further) = self.pages.split_first().ok_or(Unreadable::NoPage)?;
        let mut document = Self::read_with_rows(first.clone(), self.list, self.rows.fields(), records)?;
        for page in further {
            document.join(document.read_page(page)?, page.clone())?;
        }
        Ok(Self { length_field: self.length_field, unread: self.unread, ..document })
    }

    /// The whole document as patterns meet it.
    #[must_use]
    pub fn text(&self) -> &str {
        match self.pages.as_slice() {
            [page] if self.is_its_pages => page.rendered(self.list).text(),
            _ => self.rendered().text(),
        }
    }

    /// Each record as patterns meet it. `None`: the list is not there.
    #[must_use]
    pub fn record_texts(&self) -> Option<Vec<&str>> {
        if !self.is_its_pages {
            return Some(self.rendered().records()?.collect());
        }
        let mut texts = Vec::new();
        for page in &self.pages {
            texts.extend(page.rendered(self.list).records()?);
        }
        Some(texts)
    }

    /// The whole, rendered from its values.
    fn rendered(&self) -> &Rendered {
        self.rendered.get_or_init(|| Rendered::of(&python_json(self.covering(&Projection::Whole).root()), self.list))
    }

    /// The document as it is kept elsewhere.
    #[must_use]
    pub fn to_stored(&self) -> StoredDocument<'_> {
        StoredDocument {
            pages: self.pages.iter().map(|page| Cow::Borrowed(&**page)).collect(),
            root: (!self.is_its_pages).then(|| self.root.to_string().into()),
            unread: self.unread,
        }
    }

    /// The document that was stored, with these fields of its records in rows and as values. The names of the list and
    /// of the field that means its length are the recipe's.
    ///
    /// # Errors
    /// What was stored is no document.
    pub fn from_stored(
        stored: StoredDocument<'_>,
        list: Option<&'static str>,
        length_field: Option<&'static str>,
        rows: &'static [&'static str],
        records: &Projection,
    ) -> Result<Self, Unreadable> {
        let pages = stored.pages.into_iter().map(|page| Page::from(page.into_owned())).collect();
        let root = stored.root.as_deref().map(json::parse).transpose()?;
        let document = Self {
            is_its_pages: root.is_none(),
            root: root.unwrap_or_default(),
            list,
            length_field,
            unread: stored.unread,
            pages,
            records: Projection::Whole,
            rows: Rows::none(rows),
            rendered: OnceLock::new(),
        };
        if document.is_its_pages { document.read_from_pages(records) } else { Ok(document) }
    }
}

/// A page as it was read.
#[derive(Clone, Debug)]
pub struct ReadPage {
    root: Value,
    rows: Rows,
}

impl ReadPage {
    /// The page, of its records what is kept.
    #[must_use]
    pub fn root(&self) -> &Value {
        &self.root
    }
}

impl From<Value> for ReadPage {
    /// A page that was read in full.
    fn from(root: Value) -> Self {
        Self { root, rows: Rows::none(&[]) }
    }
}

/// A document as it is kept elsewhere: its pages as received, and its root as JSON where that is more than they say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredDocument<'d> {
    /// The pages as received.
    pub pages: Vec<Cow<'d, str>>,
    /// The document as JSON, where it was completed from further requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Cow<'d, str>>,
    /// How much of the list was not read.
    pub unread: Unread,
}

/// Why what was stored is no document.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is no JSON.
    #[error("it is no JSON")]
    NoJson(#[from] Error),
    /// It has no page.
    #[error("it has no page")]
    NoPage,
    /// A further page has no list.
    #[error("a further page has no list")]
    NoList,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Document, StoredDocument, Unread};
    use crate::projection::Projection;

    const PAGES: [&str; 2] =
        ["{\"l\": [{\"a\": 1, \"b\": 1E5}, null], \"n\": 3}", "{\"l\":[{\"a\":2,\"b\":[]}],\"n\":4}"];

    fn fields(paths: &[&str]) -> Projection {
        Projection::of_fields(paths)
    }

    fn read(pages: &[&str], records: &Projection) -> Document {
        let (first, further) = pages.split_first().unwrap();
        let mut document = Document::read((*first).to_owned(), Some("l"), records).unwrap();
        for page in further {
            let read = document.read_page(page).unwrap();
            document.join(read, (*page).to_owned()).unwrap();
        }
        document.length_field = Some("n");
        document.unread = Unread::AtMost(7);
        document
    }

    fn completed() -> Document {
        let mut document = read(&PAGES[1..], &Projection::Whole);
        document.records_mut().unwrap().push(json!({"a": 3, "more": true}));
        document
    }

    #[test]
    fn a_document_says_what_it_covers_and_is_read_again_for_the_rest() {
        let document = read(&PAGES[1..], &fields(&["a"]));
        assert_eq!(document.root(), &json!({"l": [{"a": 2}], "n": 4}));
        assert!(document.covers(&fields(&["a.x"])) && document.covers(&fields(&[])));
        assert!(!document.covers(&fields(&["b"])) && !document.covers(&Projection::Whole));
        let again = document.read_again(&fields(&["b"]));
        assert_eq!(again.root(), &json!({"l": [{"a": 2, "b": []}], "n": 4}));
        assert!(again.covers(&fields(&["a", "b"])));
        assert_eq!((again.length_field, again.unread), (Some("n"), Unread::AtMost(7)));
        assert!(matches!(document.covering(&fields(&["a"])), std::borrow::Cow::Borrowed(_)));
    }

    #[test]
    fn pages_are_joined_the_same_however_much_is_kept() {
        let whole = read(&PAGES, &Projection::Whole);
        assert_eq!(whole.root().to_string(), r#"{"l":[{"a":1,"b":1E5},null,{"a":2,"b":[]}],"n":3}"#);
        for records in [fields(&[]), fields(&["a"]), fields(&["b"])] {
            let document = read(&PAGES, &records);
            assert_eq!(document.read_again(&Projection::Whole).root(), whole.root());
            assert_eq!(document.record_texts(), whole.record_texts());
            assert_eq!(document.text(), r#"{"l": [{"a": 1, "b": 1E5}, null, {"a": 2, "b": []}], "n": 3}"#);
        }
        assert_eq!(whole.record_texts().unwrap(), [r#"{"a": 1, "b": 1E5}"#, "null", r#"{"a": 2, "b": []}"#]);
    }

    #[test]
    fn rows_are_read_with_the_list_or_made_where_they_were_not() {
        const FIELDS: &[&str] = &["b", "a"];
        let shown = |document: &Document| {
            let rows = document.rows(FIELDS).into_owned();
            rows.each().iter().map(|row| format!("{:?} {:?}", row.get("a"), row.get("b"))).collect::<Vec<_>>()
        };
        let expected = shown(&read(&PAGES, &Projection::Whole));
        assert_eq!(expected, ["Some(Number(1)) Some(Number(1E5))", "None None", "Some(Number(2)) Some(Array [])",]);
        let mut document = Document::read_with_rows(PAGES[0].to_owned(), Some("l"), FIELDS, &fields(&[])).unwrap();
        document.join(document.read_page(PAGES[1]).unwrap(), PAGES[1].to_owned()).unwrap();
        assert!(matches!(document.rows(FIELDS), std::borrow::Cow::Borrowed(_)));
        assert_eq!(shown(&document), expected);
        assert_eq!(shown(&document.read_again(&fields(&["b"]))), expected);
        assert_eq!(shown(&read(&PAGES, &fields(&[]))), expected);
        document.records_mut().unwrap().truncate(1);
        assert_eq!(document.rows(FIELDS).length(), 1);
    }

    #[test]
    fn what_was_completed_has_every_field_and_is_not_read_again() {
        let document = completed();
        assert!(document.covers(&Projection::Whole));
        assert_eq!(document.read_again(&Projection::Whole).root(), document.root());
        assert_eq!(document.record_texts().unwrap(), [r#"{"a": 2, "b": []}"#, r#"{"a": 3, "more": true}"#]);
        assert!(document.text().ends_with(r#"{"a": 3, "more": true}], "n": 4}"#));
    }

    #[test]
    fn what_patterns_meet_follows_what_is_joined_and_completed() {
        let mut document = read(&PAGES[..1], &fields(&[]));
        assert_eq!(document.record_texts().unwrap().len(), 2);
        assert!(document.text().ends_with(r#"null], "n": 3}"#));
        let page = document.read_page(PAGES[1]).unwrap();
        document.join(page, PAGES[1].to_owned()).unwrap();
        assert_eq!(document.record_texts().unwrap().len(), 3);
        assert!(document.text().contains(r#"null, {"a": 2"#));
        let mut document = completed();
        assert_eq!(document.record_texts().unwrap().len(), 2);
        document.records_mut().unwrap().clear();
        assert_eq!((document.record_texts().unwrap().len(), document.text()), (0, r#"{"l": [], "n": 4}"#));
    }

    #[test]
    fn a_stored_document_comes_back_with_what_is_asked_for() {
        for (document, has_root) in [(read(&PAGES, &fields(&["a"])), false), (completed(), true)] {
            let stored = serde_json::to_string(&document.to_stored()).unwrap();
            let stored: StoredDocument<'_> = serde_json::from_str(&stored).unwrap();
            assert_eq!(stored.root.is_some(), has_root);
            for records in [fields(&["a"]), Projection::Whole] {
                let back = Document::from_stored(stored.clone(), Some("l"), Some("n"), &["b"], &records).unwrap();
                assert_eq!(format!("{:?}", back.rows(&["b"])), format!("{:?}", document.rows(&["b"])));
                assert_eq!(back.root(), document.covering(&records).root());
                assert!(back.covers(&records));
                assert_eq!((back.unread, back.length_field), (document.unread, document.length_field));
                assert_eq!((back.text(), back.record_texts()), (document.text(), document.record_texts()));
                let pages =
                    |document: &Document| document.pages.iter().map(|page| page.to_string()).collect::<Vec<_>>();
                assert_eq!(pages(&back), pages(&document));
            }
        }
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let stored = |pages: &[&str], root: Option<&str>| StoredDocument {
            pages: pages.iter().map(|page| (*page).to_owned().into()).collect(),
            root: root.map(|root| root.to_owned().into()),
            unread: Unread::Nothing,
        };
        for bad in
            [stored(&[], None), stored(&["{"], None), stored(&["{\"l\":[]}", "{}"], None), stored(&["{}"], Some("{"))]
        {
            let shown = format!("{bad:?}");
            assert!(Document::from_stored(bad, Some("l"), None, &[], &Projection::Whole).is_err(), "{shown}");
        }
    }
}

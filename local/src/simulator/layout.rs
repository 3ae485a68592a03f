//! The ways a provider lays its JSON out on the wire.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

/// How a body's whitespace looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// No whitespace at all.
    Compact,
    /// One field a line, `"key": value`, as guides print it.
    Printed,
    /// One field a line, `"key" : value`, with arrays kept on their line: a Java service's pretty printer.
    Spaced,
}

impl Layout {
    /// The bytes of a document in this layout.
    #[must_use]
    pub fn render(self, document: &Value) -> Vec<u8> {
        let rendered = match self {
            Self::Compact => serde_json::to_vec(document),
            Self::Printed => serde_json::to_vec_pretty(document),
            Self::Spaced => {
                let mut bytes = Vec::new();
                let mut serializer = Serializer::with_formatter(&mut bytes, Spaces::default());
                document.serialize(&mut serializer).map(|()| bytes)
            }
        };
        // Writing a `Value` into memory cannot fail: its keys are strings.
        rendered.unwrap_or_default()
    }
}

/// Objects indent by two blanks, arrays do not, and both keep a blank inside where they are empty.
#[derive(Default)]
struct Spaces {
    depth: usize,
    is_empty: bool,
}

impl Spaces {
    fn new_line<W: ?Sized + Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| writer.write_all(b"  "))
    }
}

impl Formatter for Spaces {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.is_empty = true;
        writer.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.is_empty = false;
        writer.write_all(b" ]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, is_first: bool) -> io::Result<()> {
        self.is_empty = false;
        writer.write_all(if is_first { b" " } else { b", " })
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        self.is_empty = true;
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        if self.is_empty {
            writer.write_all(b" ")?;
        } else {
            self.new_line(writer)?;
        }
        self.is_empty = false;
        writer.write_all(b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, is_first: bool) -> io::Result<()> {
        self.is_empty = false;
        if !is_first {
            writer.write_all(b",")?;
        }
        self.new_line(writer)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b" : ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(layout: Layout, document: &Value) -> String {
        String::from_utf8(layout.render(document)).unwrap()
    }

    #[test]
    fn spaced_keeps_arrays_on_the_line_of_their_key() {
        let document = json!({"records": [{"id": "1", "on": true}, {"id": "2", "on": false}], "none": [], "nil": {}});
        let expected = "{\n  \"records\" : [ {\n    \"id\" : \"1\",\n    \"on\" : true\n  }, {\n    \"id\" : \"2\",\n    \"on\" : false\n  } ],\n  \"none\" : [ ],\n  \"nil\" : { }\n}";
        assert_eq!(render(Layout::Spaced, &document), expected);
    }

    #[test]
    fn the_layouts_differ_in_nothing_but_whitespace() {
        let document = json!({"a": [1, {"b": null}], "c": "x : y"});
        for layout in [Layout::Compact, Layout::Printed, Layout::Spaced] {
            let parsed: Value = serde_json::from_str(&render(layout, &document)).unwrap();
            assert_eq!(parsed, document);
        }
        assert_eq!(render(Layout::Compact, &document), r#"{"a":[1,{"b":null}],"c":"x : y"}"#);
    }
}

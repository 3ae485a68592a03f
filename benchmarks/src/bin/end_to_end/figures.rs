//! The figures, what is aimed at beside each, and the table that they make.

use std::fmt::Write;
use std::time::Duration;

/// What a figure is measured in, and so how it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    /// Thousandths of a second.
    Ms,
    /// Millionths of a second.
    Us,
    /// 10⁶ bytes.
    Mb,
    /// A part of something.
    Ratio,
    /// A number of things.
    Count,
}

/// One row: a figure of callgate's, with the peers' where they have one.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) unit: Unit,
    /// At most that.
    pub(crate) target: Option<f64>,
    pub(crate) callgate: Option<f64>,
    /// In the order of the peers.
    pub(crate) peers: Vec<Option<f64>>,
}

impl Unit {
    pub(crate) fn of_time(self, time: Duration) -> f64 {
        match self {
            Self::Us => time.as_secs_f64() * 1e6,
            _ => time.as_secs_f64() * 1e3,
        }
    }

    /// A figure as it is printed.
    fn written(self, figure: f64) -> String {
        match self {
            Self::Ms => format!("{figure:.1} ms"),
            Self::Us => format!("{figure:.0} µs"),
            Self::Mb => format!("{figure:.1} MB"),
            Self::Ratio => format!("{figure:.3}"),
            Self::Count => format!("{figure:.0}"),
        }
    }

    /// A target as it is printed: it has no more digits than it needs.
    fn aimed_at(self, target: f64) -> String {
        let unit = match self {
            Self::Ms => " ms",
            Self::Us => " µs",
            Self::Mb => " MB",
            Self::Ratio | Self::Count => "",
        };
        format!("{target}{unit}")
    }
}

impl Row {
    fn verdict(&self) -> &'static str {
        let (Some(target), Some(figure)) = (self.target, self.callgate) else { return "" };
        // A reader can check what is printed, so that is what counts.
        let printed = self.unit.written(figure);
        let printed = printed.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(figure);
        if printed <= target { "met" } else { "**missed**" }
    }
}

/// A Markdown table of the rows.
pub(crate) fn table(rows: &[Row], peers: &[&str]) -> String {
    let mut text = String::from("| figure | target, at most | callgate | |");
    for peer in peers {
        let _ = write!(text, " {peer} |");
    }
    text.push_str("\n| --- | --- | --- | --- |");
    text.push_str(&" --- |".repeat(peers.len()));
    text.push('\n');
    for row in rows {
        let target = row.target.map_or("–".to_owned(), |target| row.unit.aimed_at(target));
        let written = |figure: Option<f64>| figure.map_or("–".to_owned(), |figure| row.unit.written(figure));
        let _ = write!(text, "| {} | {target} | {} | {} |", row.what, written(row.callgate), row.verdict());
        for at in 0..peers.len() {
            let _ = write!(text, " {} |", written(row.peers.get(at).copied().flatten()));
        }
        text.push('\n');
    }
    text
}

/// The page with `table` in place of what stood between its two marks. `None`: the page has no such marks.
pub(crate) fn with_table(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";

//! The page of measurements: each target is there, each figure is held against it rightly, and each miss is explained.

use crate::repository::text;

const PAGE: &str = "docs/performance.md";

/// What is aimed at, by the beginning of its row.
const TARGETS: [(&str, &str); 21] = [
    ("warm CPU, 25 records, as a part of Python's", "0.2"),
    ("warm CPU, 250 records, as a part of Python's", "0.2"),
    ("warm CPU, 2000 records, as a part of Python's", "0.2"),
    ("init + cold CPU", "5 ms"),
    ("cold call at 14 % of a processor", "15 ms"),
    ("warm CPU, 25 records", "250 µs"),
    ("warm CPU, 250 records", "450 µs"),
    ("warm CPU, 2000 records", "2500 µs"),
    ("p50 over a raw GET, 25 records", "200 µs"),
    ("p50 over a raw GET, 250 records", "350 µs"),
    ("peak memory", "14 MB"),
    ("a verdict from memory, CPU", "100 µs"),
    ("errors, thawed onto connections that were closed", "0"),
    ("errors, thawed onto connections that were reset", "0"),
    ("calltools: binary", "7 MB"),
    ("calltools: zip", "3 MB"),
    ("genesys-cloud: binary", "7 MB"),
    ("genesys-cloud: zip", "3 MB"),
    ("ringcentral: zip", "3 MB"),
    ("portsip: zip", "3 MB"),
    ("token-refresh: binary", "7 MB"),
];

#[test]
fn every_target_has_its_row() {
    let rows = rows();
    for (what, target) in TARGETS {
        let row = rows.iter().find(|row| row.first().is_some_and(|cell| cell == what));
        let row = row.unwrap_or_else(|| panic!("{PAGE} has no row {what:?}"));
        assert_eq!(row[1], target, "{what}");
    }
}

#[test]
fn every_figure_is_held_against_its_target_and_every_miss_is_explained() {
    let page = text(PAGE);
    let (_, explained) = page.split_once("\n## Misses\n").unwrap();
    for row in rows() {
        let [what, target, figure, verdict, ..] = row.as_slice() else { panic!("a row is too short: {row:?}") };
        let expected = match (number(target), number(figure)) {
            (Some(target), Some(figure)) if figure <= target => "met",
            (Some(_), Some(_)) => "**missed**",
            _ => "",
        };
        assert_eq!(verdict, expected, "{what}");
        let said = explained.contains(&format!("**{what}**"));
        assert_eq!(said, expected == "**missed**", "{PAGE}, Misses: {what:?} must stand there where it is missed only");
    }
}

/// The cells of the rows between the page's two marks.
#[track_caller]
fn rows() -> Vec<Vec<String>> {
    let page = text(PAGE);
    let (_, rest) = page.split_once("<!-- measured: begin -->\n").unwrap();
    let (table, _) = rest.split_once("<!-- measured: end -->").unwrap();
    let lines = table.lines().skip(2);
    lines.map(|line| line.split('|').skip(1).map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The number that a cell begins with.
fn number(cell: &str) -> Option<f64> {
    cell.split(' ').next()?.parse().ok()
}

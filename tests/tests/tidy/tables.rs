//! The tables of a page.

/// The rows of each table with this header, cell by cell.
#[track_caller]
pub(crate) fn tables(page: &str, header: &str) -> Vec<Vec<Vec<String>>> {
    let lines: Vec<&str> = page.lines().collect();
    let headers = lines.iter().enumerate().filter(|(_, line)| **line == header);
    let tables: Vec<Vec<Vec<String>>> = headers
        .map(|(at, _)| {
            lines.iter().skip(at + 2).take_while(|line| line.starts_with('|')).map(|row| cells(row)).collect()
        })
        .collect();
    assert!(tables.first().is_some_and(|table| !table.is_empty()), "there is no table with the header {header:?}");
    tables
}

/// The rows of the one table with this header.
#[track_caller]
pub(crate) fn table(page: &str, header: &str) -> Vec<Vec<String>> {
    let mut tables = tables(page, header);
    assert_eq!(tables.len(), 1, "there must be one table with the header {header:?}");
    tables.remove(0)
}

/// A cell's names, each in backticks; several are separated by commas.
pub(crate) fn names(cell: &str) -> Vec<String> {
    cell.split(", ").map(|name| name.trim_matches('`').to_owned()).collect()
}

fn cells(row: &str) -> Vec<String> {
    let inner = row.strip_prefix('|').unwrap_or(row);
    let inner = inner.strip_suffix('|').unwrap_or(inner);
    inner.split('|').map(|cell| cell.trim().to_owned()).collect()
}

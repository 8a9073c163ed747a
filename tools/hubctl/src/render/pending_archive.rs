//! An archive that requires approval: by service and by Region, and why it looks unusual.

use std::io;

use asff::AccountId;
use exporter::report::{PendingArchive, PendingRows, PendingSums, RunReport};

use crate::render::{Column, Output, Table, TextStyle, text};

/// Maximum number of rows. The others are added up.
const ROWS_MAX: usize = 20;

/// Writes the pending archive of each account that has one.
pub(super) fn write(report: &RunReport, output: &mut Output) -> io::Result<()> {
    for (account, part) in &report.accounts {
        let Some(archive) = &part.pending_archive else { continue };
        for table in tables(archive).iter().filter(|table| !table.is_empty()) {
            output.line("")?;
            output.table(table)?;
        }
        let several = report.accounts.len() > 1;
        for line in unusual(archive, part.pending_findings()) {
            output.line("")?;
            output.line(if several { with_account(*account, &line) } else { line })?;
        }
    }
    Ok(())
}

fn with_account(account: AccountId, line: &str) -> String {
    format!("account {account}: {line}")
}

/// Why the archive of so many findings looks unusual, and the alternative. Empty if it doesn't.
pub(crate) fn unusual(archive: &PendingArchive, pending: u64) -> Vec<String> {
    let Some(unusual) = &archive.unusual else { return Vec::new() };
    let mut lines = vec![unusual.explain(pending, text::count, text::time).join(" ")];
    let alternative = archive.with_partial_scope.filter(|findings| *findings < pending);
    lines.extend(alternative.map(|findings| {
        format!(
            "If the scan was limited to some checks, set the archive scope to partial (hubctl integration configure \
             --archive-scope partial) and replay the run: then {} would be archived.",
            text::counted(findings, "finding", "findings")
        )
    }));
    lines
}

fn tables(archive: &PendingArchive) -> [Table; 2] {
    [
        table("Service", &PendingRows::new(&archive.services, ROWS_MAX)),
        table("Region", &PendingRows::new(&archive.regions, ROWS_MAX)),
    ]
}

fn table(heading: &'static str, pending: &PendingRows) -> Table {
    let numbers = ["Active", "To archive", "Proven", "Absent", "Passed", "Muted", "Results", "Earlier"];
    let mut table = Table::new([Column::Text(heading)].into_iter().chain(numbers.map(Column::Number)));
    let mut row = |text_style, name: &str, sums: &PendingSums| {
        let numbers = [sums.active, sums.pending(), sums.proven, sums.absent, sums.passed, sums.muted, sums.results];
        let earlier = sums.earlier.map_or_else(String::new, |earlier| text::count(earlier.results));
        table.row(text_style, [name.to_owned()].into_iter().chain(numbers.map(text::count)).chain([earlier]));
    };
    for (name, sums) in &pending.rows {
        row(if sums.is_unusual() { TextStyle::Warning } else { TextStyle::Plain }, name, sums);
    }
    if pending.others.0 > 0 {
        row(TextStyle::Plain, &text::counted(pending.others.0, "other", "others"), &pending.others.1);
    }
    if !pending.rows.is_empty() {
        row(TextStyle::Strong, "total", &pending.total);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Style;

    fn archive() -> PendingArchive {
        let value = serde_json::json!({
            "with_partial_scope": 340,
            "unusual": { "by": "service", "names": ["ec2", "rds"], "findings": 4_870, "results": 118, "active": 4_870,
                "earlier_results": 9_214, "earlier_scanned_at": "2026-11-24T03:00:00Z" },
            "services": {
                "ec2": { "active": 4_870, "proven": 0, "absent": 4_870, "passed": 0, "muted": 0, "results": 118,
                    "earlier": { "results": 9_214, "scanned_at": "2026-11-24T03:00:00Z" } },
                "s3": { "active": 1_480, "proven": 42, "absent": 0, "passed": 292, "muted": 6, "results": 4_102 },
                "iam": { "active": 1_302, "proven": 0, "absent": 0, "passed": 0, "muted": 0, "results": 3_977 },
            },
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_pending_archive_adds_up_by_service() {
        let [services, regions] = tables(&archive());
        let text = services.render(Style { terminal: false, color: false, width: 80 });
        insta::assert_snapshot!(text);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(regions.is_empty(), "a report that was truncated has no sums");
    }

    #[test]
    fn an_unusual_archive_names_the_alternative() {
        let expected = [
            "4,870 of the 5,210 belong to 2 services of which this scan has only 118 results: ec2, rds. The scan of \
             2026-11-24 03:00:00 UTC had 9,214.",
            "If the scan was limited to some checks, set the archive scope to partial (hubctl integration configure \
             --archive-scope partial) and replay the run: then 340 findings would be archived.",
        ];
        assert_eq!(unusual(&archive(), 5_210), expected);
        assert!(unusual(&PendingArchive { unusual: None, ..archive() }, 5_210).is_empty());
    }
}

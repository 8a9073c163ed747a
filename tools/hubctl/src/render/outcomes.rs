//! The table of outcomes: the outcome, or the expected outcome, of every finding. Its rows add up to the findings read.

use exporter::report::Counts;

use crate::render::{Column, Table, TextStyle, text};

/// One row per outcome and reason, then the total. `sent` is the name of the first outcome.
pub(crate) fn table(sent: &str, counts: &Counts) -> Table {
    let mut table = Table::new([Column::Text("Findings"), Column::Number("Count")]);
    let mut row = |text_style, name: String, findings: u64| {
        if findings > 0 || text_style == TextStyle::Good {
            table.row(text_style, [name, text::count(findings)]);
        }
    };
    row(TextStyle::Good, sent.to_owned(), counts.sent);
    row(TextStyle::Plain, "unchanged".to_owned(), counts.unchanged);
    for (reason, findings) in &counts.filtered {
        row(TextStyle::Plain, format!("filtered: {reason}"), *findings);
    }
    for (region, reasons) in &counts.region_unavailable {
        for (reason, findings) in reasons {
            row(TextStyle::Warning, format!("{region} unavailable: {reason}"), *findings);
        }
    }
    for (code, findings) in &counts.quarantined {
        row(TextStyle::Bad, format!("quarantined: {code}"), *findings);
    }
    row(TextStyle::Bad, "malformed".to_owned(), counts.malformed);
    for (reason, findings) in &counts.undelivered {
        row(TextStyle::Bad, format!("undelivered: {reason}"), *findings);
    }
    table.row(TextStyle::Strong, ["read".to_owned(), text::count(counts.read)]);
    for (text_style, name, findings) in [
        (TextStyle::Plain, "of these repaired", counts.repaired),
        (TextStyle::Plain, "of these redirected", counts.redirected),
        (TextStyle::Good, "archived, of earlier scans", counts.archived),
        (TextStyle::Bad, "not archived, of earlier scans", counts.archive_undelivered),
        (TextStyle::Bad, "archive rejected, of earlier scans", counts.archive_rejected.values().sum()),
        (TextStyle::Warning, "not archived, Region unavailable", counts.archive_unavailable),
        (TextStyle::Plain, "absent, still active until the next scans", counts.absent),
        (TextStyle::Warning, "unproven, still active", counts.unproven),
    ] {
        if findings > 0 {
            table.row(text_style, [name.to_owned(), text::count(findings)]);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Style;
    use exporter::report::Fate;

    #[test]
    fn every_outcome_has_a_row_above_the_total() {
        let mut counts = Counts { read: 12_345, repaired: 3, archived: 7, archive_undelivered: 1, ..Counts::default() };
        (counts.absent, counts.unproven) = (4, 20);
        counts.add(Fate::Sent, 12_000);
        counts.add(Fate::Filtered("passed".to_owned()), 300);
        counts.add(Fate::RegionUnavailable("eu-west-3".parse().unwrap(), "hub_not_enabled".to_owned()), 40);
        counts.add(Fate::Quarantined("missing_field".to_owned()), 2);
        counts.add(Fate::Malformed, 1);
        counts.add(Fate::Undelivered("throttled".to_owned()), 2);
        assert!(counts.is_balanced());
        insta::assert_snapshot!(table("sent", &counts).render(Style { terminal: false, color: false, width: 80 }));
    }
}

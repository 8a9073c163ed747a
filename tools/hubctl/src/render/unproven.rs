//! The table of unproven findings: the services and Regions for which a scan has no evidence, with the reason.

use asff::AccountId;
use exporter::report::unproven::explain;
use exporter::report::{RunReport, Unproven};
use serde::Serialize;

use crate::render::{Column, Table, TextStyle, text};

/// Maximum number of rows. `hubctl run pending` lists all.
const ROWS_MAX: usize = 40;

/// Findings of a service and Region that stay active for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    account: AccountId,
    region: String,
    service: String,
    reason: String,
    findings: u64,
}

/// The rows of a run, by account, Region, and service.
pub(crate) fn rows(report: &RunReport) -> Vec<Row> {
    report.accounts.iter().flat_map(|(account, part)| of_account(*account, &part.unproven)).collect()
}

fn of_account(account: AccountId, unproven: &Unproven) -> Vec<Row> {
    let mut rows = Vec::new();
    for (region, services) in unproven {
        for (service, reasons) in services {
            rows.extend(reasons.iter().map(|(reason, findings)| Row {
                account,
                region: region.to_string(),
                service: service.clone(),
                reason: reason.clone(),
                findings: *findings,
            }));
        }
    }
    rows
}

/// The table, with the total.
pub(crate) fn table(rows: &[Row]) -> Table {
    let several = rows.iter().any(|row| row.account != rows[0].account);
    let mut columns = vec![Column::Text("Region"), Column::Text("Service"), Column::Number("Unproven")];
    columns.push(Column::Text("Reason"));
    if several {
        columns.insert(0, Column::Text("Account"));
    }
    let mut table = Table::new(columns);
    let mut row = |text_style, account: &str, cells: [String; 4]| {
        let account = several.then(|| account.to_owned());
        table.row(text_style, account.into_iter().chain(cells));
    };
    for Row { account, region, service, reason, findings } in rows.iter().take(ROWS_MAX) {
        let cells = [region.clone(), service.clone(), text::count(*findings), explain(reason).to_owned()];
        row(TextStyle::Warning, account.as_str(), cells);
    }
    if rows.len() > ROWS_MAX {
        let more = format!("and {} more", text::count((rows.len() - ROWS_MAX) as u64));
        row(TextStyle::Plain, "", [more, String::new(), String::new(), String::new()]);
    }
    let sum = text::count(rows.iter().map(|row| row.findings).sum());
    row(TextStyle::Strong, "", ["total".to_owned(), String::new(), sum, String::new()]);
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Style;

    #[test]
    fn each_service_and_region_is_shown_with_its_reason() {
        let row = |region: &str, service: &str, reason: &str, findings| Row {
            account: "123456789012".parse().unwrap(),
            region: region.to_owned(),
            service: service.to_owned(),
            reason: reason.to_owned(),
            findings,
        };
        let mut rows = vec![
            row("me-central-1", "ec2", "no_region_results", 1_200),
            row("us-east-1", "iam", "manual_check", 1),
            row("us-east-1", "s3", "no_service_results", 3),
        ];
        let style = Style { terminal: false, color: false, width: 80 };
        let text = table(&rows).render(style);
        insta::assert_snapshot!(text);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        rows.extend((0..100).map(|number| row("us-east-1", &format!("s{number}"), "manual_check", 1)));
        let text = table(&rows).render(style);
        assert!(text.contains("and 63 more") && text.contains("1,304"), "{text}");
    }
}

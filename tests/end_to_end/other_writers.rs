//! Other writers of the same Security Hub: Prowler's own integration before the exporter, analysts concurrently.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use end_to_end::hub::REGIONS;
use end_to_end::oracle::{id, prowlers_findings};
use end_to_end::scans::{FIRST, SECOND, finding, gzip, sample_scan, scan};
use end_to_end::stage::{Stage, by_role};
use exporter::report::RunStatus;
use exporter::state::Resend;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

#[tokio::test]
async fn migrating_from_prowler_leaves_no_duplicates_and_orphans() -> Result<()> {
    const ACCOUNT: &str = "100000000027";
    let stage = Stage::find().await?;
    let hub = stage.hub(ACCOUNT);
    // The findings of `prowler --security-hub` of yesterday: the failed ones of the first scan, as Prowler writes them.
    let failed = |finding: &&Value| finding["Compliance"]["Status"] == "FAILED";
    let expected: Vec<Value> = prowlers_findings(FIRST, ACCOUNT)?.iter().filter(failed).cloned().collect();
    for region in REGIONS {
        let is_here = |finding: &&Value| finding["Resources"][0]["Region"] == region;
        hub.import(region, &expected.iter().filter(is_here).cloned().collect::<Vec<_>>())?;
    }
    let before = hub.findings()?;
    ensure!(before.len() == expected.len(), "{} of {} were imported", before.len(), expected.len());

    // Today, the exporter sends the findings.
    stage.save_integration(&by_role(ACCOUNT)?.with(|settings| settings.archive_previous_findings = true)).await?;
    let bytes = gzip(sample_scan(SECOND, "ocsf.json", ACCOUNT)?.as_bytes())?;
    let run = stage.export("others/moved.ocsf.json.gz", bytes).await?;

    ensure!(run.status == RunStatus::Succeeded && run.counts.is_balanced(), "{run:#?}");
    let today: BTreeSet<String> =
        prowlers_findings(SECOND, ACCOUNT)?.iter().filter(failed).map(|f| id(f).to_owned()).collect();
    let after = hub.findings()?;
    let all: BTreeSet<&str> = after.iter().map(id).collect();
    let wanted: BTreeSet<&str> = before.iter().map(id).chain(today.iter().map(String::as_str)).collect();
    ensure!(all == wanted && after.len() == all.len(), "{} findings, not {}", after.len(), wanted.len());
    for finding in &after {
        let record = if today.contains(id(finding)) { "ACTIVE" } else { "ARCHIVED" };
        ensure!(finding["RecordState"] == record, "{} is {}", id(finding), finding["RecordState"]);
    }
    ensure!(run.counts.archived > 0, "{:#?}", run.counts);
    Ok(())
}

#[tokio::test]
async fn changes_of_analysts_are_preserved() -> Result<()> {
    const ACCOUNT: &str = "100000000028";
    const REGION: &str = "eu-west-1";
    let stage = Stage::find().await?;
    let hub = stage.hub(ACCOUNT);
    // The hardest case: every scan sends all findings again.
    stage.save_integration(&by_role(ACCOUNT)?.with(|settings| settings.resend = Resend::Always)).await?;
    let yesterday = Timestamp::now() - SignedDuration::from_hours(24);
    let first = stage.export("others/1.json", scan(&[finding(ACCOUNT, REGION, "fn-1", yesterday)?])?).await?;
    ensure!(first.status == RunStatus::Succeeded, "{first:#?}");
    let [before] = hub.findings_in(REGION)?.try_into().ok().context("one finding")?;
    hub.update(
        REGION,
        &json!({
            "FindingIdentifiers": [{ "Id": before["Id"], "ProductArn": before["ProductArn"] }],
            "Workflow": { "Status": "SUPPRESSED" },
            "Note": { "Text": "accepted until the move", "UpdatedBy": "an analyst" },
            "Severity": { "Label": "LOW" },
        }),
    )?;
    let [decided] = hub.findings_in(REGION)?.try_into().ok().context("one finding")?;

    let run = stage.export("others/2.json", scan(&[finding(ACCOUNT, REGION, "fn-1", Timestamp::now())?])?).await?;

    ensure!(run.status == RunStatus::Succeeded && run.counts.sent == 1, "{run:#?}");
    let [after] = hub.findings_in(REGION)?.try_into().ok().context("one finding")?;
    ensure!(after["UpdatedAt"] != before["UpdatedAt"], "the second scan did not arrive: {after:#}");
    for field in ["Workflow", "Note", "Severity", "FirstObservedAt", "CreatedAt"] {
        ensure!(after[field] == decided[field], "{field} was {} and is {}", decided[field], after[field]);
    }
    ensure!(after["Severity"]["Label"] == "LOW" && after["Workflow"]["Status"] == "SUPPRESSED", "{after:#}");
    Ok(())
}

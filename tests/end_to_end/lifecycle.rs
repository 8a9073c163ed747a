//! The two sample scans: findings that the second one resolves are archived, and unchanged findings are not sent again.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use end_to_end::oracle::{id, prowlers_findings};
use end_to_end::scans::{FIRST, SECOND, gzip, sample_scan};
use end_to_end::stage::{Stage, by_role};
use exporter::report::{RunReport, RunStatus};

/// Numbers of findings of the first scan that are absent from the second, that changed from FAIL to PASS, and that are only in
/// the second. Counted in Prowler's own files.
const GONE: usize = 182;
const REPAIRED: usize = 17;
const NEW: usize = 8;

/// The statuses of each Id in Prowler's files: in the first scan and in the second.
type Course = BTreeMap<String, (Option<String>, Option<String>)>;

#[tokio::test]
async fn absent_findings_are_archived_and_passed_ones_are_sent() -> Result<()> {
    const ACCOUNT: &str = "100000000021";
    let stage = Stage::find().await?;
    let (hub, course) = (stage.hub(ACCOUNT), course(ACCOUNT)?);
    let integration =
        by_role(ACCOUNT)?.with(|settings| (settings.only_failed, settings.archive_previous_findings) = (false, true));
    stage.save_integration(&integration).await?;

    let first = export(&stage, "lifecycle/all/1.ocsf.json.gz", FIRST, ACCOUNT).await?;
    let second = export(&stage, "lifecycle/all/2.ocsf.json.gz", SECOND, ACCOUNT).await?;

    let ended: Vec<&str> = course.iter().filter(|(_, course)| course.1.is_none()).map(|(id, _)| id.as_str()).collect();
    ensure!(ended.len() == GONE, "{} findings are absent in Prowler's files", ended.len());
    ensure!((first.counts.archived, second.counts.archived) == (0, GONE as u64), "{:#?}", second.counts);
    ensure!(changes(&second, |changes| changes.new) == NEW as u64, "{second:#?}");
    for finding in hub.findings()? {
        let (before, now) = &course[id(&finding)];
        let (record, status) = (&finding["RecordState"], &finding["Compliance"]["Status"]);
        let (wanted_record, wanted_status) = match now {
            Some(now) => ("ACTIVE", Some(now)),
            None => ("ARCHIVED", before.as_ref()),
        };
        ensure!(record == wanted_record && status.as_str() == wanted_status.map(String::as_str), "{finding:#}");
    }

    nothing_is_sent_again(&stage, ACCOUNT, "lifecycle/all").await
}

#[tokio::test]
async fn with_only_failed_findings_passed_ones_are_archived() -> Result<()> {
    const ACCOUNT: &str = "100000000022";
    let stage = Stage::find().await?;
    let (hub, course) = (stage.hub(ACCOUNT), course(ACCOUNT)?);
    stage.save_integration(&by_role(ACCOUNT)?.with(|settings| settings.archive_previous_findings = true)).await?;

    let first = export(&stage, "lifecycle/failed/1.ocsf.json.gz", FIRST, ACCOUNT).await?;
    let second = export(&stage, "lifecycle/failed/2.ocsf.json.gz", SECOND, ACCOUNT).await?;

    let failed = |status: &Option<String>| status.as_deref() == Some("FAILED");
    let count = |kind: &dyn Fn(&Option<String>, &Option<String>) -> bool| {
        course.values().filter(|(before, now)| kind(before, now)).count() as u64
    };
    let gone = count(&|before, now| failed(before) && now.is_none());
    let fixed = count(&|before, now| failed(before) && now.as_deref() == Some("PASSED"));
    ensure!(fixed == REPAIRED as u64, "{fixed} findings are fixed in Prowler's files");
    ensure!(first.counts.sent == count(&|before, _| failed(before)), "{:#?}", first.counts);
    ensure!(second.counts.archived == gone + fixed, "{:#?}, {gone} absent, {fixed} fixed", second.counts);
    for finding in hub.findings()? {
        let (_, now) = &course[id(&finding)];
        let (wanted_record, wanted_status) = match now.as_deref() {
            Some("PASSED") => ("ARCHIVED", "PASSED"),
            Some(_) => ("ACTIVE", "FAILED"),
            None => ("ARCHIVED", "FAILED"),
        };
        let is = (&finding["RecordState"], &finding["Compliance"]["Status"]);
        ensure!(is.0 == wanted_record && is.1 == wanted_status, "{finding:#}");
    }

    nothing_is_sent_again(&stage, ACCOUNT, "lifecycle/failed").await
}

/// Exports the second scan again with another key: no import. Then the first one, which is too late: superseded, without any
/// call.
async fn nothing_is_sent_again(stage: &Stage, account: &str, folder: &str) -> Result<()> {
    let hub = stage.hub(account);
    let (findings, calls) = (hub.findings()?, hub.calls()?);

    let third = export(stage, &format!("{folder}/3.ocsf.json.gz"), SECOND, account).await?;
    ensure!(third.counts.sent == 0 && third.counts.archived == 0, "{:#?}", third.counts);
    ensure!(third.counts.unchanged > 0 && hub.calls()? == calls, "{calls:?} became {:?}", hub.calls()?);

    let bytes = gzip(sample_scan(FIRST, "ocsf.json", account)?.as_bytes())?;
    let late = stage.export(&format!("{folder}/late.ocsf.json.gz"), bytes).await?;
    ensure!(late.status == RunStatus::Superseded, "{late:#?}");
    ensure!(hub.calls()? == calls && hub.findings()? == findings, "an older scan changed something");
    Ok(())
}

async fn export(stage: &Stage, key: &str, name: &str, account: &str) -> Result<RunReport> {
    let run = stage.export(key, gzip(sample_scan(name, "ocsf.json", account)?.as_bytes())?).await?;
    ensure!(run.status == RunStatus::Succeeded && run.counts.is_balanced(), "{run:#?}");
    Ok(run)
}

fn changes(run: &RunReport, which: impl Fn(&exporter::report::Changes) -> u64) -> u64 {
    run.accounts.values().flat_map(|account| account.regions.values()).map(|region| which(&region.changes)).sum()
}

fn course(account: &str) -> Result<Course> {
    let mut course = Course::new();
    let status = |finding: &serde_json::Value| finding["Compliance"]["Status"].as_str().map(str::to_owned);
    for finding in prowlers_findings(FIRST, account)? {
        course.entry(id(&finding).to_owned()).or_default().0 = status(&finding);
    }
    for finding in prowlers_findings(SECOND, account)? {
        course.entry(id(&finding).to_owned()).or_default().1 = status(&finding);
    }
    Ok(course)
}

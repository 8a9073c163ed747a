//! Duplicate and reordered events have no effect.

use anyhow::{Result, ensure};
use end_to_end::scans::{FIRST, sample_scan};
use end_to_end::stage::{Stage, by_role};
use end_to_end::wait::wait_for;
use exporter::report::RunStatus;

#[tokio::test]
async fn the_same_upload_twice_changes_nothing() -> Result<()> {
    const ACCOUNT: &str = "100000000010";
    const KEY: &str = "again/twice.ocsf.json";
    let stage = Stage::find().await?;
    let hub = stage.hub(ACCOUNT);
    stage.save_integration(&by_role(ACCOUNT)?).await?;
    let scan = sample_scan(FIRST, "ocsf.json", ACCOUNT)?.into_bytes();
    let url = stage.upload(KEY, scan.clone()).await?;
    let first = stage.run_of(&url).await?;
    ensure!(first.status == RunStatus::Succeeded, "{first:#?}");
    let (findings, calls) = (hub.findings()?, hub.calls()?);
    ensure!(calls.imports > 0 && calls.billed == findings.len() as u64, "{calls:?} for {}", findings.len());

    // Events are delivered at least once, and a user may copy the same file to the same key.
    stage.send_event_again(KEY).await?;
    stage.upload(KEY, scan).await?;
    let ignored = || async {
        let lines = stage.lines_about(&url)?;
        Ok((lines.iter().filter(|line| line["run.status"] == "duplicate").count() == 2).then_some(lines))
    };
    let lines = wait_for("two lines that say duplicate", ignored).await?;

    ensure!(lines.iter().all(|line| line["level"] == "INFO"), "{lines:#?}");
    ensure!(hub.calls()? == calls, "{calls:?} became {:?}", hub.calls()?);
    ensure!(hub.findings()? == findings, "the findings changed");
    ensure!(stage.runs_of(&url).await?.len() == 1, "{:#?}", stage.runs_of(&url).await?);
    Ok(())
}

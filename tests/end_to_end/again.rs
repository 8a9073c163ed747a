//! What comes twice, or in the wrong order, does no harm.

use anyhow::{Result, ensure};
use end_to_end::scans::{FIRST, genuine};
use end_to_end::stage::{Stage, by_role};
use end_to_end::wait::wait_for;
use exporter::report::RunStatus;

#[tokio::test]
async fn the_same_upload_twice_changes_nothing() -> Result<()> {
    const ACCOUNT: &str = "100000000010";
    const KEY: &str = "again/twice.ocsf.json";
    let stage = Stage::find().await?;
    let hub = stage.hub(ACCOUNT);
    stage.integrate(&by_role(ACCOUNT)?).await?;
    let scan = genuine(FIRST, "ocsf.json", ACCOUNT)?.into_bytes();
    let url = stage.upload(KEY, scan.clone()).await?;
    let first = stage.run_of(&url).await?;
    ensure!(first.status == RunStatus::Succeeded, "{first:#?}");
    let (findings, asked) = (hub.findings()?, hub.asked()?);
    ensure!(asked.imports > 0 && asked.billed == findings.len() as u64, "{asked:?} for {}", findings.len());

    // Events come at least once; and a user copies the same file to the same place.
    stage.send_event_again(KEY).await?;
    stage.upload(KEY, scan).await?;
    let ignored = || async {
        let lines = stage.lines_about(&url)?;
        Ok((lines.iter().filter(|line| line["run.status"] == "duplicate").count() == 2).then_some(lines))
    };
    let lines = wait_for("two lines that say duplicate", ignored).await?;

    ensure!(lines.iter().all(|line| line["level"] == "INFO"), "{lines:#?}");
    ensure!(hub.asked()? == asked, "{asked:?} became {:?}", hub.asked()?);
    ensure!(hub.findings()? == findings, "the findings changed");
    ensure!(stage.runs_of(&url).await?.len() == 1, "{:#?}", stage.runs_of(&url).await?);
    Ok(())
}

//! Unproven findings stay active, and each command that a run prints works as printed.

use std::fs;

use anyhow::{Context, Result, ensure};
use end_to_end::hub::AccountHub;
use end_to_end::hubctl::{hubctl, printed, typed};
use end_to_end::scans::{FIRST, SECOND, gzip, sample_scan};
use end_to_end::stage::{Stage, by_role};
use exporter::report::{RunReport, RunStatus};
use serde_json::Value;

/// The Region that is removed from the second scan.
const BLIND: &str = "eu-west-1";

/// The second scan of an account, without a Region.
fn blind(account: &str) -> Result<Vec<u8>> {
    let mut findings: Vec<Value> = serde_json::from_str(&sample_scan(SECOND, "ocsf.json", account)?)?;
    findings.retain(|finding| finding["cloud"]["region"] != BLIND);
    Ok(serde_json::to_vec(&findings)?)
}

fn active(hub: &AccountHub) -> Result<usize> {
    Ok(hub.findings_in(BLIND)?.iter().filter(|finding| finding["RecordState"] == "ACTIVE").count())
}

/// Runs the commands that were printed for a run: lists, replays, and approves it. Then undoes the archive.
fn type_all(stage: &Stage, text: &str, hub: &AccountHub) -> Result<()> {
    let before = active(hub)?;
    let commands = printed(text);
    let [approve, list] = commands.as_slice() else { anyhow::bail!("{commands:#?}") };

    let listed = typed(stage, list, "")?;
    let sentence = format!("{before} unproven findings stay active: the scan has no results for the Region");
    ensure!(listed.exit == 0 && listed.stdout.contains(&sentence), "{listed:#?}");
    let again = printed(&listed.stdout);
    ensure!(
        again.iter().all(|command| typed(stage, command, "--help").is_ok_and(|ended| ended.exit == 0)),
        "{again:#?}"
    );

    let replayed =
        typed(stage, &approve.replace("run approve", "run replay").replace(" --unproven", ""), "--output json")?;
    let replayed: RunReport =
        serde_json::from_str(&replayed.stdout).with_context(|| format!("{:#?}", replayed.stderr))?;
    ensure!(replayed.counts.unproven == before as u64 && active(hub)? == before, "{replayed:#?}");

    let approved = typed(stage, approve, "--yes --output json")?;
    ensure!(approved.exit == 0, "{approved:#?}");
    let approved: RunReport = serde_json::from_str(&approved.stdout)?;
    ensure!(approved.counts.archived == before as u64 && active(hub)? == 0, "{approved:#?}");

    let options = approve.split("  # ").next().and_then(|line| line.split_once(" --unproven")).context("no options")?.1;
    let undo = format!("hubctl run undo-archive {}{options}", approved.run_id);
    let undone = typed(stage, &undo, "--yes --output json")?;
    ensure!(undone.exit == 0 && active(hub)? == before, "{undone:#?}");
    Ok(())
}

#[tokio::test]
async fn an_uncovered_region_stays_active_until_approval_and_is_published() -> Result<()> {
    const ACCOUNT: &str = "100000000044";
    let stage = Stage::find().await?;
    let hub = stage.hub(ACCOUNT);
    stage.save_integration(&by_role(ACCOUNT)?.with(|settings| settings.archive_previous_findings = true)).await?;
    stage.export("approval/1.ocsf.json.gz", gzip(sample_scan(FIRST, "ocsf.json", ACCOUNT)?.as_bytes())?).await?;
    let before = active(&hub)?;

    let run = stage.export("approval/2.ocsf.json", blind(ACCOUNT)?).await?;

    ensure!(run.status == RunStatus::Degraded && run.counts.unproven == before as u64, "{run:#?}");
    ensure!(before > 0 && active(&hub)? == before, "something was archived");
    ensure!(stage.table()?.contains(r#""uncovered""#), "the loss was not published");
    let shown = hubctl(&stage, &format!("run show {}", run.run_id), "")?;
    ensure!(shown.exit == 3, "{shown:#?}");
    type_all(&stage, &shown.stdout, &hub)
}

#[tokio::test]
async fn commands_of_a_standalone_run_work_without_a_deployment() -> Result<()> {
    const ACCOUNT: &str = "100000000045";
    let stage = Stage::find().await?;
    let hub = stage.hub(ACCOUNT);
    let place = tempfile::tempdir()?;
    let path = |name: &str| place.path().join(name);
    fs::write(path("1.json"), sample_scan(FIRST, "ocsf.json", ACCOUNT)?)?;
    fs::write(path("2.json"), blind(ACCOUNT)?)?;
    let export = |name: &str| {
        let (file, state) = (path(name), path("state"));
        let line = format!("hubctl export {} --standalone --state {} --archive", file.display(), state.display());
        let role = format!("--role-arn arn:aws:iam::{ACCOUNT}:role/SecurityHubExporter --external-id the-right-one");
        typed(&stage, &line, &role)
    };
    let first = export("1.json")?;
    ensure!(first.exit == 0, "{first:#?}");
    let second = export("2.json")?;
    ensure!(second.exit == 3 && second.stdout.contains("--state"), "{second:#?}");
    type_all(&stage, &second.stdout, &hub)
}

//! The runbook for a bad scan in `docs/operations.md`: runs its commands in their order.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use end_to_end::hubctl::hubctl;
use end_to_end::oracle::id;
use end_to_end::scans::{finding, scan};
use end_to_end::stage::{Stage, by_role};
use exporter::report::{RunReport, RunStatus};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

const ACCOUNT: &str = "100000000046";
const REGION: &str = "eu-west-1";
/// Number of failed findings of the account, and number of those that the misconfigured scanner sees. With fewer, its scan would
/// look partial.
const FINDINGS: usize = 6;
const SEEN_BY_BAD: usize = 4;
/// The title of the runbook in `docs/operations.md`.
const TITLE: &str = "## Recover from a bad scan";

#[tokio::test]
async fn the_runbook_for_a_bad_scan_works_in_its_order() -> Result<()> {
    let stage = Stage::find().await?;
    stage.save_integration(&by_role(ACCOUNT)?.with(|settings| settings.archive_previous_findings = true)).await?;
    let good = stage.export("runbook/good.json", a_scan(3, FINDINGS)?).await?;
    ensure!(good.counts.sent == FINDINGS as u64, "{good:#?}");
    let bad = stage.export("runbook/bad.json", a_scan(2, SEEN_BY_BAD)?).await?;
    ensure!(bad.counts.archived == (FINDINGS - SEEN_BY_BAD) as u64 && active(&stage)? == SEEN_BY_BAD, "{bad:#?}");
    // The scanner is not fixed before it makes another scan.
    let meanwhile = "runbook/meanwhile.json";
    let mut url = String::new();

    let commands = commands()?;
    ensure!(commands.len() >= 8, "the runbook was not found: {commands:?}");
    for command in &commands {
        let words = command.strip_prefix("hubctl ").with_context(|| format!("not a hubctl command: {command}"))?;
        let line =
            words.replace("RUN", &bad.run_id).replace("s3://BUCKET/KEY", &url).replace(" ID", &format!(" {ACCOUNT}"));
        // No user can answer the prompt.
        let asks = line.starts_with("run undo-archive");
        let ended = hubctl(&stage, &format!("{line}{}", if asks { " --yes" } else { "" }), "")?;
        ensure!(ended.exit == 0, "{command}: {ended:#?}");
        if line.starts_with("integration disable") {
            let parked = stage.export(meanwhile, a_scan(1, SEEN_BY_BAD)?).await?;
            ensure!(
                parked.counts.undelivered.get("integration_disabled") == Some(&(SEEN_BY_BAD as u64)),
                "{parked:#?}"
            );
            url.clone_from(&parked.upload.source);
        } else if line.starts_with("run undo-archive") {
            ensure!(active(&stage)? == FINDINGS, "findings that the bad scan archived are still archived: {ended:#?}");
        } else if line.starts_with("plan") {
            ensure!(ended.stderr.contains("is disabled"), "{ended:#?}");
        }
    }

    ensure!(
        commands.iter().any(|command| command.contains("enable ID --replay")),
        "the runbook does not replay the uploads: {commands:?}"
    );
    let replayed: Vec<RunReport> = stage.runs_of(&url).await?;
    let newest = replayed.iter().find(|run| run.status != RunStatus::Failed && !is_parked(run)).context("no replay")?;
    ensure!(newest.counts.archived == 0 && newest.counts.unchanged == SEEN_BY_BAD as u64, "{newest:#?}");
    ensure!(active(&stage)? == FINDINGS, "the scan in the meantime archived findings again");
    Ok(())
}

/// The first command of each row of the runbook.
fn commands() -> Result<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let (_, section) = text.split_once(TITLE).with_context(|| format!("{TITLE} is not in the operations guide"))?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| ") && line.contains("`hubctl "));
    let command = |row: &str| row.rsplit('|').nth(1)?.split('`').nth(1).map(str::to_owned);
    Ok(rows.filter_map(command).collect())
}

/// A scan of this number of hours ago, with the first failed findings.
fn a_scan(hours_ago: i64, findings: usize) -> Result<Vec<u8>> {
    let at = Timestamp::now() - SignedDuration::from_hours(hours_ago);
    let all: Result<Vec<Value>> =
        (0..findings).map(|nth| finding(ACCOUNT, REGION, &format!("fn-runbook-{nth}"), at)).collect();
    scan(&all?)
}

fn is_parked(run: &RunReport) -> bool {
    run.counts.undelivered.contains_key("integration_disabled")
}

fn active(stage: &Stage) -> Result<usize> {
    let held = stage.hub(ACCOUNT).findings()?;
    let active = held.iter().filter(|finding| finding["RecordState"] == "ACTIVE").map(id);
    Ok(active.collect::<std::collections::BTreeSet<_>>().len())
}

//! Accounts that are reached with a role: the External ID must be right; otherwise, the error is reported once.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use end_to_end::hub::REGIONS;
use end_to_end::scans::{finding, scan};
use end_to_end::stage::{Stage, by_role, by_role_and};
use exporter::report::{RunReport, RunStatus};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::sleep;

/// Longer than the visibility timeout, after which a message is redelivered (`QueueVisibilityTimeoutSeconds` of the local stack).
const COMES_AGAIN: Duration = Duration::from_secs(18);

#[tokio::test]
async fn findings_arrive_with_the_right_external_id() -> Result<()> {
    const ACCOUNT: &str = "100000000017";
    let stage = Stage::find().await?;
    stage.save_integration(&by_role(ACCOUNT)?).await?;
    let run = stage.export("accounts/right.ocsf.json", scan(&one_in_each_region(ACCOUNT)?)?).await?;
    ensure!(run.status == RunStatus::Succeeded && run.counts.sent == REGIONS.len() as u64, "{run:#?}");
    for region in REGIONS {
        ensure!(stage.hub(ACCOUNT).findings_in(region)?.len() == 1, "{region} lacks its finding");
    }
    Ok(())
}

#[tokio::test]
async fn a_role_with_an_invalid_external_id_is_reported_and_not_retried() -> Result<()> {
    let stage = Stage::find().await?;
    let mut runs = Vec::new();
    for (account, external_id) in [("100000000018", Some("the-wrong-one")), ("100000000019", None)] {
        stage.save_integration(&by_role_and(account, external_id)?).await?;
        let key = format!("accounts/{account}.ocsf.json");
        let run = stage.export(&key, scan(&one_in_each_region(account)?)?).await?;
        ensure!(run.status == RunStatus::Degraded, "{run:#?}");
        ensure!(run.counts.undelivered.get("assume_role_denied") == Some(&(REGIONS.len() as u64)), "{:#?}", run.counts);
        let problem = problem_of(&run, account)?;
        let says = |text: &str| problem.contains(text);
        ensure!(
            says("arn:aws:iam::") && says("External ID") && says("hubctl permissions print --integration"),
            "{problem}"
        );
        ensure!(!says("the-right-one"), "{problem}");
        ensure!(stage.hub(account).calls()?.imports == 0, "findings were sent to {account}");
        runs.push(run);
    }
    were_all(&stage, &runs).await
}

#[tokio::test]
async fn an_account_without_integration_is_reported_and_affects_no_other() -> Result<()> {
    const KNOWN: &str = "100000000026";
    const FOREIGN: &str = "100000000016";
    let stage = Stage::find().await?;
    stage.save_integration(&by_role(KNOWN)?).await?;
    let findings = [one_in_each_region(FOREIGN)?, one_in_each_region(KNOWN)?].concat();

    let run = stage.export("accounts/foreign.ocsf.json", scan(&findings)?).await?;

    let each = REGIONS.len() as u64;
    ensure!(run.status == RunStatus::Degraded && run.counts.sent == each, "{run:#?}");
    ensure!(
        run.counts.undelivered.get("no_integration") == Some(&each) && run.counts.is_balanced(),
        "{:#?}",
        run.counts
    );
    let problem = problem_of(&run, FOREIGN)?;
    ensure!(problem.contains(&format!("hubctl integration create --provider {FOREIGN}")), "{problem}");
    ensure!(stage.hub(KNOWN).findings()?.len() == REGIONS.len(), "the known account lacks findings");
    ensure!(stage.hub(FOREIGN).findings()?.is_empty(), "the foreign account got findings");
    were_all(&stage, &[run]).await
}

/// Waits until a message would be redelivered. Asserts that no upload had another run or is in the dead-letter queue.
async fn were_all(stage: &Stage, runs: &[RunReport]) -> Result<()> {
    sleep(COMES_AGAIN).await;
    let dead = stage.dead_letters()?;
    for run in runs {
        let source = &run.upload.source;
        let all = stage.runs_of(source).await?;
        ensure!(all.len() == 1, "{source} was tried {} times: {all:#?}", all.len());
        let lines = stage.lines_about(source)?;
        ensure!(lines.len() == 1, "{lines:#?}");
        let key = source.rsplit('/').next().unwrap_or_default();
        ensure!(!dead.iter().any(|letter| letter.contains(key)), "{source} is in the dead-letter queue");
    }
    Ok(())
}

fn problem_of<'a>(run: &'a RunReport, account: &str) -> Result<&'a str> {
    let account = run.accounts.get(&account.parse()?).context("the account is not in the report")?;
    account.problem.as_deref().context("the report has no problem")
}

fn one_in_each_region(account: &str) -> Result<Vec<Value>> {
    REGIONS.iter().map(|region| finding(account, region, "fn-1", Timestamp::now())).collect()
}

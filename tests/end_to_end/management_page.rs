//! The page "Integration Management" with `hubctl` on the deployed stack: an account is configured, tested, disabled, enabled,
//! gets other credentials, is broken, fixed, and deleted.

use anyhow::{Context, Result, ensure};
use end_to_end::hub::REGIONS;
use end_to_end::hubctl::{Ended, hubctl, json};
use end_to_end::scans::{finding, scan};
use end_to_end::stage::Stage;
use end_to_end::wait::wait_for;
use exporter::report::{RunReport, RunStatus, undelivered};
use jiff::Timestamp;
use serde_json::Value;

const ACCOUNT: &str = "100000000060";
/// The account's access key, as `aws iam create-access-key` prints it. The string occurs nowhere else.
const KEY: &str = r#"{"AccessKey":{"AccessKeyId":"AKIAMANAGEMENTPAGE00","SecretAccessKey":"hunter2-of-the-page"}}"#;
const SECRET: &str = "hunter2-of-the-page";

#[tokio::test]
async fn every_action_of_the_page_is_a_command() -> Result<()> {
    let stage = Stage::find().await?;
    configuration(&stage)?;
    let first = stage.export("page/first.ocsf.json", findings("fn-1")?).await?;
    ensure!(first.status == RunStatus::Succeeded && first.counts.sent == REGIONS.len() as u64, "{first:#?}");
    integration_status(&stage)?;
    config(&stage)?;
    enable_and_disable(&stage).await?;
    credentials(&stage).await?;
    delete(&stage).await?;
    let audit_log = json(&stage, "audit --limit 100")?;
    let actions: Vec<&str> = audit_log
        .as_array()
        .into_iter()
        .flatten()
        .filter(|entry| entry["target"] == ACCOUNT)
        .filter_map(|entry| entry["action"].as_str())
        .collect();
    ensure!(actions.last() == Some(&"provider.create") && actions.contains(&"integration.disable"), "{actions:?}");
    for (place, text) in
        [("the table", stage.table()?), ("the log", stage.log()?), ("the audit log", audit_log.to_string())]
    {
        ensure!(!text.contains(SECRET), "the secret is in {place}");
    }
    Ok(())
}

/// "Click Create integration to enable the integration and test the connection."
fn configuration(stage: &Stage) -> Result<()> {
    let create = format!(
        "integration create --provider {ACCOUNT} --alias page --role-name SecurityHubExporter --external-id the-right-one \
         --archive-previous-findings"
    );
    let created = hubctl(stage, &create, "")?;
    says(&created, 0, &["Test passed", "eu-west-1", "sts:ExternalId", "the-right-one"])?;
    let again = hubctl(stage, &create, "")?;
    says(&again, 1, &["already", "hubctl integration show"])
}

/// Connection Status, Provider Information, Finding Filters, Last Checked, Regions.
fn integration_status(stage: &Stage) -> Result<()> {
    let shown = hubctl(stage, &format!("integration show {ACCOUNT}"), "")?;
    says(&shown, 0, &["Connected", "page", "failed only", "Last Checked", "us-east-1", "Next Scan"])?;
    let listed = hubctl(stage, "integration list", "")?;
    says(&listed, 0, &[ACCOUNT, "Connection", "Status"])?;
    let show = format!("integration show {ACCOUNT}");
    let (remote, local) = (json(stage, &show)?, json(stage, &format!("{show} --local"))?);
    ensure!(remote == local, "the function and this machine differ: {remote:#} {local:#}");
    let tested = hubctl(stage, &format!("integration test {ACCOUNT}"), "")?;
    says(&tested, 0, &["Test passed", "enabled"])
}

/// Config: change finding filter settings, modify archive preferences.
fn config(stage: &Stage) -> Result<()> {
    let after = json(stage, &format!("integration configure {ACCOUNT} --only-failed=false --severity-min low"))?;
    ensure!(after["only_failed"] == false && after["severity_min"] == "LOW", "{after:#}");
    ensure!(after["archive_previous_findings"] == true, "what was not named changed: {after:#}");
    let nothing = hubctl(stage, &format!("integration configure {ACCOUNT}"), "")?;
    says(&nothing, 2, &["no settings specified"])
}

/// Enable/Disable: status change takes effect immediately; uploads in the meantime are not lost.
async fn enable_and_disable(stage: &Stage) -> Result<()> {
    ensure!(
        json(stage, &format!("integration disable {ACCOUNT}"))?["enabled"] == false,
        "the integration is still enabled"
    );
    let parked = stage.export("page/parked.ocsf.json", findings("fn-2")?).await?;
    let each = REGIONS.len() as u64;
    ensure!(parked.counts.undelivered.get(undelivered::INTEGRATION_DISABLED) == Some(&each), "{parked:#?}");
    let enabled = hubctl(stage, &format!("integration enable {ACCOUNT} --replay"), "")?;
    says(&enabled, 0, &["enabled", "1 upload received while disabled"])?;
    let replayed = sent_again(stage, &parked).await?;
    ensure!(replayed.counts.sent == each, "{replayed:#?}");
    Ok(())
}

/// Credentials: update access keys, change the role, switch between the provider's and custom ones.
async fn credentials(stage: &Stage) -> Result<()> {
    let own = hubctl(stage, &format!("integration credentials {ACCOUNT} --access-key-file -"), KEY)?;
    says(&own, 0, &["Test passed", "access key"])?;
    ensure!(!own.stdout.contains(SECRET) && !own.stderr.contains(SECRET), "{own:#?}");

    let broken = hubctl(
        stage,
        &format!("integration credentials {ACCOUNT} --role-name SecurityHubExporter --external-id the-wrong-one"),
        "",
    )?;
    says(&broken, 4, &["Test failed", "assume_role_denied", "External ID"])?;
    let lost = stage.export("page/broken.ocsf.json", findings("fn-3")?).await?;
    ensure!(
        lost.counts.undelivered.contains_key("assume_role_denied") && lost.counts.is_balanced(),
        "{:#?}",
        lost.counts
    );

    let fixed = hubctl(stage, &format!("integration credentials {ACCOUNT} --use-provider"), "")?;
    says(&fixed, 0, &["Test passed", "from provider"])?;
    let replayed = hubctl(stage, &format!("run replay {}", lost.run_id), "")?;
    ensure!(replayed.exit == 0, "{replayed:#?}");
    Ok(())
}

/// Delete: can't be undone, requires confirmation. Its findings are archived on request.
async fn delete(stage: &Stage) -> Result<()> {
    let unasked = hubctl(stage, &format!("integration delete {ACCOUNT} --archive"), "yes\n")?;
    says(&unasked, 2, &["no terminal to ask", "--yes"])?;
    let deleted = hubctl(stage, &format!("integration delete {ACCOUNT} --archive --yes"), "")?;
    says(&deleted, 0, &["being archived"])?;
    let gone = || async { Ok((hubctl(stage, &format!("integration show {ACCOUNT}"), "")?.exit == 1).then_some(())) };
    wait_for("the integration to go", gone).await?;
    let live: Vec<Value> =
        stage.hub(ACCOUNT).findings()?.into_iter().filter(|finding| finding["RecordState"] != "ARCHIVED").collect();
    ensure!(live.is_empty(), "{} findings are still live", live.len());
    let provider = hubctl(stage, &format!("provider delete {ACCOUNT} --yes"), "")?;
    says(&provider, 0, &["Deleted the provider"])
}

/// A failed finding in each Region.
fn findings(resource: &str) -> Result<Vec<u8>> {
    let all: Result<Vec<Value>> =
        REGIONS.iter().map(|region| finding(ACCOUNT, region, resource, Timestamp::now())).collect();
    scan(&all?)
}

/// The run that exports an upload again that an earlier run could not export.
async fn sent_again(stage: &Stage, earlier: &RunReport) -> Result<RunReport> {
    let look = || async {
        let newer = stage.runs_of(&earlier.upload.source).await?.into_iter().next();
        Ok(newer.filter(|run| run.run_id != earlier.run_id))
    };
    let newer = wait_for("the replay", look).await?;
    stage.run_of(&newer.upload.source).await.context("the replay's report")
}

/// Asserts that a command had this exit code, and that its output contains these words.
fn says(ended: &Ended, exit: i32, words: &[&str]) -> Result<()> {
    ensure!(ended.exit == exit, "expected exit code {exit}: {ended:#?}");
    for word in words {
        ensure!(ended.stdout.contains(word) || ended.stderr.contains(word), "{word:?} is missing: {ended:#?}");
    }
    Ok(())
}

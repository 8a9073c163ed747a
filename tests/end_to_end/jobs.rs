//! Jobs for earlier runs with `hubctl`, locally and in the deployment.

use anyhow::{Context, Result, ensure};
use end_to_end::oracle::id;
use end_to_end::scans::{FIRST, SECOND, finding, gzip, sample_scan, scan};
use end_to_end::stage::{Stage, by_role};
use exporter::report::{RunKind, RunReport, RunStatus};
use jiff::Timestamp;
use serde_json::{Value, json};
use simulator::{Effect, Fault};

const REGION: &str = "eu-west-1";

#[tokio::test]
async fn undo_archive_works_in_the_deployment_and_is_idempotent() -> Result<()> {
    const ACCOUNT: &str = "100000000041";
    let stage = Stage::find().await?;
    let hub = stage.hub(ACCOUNT);
    stage.save_integration(&by_role(ACCOUNT)?.with(|settings| settings.archive_previous_findings = true)).await?;
    let upload = |name| gzip(sample_scan(name, "ocsf.json", ACCOUNT)?.as_bytes());
    stage.export("fixing/undo/1.ocsf.json.gz", upload(FIRST)?).await?;
    let before = active(&hub.findings()?);
    let run = stage.export("fixing/undo/2.ocsf.json.gz", upload(SECOND)?).await?;
    let archived = run.counts.archived;
    ensure!(archived > 0 && run.status == RunStatus::Succeeded, "{run:#?}");

    let ordered = stage.hubctl(&["run", "undo-archive", &run.run_id, "--yes"])?;

    ensure!(ordered.exit == Some(0), "{ordered:#?}");
    let undone: RunReport = serde_json::from_value(ordered.json[0].clone())?;
    let job = stage.hubctl(&["job", "show", undone.job_id.as_deref().context("a run of no job")?])?;
    ensure!(job.json["state"] == "succeeded" && job.json["runs"] == json!([undone.run_id]), "{job:#?}");
    ensure!((undone.kind, undone.status) == (RunKind::UndoArchive, RunStatus::Succeeded), "{undone:#?}");
    ensure!(undone.counts.sent == archived && undone.counts.read == archived, "{:#?}", undone.counts);
    let now = active(&hub.findings()?);
    ensure!(before.iter().all(|id| now.contains(id)), "something is still archived");
    for finding in hub.findings()? {
        ensure!(finding["Compliance"]["Status"] == "FAILED", "it has not the status that it had: {finding:#}");
    }

    let again = stage.hubctl(&["run", "undo-archive", &run.run_id, "--yes", "--local"])?;
    let counts = &again.json[0]["counts"];
    ensure!(again.exit == Some(0) && counts["filtered"]["modified_since"] == archived, "{again:#?}");
    ensure!(counts["sent"] == 0, "{again:#?}");
    Ok(())
}

#[tokio::test]
async fn a_quarantined_finding_is_sent_once_the_service_accepts_it() -> Result<()> {
    const ACCOUNT: &str = "100000000042";
    let stage = Stage::find().await?;
    let hub = stage.hub(ACCOUNT);
    stage.save_integration(&by_role(ACCOUNT)?).await?;
    // The service rejects one finding, once.
    hub.inject(
        Fault::new(Effect::FailFindings {
            id_contains: "-eu-west-1-".to_owned(),
            code: "InvalidInput".to_owned(),
            message: "not today".to_owned(),
        })
        .times(1),
    )?;
    let run = stage.export("fixing/redrive.json", scan(&findings(ACCOUNT, 1)?)?).await?;
    ensure!(run.counts.quarantined.get("InvalidInput") == Some(&1), "{run:#?}");
    let listed = stage.hubctl(&["quarantine", "list", &run.run_id])?;
    ensure!(listed.json[0]["message"] == "not today", "{listed:#?}");

    let redriven = stage.hubctl(&["quarantine", "redrive", &run.run_id, "--code", "InvalidInput"])?;

    let report: RunReport = serde_json::from_value(redriven.json[0].clone())?;
    ensure!(redriven.exit == Some(0) && report.kind == RunKind::Redrive, "{redriven:#?}");
    ensure!((report.status, report.counts.sent) == (RunStatus::Succeeded, 1), "{report:#?}");
    ensure!(hub.findings_in(REGION)?.len() == 1, "the finding is not there");
    ensure!(stage.hubctl(&["quarantine", "list", &run.run_id])?.json == json!([]), "it still is in quarantine");
    let listed = stage.hubctl(&["quarantine", "list", "--limit", "1000"])?;
    let lists = |listed: &Value| listed.as_array().is_some_and(|all| all.iter().any(|one| one["run_id"] == run.run_id));
    ensure!(!lists(&listed.json), "{listed:#?}");
    Ok(())
}

#[tokio::test]
async fn findings_in_security_hub_are_reconciled_and_explained() -> Result<()> {
    const ACCOUNT: &str = "100000000043";
    let stage = Stage::find().await?;
    let hub = stage.hub(ACCOUNT);
    stage.save_integration(&by_role(ACCOUNT)?).await?;
    stage.export("fixing/reconcile.json", scan(&findings(ACCOUNT, 20)?)?).await?;
    // Another user sent a finding.
    let mut strange = hub.findings_in(REGION)?.first().context("no finding")?.clone();
    let sent = id(&strange).to_owned();
    let unknown = format!("prowler-iam_root_mfa_enabled-{ACCOUNT}-{REGION}-0123456ab");
    let fields = strange.as_object_mut().context("no object")?;
    for name in
        ["Severity", "Types", "Workflow", "WorkflowState", "ProductName", "CompanyName", "Region", "ProcessedAt"]
    {
        fields.remove(name);
    }
    fields.insert("Id".to_owned(), unknown.clone().into());
    hub.import(REGION, &[strange])?;

    let compared = stage.hubctl(&["reconcile", "--account", ACCOUNT, "--dry-run"])?;
    ensure!(compared.exit == Some(6), "there are differences: {compared:#?}");
    let row = &compared.json[0];
    ensure!((&row["same"], &row["unknown"], &row["fixed"]) == (&json!(20), &json!(1), &json!(0)), "{compared:#?}");
    let fixed = stage.hubctl(&["reconcile", "--account", ACCOUNT])?;
    ensure!(fixed.exit == Some(0) && fixed.json[0]["fixed"] == 1, "{fixed:#?}");

    let explained = stage.hubctl(&["explain", &unknown])?;
    ensure!(explained.json["exported_state"][0]["state"] == "active", "{explained:#?}");
    let explained = stage.hubctl(&["explain", &sent, "--live"])?;
    ensure!(explained.json["security_hub"][0]["record_state"] == "ACTIVE", "{explained:#?}");
    ensure!(explained.json["exported_state"][0]["sent_by"].is_string(), "{explained:#?}");

    hub.inject(Fault::error(403).on(simulator::Operation::GetFindings))?;
    let refused = stage.hubctl(&["reconcile", "--account", ACCOUNT])?;
    ensure!(refused.exit == Some(3) && refused.json[0]["problem"].is_string(), "{refused:#?}");
    Ok(())
}

/// The Ids of the active findings.
fn active(findings: &[Value]) -> Vec<String> {
    findings.iter().filter(|finding| finding["RecordState"] == "ACTIVE").map(|finding| id(finding).to_owned()).collect()
}

/// This number of findings of one Region.
fn findings(account: &str, count: usize) -> Result<Vec<Value>> {
    let now = Timestamp::now();
    (0..count).map(|number| finding(account, REGION, &format!("fixing-{number}"), now)).collect()
}

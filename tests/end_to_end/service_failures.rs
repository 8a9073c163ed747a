//! Failures of Security Hub: throttling, disabled hubs, rejections, and transient and permanent failures.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use asff::RegionName;
use end_to_end::hub::REGIONS;
use end_to_end::oracle::{hash_of, id};
use end_to_end::scans::{finding, scan};
use end_to_end::stage::{Stage, by_role};
use end_to_end::wait::{wait_at_most, wait_for};
use exporter::report::{RunReport, RunStatus};
use jiff::Timestamp;
use serde_json::Value;
use simulator::{Effect, Fault, Operation};

const REGION: &str = "eu-west-1";

#[tokio::test]
async fn all_findings_arrive_in_a_throttled_hub() -> Result<()> {
    const ACCOUNT: &str = "100000000011";
    // Enough calls that the backoff increases.
    const THROTTLES: u64 = 5;
    let stage = Stage::find().await?;
    let hub = stage.hub(ACCOUNT);
    stage.save_integration(&by_role(ACCOUNT)?).await?;
    hub.inject(Fault::error(429).on(Operation::BatchImportFindings).times(THROTTLES))?;

    let run = stage.export("trouble/throttled.json", scan(&findings(ACCOUNT, REGION, 250)?)?).await?;

    ensure!(run.status == RunStatus::Succeeded && run.counts.sent == 250, "{run:#?}");
    ensure!(hub.calls()?.throttled == usize::try_from(THROTTLES)?, "{:?}", hub.calls()?);
    ensure!(region_of(&run, ACCOUNT, REGION)?.throttled == THROTTLES, "{run:#?}");
    ensure!(hub.findings()?.len() == 250, "findings are missing");
    Ok(())
}

#[tokio::test]
async fn an_unavailable_region_is_reported_with_its_fix_and_affects_no_other() -> Result<()> {
    const ACCOUNT: &str = "100000000012";
    // In `world.json`: Security Hub is not enabled, the product is not accepted, the account did not opt in.
    const TROUBLE: [(&str, &str, &str); 3] = [
        ("us-east-1", "hub_not_enabled", "aws securityhub enable-security-hub"),
        ("ap-southeast-2", "product_not_accepted", "aws securityhub enable-import-findings-for-product"),
        ("sa-east-1", "region_not_opted_in", "aws account enable-region"),
    ];
    let stage = Stage::find().await?;
    stage.save_integration(&by_role(ACCOUNT)?).await?;
    let all: Result<Vec<_>> = REGIONS.iter().map(|region| findings(ACCOUNT, region, 5)).collect();

    let run = stage.export("trouble/regions.json", scan(&all?.concat())?).await?;

    ensure!(run.status == RunStatus::Degraded && run.counts.is_balanced(), "{run:#?}");
    for (region, reason, remediation) in TROUBLE {
        let unavailable = &run.counts.region_unavailable;
        ensure!(unavailable.get(region).and_then(|reasons| reasons.get(reason)) == Some(&5), "{:#?}", run.counts);
        let unavailable = region_of(&run, ACCOUNT, region)?.unavailable.as_ref().context(region)?;
        let command = unavailable.remediation.as_deref().unwrap_or_default();
        ensure!(unavailable.reason == reason && command.starts_with(remediation), "{unavailable:#?}");
        ensure!(command.contains(region), "the command does not name {region}: {command}");
    }
    ensure!(run.counts.sent == 5 && stage.hub(ACCOUNT).findings_in(REGION)?.len() == 5, "{:#?}", run.counts);
    Ok(())
}

#[tokio::test]
async fn one_invalid_finding_does_not_affect_others() -> Result<()> {
    const ACCOUNT: &str = "100000000013";
    const WORDS: &str = "Finding does not adhere to Amazon Finding Format.";
    let stage = Stage::find().await?;
    let hub = stage.hub(ACCOUNT);
    stage.save_integration(&by_role(ACCOUNT)?).await?;
    let all = findings(ACCOUNT, REGION, 130)?;
    let hash =
        |number: usize| Ok::<_, anyhow::Error>(hash_of(all[number]["resources"][0]["uid"].as_str().context("uid")?));
    let (failed, poison) = (hash(7)?, hash(55)?);
    hub.inject(Fault::new(Effect::FailFindings {
        id_contains: failed.clone(),
        code: "InvalidInput".to_owned(),
        message: WORDS.to_owned(),
    }))?;
    hub.inject(Fault::new(Effect::RefuseBatch { id_contains: poison.clone() }))?;

    let run = stage.export("trouble/refused.json", scan(&all)?).await?;

    ensure!(run.status == RunStatus::Degraded && run.counts.is_balanced(), "{run:#?}");
    ensure!(run.counts.sent == 128 && run.counts.quarantined_total() == 2, "{:#?}", run.counts);
    let held = hub.findings()?;
    ensure!(held.len() == 128 && !held.iter().any(|finding| ends(finding, &failed) || ends(finding, &poison)));
    let stored = stage.quarantine_of(&run).await?;
    ensure!(stored.len() == 2, "{stored:#?}");
    for hash in [failed, poison] {
        let entry = stored.iter().find(|entry| ends(&entry["finding"], &hash)).context("a finding is not stored")?;
        let finding = &entry["finding"];
        ensure!(entry["stage"] == "delivery" && entry["account"] == ACCOUNT && entry["region"] == REGION, "{entry:#}");
        ensure!(
            finding["AwsAccountId"] == ACCOUNT && finding["Resources"][0]["Type"] == "AwsLambdaFunction",
            "{entry:#}"
        );
        ensure!(entry["message"].as_str().is_some_and(|message| !message.is_empty()), "{entry:#}");
    }
    ensure!(stored.iter().any(|entry| entry["code"] == "InvalidInput" && entry["message"] == WORDS), "{stored:#?}");
    Ok(())
}

#[tokio::test]
async fn a_transient_failure_is_retried_until_all_findings_arrive() -> Result<()> {
    const ACCOUNT: &str = "100000000025";
    let stage = Stage::find().await?;
    let hub = stage.hub(ACCOUNT);
    stage.save_integration(&by_role(ACCOUNT)?).await?;
    // The number of failures after which a run stops calling the Region.
    hub.inject(Fault::error(503).in_region(REGION).times(3))?;

    let url = stage.upload("trouble/passes.json", scan(&findings(ACCOUNT, REGION, 5)?)?).await?;
    let ended = || async {
        let runs = stage.runs_of(&url).await?;
        Ok(runs.iter().any(|run| run.status == RunStatus::Succeeded).then_some(runs))
    };
    let runs = wait_for("a run that succeeds", ended).await?;

    let statuses: Vec<_> = runs.iter().map(|run| run.status).collect();
    ensure!(statuses == [RunStatus::Succeeded, RunStatus::Failed], "{statuses:?}");
    ensure!(hub.findings_in(REGION)?.len() == 5, "findings are missing");
    Ok(())
}

#[tokio::test]
async fn a_permanent_failure_ends_in_the_dead_letter_queue() -> Result<()> {
    const ACCOUNT: &str = "100000000020";
    const BROKEN: &str = "us-east-1";
    const KEY: &str = "trouble/stays.json";
    // Two attempts, the delay after each, and the retries of a run.
    const PATIENCE: Duration = Duration::from_secs(120);
    let stage = Stage::find().await?;
    let hub = stage.hub(ACCOUNT);
    stage.save_integration(&by_role(ACCOUNT)?).await?;
    hub.inject(Fault::error(500).in_region(BROKEN))?;
    let all = [findings(ACCOUNT, REGION, 5)?, findings(ACCOUNT, BROKEN, 5)?].concat();

    let url = stage.upload(KEY, scan(&all)?).await?;
    let given_up = || async { Ok(stage.dead_letters()?.into_iter().find(|letter| letter.contains(KEY))) };
    let letter = wait_at_most(PATIENCE, "the upload in the dead-letter queue", given_up).await?;

    let letter: Value = serde_json::from_str(&letter)?;
    ensure!(letter["detail-type"] == "Object Created" && letter["detail"]["object"]["key"] == KEY, "{letter:#}");
    let runs = stage.runs_of(&url).await?;
    ensure!(runs.len() == 2, "MaxReceiveCount is 2, and there are {} runs", runs.len());
    for run in &runs {
        ensure!(run.status == RunStatus::Failed && run.counts.is_balanced(), "{run:#?}");
        ensure!(run.counts.undelivered.get("service_error") == Some(&5), "{:#?}", run.counts);
    }
    ensure!((runs[1].counts.sent, runs[0].counts.unchanged) == (5, 5), "{runs:#?}");
    ensure!(hub.findings_in(REGION)?.len() == 5 && hub.findings_in(BROKEN)?.is_empty(), "{:#?}", hub.findings()?);
    let why = runs[0].reasons.last().context("no reason")?;
    let replay = format!("hubctl run replay {}", runs[0].run_id);
    ensure!(why.contains("dead-letter queue") && why.ends_with(&replay), "{why}");

    // The same applies to a job: its record states where its message is, and the job is submitted again.
    let submitted = stage.hubctl(&["run", "replay", &runs[0].run_id, "--no-wait"])?;
    let job = submitted.json["id"].as_str().context("no ID")?.to_owned();
    let failed = || async {
        let shown = stage.hubctl(&["job", "show", &job])?.json;
        Ok((shown["state"] == "failed").then_some(shown))
    };
    let first = wait_at_most(PATIENCE, "the job in the dead-letter queue", failed).await?;
    let why = first["message"].as_str().context("no message")?;
    ensure!(why.ends_with(&format!("run: hubctl job retry {job}")), "{why}");
    let retried = stage.hubctl(&["job", "retry", &job, "--no-wait"])?.json;
    ensure!(retried["state"] == "pending" && retried["id"] == job.as_str(), "{retried:#}");
    let second = wait_at_most(PATIENCE, "the job in the dead-letter queue again", failed).await?;
    ensure!(first["runs"] != second["runs"], "the job was not run again: {second:#}");
    Ok(())
}

fn findings(account: &str, region: &str, count: usize) -> Result<Vec<Value>> {
    let now = Timestamp::now();
    (0..count).map(|number| finding(account, region, &format!("fn-of-test-{number}"), now)).collect()
}

fn region_of<'a>(run: &'a RunReport, account: &str, region: &str) -> Result<&'a exporter::report::RegionReport> {
    let account = run.accounts.get(&account.parse()?).context("the account is not in the report")?;
    account.regions.get(&region.parse::<RegionName>()?).with_context(|| format!("{region} is not in the report"))
}

fn ends(finding: &Value, hash: &str) -> bool {
    id(finding).ends_with(hash)
}

//! Connections: the deployed function checks each Region, publishes changes, and leaves no findings in any hub.

use anyhow::{Context, Result, ensure};
use end_to_end::scans::{finding, scan};
use end_to_end::stage::{Stage, by_role, by_role_and};
use end_to_end::wait::{PATIENCE, wait_at_most};
use exporter::connection::{Connection, ConnectionStatus, RegionStatus};
use exporter::model::integration::{Credentials, Integration};
use exporter::notifications::{Event, EventKind};
use exporter::report::RunStatus;
use jiff::Timestamp;
use serde_json::json;

fn status(connection: &Connection, region: &str) -> Result<RegionStatus> {
    let found = connection.regions.get(&region.parse()?).with_context(|| format!("{region} was not looked at"))?;
    Ok(found.status)
}

fn kinds(events: &[Event]) -> Vec<EventKind> {
    events.iter().map(|event| event.kind).collect()
}

/// Checks one account.
async fn check(stage: &Stage, account: &str) -> Result<(Connection, Vec<Event>)> {
    let answer = stage.check(account).await?;
    ensure!(answer.problems.is_empty() && answer.not_reached.is_empty(), "{answer:#?}");
    let [connection] = <[Connection; 1]>::try_from(answer.connections).map_err(|all| anyhow::anyhow!("{all:#?}"))?;
    Ok((connection, answer.events))
}

#[tokio::test]
async fn each_region_is_reported_with_its_fix_and_the_hub_is_unchanged() -> Result<()> {
    const ACCOUNT: &str = "100000000031";
    let stage = Stage::find().await?;
    stage.save_integration(&by_role(ACCOUNT)?).await?;

    let (connection, events) = check(&stage, ACCOUNT).await?;

    ensure!(connection.status == ConnectionStatus::Connected, "{connection:#?}");
    for (region, expected, command) in [
        ("eu-west-1", RegionStatus::Enabled, None),
        ("us-east-1", RegionStatus::HubNotEnabled, Some("enable-security-hub")),
        ("ap-southeast-2", RegionStatus::ProductNotAccepted, Some("enable-import-findings-for-product")),
    ] {
        ensure!(status(&connection, region)? == expected, "{region}: {connection:#?}");
        let problem = connection.regions.get(&region.parse()?).and_then(|found| found.problem.as_ref());
        let remediation = problem.and_then(|problem| problem.remediation.as_deref());
        let says = |command: &str| {
            remediation.is_some_and(|remediation| remediation.contains(command) && remediation.contains(region))
        };
        ensure!(command.map_or(problem.is_none(), says), "{region}: {problem:#?}");
    }
    ensure!(kinds(&events) == [EventKind::Connected], "{events:#?}");
    let (_, again) = check(&stage, ACCOUNT).await?;
    ensure!(again.is_empty(), "published twice: {again:#?}");
    let hub = stage.hub(ACCOUNT);
    ensure!(hub.findings_in("eu-west-1")?.is_empty() && hub.calls()?.billed == 0, "{:#?}", hub.calls()?);
    ensure!(stage.connection(ACCOUNT).await?.is_some(), "the connection was not stored");
    Ok(())
}

#[tokio::test]
async fn a_region_that_is_enabled_later_gets_the_next_export() -> Result<()> {
    const ACCOUNT: &str = "100000000032";
    const LATER: &str = "us-east-1";
    let stage = Stage::find().await?;
    stage.save_integration(&by_role(ACCOUNT)?).await?;
    let both = |name: &str| -> Result<Vec<u8>> {
        scan(&[
            finding(ACCOUNT, "eu-west-1", name, Timestamp::now())?,
            finding(ACCOUNT, LATER, name, Timestamp::now())?,
        ])
    };
    let (before, _) = check(&stage, ACCOUNT).await?;
    ensure!(status(&before, LATER)? == RegionStatus::HubNotEnabled, "{before:#?}");
    let run = stage.export("connections/before.ocsf.json", both("fn-1")?).await?;
    ensure!(run.counts.sent == 1 && run.counts.region_unavailable_total() == 1, "{run:#?}");

    stage.hub(ACCOUNT).enable_hub(LATER)?;
    let (after, events) = check(&stage, ACCOUNT).await?;

    ensure!(status(&after, LATER)? == RegionStatus::Enabled, "{after:#?}");
    ensure!(kinds(&events) == [EventKind::RegionAvailable], "{events:#?}");
    ensure!(events[0].detail.region == Some(LATER.parse()?), "{events:#?}");
    let run = stage.export("connections/after.ocsf.json", both("fn-1")?).await?;
    ensure!(run.status == RunStatus::Succeeded, "{run:#?}");
    ensure!(stage.hub(ACCOUNT).findings_in(LATER)?.len() == 1, "nothing arrived in {LATER}");
    Ok(())
}

#[tokio::test]
async fn a_wrong_or_missing_external_id_disconnects_with_a_remediation() -> Result<()> {
    let stage = Stage::find().await?;
    for (account, external_id) in [("100000000033", Some("the-wrong-one")), ("100000000034", None)] {
        stage.save_integration(&by_role_and(account, external_id)?).await?;
        let (connection, events) = check(&stage, account).await?;
        ensure!(connection.status == ConnectionStatus::Disconnected, "{connection:#?}");
        let problem = connection.problem.as_ref().context("no problem is named")?;
        ensure!(problem.reason == "assume_role_denied" && problem.remediation.is_some(), "{problem:#?}");
        ensure!(kinds(&events) == [EventKind::Disconnected], "{events:#?}");
        ensure!(!serde_json::to_string(&connection)?.contains("the-right-one"), "{connection:#?}");
        let (_, again) = check(&stage, account).await?;
        ensure!(again.is_empty(), "published twice: {again:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_access_key_is_used_and_shown_nowhere() -> Result<()> {
    const ACCOUNT: &str = "100000000035";
    const SECRET: &str = "PlantedSecretAccessKeyThatNobodyMayEverSee";
    const NAME: &str = "securityhub-exporter/100000000035";
    let stage = Stage::find().await?;
    stage.create_secret(NAME, &json!({ "access_key_id": "AKIAPLANTEDACCESSKEY", "secret_access_key": SECRET }))?;
    let credentials = Credentials::Static { secret: NAME.to_owned(), role: None };
    let account: asff::AccountId = ACCOUNT.parse()?;
    stage.save_integration(&Integration { credentials: Some(credentials), ..Integration::new(account) }).await?;

    let (connection, events) = check(&stage, ACCOUNT).await?;

    ensure!(connection.status == ConnectionStatus::Connected, "{connection:#?}");
    ensure!(kinds(&events) == [EventKind::Connected], "{events:#?}");
    let run =
        stage.export("connections/key.ocsf.json", scan(&[finding(ACCOUNT, "eu-west-1", "fn-1", Timestamp::now())?])?);
    ensure!(run.await?.status == RunStatus::Succeeded, "the key does not work for exports");
    let mut places = vec![
        ("the verdict".to_owned(), serde_json::to_string(&connection)?),
        ("the events".to_owned(), serde_json::to_string(&events)?),
        ("the table".to_owned(), stage.table()?),
        ("the log".to_owned(), stage.log()?),
        ("the dead-letter queue".to_owned(), format!("{:?}", stage.dead_letters()?)),
    ];
    for key in stage.keys("").await? {
        let stored = stage.state_object(&key).await?;
        places.push((key, String::from_utf8_lossy(&stored).into_owned()));
    }
    for (place, text) in places {
        ensure!(!text.contains(SECRET), "the secret is in {place}");
    }
    Ok(())
}

#[tokio::test]
async fn doctor_checks_accounts_and_the_deployment() -> Result<()> {
    const ACCOUNT: &str = "100000000037";
    let stage = Stage::find().await?;
    stage.save_integration(&by_role(ACCOUNT)?).await?;
    for more in [None, Some("--local")] {
        let words = ["doctor", "--integration", ACCOUNT].into_iter().chain(more).collect::<Vec<_>>();
        let ended = stage.hubctl(&words)?;
        let found = &ended.json;
        let checks = found["deployment"].as_array().context("the deployment was not looked at")?;
        // The SDK can't parse the emulator's response about alarms. An unknown result is not a success.
        let mut unknown = checks.iter().filter(|check| check["status"] == "unknown");
        ensure!(unknown.all(|check| check["check"] == "alarms"), "{checks:#?}");
        // Other tests cause dead letters, so that a problem of the deployment may be found.
        ensure!([Some(1), Some(5)].contains(&ended.exit), "{ended:#?}");
        let regions = &found["connections"][0]["regions"];
        ensure!(found["connections"][0]["account"] == ACCOUNT, "{found:#}");
        ensure!(
            regions["eu-west-1"]["status"] == "enabled" && regions["us-east-1"]["status"] == "hub_not_enabled",
            "{regions:#}"
        );
        for name in ["scan bucket", "upload rule", "check schedule", "function", "queue to function"] {
            let mut of_name = checks.iter().filter(|check| check["check"] == name).peekable();
            ensure!(of_name.peek().is_some() && of_name.all(|check| check["status"] == "ok"), "{name}: {checks:#?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_stacks_schedule_invokes_connection_checks() -> Result<()> {
    const ACCOUNT: &str = "100000000036";
    let stage = Stage::find().await?;
    let schedule = stage.schedule()?;
    ensure!(schedule["ScheduleExpression"] == "rate(1 hour)" && schedule["State"] == "ENABLED", "{schedule:#}");
    // The schedule selects no integration, so that all are checked (tested with the function itself).
    ensure!(schedule["Target"]["Input"] == "{}", "{schedule:#}");
    stage.save_integration(&by_role(ACCOUNT)?).await?;
    stage.schedule_checks("checks-of-100000000036", ACCOUNT)?;
    let stored = || async { stage.connection(ACCOUNT).await };
    let connection = wait_at_most(PATIENCE * 2, "a check on the schedule", stored).await?;
    ensure!(connection.status == ConnectionStatus::Connected, "{connection:#?}");
    Ok(())
}

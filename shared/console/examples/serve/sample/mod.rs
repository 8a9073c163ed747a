//! Sample data: an organization and its accounts, in every state that a page shows.

mod connections;
mod many;
mod reports;
mod runs;

use exporter::connection::Connection;
use exporter::jobs::{Job, JobRecord, JobState};
use exporter::model::integration::{Credentials, Integration, Role};
use exporter::model::provider::{Provider, ProviderId};
use exporter::ports::settings_store::{AuditEntry, FieldChange, Stored};
use exporter::report::RunReport;
use exporter::testing::{Contents, InMemory};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use self::connections::{account, organization};
pub(crate) use self::reports::report;

/// ID of the pending job.
const JOB: &str = "0193a20f-1c7a-7e02-8b11-4d5e6f7a8b9c";
/// A run with all kinds of problems: pending, unproven, quarantined, and undeliverable findings.
pub(crate) const RUN: &str = "0193a1c4-7d5e-7c41-9a3b-0c2d5e6f7a8b";

type Failure = Box<dyn std::error::Error>;

/// The time a number of minutes earlier.
fn ago(now: Timestamp, minutes: i64) -> Timestamp {
    now - SignedDuration::from_mins(minutes)
}

/// Fills the ports with sample data.
pub(crate) fn fill(memory: &InMemory, now: Timestamp) -> Result<(), Failure> {
    let contents = &mut *memory.contents();
    integrations(contents, now)?;
    for connection in organization(now)?.into_iter().chain(account_connections(now)?) {
        contents
            .connection_tests
            .entry(connection.provider.to_string())
            .or_default()
            .connections
            .push(connection.clone());
        contents.connections.insert(connection.account, connection);
    }
    runs::fill(contents, now)?;
    for (account, minutes) in
        [("123456789012", 160), ("210987654321", 518), ("345678901234", 540), ("456789012345", 700)]
    {
        contents.put_newest_scan(account.parse()?, ago(now, minutes));
    }
    jobs(contents, now);
    audit_log(contents, now);
    Ok(())
}

/// Adds a large organization with many runs.
pub(crate) fn fill_many(memory: &InMemory, accounts: u64, runs: u64, now: Timestamp) -> Result<(), Failure> {
    many::fill(&mut memory.contents(), accounts, runs, now)
}

/// A plan of an export of the object.
pub(crate) fn sample_plan(source: &str, now: Timestamp) -> Result<RunReport, String> {
    let memory = InMemory::default();
    fill(&memory, now).map_err(|error| error.to_string())?;
    let found = memory.contents().runs.iter().find(|run| run.run_id == RUN).cloned();
    let mut report = found.ok_or("the sample has no such run")?;
    source.clone_into(&mut report.upload.source);
    Ok(report)
}

fn role(account: &str) -> Credentials {
    let mut role = Role::new(format!("arn:aws:iam::{account}:role/SecurityHubExporter"));
    role.external_id = Some("7f3c1f5e-2b64-4f0e-9a53-5c8f1f0f9d11".to_owned());
    Credentials::Default { role: Some(role) }
}

fn integrations(contents: &mut Contents, now: Timestamp) -> Result<(), Failure> {
    let anna = "arn:aws:sts::111122223333:assumed-role/SecurityAdmin/anna";
    for (id, alias, schedule) in [
        ("o-a1b2c3d4e5", "acme organization", Some("cron(0 3 * * ? *)")),
        ("123456789012", "production", Some("rate(12 hours)")),
        ("210987654321", "staging", Some("cron(0 3 * * ? *)")),
        ("345678901234", "sandbox", None),
        ("456789012345", "data-lake", Some("cron(0 6 * * ? *)")),
        ("567890123456", "payments", None),
    ] {
        let id: ProviderId = id.parse()?;
        let mut provider = Provider::new(id.clone());
        (provider.alias, provider.scan_schedule) = (Some(alias.to_owned()), schedule.map(str::to_owned));
        provider.credentials = role(id.account().map_or("*", |_| id.as_str()));
        contents.providers.insert(id.to_string(), Stored::new(provider, ago(now, 90_000), anna));
        if alias == "payments" {
            continue;
        }
        let mut integration = Integration::new(id.clone());
        integration.enabled_since = Some(ago(now, 60_000));
        integration.archive_previous_findings = !["sandbox", "data-lake"].contains(&alias);
        match alias {
            "sandbox" => integration.only_failed = false,
            "data-lake" => {
                (integration.enabled, integration.enabled_since) = (false, None);
                integration.severity_min = Some(asff::SeverityLabel::Medium);
                let secret = "securityhub-exporter/managed/456789012345/1".to_owned();
                integration.credentials = Some(Credentials::Static { secret, role: None });
            }
            "production" => integration.fallback_region = Some("us-east-1".parse()?),
            _ => {}
        }
        contents.integrations.insert(id.to_string(), Stored::new(integration, ago(now, 3_000), anna));
    }
    Ok(())
}

fn account_connections(now: Timestamp) -> Result<Vec<Connection>, Failure> {
    Ok(vec![
        account("123456789012", "123456789012", connections::Kind::Degraded, now)?,
        account("210987654321", "210987654321", connections::Kind::Partial, now)?,
        account("345678901234", "345678901234", connections::Kind::Disconnected, now)?,
        account("456789012345", "456789012345", connections::Kind::Connected, now)?,
        account("567890123456", "567890123456", connections::Kind::Partial, now)?,
        // An account that a test of the browser adds.
        account("678901234567", "678901234567", connections::Kind::Disconnected, now)?,
    ])
}

fn jobs(contents: &mut Contents, now: Timestamp) {
    let ben = "arn:aws:sts::111122223333:assumed-role/SecurityAdmin/ben";
    let redrive = Job::Redrive { run_id: Some(RUN.to_owned()), code: None };
    let done = JobRecord::new("0193a1f0-0000-7e02-8b11-000000000001".to_owned(), redrive, ago(now, 490), ben);
    contents.jobs.push(done.completed(JobState::Succeeded, None, ago(now, 489)));
    let replay = Job::Replay { run_id: "0193a1c3-0000-7c41-9a3b-000000000010".to_owned(), next_run_ids: Vec::new() };
    let rejected = JobRecord::new("0193a1f8-0000-7e02-8b11-000000000002".to_owned(), replay, ago(now, 120), ben);
    let why = "a newer scan of account 345678901234 was exported".to_owned();
    contents.jobs.push(rejected.completed(JobState::Rejected, Some(why), ago(now, 119)));
    let reconcile = Job::Reconcile { provider: "123456789012".parse().ok(), regions: Vec::new(), dry_run: true };
    contents.jobs.push(JobRecord::new(JOB.to_owned(), reconcile, now, ben));
}

fn audit_log(contents: &mut Contents, now: Timestamp) {
    let change = |from: serde_json::Value, to: serde_json::Value| FieldChange { from: Some(from), to: Some(to) };
    let entries = [
        (9_000, "ben", "integration.create", "o-a1b2c3d4e5", Vec::new()),
        (4_300, "anna", "integration.disable", "456789012345", vec![("enabled", change(json!(true), json!(false)))]),
        (
            3_000,
            "ben",
            "integration.update",
            "123456789012",
            vec![("archive_previous_findings", change(json!(false), json!(true)))],
        ),
        (490, "ben", "quarantine.redrive", RUN, Vec::new()),
    ];
    for (number, (minutes, by, action, target, changes)) in entries.into_iter().enumerate() {
        contents.audit_log.push(AuditEntry {
            id: format!("0193a000-0000-7000-8000-{number:012}"),
            at: ago(now, minutes),
            by: format!("arn:aws:sts::111122223333:assumed-role/SecurityAdmin/{by}"),
            action: action.to_owned(),
            target: target.to_owned(),
            reason: None,
            changes: changes.into_iter().map(|(field, change)| (field.to_owned(), change)).collect(),
        });
    }
}

//! `hubctl integration send-sample`: verifies without a scan that findings arrive in Security Hub.

mod sample;

use std::time::Duration;

use anyhow::Result;
use asff::{AccountId, RegionName};
use aws::{Cloud, ResourceNames, SecurityHub};
use exporter::model::integration::{Credentials, Role};
use exporter::model::provider::ProviderId;
use exporter::ports::{CallError, ConnectError, Hub as _, ImportOutcome};
use jiff::Timestamp;
use management::wire::CredentialsKind;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use self::sample::Sample;
use super::shown::Shown;
use crate::args::filters::region;
use crate::client::ConnectionArgs;
use crate::config::{Format, Global};
use crate::deployment::{block_on, no_region, port};
use crate::exit::{Exit, Failure};
use crate::render::Output;

/// Maximum time until a finding is visible. Security Hub is eventually consistent (contract 3.1).
const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(60);
/// Time between two calls: GetFindings allows three per second (contract 1.9).
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Error code of a finding if Security Hub is not enabled.
const HUB_OFF: &str = "InvalidAccess";

/// Send a sample finding, wait until it is visible, and archive it
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The finding is sent from this machine, with the integration's credentials. If
its role trusts only the deployment, or you can't read its access key, use your
own credentials of that account (--use-caller-credentials). The finding is
marked as a sample and has a reserved Id, so that exports ignore it. It incurs
two ingestion events: one to send it and one to archive it.

Examples:
  hubctl integration send-sample 123456789012
  hubctl integration send-sample 123456789012 --hub-region eu-west-1 \\
    --use-caller-credentials

JSON: id, account, region, sent, seen, archived, and seconds (until it was
visible).")]
pub(super) struct Args {
    /// Account whose Security Hub receives the finding
    #[arg(value_name = "ID")]
    account: AccountId,

    /// Region whose Security Hub receives the finding [default: the first available one]
    #[arg(long, value_name = "REGION", value_parser = region)]
    hub_region: Option<RegionName>,

    /// Use your own AWS credentials instead of the integration's
    #[arg(long)]
    use_caller_credentials: bool,
}

/// The progress of the sample.
struct SampleProgress {
    id: String,
    seen_after: Option<Duration>,
    archived: bool,
}

pub(super) fn run(args: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    block_on(async {
        let (credentials, hub_region) = credentials_and_region(args, connection_args, global).await?;
        let config = aws::sdk_config_of(global.profile.as_deref(), global.region.as_deref()).await;
        let own = config.region().and_then(|own| own.as_ref().parse().ok());
        let hub_region: RegionName = args.hub_region.or(hub_region).or(own).ok_or_else(no_region)?;
        // The deployment is not needed from here on.
        let names = ResourceNames { table: String::new(), state_bucket: String::new(), queue_url: None };
        let hub = Cloud::new(&config, names).connect_as(args.account, &credentials).await;
        let hub = hub.map_err(|error| not_connected(&error, args))?;
        let progress = send(&hub, args, hub_region, output).await?;
        if output.format == Format::Json {
            output.json(&json!({
                "id": progress.id, "account": args.account, "region": hub_region, "sent": true,
                "seen": progress.seen_after.is_some(), "archived": progress.archived,
                "seconds": progress.seen_after.map(|time| time.as_secs_f64()),
            }))?;
        }
        Ok(if progress.seen_after.is_some() && progress.archived { Exit::Success } else { Exit::Error })
    })
}

/// The credentials for the account, and its first available Region.
async fn credentials_and_region(
    args: &Args,
    connection_args: &ConnectionArgs,
    global: &Global,
) -> Result<(Credentials, Option<RegionName>)> {
    if args.use_caller_credentials && args.hub_region.is_some() {
        return Ok((Credentials::default(), None));
    }
    let management = connection_args.connect(global).await?;
    let shown = Shown::find(&management, &ProviderId::Account(args.account)).await?;
    let hub_region = shown.view.connection.regions.first().copied();
    if args.use_caller_credentials {
        return Ok((Credentials::default(), hub_region));
    }
    let view = shown.credentials();
    let role = view.role.as_ref().map(|role| Role {
        external_id: role.external_id.clone(),
        session_name: role.session_name.clone(),
        duration_seconds: role.duration_seconds,
        ..Role::new(&role.arn)
    });
    let credentials = match (view.kind, &view.secret) {
        (CredentialsKind::Static, Some(secret)) => Credentials::Static { secret: secret.clone(), role },
        _ => Credentials::Default { role },
    };
    Ok((credentials, hub_region))
}

/// Sends the finding, waits until it is visible, archives it, and reports each step.
async fn send(hub: &SecurityHub, args: &Args, region: RegionName, output: &mut Output) -> Result<SampleProgress> {
    let sample = Sample::new(args.account, region, hub.partition(), Timestamp::now());
    let place = format!("Security Hub of {} in {region}", args.account);
    output.note(format!("1. sending {} to {place}: 1 ingestion event", sample.id))?;
    ensure_accepted(hub.import(&region, sample.body(false)).await, args, region)?;
    output.note("2. waiting until GetFindings returns it")?;
    let seen_after = seen(hub, region, &sample.id, "ACTIVE").await?;
    match seen_after {
        Some(time) => output.note(format!("   found after {:.1} s", time.as_secs_f64()))?,
        None => output.warning(format!("not visible within {} s", VISIBILITY_TIMEOUT.as_secs()), None)?,
    }
    output.note("3. archiving it: 1 ingestion event")?;
    ensure_accepted(hub.import(&region, sample.body(true)).await, args, region)?;
    let archived = seen(hub, region, &sample.id, "ARCHIVED").await?.is_some();
    if archived {
        output.note(format!("   archived: findings of {} arrive in {region}", args.account))?;
    } else {
        output.warning(format!("GetFindings still returns {} as active", sample.id), None)?;
    }
    Ok(SampleProgress { id: sample.id, seen_after, archived })
}

/// Time until GetFindings returned the finding in a record state; `None` after the timeout.
async fn seen(hub: &SecurityHub, region: RegionName, id: &str, record_state: &str) -> Result<Option<Duration>> {
    let begun = Instant::now();
    while begun.elapsed() < VISIBILITY_TIMEOUT {
        let found = hub.finding(&region, id).await.map_err(|error| call_failure(&error, region))?;
        let finding: Option<Value> = found.and_then(|finding| serde_json::from_slice(&finding).ok());
        if finding.is_some_and(|finding| finding["RecordState"] == record_state) {
            return Ok(Some(begun.elapsed()));
        }
        sleep(POLL_INTERVAL).await;
    }
    Ok(None)
}

/// Checks that Security Hub accepted the finding.
fn ensure_accepted(outcome: Result<ImportOutcome, CallError>, args: &Args, region: RegionName) -> Result<(), Failure> {
    let outcome = outcome.map_err(|error| call_failure(&error, region))?;
    match outcome.failed.first() {
        None => Ok(()),
        // `BatchImportFindings` returns this code for each finding if Security Hub is not enabled (contract of
        // BatchImportFindings).
        Some(failed) if failed.code == HUB_OFF => {
            let message = format!("{region}: Security Hub is not enabled: {}: {}", failed.code, failed.message);
            Err(Failure::new(Exit::Degraded, message).hint(enable_hub(region)))
        }
        Some(failed) => {
            let message = format!("Security Hub rejected the sample: {}: {}", failed.code, failed.message);
            Err(Failure::new(Exit::Error, message).hint(format!("hubctl integration test {}", args.account)))
        }
    }
}

fn enable_hub(region: RegionName) -> String {
    format!("aws securityhub enable-security-hub --no-enable-default-standards --region {region}")
}

fn call_failure(error: &CallError, region: RegionName) -> Failure {
    let exit = match error {
        CallError::AccessDenied(_) | CallError::ExpiredToken(_) | CallError::UnrecognizedClient(_) => Exit::Credentials,
        CallError::InvalidAccess(_) | CallError::Unreachable(_) => Exit::Degraded,
        CallError::Throttled(_)
        | CallError::Transient(_)
        | CallError::DeadlineExceeded
        | CallError::Rejected { .. } => Exit::Error,
    };
    let failure = Failure::new(exit, format!("{region}: {error}"));
    match error {
        CallError::InvalidAccess(_) => failure.hint(enable_hub(region)),
        CallError::UnrecognizedClient(_) => failure.hint(format!(
            "check that the Region is enabled for the account: aws account get-region-opt-status --region-name {region}"
        )),
        CallError::AccessDenied(_) => {
            failure.hint("hubctl permissions print lists the required permissions; hubctl integration test checks them")
        }
        _ => failure,
    }
}

fn not_connected(error: &ConnectError, args: &Args) -> Failure {
    match error {
        ConnectError::Rejected(_) if args.use_caller_credentials => Failure::new(Exit::Credentials, error.to_string())
            .hint(format!("use credentials of account {}: --profile NAME", args.account)),
        ConnectError::Rejected(_) => Failure::new(Exit::Credentials, error.to_string()).hint(format!(
            "the deployment may have access that you don't have: hubctl integration test {}; to use credentials of the \
             account: --use-caller-credentials",
            args.account
        )),
        ConnectError::Failed(error) => port(error),
    }
}

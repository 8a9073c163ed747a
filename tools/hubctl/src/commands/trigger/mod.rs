//! `hubctl trigger sample`: shows that findings arrive, without a scan.

mod sample;

use std::time::Duration;

use anyhow::Result;
use asff::{AccountId, RegionName};
use aws::{Cloud, ResourceNames, SecurityHub};
use clap::Subcommand;
use exporter::integration::{Credentials, Role};
use exporter::ports::{CallError, ConnectError, Hub as _, ImportOutcome};
use exporter::provider::ProviderId;
use jiff::Timestamp;
use management::wire::CredentialsKind;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use self::sample::Sample;
use super::integration::shown::Shown;
use crate::args::filters::region;
use crate::client::ConnectionArgs;
use crate::config::{Format, Global};
use crate::deployment::{block_on, no_region, port};
use crate::exit::{Exit, Failure};
use crate::render::Output;

/// How long a finding may take until it can be seen. Security Hub is eventually consistent (contract 3.1).
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks: GetFindings bears three a second (contract 1.9).
const PAUSE: Duration = Duration::from_secs(1);

/// What a finding is refused with where Security Hub is off.
const HUB_OFF: &str = "InvalidAccess";

/// Try out an integration
#[derive(clap::Args, Debug)]
pub(crate) struct Group {
    #[command(flatten)]
    reach: ConnectionArgs,

    #[command(subcommand)]
    command: Command,
}

/// What to try.
#[derive(Debug, Subcommand)]
enum Command {
    Sample(SampleArgs),
}

/// Send a sample finding, see it arrive, and archive it
#[derive(clap::Args, Debug)]
#[command(after_help = "\
It goes from this machine, with the integration's credentials; where its role
trusts the deployment alone, or its key is kept where you may not read it,
--as-caller goes as whom you call, who must be of the account. The finding is
marked as a sample and has an Id of its own kind, so that no export touches it.
It costs two events: one to send it, one to archive it.

Examples:
  hubctl trigger sample --account 123456789012
  hubctl trigger sample --account 123456789012 --in eu-west-1 --as-caller

JSON: id, account, region, sent, seen, archived, and seconds until it was seen.")]
struct SampleArgs {
    /// Account whose Security Hub is to get it
    #[arg(long, value_name = "ID")]
    account: AccountId,

    /// Region of the Security Hub [default: the first that takes findings]
    #[arg(long = "in", value_name = "REGION", value_parser = region)]
    hub_region: Option<RegionName>,

    /// Call Security Hub as whom you call, not as the integration does
    #[arg(long)]
    as_caller: bool,
}

/// How far it came.
struct Came {
    id: String,
    seen_after: Option<Duration>,
    archived: bool,
}

pub(crate) fn run(Group { reach, command }: &Group, global: &Global, output: &mut Output) -> Result<Exit> {
    let Command::Sample(args) = command;
    block_on(async {
        let (credentials, hub_region) = how(args, reach, global).await?;
        let config = aws::sdk_config_of(global.profile.as_deref(), global.region.as_deref()).await;
        let own = config.region().and_then(|own| own.as_ref().parse().ok());
        let hub_region: RegionName = args.hub_region.or(hub_region).or(own).ok_or_else(no_region)?;
        // Nothing of the deployment is needed from here on.
        let names = ResourceNames { table: String::new(), state_bucket: String::new(), queue_url: None };
        let hub = Cloud::new(&config, names).connect_as(args.account, &credentials).await;
        let hub = hub.map_err(|error| not_connected(&error, args))?;
        let came = send(&hub, args, hub_region, output).await?;
        if output.format == Format::Json {
            output.json(&json!({
                "id": came.id, "account": args.account, "region": hub_region, "sent": true,
                "seen": came.seen_after.is_some(), "archived": came.archived,
                "seconds": came.seen_after.map(|time| time.as_secs_f64()),
            }))?;
        }
        Ok(if came.seen_after.is_some() && came.archived { Exit::Success } else { Exit::Error })
    })
}

/// As whom the account is called, and a Region that takes its findings.
async fn how(args: &SampleArgs, reach: &ConnectionArgs, global: &Global) -> Result<(Credentials, Option<RegionName>)> {
    if args.as_caller && args.hub_region.is_some() {
        return Ok((Credentials::default(), None));
    }
    let management = reach.connect(global).await?;
    let shown = Shown::find(&management, &ProviderId::Account(args.account)).await?;
    let hub_region = shown.view.connection.regions.first().copied();
    if args.as_caller {
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

/// The steps, each told as it is done.
async fn send(hub: &SecurityHub, args: &SampleArgs, region: RegionName, output: &mut Output) -> Result<Came> {
    let sample = Sample::new(args.account, region, hub.partition(), Timestamp::now());
    let place = format!("Security Hub of {} in {region}", args.account);
    output.note(format!("1. sending {} to {place}: one event", sample.id))?;
    taken(hub.import(&region, sample.body(false)).await, args, region)?;
    output.note("2. waiting until GetFindings shows it")?;
    let seen_after = seen(hub, region, &sample.id, "ACTIVE").await?;
    match seen_after {
        Some(time) => output.note(format!("   it is there, after {:.1} s", time.as_secs_f64()))?,
        None => output.warning(format!("it was not to be seen within {} s", PATIENCE.as_secs()), None)?,
    }
    output.note("3. archiving it: one more event")?;
    taken(hub.import(&region, sample.body(true)).await, args, region)?;
    let archived = seen(hub, region, &sample.id, "ARCHIVED").await?.is_some();
    if archived {
        output.note(format!("   it is archived: findings of {} arrive in {region}", args.account))?;
    } else {
        output.warning(format!("GetFindings still shows {} as live", sample.id), None)?;
    }
    Ok(Came { id: sample.id, seen_after, archived })
}

/// How long it took until the finding was to be seen in a state.
async fn seen(hub: &SecurityHub, region: RegionName, id: &str, record_state: &str) -> Result<Option<Duration>> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let found = hub.finding(&region, id).await.map_err(|error| refused(&error, region))?;
        let finding: Option<Value> = found.and_then(|finding| serde_json::from_slice(&finding).ok());
        if finding.is_some_and(|finding| finding["RecordState"] == record_state) {
            return Ok(Some(begun.elapsed()));
        }
        sleep(PAUSE).await;
    }
    Ok(None)
}

/// Makes sure that Security Hub took it.
fn taken(outcome: Result<ImportOutcome, CallError>, args: &SampleArgs, region: RegionName) -> Result<(), Failure> {
    let outcome = outcome.map_err(|error| refused(&error, region))?;
    match outcome.failed.first() {
        None => Ok(()),
        // So the service answers for each finding where the hub is off (contract of BatchImportFindings).
        Some(failed) if failed.code == HUB_OFF => {
            let message = format!("{region}: Security Hub is off: {}: {}", failed.code, failed.message);
            Err(Failure::new(Exit::Degraded, message).hint(enable_hub(region)))
        }
        Some(failed) => {
            let message = format!("Security Hub does not take the sample: {}: {}", failed.code, failed.message);
            Err(Failure::new(Exit::Error, message).hint(format!("hubctl integration test {}", args.account)))
        }
    }
}

fn enable_hub(region: RegionName) -> String {
    format!("aws securityhub enable-security-hub --no-enable-default-standards --region {region}")
}

fn refused(error: &CallError, region: RegionName) -> Failure {
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
            "has the account switched the Region on? aws account get-region-opt-status --region-name {region}"
        )),
        CallError::AccessDenied(_) => {
            failure.hint("hubctl permissions print shows what is needed; hubctl integration test looks further")
        }
        _ => failure,
    }
}

fn not_connected(error: &ConnectError, args: &SampleArgs) -> Failure {
    match error {
        ConnectError::Rejected(_) if args.as_caller => Failure::new(Exit::Credentials, error.to_string())
            .hint(format!("call with credentials of account {}: --profile NAME", args.account)),
        ConnectError::Rejected(_) => Failure::new(Exit::Credentials, error.to_string()).hint(format!(
            "the deployment may be able to where you are not: hubctl integration test {}; with credentials of the \
             account: --as-caller",
            args.account
        )),
        ConnectError::Failed(error) => port(error),
    }
}

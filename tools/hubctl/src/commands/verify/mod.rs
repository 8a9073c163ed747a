//! `hubctl verify`: checks in the caller's own account whether Security Hub behaves as the exporter assumes.

mod conclude;
mod service;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use asff::RegionName;
use aws::{Cloud, ResourceNames};
use clap::ValueEnum;
use conformance::{CleanUp, Options, Report, Session, Stop, Target, Timing, clean_up, events_max};
use exporter::export::cost::Cost;
use exporter::ports::ConnectError;
use uuid::Uuid;

use self::service::LiveHub;
use crate::args::filters::region;
use crate::config::Global;
use crate::deployment::{block_on, port, region_of};
use crate::exit::{Exit, Failure};
use crate::prompt::Prompt;
use crate::render::{Output, text};
use crate::shell::quoted;

/// Ingestion events that are free each month. The estimate assumes that the account has used them up.
const FREE_EVENTS: u64 = 10_000;

/// Check that Security Hub behaves as the exporter assumes
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Imports findings of its own into Security Hub of your account and Region, and
compares what happens with each assumption of the exporter. The findings are
INFORMATIONAL, suppressed, and marked as samples, which exports ignore. All but
two are archived from the start, and these are archived at the end, also after
an error or Ctrl-C. Findings can't be deleted: Security Hub deletes archived
ones after 30 days. A killed run may leave active findings: --clean-up archives
them.

It shows the maximum number of ingestion events and their cost, and asks for
confirmation. It calls Security Hub with your own credentials, which need the
actions that docs/operations.md lists. The account ID is not in the report
unless you add --include-account-id.

Exit codes: 3 a finding is still active; 4 a permission is missing; 5 Security
Hub is not enabled, or does not accept the Prowler product; 6 Security Hub
deviates from an assumption.

Examples:
  hubctl verify --hub-region eu-west-1
  hubctl verify --yes --report verify.md --disabled-region ap-east-1
  hubctl verify --yes --format json | jq '.checks[].verdict'
  hubctl verify --clean-up

JSON: run, version, account, partition, region, started_at, finished_at,
lag_seconds_max, findings_sent, counts, checks (id, assumed, used_by, observed,
verdict, reason, remediation), and clean_up; with --clean-up only clean_up.")]
pub(crate) struct Args {
    /// Region whose Security Hub is checked [default: that of your configuration]
    #[arg(long, value_name = "REGION", value_parser = region)]
    hub_region: Option<RegionName>,

    /// Region in which Security Hub is not enabled, to check its errors
    #[arg(long, value_name = "REGION", value_parser = region)]
    disabled_region: Option<RegionName>,

    /// Region that does not accept the Prowler product, to check its errors
    #[arg(long, value_name = "REGION", value_parser = region)]
    unaccepted_region: Option<RegionName>,

    /// Also make two calls that must be denied; CloudTrail records them as denied
    #[arg(long)]
    denied_calls: bool,

    /// Archive what killed runs left, and check nothing
    #[arg(long, conflicts_with_all = ["disabled_region", "unaccepted_region", "denied_calls", "report"])]
    clean_up: bool,

    /// Skip the confirmation prompt
    #[arg(short, long)]
    yes: bool,

    /// Format of the report on standard output
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ReportFormat::Markdown)]
    format: ReportFormat,

    /// Also write the report to a file: JSON if its name ends in .json, otherwise Markdown
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Include the account ID and your principal in the report
    #[arg(long)]
    include_account_id: bool,

    /// Maximum GetFindings calls per second; the account's quota is 3
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1000))]
    reads_per_second: u32,

    /// Time after which a finding counts as unchanged, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(0..=600))]
    settle_seconds: u64,

    /// Maximum time to wait until GetFindings returns an import, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    visibility_timeout: u64,
}

/// The value of `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    // No doc comments here: clap would list them in every help text.
    Markdown,
    Json,
}

impl Args {
    const fn options(&self) -> Options {
        Options {
            disabled_region: self.disabled_region,
            unaccepted_region: self.unaccepted_region,
            denied_calls: self.denied_calls,
        }
    }

    fn timing(&self) -> Timing {
        Timing {
            read_interval: Duration::from_secs(1) / self.reads_per_second,
            visibility_timeout: Duration::from_secs(self.visibility_timeout),
            settle: Duration::from_secs(self.settle_seconds),
        }
    }

    /// The command that archives the findings that this run left active.
    fn clean_up_command(region: RegionName, global: &Global) -> String {
        let command = format!("hubctl verify --clean-up --hub-region {region}");
        global.profile.as_ref().map_or(command.clone(), |name| format!("{command} --profile {}", quoted(name)))
    }
}

pub(crate) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    let mut prompt = Prompt::at_terminal();
    if !args.yes {
        prompt.require_terminal("whether to import findings", "to confirm in advance, add --yes")?;
    }
    block_on(async {
        let chosen = args.hub_region.map(|region| region.to_string()).or_else(|| global.region.clone());
        let config = aws::sdk_config_of(global.profile.as_deref(), chosen.as_deref()).await;
        let region: RegionName = region_of(&config)?.parse()?;
        let names = ResourceNames { table: String::new(), state_bucket: String::new(), queue_url: None };
        let (account, hub) =
            Cloud::new(&config, names).connect_as_caller().await.map_err(|error| not_connected(&error))?;
        let target = Target { account, partition: hub.partition(), region };
        if !args.yes && !confirm(args, target, &mut prompt, output)? {
            return Err(Failure::new(Exit::Error, "nothing was imported").into());
        }
        let hub = LiveHub(hub);
        let session = Session::new(&hub, target, &Uuid::now_v7().to_string(), args.options(), args.timing());
        if args.clean_up {
            let done = clean_up(&session, true).await.map_err(|stop| stopped(&stop, region))?;
            return conclude::cleaned(&done, args, output);
        }
        verify(args, global, &session, region, output).await
    })
}

/// Asks for confirmation to import findings, or to archive the findings of earlier runs.
fn confirm(args: &Args, target: Target, prompt: &mut Prompt, output: &mut Output) -> Result<bool> {
    let place = format!("Security Hub of account {} in {}", target.account, target.region);
    if args.clean_up {
        output.note(format!("Archives all active findings of hubctl verify in {place}: 1 ingestion event each."))?;
        return prompt.confirm("Archive them? [y/N]", output);
    }
    let events = events_max();
    let cost = Cost::new(events, events, FREE_EVENTS);
    output.note(format!(
        "Imports findings of its own into {place}: at most {} ingestion events, ${:.2} at the public price if the 10,000 free \
         events of the month are used up. Each is also an EventBridge event. The findings are INFORMATIONAL, suppressed, and \
         samples; active ones are archived at the end. It takes about two minutes.",
        text::count(events),
        // Rounded up to a cent.
        (cost.dollars * 100.0).ceil() / 100.0
    ))?;
    prompt.confirm("Import them? [y/N]", output)
}

/// Runs the checks, archives the findings that are still active, even if a check failed, and writes the report.
async fn verify(
    args: &Args,
    global: &Global,
    session: &Session<'_>,
    region: RegionName,
    output: &mut Output,
) -> Result<Exit> {
    let checked = {
        let progress = |number: usize, all: usize, id: &str, verdict: conformance::Verdict| {
            // A closed standard error must not end the run.
            let _ = output.note(format!("{number:>2}/{all} {id}: {}", verdict.as_str()));
        };
        tokio::select! {
            checked = conformance::run(session, progress) => Some(checked),
            () = interrupted() => None,
        }
    };
    if checked.is_none() {
        output.note("Interrupted: archiving active findings. A second Ctrl-C ends at once.")?;
    }
    let command = Args::clean_up_command(region, global);
    let cleaned = tokio::select! {
        cleaned = clean_up(session, false) => cleaned,
        () = interrupted() => Err(Stop::Unavailable("interrupted".to_owned())),
    };
    let cleaned = match (cleaned, &checked) {
        (Ok(cleaned), _) => cleaned,
        // If the run could not start, no finding was imported.
        (Err(_), Some(Err(_))) => CleanUp::default(),
        (Err(stop), _) => CleanUp { problem: Some(stop.to_string()), ..CleanUp::default() },
    };
    if !cleaned.is_complete() {
        let problem = cleaned.problem.as_deref().unwrap_or("GetFindings still returns findings as active");
        output.warning(format!("findings may be active: {}", text::harmless(problem)), Some(&command))?;
    }
    match checked {
        Some(Ok(report)) => conclude::report(&Report { clean_up: cleaned, ..report }, args, output),
        Some(Err(stop)) => Err(stopped(&stop, region).into()),
        None if cleaned.is_complete() => {
            Err(Failure::new(Exit::Error, "interrupted; no finding is active").hint("run the command again").into())
        }
        None => Err(Failure::new(Exit::Findings, "interrupted; findings may be active").hint(command).into()),
    }
}

/// Waits for Ctrl-C, or for SIGTERM.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    // If signal handling is not available, no signal is received.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The error of a run that could not be made.
fn stopped(stop: &Stop, region: RegionName) -> Failure {
    let (exit, what) = match stop {
        Stop::Denied { .. } => (Exit::Credentials, "access denied"),
        Stop::Credentials(_) => (Exit::Credentials, "the credentials are rejected"),
        Stop::HubDisabled(_) => (Exit::Degraded, "Security Hub is not enabled"),
        Stop::ProductNotAccepted(_) => (Exit::Degraded, "Security Hub does not accept the Prowler product"),
        Stop::Unavailable(_) | Stop::Rejected(_) | Stop::NotVisible(_) => (Exit::Error, "failed to call Security Hub"),
    };
    let failure = Failure::new(exit, format!("{region}: {what}: {}", text::harmless(&stop.to_string())));
    match stop.remediation(region.as_str()) {
        Some(remediation) => failure.hint(remediation),
        None => failure,
    }
}

fn not_connected(error: &ConnectError) -> Failure {
    match error {
        ConnectError::Rejected(_) => Failure::new(Exit::Credentials, error.to_string()),
        ConnectError::Failed(error) => port(error),
    }
}

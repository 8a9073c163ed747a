//! `hubctl explain`: explains the current state of one finding.

use anyhow::Result;
use exporter::explain::{Explanation, ExportedState, FindingName, HubState, explain};
use exporter::jobs::EXPLAINED_RUNS_MAX;
use serde_json::json;

use super::job::wait;
use crate::client::{ConnectionArgs, Request, read};
use crate::config::{Format, Global};
use crate::deployment::{self, port};
use crate::exit::{Exit, Failure};
use crate::origin::Origin;
use crate::render::{Details, Output, TextStyle, text};
use crate::standalone::{Standalone, StateOption};

/// Maximum number of characters of a note about a run; `hubctl run show` has the rest.
const NOTE_CHARS_MAX: usize = 160;

/// Explain why a finding was sent, filtered, or archived
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Reads the export state, the account's last 20 runs, and their quarantine; with
--live also the finding in Security Hub. It changes nothing. The deployment
runs it as a job; --local runs it on this machine with your own credentials.

Examples:
  hubctl explain prowler-s3_bucket_acl-123456789012-eu-west-1-0123456ab
  hubctl explain prowler-s3_bucket_acl-123456789012-eu-west-1-0123456ab --live

JSON: id, name (check, account, region, hash), exported_state (for each Region
to which the finding was sent: state, status, archived_as, first_seen,
last_sent, updated_at, content, absent, sent_by, finding), quarantine, runs
(run_id, started_at, note), stays_active (run_id, class, reason, message,
command), security_hub (region, record_state, workflow, status, updated_at,
error), notes.")]
pub(crate) struct Args {
    /// The finding's Id in Security Hub
    #[arg(value_name = "FINDING-ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    id: String,

    /// Also fetch the finding's current state from Security Hub
    #[arg(long)]
    live: bool,

    #[command(flatten)]
    reach: ConnectionArgs,

    #[command(flatten)]
    state: StateOption,
}

pub(crate) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    let name = parse_name(&args.id)?;
    let origin = match &args.state.location {
        Some(location) => Origin::standalone(location, global),
        None => Origin::deployment(&args.reach, global),
    };
    let explanation = deployment::block_on(async {
        if let Some(location) = &args.state.location {
            let standalone = Standalone::open(location, global).await?;
            let runs = standalone.list_runs(EXPLAINED_RUNS_MAX, Some(name.account)).await?;
            // Security Hub is called with the settings of the newest run.
            let standalone = Standalone::open_as_newest(location, &runs, global).await?;
            let explained = explain(&standalone, &args.id, name, &runs, args.live).await;
            return Ok(explained.map_err(|error| port(&error))?);
        }
        if args.reach.local {
            return locally(global, &args.id, args.live).await;
        }
        by_deployment(args, global, output).await
    })?;
    match output.format {
        Format::Json => output.json(&explanation)?,
        Format::Table => write(&explanation, &origin, output)?,
    }
    Ok(Exit::Success)
}

/// Lets the deployment explain a finding, as a job.
async fn by_deployment(args: &Args, global: &Global, output: &Output) -> Result<Explanation> {
    let management = args.reach.connect(global).await?;
    let body = json!({ "finding_id": args.id, "live": args.live });
    let job = read(&management.send(Request::post_action_with("/findings/explain", Some(body))).await?.body)?;
    let job = wait::reported(&management, job, output).await?;
    let missing =
        || Failure::new(Exit::Error, format!("the deployment no longer has the explanation of job {}", job.id));
    Ok(*job.explanation.ok_or_else(missing)?)
}

/// The parts of a finding's ID.
fn parse_name(id: &str) -> Result<FindingName, Failure> {
    FindingName::parse(id).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("{id:?} is not the Id of a Prowler finding"))
            .hint("expected prowler-CHECK-ACCOUNT-REGION-HASH, which Security Hub shows as Finding ID")
    })
}

/// Explains a finding from the deployment's state, with the caller's own credentials.
pub(in crate::commands) async fn locally(global: &Global, id: &str, live: bool) -> Result<Explanation> {
    let name = parse_name(id)?;
    let connected = deployment::connect(global).await?;
    let runs =
        connected.cloud.list_runs(EXPLAINED_RUNS_MAX, Some(&name.account)).await.map_err(|error| port(&error))?;
    let explained = explain(connected.cloud.as_ref(), id, name, &runs, live).await;
    Ok(explained.map_err(|error| port(&error))?)
}

/// Shows an explanation.
pub(in crate::commands) fn write(explanation: &Explanation, origin: &Origin, output: &mut Output) -> Result<()> {
    let mut details = Details::new();
    details.add(TextStyle::Strong, "Finding", &explanation.id);
    details.add(TextStyle::Plain, "Check", &explanation.name.check);
    details.add(TextStyle::Plain, "Account", explanation.name.account);
    details.add(TextStyle::Plain, "Region", explanation.name.region);
    if explanation.exported_state.is_empty() {
        details.add(TextStyle::Warning, "State", "no record: the finding was never sent, or its record has expired");
    }
    for exported in &explanation.exported_state {
        add_exported_state(&mut details, exported, exported.region != explanation.name.region);
    }
    for entry in &explanation.quarantine {
        details.add(
            TextStyle::Bad,
            "Quarantine",
            format!("entry {} of run {}: {}: {}", entry.entry, entry.run_id, entry.code, entry.message),
        );
    }
    for state in &explanation.security_hub {
        details.add(TextStyle::Plain, "Security Hub", describe(state));
    }
    if explanation.security_hub.is_empty() {
        details.add(TextStyle::Plain, "Security Hub", "not fetched (use --live)");
    }
    if let Some(stays) = &explanation.stays_active {
        details.add(TextStyle::Warning, "Stays active", &stays.message);
        details.add(TextStyle::Plain, "To archive it", origin.command(&stays.command));
    }
    for note in &explanation.notes {
        details.add(TextStyle::Warning, "Notes", note);
    }
    output.details(&details)?;
    output.line("")?;
    if explanation.runs.is_empty() {
        output.line("No runs of the account are recorded.")?;
        return Ok(());
    }
    output.line("The account's last runs, newest first")?;
    let mut runs = explanation.runs.as_slice();
    while let Some(run) = runs.first() {
        let repeats = runs.iter().take_while(|other| other.note == run.note).count();
        let mut note = text::harmless(&run.note);
        if note.chars().count() > NOTE_CHARS_MAX {
            note = note.chars().take(NOTE_CHARS_MAX).collect::<String>() + "...";
        }
        output.line(format!("* {} {} {note}", text::time(run.started_at), run.run_id))?;
        if repeats > 1 {
            output.line(format!("  same for {} before it", text::counted(repeats as u64 - 1, "run", "runs")))?;
        }
        runs = &runs[repeats..];
    }
    Ok(())
}

fn add_exported_state(details: &mut Details, exported: &ExportedState, elsewhere: bool) {
    let because = exported.archived_as.as_ref().map_or(String::new(), |because| format!(", since it is {because}"));
    let uncertain = if exported.state == "uncertain" { ": the outcome of the last call is unknown" } else { "" };
    let location = if elsewhere { format!(", in {}", exported.region) } else { String::new() };
    let style = if exported.state == "active" { TextStyle::Good } else { TextStyle::Plain };
    details.add(style, "State", format!("{}{because}{uncertain}{location}", exported.state));
    details.add(TextStyle::Plain, "Status", &exported.status);
    details.add(TextStyle::Plain, "First seen", text::time(exported.first_seen));
    details.add(TextStyle::Plain, "Last sent", text::time(exported.last_sent));
    details.add(TextStyle::Plain, "Sent by run", exported.sent_by.as_deref().unwrap_or("not one of the last runs"));
    details.add(TextStyle::Plain, "Updated at", text::time(exported.updated_at));
    details.add(TextStyle::Plain, "Content", &exported.content);
}

fn describe(state: &HubState) -> String {
    let region = state.region;
    if let Some(error) = &state.error {
        return format!("{region}: unreachable: {error}");
    }
    let Some(record_state) = &state.record_state else { return format!("{region}: not found") };
    let of = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
    let (status, workflow, updated_at) = (of(&state.status), of(&state.workflow), of(&state.updated_at));
    format!("{region}: {record_state}, {status}, workflow {workflow}, updated {updated_at}")
}

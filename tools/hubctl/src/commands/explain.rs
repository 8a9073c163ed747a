//! `hubctl explain`: what is known of one finding.

use anyhow::Result;
use exporter::explain::{Explanation, FindingName, KnownState, LiveState, explain};

use crate::config::{Format, Global};
use crate::deployment::{self, port};
use crate::exit::{Exit, Failure};
use crate::origin::Origin;
use crate::render::{Details, Output, Tone, text};
use crate::standalone::{Standalone, StateOnly};

/// The account's last runs that are looked through.
const RUNS: usize = 20;

/// Characters of what is said of a run; `hubctl run show` has the rest.
const SAID_CHARS_MAX: usize = 160;

/// Say what is known of a finding, and why it was sent, kept back or archived
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Reads the state, the account's last 20 runs and their quarantine; with --live
Security Hub as well. Changes nothing.

Examples:
  hubctl explain prowler-s3_bucket_acl-123456789012-eu-west-1-0123456ab
  hubctl explain prowler-s3_bucket_acl-123456789012-eu-west-1-0123456ab --live

JSON: id, name (check, account, region, hash), known (for each Region whose
Security Hub was sent it: state, status, archived_as, first_seen, last_sent,
updated_at, content, absent, sent_by, finding), quarantine, runs (run_id,
started_at, said), stays_active (run_id, class, reason, message, command), live
(region, record_state, workflow, status, updated_at, error), notes.")]
pub(crate) struct Args {
    /// The finding's Id in Security Hub
    #[arg(value_name = "FINDING-ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    id: String,

    /// Ask Security Hub what it holds now
    #[arg(long)]
    live: bool,

    #[command(flatten)]
    state: StateOnly,
}

pub(crate) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    let name = FindingName::parse(&args.id).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("{:?} is not the Id of a Prowler finding", args.id))
            .hint("it is prowler-CHECK-ACCOUNT-REGION-HASH, as Security Hub shows it under Finding ID")
    })?;
    let origin = match &args.state.place {
        Some(place) => Origin::standalone(place, global),
        None => Origin::workstation(global, false, String::new()),
    };
    let explanation = deployment::block_on(async {
        if let Some(place) = &args.state.place {
            let standalone = Standalone::open(place, global).await?;
            let runs = standalone.list_runs(RUNS, Some(name.account)).await?;
            // With the settings of the newest run, Security Hub is asked as that run called it.
            let standalone = Standalone::open_as_newest(place, &runs, global).await?;
            let explained = explain(&standalone, &args.id, name, &runs, args.live).await;
            return Ok(explained.map_err(|error| port(&error))?);
        }
        of_deployment(global, &args.id, name, args.live).await
    })?;
    match output.format {
        Format::Json => output.json(&explanation)?,
        Format::Table => write(&explanation, args.live, &origin, output)?,
    }
    Ok(Exit::Success)
}

/// What the deployment knows of a finding.
pub(crate) async fn of_deployment(global: &Global, id: &str, name: FindingName, live: bool) -> Result<Explanation> {
    let connected = deployment::connect(global).await?;
    let runs = connected.cloud.list_runs(RUNS, Some(&name.account)).await.map_err(|error| port(&error))?;
    let explained = explain(connected.cloud.as_ref(), id, name, &runs, live).await;
    Ok(explained.map_err(|error| port(&error))?)
}

fn write(explanation: &Explanation, live: bool, origin: &Origin, output: &mut Output) -> Result<()> {
    let mut facts = Details::new();
    facts.add(Tone::Strong, "Finding", &explanation.id);
    facts.add(Tone::Plain, "Check", &explanation.name.check);
    facts.add(Tone::Plain, "Account", explanation.name.account);
    facts.add(Tone::Plain, "Region", explanation.name.region);
    if explanation.known.is_empty() {
        facts.add(Tone::Warning, "State", "nothing is known of it: it was never sent, or not since its state was kept");
    }
    for known in &explanation.known {
        add_known(&mut facts, known, known.region != explanation.name.region);
    }
    for kept in &explanation.quarantine {
        facts.add(
            Tone::Bad,
            "Quarantine",
            format!("entry {} of run {}: {}: {}", kept.entry, kept.run_id, kept.code, kept.message),
        );
    }
    for state in &explanation.live {
        facts.add(Tone::Plain, "Security Hub", words(state));
    }
    if !live {
        facts.add(Tone::Plain, "Security Hub", "not asked: --live does");
    }
    if let Some(stays) = &explanation.stays_active {
        facts.add(Tone::Warning, "Stays active", &stays.message);
        facts.add(Tone::Plain, "To archive it", origin.command(&stays.command));
    }
    for note in &explanation.notes {
        facts.add(Tone::Warning, "Besides", note);
    }
    output.facts(&facts)?;
    output.line("")?;
    if explanation.runs.is_empty() {
        output.line("No run of the account is recorded.")?;
        return Ok(());
    }
    output.line("The account's last runs, the newest first")?;
    let mut runs = explanation.runs.as_slice();
    while let Some(run) = runs.first() {
        let same = runs.iter().take_while(|other| other.said == run.said).count();
        let mut said = text::harmless(&run.said);
        if said.chars().count() > SAID_CHARS_MAX {
            said = said.chars().take(SAID_CHARS_MAX).collect::<String>() + "...";
        }
        output.line(format!("* {} {} {said}", text::time(run.started_at), run.run_id))?;
        if same > 1 {
            output.line(format!("  and {} before it: the same", text::counted(same as u64 - 1, "run", "runs")))?;
        }
        runs = &runs[same..];
    }
    Ok(())
}

fn add_known(facts: &mut Details, known: &KnownState, elsewhere: bool) {
    let because = known.archived_as.map_or(String::new(), |because| format!(", since it is {because}"));
    let uncertain = if known.state == "uncertain" { ": a call that carried it had no answer" } else { "" };
    let place = if elsewhere { format!(", in {}", known.region) } else { String::new() };
    let tone = if known.state == "active" { Tone::Good } else { Tone::Plain };
    facts.add(tone, "State", format!("{}{because}{uncertain}{place}", known.state));
    facts.add(Tone::Plain, "Status", known.status);
    facts.add(Tone::Plain, "First seen", text::time(known.first_seen));
    facts.add(Tone::Plain, "Last sent", text::time(known.last_sent));
    facts.add(Tone::Plain, "Sent by run", known.sent_by.as_deref().unwrap_or("none of the last runs"));
    facts.add(Tone::Plain, "Updated at", text::time(known.updated_at));
    facts.add(Tone::Plain, "Content", &known.content);
}

fn words(state: &LiveState) -> String {
    let region = state.region;
    if let Some(error) = &state.error {
        return format!("{region} can't be asked: {error}");
    }
    let Some(record_state) = &state.record_state else { return format!("{region} does not have it") };
    let of = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
    let (status, workflow, updated_at) = (of(&state.status), of(&state.workflow), of(&state.updated_at));
    format!("{region}: {record_state}, {status}, workflow {workflow}, updated {updated_at}")
}

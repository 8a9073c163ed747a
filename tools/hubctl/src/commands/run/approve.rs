//! `hubctl run approve`: archives findings that a run did not archive automatically, because they are above the archive limit or
//! unproven.

use anyhow::Result;
use exporter::jobs::newer_run;
use exporter::model::approval::Approval;
use exporter::model::integration::ArchiveScope;
use exporter::report::{AccountReport, ArchiveSkipped, RunReport, RunStatus};
use management::wire::IntegrationView;

use super::{RunSource, reexport, show};
use crate::client::{Management, read};
use crate::commands::integration::shown::path;
use crate::commands::job::submit::{self, ExecutionOptions, Submitted};
use crate::config::Global;
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::origin::Origin;
use crate::prompt::Prompt;
use crate::render::{Output, pending_archive, text};

/// Number of an account's runs to search for a newer scan.
const NEWER_RUNS_MAX: usize = 100;

/// Approve a run's pending archive or unproven findings
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Two kinds of findings require approval. Pending: the scan shows them as
resolved, but they are more than the integration's limit, so none was archived
(archive_requires_approval). Unproven: they are absent from the scan, but the
scan does not prove that they are resolved. `hubctl run pending` lists both.

The approval exports the scan again and archives the approved findings. A scan
that looked partial then becomes the baseline for later scans. To undo it, run
`hubctl run undo-archive`. If a newer scan was exported, the approval is
rejected and hubctl prints the run to approve instead.

Examples:
  hubctl run approve 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b
  hubctl run approve 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b --unproven --yes
  hubctl run approve 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b --pending --unproven
  hubctl run approve 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b --state .state

JSON: the report of the new run, as in `hubctl run show`; with --no-wait the
job, as in `hubctl job show`.")]
pub(crate) struct Args {
    /// Run ID (see `hubctl run list`)
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: String,

    /// Archive the findings that are above the limit [default, if --unproven is not given]
    #[arg(long)]
    pending: bool,

    /// Archive the findings that the scan proves nothing about
    #[arg(long)]
    unproven: bool,

    /// Skip the confirmation prompt
    #[arg(short, long)]
    yes: bool,

    #[command(flatten)]
    execution: ExecutionOptions,
}

pub(super) fn run(args: &Args, source: &RunSource, global: &Global, output: &mut Output) -> Result<Exit> {
    source.check(&args.execution)?;
    let mut prompt = Prompt::at_terminal();
    if !args.yes {
        prompt.require_terminal("whether to archive", "to confirm in advance, add --yes")?;
    }
    let approval = Approval::for_job(args.pending, args.unproven);
    let origin = source.origin(global);
    let ask = |run: &RunReport, prompt: &mut Prompt, output: &mut Output| {
        if args.yes || confirm(prompt, run, approval, output)? {
            return Ok(());
        }
        Err(anyhow::Error::from(Failure::new(Exit::Error, "nothing was archived")))
    };
    if let Some(location) = &source.state.location {
        let run = block_on(source.find(&args.run_id, global))?;
        waits(&run, approval, &origin)?;
        ask(&run, &mut prompt, output)?;
        return reexport::standalone(&args.run_id, approval, &args.execution.work, (location, global), output);
    }
    let given = block_on(async {
        let management = source.connection_args.connect(global).await?;
        let run = show::find(&management, &args.run_id).await?;
        waits(&run, approval, &origin)?;
        is_newest(&run, approval, &management, &origin).await?;
        ask(&run, &mut prompt, output)?;
        if source.connection_args.local {
            return Ok(None);
        }
        let job = reexport::job(&args.run_id, approval);
        submit::run_remotely(&job, &args.execution, &management, output).await.map(Some)
    })?;
    match given {
        None => reexport::local(&args.run_id, approval, &args.execution, global, output),
        Some(Submitted::Queued(job)) => submit::report_submitted(&job, output),
        Some(Submitted::Finished(outcome)) => {
            let exit = submit::conclude_one(&args.execution.work, &outcome, &origin, output)?;
            let in_vain = exit == Exit::Success && outcome.runs.iter().any(is_superseded);
            Ok(if in_vain { Exit::Error } else { exit })
        }
    }
}

/// Whether a newer scan supersedes a run.
fn is_superseded(run: &RunReport) -> bool {
    run.status == RunStatus::Superseded
}

/// Rejects the approval if no finding of the run requires it.
fn waits(run: &RunReport, approval: Approval, origin: &Origin) -> Result<(), Failure> {
    let Some(why) = approval.reason_without_effect(run) else { return Ok(()) };
    let failure = submit::rejection(&why);
    Err(Failure { hint: failure.hint.map(|hint| origin.complete_lines(&hint)), ..failure })
}

/// Rejects a run if newer scans of its accounts were exported. The deployment does so too, but only after the prompt.
async fn is_newest(run: &RunReport, approval: Approval, management: &Management, origin: &Origin) -> Result<()> {
    let mut hint = None;
    for (account, _) in run.accounts_to_approve(approval) {
        // Newer scans of another part of an account don't make a partial one outdated.
        let integration = management.find(path(&account.into())).await?;
        let scope = integration.map(|answer| read::<IntegrationView>(&answer.body)).transpose()?;
        if scope.is_none_or(|view| view.settings.archive_scope != ArchiveScope::Full) {
            return Ok(());
        }
        let listed = management.list(&format!("/runs?account={account}"), NEWER_RUNS_MAX).await?;
        let runs: Vec<RunReport> = listed.iter().map(read).collect::<Result<_, _>>()?;
        let Some(newer) = newer_run(run, account, &runs) else { return Ok(()) };
        let waits = newer.accounts.get(&account).is_some_and(|part| part.is_affected_by(approval));
        let look = format!("hubctl run show {}", newer.run_id);
        hint = Some(origin.command(&if waits { newer.approve_command(approval) } else { look }));
    }
    let message = format!("run {} can't be approved: a newer scan was exported since", run.run_id);
    Err(Failure { hint, ..Failure::new(Exit::Error, message) }.into())
}

/// Asks for confirmation at the terminal.
fn confirm(prompt: &mut Prompt, run: &RunReport, approval: Approval, output: &mut Output) -> Result<bool> {
    for (account, part) in run.accounts_to_approve(approval) {
        for line in question(part, approval) {
            output.note(format!("account {account}: {line}"))?;
        }
    }
    prompt.confirm("Archive them? Type yes:", output)
}

/// Describes what would be archived in an account.
fn question(part: &AccountReport, approval: Approval) -> Vec<String> {
    let mut lines = Vec::new();
    if let (true, Some(ArchiveSkipped::ArchiveRequiresApproval { pending, active })) = (approval.pending, &part.archive)
    {
        let active = text::counted(*active, "active finding", "active findings");
        lines.push(format!("the scan shows {} of {active} as resolved", text::count(*pending)));
        lines.extend(part.pending_archive.iter().flat_map(|archive| pending_archive::unusual(archive, *pending)));
    }
    if approval.unproven {
        let findings = text::counted(part.counts.unproven, "active finding", "active findings");
        lines.push(format!("the scan proves nothing about {findings}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use asff::AccountId;
    use exporter::model::upload::UploadInfo;

    use super::*;

    #[test]
    fn an_approval_of_nothing_names_the_command_for_the_other_kind() {
        let upload = UploadInfo {
            source: "s3://b/k".to_owned(),
            etag: String::new(),
            bytes: 0,
            modified_at: None,
            requester: None,
        };
        let mut run = RunReport::new("1".to_owned(), upload, "2026-11-23T00:00:00Z".parse().unwrap());
        let account: AccountId = "123456789012".parse().unwrap();
        let refused = |run: &RunReport, pending, unproven| {
            waits(run, Approval { pending, unproven }, &Origin::default()).unwrap_err().hint.unwrap()
        };
        run.accounts.insert(account, AccountReport::default());
        assert_eq!(refused(&run, true, false), "hubctl run show 1");
        let archive = Some(ArchiveSkipped::ArchiveRequiresApproval { pending: 80, active: 120 });
        run.accounts.insert(account, AccountReport { archive, ..AccountReport::default() });
        waits(&run, Approval { pending: true, unproven: false }, &Origin::default()).unwrap();
        assert_eq!(refused(&run, false, true), "hubctl run approve 1");
        let mut part = AccountReport::default();
        part.counts.unproven = 3;
        run.accounts.insert(account, part);
        assert_eq!(refused(&run, true, false), "hubctl run approve 1 --unproven");
        let all = Approval { pending: true, unproven: true };
        waits(&run, all, &Origin::default()).unwrap();
        assert_eq!(question(&run.accounts[&account], all), ["the scan proves nothing about 3 active findings"]);
    }
}

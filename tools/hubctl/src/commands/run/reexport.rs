//! Re-exports a run's upload on this machine: with `--local` for a deployment, with `--state` without one.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use exporter::export::Options;
use exporter::jobs::{Job, ensure_approvable};
use exporter::model::approval::Approval;
use exporter::model::upload::Upload;
use exporter::ports::{Ports, Scan, Scans};
use exporter::report::{RunKind, RunReport, RunTrigger};
use exporter::selection::filter::FilterReason;

use crate::commands::export::{Work, work};
use crate::commands::job::submit::{self, ExecutionOptions};
use crate::config::Global;
use crate::deployment;
use crate::exit::{Exit, Failure};
use crate::origin::Origin;
use crate::render::Output;
use crate::scan::source::Source;
use crate::standalone::{Standalone, StateLocation};

/// Re-exports a run's upload, which may be a local file, with the caller's own credentials.
pub(super) fn local(
    run_id: &str,
    approval: Approval,
    ExecutionOptions { work, reason, .. }: &ExecutionOptions,
    global: &Global,
    output: &mut Output,
) -> Result<Exit> {
    let (report, origin) = deployment::block_on(async {
        let connected = deployment::connect(global).await?;
        let earlier = connected.find_run(run_id).await?;
        let cloud = &connected.cloud;
        let is_local_file = !earlier.upload.source.starts_with("s3://");
        let origin = Origin::workstation(global, is_local_file, connected.state());
        let reexport = Reexport { earlier: &earlier, approval, origin: &origin };
        let scan = reexport.open(cloud.as_ref(), cloud.as_ref()).await?;
        submit::record_audit(&job(run_id, approval), reason.text.clone(), &connected).await?;
        let report = work::export(cloud, work, &origin, scan, reexport.options(), output).await?;
        Ok((report, origin))
    })?;
    work::conclude(work, &report, &origin, output)
}

/// Re-exports without a deployment, with the settings of the run.
pub(super) fn standalone(
    run_id: &str,
    approval: Approval,
    work: &Work,
    (location, global): (&StateLocation, &Global),
    output: &mut Output,
) -> Result<Exit> {
    let origin = Origin::standalone(location, global);
    let report = deployment::block_on(async {
        let ports = Arc::new(Standalone::open_as(location, run_id, global).await?);
        let earlier = ports.find_run(run_id).await?;
        let reexport = Reexport { earlier: &earlier, approval, origin: &origin };
        let scan = reexport.open(ports.as_ref(), ports.cloud.as_ref()).await?;
        work::export(&ports, work, &origin, scan, reexport.options(), output).await
    })?;
    work::conclude(work, &report, &origin, output)
}

/// The job, for the audit log.
pub(super) fn job(run_id: &str, approval: Approval) -> Job {
    let run_id = run_id.to_owned();
    match approval {
        Approval { pending: false, unproven: false } => Job::Replay { run_id, next_run_ids: Vec::new() },
        Approval { pending, unproven } => Job::Approve { run_id, pending, unproven },
    }
}

/// A run whose upload is exported again.
struct Reexport<'a> {
    earlier: &'a RunReport,
    /// `None` for a replay.
    approval: Approval,
    origin: &'a Origin,
}

impl Reexport<'_> {
    fn options(&self) -> Options {
        // The format of the run, even if the settings select another one.
        let any_format = !self.earlier.counts.filtered.contains_key(FilterReason::OtherFormat.as_str());
        let trigger = RunTrigger::of_reexport(self.approval);
        Options { reexport: true, approval: self.approval, any_format, trigger, ..Options::default() }
    }

    /// Opens the run's upload, if it is unchanged and can be exported again.
    async fn open(&self, ports: &impl Ports, scans: &impl Scans) -> Result<Scan> {
        let run = self.earlier;
        is_export(run)?;
        if self.approval != Approval::default() {
            let approvable = ensure_approvable(ports, run, self.approval).await;
            approvable.map_err(|error| {
                let failure = submit::failed(&error, &self.origin.command(&run.approve_command(self.approval)));
                Failure { hint: failure.hint.map(|hint| self.origin.complete_lines(&hint)), ..failure }
            })?;
        }
        let name = &run.upload.source;
        let source = match name.strip_prefix("s3://").and_then(|address| address.split_once('/')) {
            Some((bucket, key)) => {
                let (requester, etag) = (run.upload.requester.clone(), Some(run.upload.etag.clone()));
                Source::Object(Upload { requester, etag, ..Upload::new(bucket, key) })
            }
            None => Source::File(PathBuf::from(name)),
        };
        let export_it = if self.origin.is_standalone() {
            "export the scan again, with --standalone and the options of that export".to_owned()
        } else {
            format!("to export the current version: hubctl export {name}")
        };
        if let Source::File(path) = &source
            && !path.exists()
        {
            let message = format!("{name}, which run {} exported, no longer exists", run.run_id);
            return Err(Failure::new(Exit::Error, message).hint(export_it).into());
        }
        let scan = work::open(&source, scans).await?;
        if scan.info.etag == run.upload.etag {
            return Ok(scan);
        }
        let message = format!("{name} has changed since run {} exported it", run.run_id);
        Err(Failure::new(Exit::Error, message).hint(export_it).into())
    }
}

fn is_export(run: &RunReport) -> Result<(), Failure> {
    if run.kind == RunKind::Export {
        return Ok(());
    }
    let message = format!("run {} is not an export (kind {})", run.run_id, run.kind.as_str());
    Err(Failure::new(Exit::Usage, message).hint("to list the runs: hubctl run list"))
}

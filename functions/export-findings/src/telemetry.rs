//! What the function says about itself: JSON log lines with dotted fields, one line for each run. Metrics belong here too.
//!
//! Promise: only our own crates are heard below WARN. The SDK's finer lines hold requests with their headers.

use exporter::report::{RunReport, RunStatus};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The crates that are heard at every level. Compared as a whole: `aws` is ours, `aws_config` is not.
const OURS: [&str; 4] = ["asff", "aws", "exporter", "export_findings"];
/// Reasons that a run's line repeats; all are in its report.
const REASONS_MAX: usize = 5;

/// Starts logging to standard output. Called once.
pub fn start(level: LevelFilter) {
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false);
    let heard = filter_fn(move |metadata| is_heard(metadata, level));
    // Only a second start can fail, and then the first goes on.
    let _ = tracing_subscriber::registry().with(lines.with_filter(heard)).try_init();
}

fn is_heard(metadata: &Metadata<'_>, level: LevelFilter) -> bool {
    let name = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= level && (OURS.contains(&name) || *metadata.level() <= Level::WARN)
}

/// Writes the one line of a run.
pub fn log_run(run: &RunReport) {
    /// The same fields at each level; `tracing` fixes a line's level where it is written.
    macro_rules! line {
        ($level:ident, $message:literal) => {
            tracing::$level!(
                run.id = run.run_id,
                run.status = run.status.as_str(),
                run.reasons = reasons(run),
                upload.source = run.upload.source,
                upload.bytes = run.upload.bytes,
                accounts = run.accounts.len(),
                findings.read = run.counts.read,
                findings.sent = run.counts.sent,
                findings.unchanged = run.counts.unchanged,
                findings.filtered = run.counts.filtered_total(),
                findings.region_unavailable = run.counts.region_unavailable_total(),
                findings.quarantined = run.counts.quarantined_total(),
                findings.unreadable = run.counts.unreadable,
                findings.undelivered = run.counts.undelivered_total(),
                findings.repaired = run.counts.repaired,
                duration_ms = duration_ms(run),
                $message
            )
        };
    }
    match run.status {
        RunStatus::Succeeded => line!(info, "scan exported"),
        RunStatus::Ignored => line!(info, "upload ignored: it holds no scan"),
        RunStatus::Duplicate => line!(info, "upload ignored: an earlier run exported it"),
        RunStatus::Degraded => line!(warn, "scan exported, but not all of it"),
        RunStatus::Failed | RunStatus::Running => line!(warn, "scan not exported; it is tried again"),
    }
}

fn reasons(run: &RunReport) -> String {
    let shown = run.reasons.iter().take(REASONS_MAX).map(String::as_str);
    shown.collect::<Vec<_>>().join("; ")
}

fn duration_ms(run: &RunReport) -> i64 {
    let ended = run.finished_at.unwrap_or(run.started_at);
    ended.as_millisecond() - run.started_at.as_millisecond()
}

//! What the function says about itself: JSON log lines with dotted fields, one line for each run. Metrics belong here too.
//!
//! Promise: only our own crates are heard below WARN. The SDK's finer lines hold requests with their headers.

use exporter::report::{RunKind, RunReport, RunStatus};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The crates that are heard at every level. Compared as a whole: `aws` is ours, `aws_config` is not.
const OURS: [&str; 4] = ["asff", "aws", "exporter", "export_findings"];
/// Reasons that a run's line repeats; all are in its report.
const REASONS_MAX: usize = 5;

/// Starts logging to standard output. Called once.
pub fn start(level: LevelFilter) {
    // Only a second start can fail, and then the first goes on.
    let _ = lines(level, std::io::stdout).try_init();
}

/// Who hears what, and writes it where.
fn lines<W>(level: LevelFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false)
        .with_writer(writer);
    let heard = filter_fn(move |metadata| is_heard(metadata, level));
    tracing_subscriber::registry().with(lines.with_filter(heard))
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
                run.kind = run.kind.as_str(),
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
                findings.archived = run.counts.archived,
                duration_ms = duration_ms(run),
                $message
            )
        };
    }
    match run.status {
        RunStatus::Succeeded | RunStatus::Superseded if run.kind != RunKind::Export => line!(info, "order carried out"),
        RunStatus::Unfinished if run.kind != RunKind::Export => {
            line!(info, "order carried out in part; the next run goes on");
        }
        RunStatus::Degraded if run.kind != RunKind::Export => line!(warn, "order carried out, but not all of it"),
        _ if run.kind != RunKind::Export => line!(warn, "order not carried out; it is tried again"),
        RunStatus::Succeeded => line!(info, "scan exported"),
        RunStatus::Ignored => line!(info, "upload ignored: it holds no scan"),
        RunStatus::Duplicate => line!(info, "upload ignored: an earlier run exported it"),
        RunStatus::Superseded => line!(info, "upload ignored: a newer scan was exported before"),
        RunStatus::Unfinished => line!(info, "scan exported in part; the next run goes on"),
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use exporter::report::{Counts, Fate};
    use exporter::upload::UploadInfo;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The lines that are written meanwhile.
    fn written(level: LevelFilter, meanwhile: impl FnOnce()) -> Vec<Value> {
        let paper = Paper::default();
        let on = paper.clone();
        tracing::subscriber::with_default(lines(level, move || on.clone()), meanwhile);
        let bytes = paper.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_run_is_one_line_with_dotted_fields() {
        let upload = UploadInfo { source: "s3://b/k".to_owned(), etag: "e".to_owned(), bytes: 7, modified_at: None };
        let mut run = RunReport::begin("r1".to_owned(), upload, "2026-11-23T08:00:00Z".parse().unwrap());
        run.status = RunStatus::Degraded;
        run.finished_at = Some("2026-11-23T08:00:01.5Z".parse().unwrap());
        run.reasons = vec!["one".to_owned(), "two".to_owned()];
        run.counts = Counts { read: 5, sent: 3, ..Counts::default() };
        run.counts.add(Fate::Quarantined("InvalidInput".to_owned()), 2);
        let lines = written(LevelFilter::INFO, || {
            let _invocation = tracing::info_span!("invocation", request.id = "q1").entered();
            log_run(&run);
        });
        let [line] = lines.try_into().unwrap();
        for (field, value) in [
            ("level", json!("WARN")),
            ("message", json!("scan exported, but not all of it")),
            ("run.id", json!("r1")),
            ("run.status", json!("degraded")),
            ("run.reasons", json!("one; two")),
            ("upload.source", json!("s3://b/k")),
            ("findings.read", json!(5)),
            ("findings.sent", json!(3)),
            ("findings.quarantined", json!(2)),
            ("duration_ms", json!(1500)),
            ("span", json!({"name": "invocation", "request.id": "q1"})),
        ] {
            assert_eq!(line[field], value, "{field}");
        }
    }

    #[test]
    fn only_our_crates_are_heard_below_warn() {
        let lines = written(LevelFilter::TRACE, || {
            tracing::trace!(target: "aws::hub", "ours");
            tracing::info!(target: "aws_smithy_runtime::client", "a request with its headers");
            tracing::info!(target: "hyper_util", "not ours");
            tracing::warn!(target: "aws_config::profile", "a warning");
        });
        let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
        assert_eq!(messages, ["ours", "a warning"]);
        assert!(written(LevelFilter::WARN, || tracing::info!(target: "exporter", "too fine")).is_empty());
    }
}

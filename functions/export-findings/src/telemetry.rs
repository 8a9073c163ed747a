//! The log lines of a run, in JSON with dotted field names: one line
//! per run, and one line per error code of its quarantined findings.

use exporter::report::{RunKind, RunReport, RunStatus};

/// Maximum number of reasons in the line of a run. The report of the run has all.
const REASONS_MAX: usize = 5;

/// Maximum number of error codes that are logged. Security Hub has a dozen.
const CODES_MAX: usize = 20;

/// Logs a line for each error code of the run's quarantined findings.
pub fn log_quarantine(run: &RunReport) {
    for (code, findings) in run.in_quarantine().iter().take(CODES_MAX) {
        tracing::warn!(
            run.id = run.run_id,
            quarantine.code = code,
            findings.quarantined = findings,
            "findings quarantined; to list them: hubctl quarantine list"
        );
    }
}

/// Logs a run.
pub fn log_run(run: &RunReport) {
    /// Logs the same fields at each level: `tracing` requires the level of a line at compile time.
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
                findings.malformed = run.counts.malformed,
                findings.undelivered = run.counts.undelivered_total(),
                findings.repaired = run.counts.repaired,
                findings.archived = run.counts.archived,
                duration_ms = duration_ms(run),
                $message
            )
        };
    }
    match run.status {
        RunStatus::Succeeded | RunStatus::Superseded if run.kind != RunKind::Export => line!(info, "job run"),
        RunStatus::Unfinished if run.kind != RunKind::Export => {
            line!(info, "job partly complete; the next run continues");
        }
        RunStatus::Degraded if run.kind != RunKind::Export => line!(warn, "job complete, with problems"),
        _ if run.kind != RunKind::Export => line!(warn, "job not run; it is retried"),
        RunStatus::Succeeded => line!(info, "scan exported"),
        RunStatus::Ignored => line!(info, "upload ignored"),
        RunStatus::Duplicate => line!(info, "upload ignored: an earlier run exported it"),
        RunStatus::Superseded => line!(info, "upload ignored: a newer scan was exported before"),
        RunStatus::Unfinished => line!(info, "scan partly exported; the next run continues"),
        RunStatus::Degraded => line!(warn, "scan exported, with problems"),
        RunStatus::Failed | RunStatus::Running => line!(warn, "scan not exported; it is retried"),
    }
}

/// The first reasons of a run.
pub(crate) fn reasons(run: &RunReport) -> String {
    let shown = run.reasons.iter().take(REASONS_MAX).map(String::as_str);
    shown.collect::<Vec<_>>().join("; ")
}

/// Duration of a run in milliseconds.
pub(crate) fn duration_ms(run: &RunReport) -> i64 {
    let ended = run.finished_at.unwrap_or(run.started_at);
    ended.as_millisecond() - run.started_at.as_millisecond()
}

#[cfg(test)]
mod tests {
    use exporter::model::upload::UploadInfo;
    use exporter::report::{Counts, Fate};
    use runtime::logs::capture::written;
    use serde_json::json;
    use tracing::level_filters::LevelFilter;

    use super::*;

    #[test]
    fn each_code_in_quarantine_has_a_line() {
        let upload =
            UploadInfo { source: String::new(), etag: String::new(), bytes: 0, modified_at: None, requester: None };
        let mut run = RunReport::new("r1".to_owned(), upload, "2026-11-23T08:00:00Z".parse().unwrap());
        let lines = |run: &RunReport| written(LevelFilter::INFO, "export_findings", || log_quarantine(run));
        assert!(lines(&run).is_empty());
        run.counts.add(Fate::Quarantined("InvalidInput".to_owned()), 2);
        run.counts.add(Fate::Malformed, 1);
        run.quarantine = Some(RunReport::quarantine_key("r1"));
        let lines = lines(&run);
        let found: Vec<_> =
            lines.iter().map(|line| (&line["quarantine.code"], &line["findings.quarantined"])).collect();
        assert_eq!(found, [(&json!("InvalidInput"), &json!(2)), (&json!("malformed"), &json!(1))]);
    }

    #[test]
    fn a_run_is_one_line_with_dotted_fields() {
        let upload = UploadInfo {
            source: "s3://b/k".to_owned(),
            etag: "e".to_owned(),
            bytes: 7,
            modified_at: None,
            requester: None,
        };
        let mut run = RunReport::new("r1".to_owned(), upload, "2026-11-23T08:00:00Z".parse().unwrap());
        run.status = RunStatus::Degraded;
        run.finished_at = Some("2026-11-23T08:00:01.5Z".parse().unwrap());
        run.reasons = vec!["one".to_owned(), "two".to_owned()];
        run.counts = Counts { read: 5, sent: 3, ..Counts::default() };
        run.counts.add(Fate::Quarantined("InvalidInput".to_owned()), 2);
        let lines = written(LevelFilter::INFO, "export_findings", || {
            let _invocation = tracing::info_span!("invocation", request.id = "q1").entered();
            log_run(&run);
        });
        let [line] = lines.try_into().unwrap();
        for (field, value) in [
            ("level", json!("WARN")),
            ("message", json!("scan exported, with problems")),
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
}

//! Log lines: JSON with dotted field names, on standard output.
//!
//! Guarantee: below WARN, only our own crates log, because debug lines of the SDK contain requests with their headers. The bodies
//! of API requests, which may contain an access key, are never logged.

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Our crates, which log at every level. The whole first path segment is compared: `aws` matches, `aws_config` doesn't.
const CRATES: [&str; 5] = ["asff", "aws", "exporter", "management", "runtime"];

/// Starts logging to standard output, from our crates and the function's own crate. Call it once.
pub fn start(level: LevelFilter, function: &'static str) {
    // Only a second call can fail. Then the first subscriber stays active.
    let _ = lines(level, function, std::io::stdout).try_init();
}

/// Starts logging to standard error, which Lambda logs, too. For a child process, which writes its result to standard output.
pub fn start_in_child(level: LevelFilter, function: &'static str) {
    let _ = lines(level, function, std::io::stderr).try_init();
}

/// The subscriber, with its filter and writer.
pub fn lines<W>(level: LevelFilter, function: &'static str, writer: W) -> impl Subscriber + Send + Sync
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
    let filter = filter_fn(move |metadata| is_logged(metadata, level, function));
    tracing_subscriber::registry().with(lines.with_filter(filter))
}

fn is_logged(metadata: &Metadata<'_>, level: LevelFilter, function: &str) -> bool {
    let name = metadata.target().split("::").next().unwrap_or_default();
    let is_own = CRATES.contains(&name) || name == function;
    *metadata.level() <= level && (is_own || *metadata.level() <= Level::WARN)
}

/// Captures logs, for tests.
pub mod capture {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing::level_filters::LevelFilter;

    #[derive(Clone, Default)]
    struct CapturedLogs(Arc<Mutex<Vec<u8>>>);

    impl Write for CapturedLogs {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            match self.0.lock() {
                Ok(mut captured) => captured.write(bytes),
                Err(_) => Ok(bytes.len()),
            }
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Returns the lines that an action logs.
    pub fn written(level: LevelFilter, function: &'static str, action: impl FnOnce()) -> Vec<Value> {
        let captured = CapturedLogs::default();
        let on = captured.clone();
        tracing::subscriber::with_default(super::lines(level, function, move || on.clone()), action);
        let bytes = captured.0.lock().map(|bytes| bytes.clone()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::capture::written;
    use super::*;

    #[test]
    fn only_our_crates_log_below_warn() {
        let lines = written(LevelFilter::TRACE, "export_findings", || {
            tracing::trace!(target: "aws::hub", "ours");
            tracing::info!(target: "export_findings::handler", "the function");
            tracing::info!(target: "aws_smithy_runtime::client", "a request with its headers");
            tracing::info!(target: "hyper_util", "not ours");
            tracing::warn!(target: "aws_config::profile", "a warning");
        });
        let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
        assert_eq!(messages, ["ours", "the function", "a warning"]);
        assert!(written(LevelFilter::WARN, "", || tracing::info!(target: "exporter", "too fine")).is_empty());
    }

    #[test]
    fn a_line_is_one_object_with_the_span_it_was_in() {
        let lines = written(LevelFilter::INFO, "runtime", || {
            let _invocation = tracing::info_span!("invocation", request.id = "q1").entered();
            tracing::info!(findings.sent = 3, "scan exported");
        });
        assert_eq!(lines[0]["findings.sent"], json!(3));
        assert_eq!(lines[0]["span"], json!({"name": "invocation", "request.id": "q1"}));
    }
}

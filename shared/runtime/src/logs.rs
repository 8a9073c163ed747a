//! Log lines: JSON with dotted fields on standard output.
//!
//! Promise: only our own crates are heard below WARN. The SDK's finer lines hold requests with their headers, and bodies of
//! requests to us, which may hold an access key, are logged at no level.

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The crates below a function that are heard at every level. Compared as a whole: `aws` is ours, `aws_config` is not.
const OURS: [&str; 5] = ["asff", "aws", "exporter", "management", "runtime"];

/// Starts logging to standard output: our crates and the function's own. Called once.
pub fn start(level: LevelFilter, function: &'static str) {
    // Only a second start can fail, and then the first goes on.
    let _ = lines(level, function, std::io::stdout).try_init();
}

/// The same to standard error, which Lambda logs as well: for a child process that writes its result to standard output.
pub fn start_in_child(level: LevelFilter, function: &'static str) {
    let _ = lines(level, function, std::io::stderr).try_init();
}

/// Who hears what, and writes it where.
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
    let heard = filter_fn(move |metadata| is_heard(metadata, level, function));
    tracing_subscriber::registry().with(lines.with_filter(heard))
}

fn is_heard(metadata: &Metadata<'_>, level: LevelFilter, function: &str) -> bool {
    let name = metadata.target().split("::").next().unwrap_or_default();
    let ours = OURS.contains(&name) || name == function;
    *metadata.level() <= level && (ours || *metadata.level() <= Level::WARN)
}

/// Where a test reads what was written.
pub mod paper {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing::level_filters::LevelFilter;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            match self.0.lock() {
                Ok(mut paper) => paper.write(bytes),
                Err(_) => Ok(bytes.len()),
            }
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The lines that are written meanwhile.
    pub fn written(level: LevelFilter, function: &'static str, meanwhile: impl FnOnce()) -> Vec<Value> {
        let paper = Paper::default();
        let on = paper.clone();
        tracing::subscriber::with_default(super::lines(level, function, move || on.clone()), meanwhile);
        let bytes = paper.0.lock().map(|bytes| bytes.clone()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::paper::written;
    use super::*;

    #[test]
    fn only_our_crates_are_heard_below_warn() {
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

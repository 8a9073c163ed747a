//! Log lines of the other crates on standard error: off by default, since each command reports its result.

use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::render::LogWriter;

/// This workspace's crates. The whole name is compared: `aws` is included, `aws_config` and the rest of the SDK are not.
const WORKSPACE_CRATES: [&str; 5] = ["asff", "aws", "exporter", "hubctl", "management"];

/// Initializes logging; the level depends on how often `-v` is repeated.
pub(crate) fn to_stderr(verbose: u8) {
    // Fails only if it is called twice in a process.
    let _ = lines(verbose, LogWriter::stderr).try_init();
}

fn lines<W>(verbose: u8, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    tracing_subscriber::registry().with(lines.with_filter(filter_fn(move |metadata| is_enabled(metadata, verbose))))
}

fn is_enabled(metadata: &Metadata<'_>, verbose: u8) -> bool {
    let name = metadata.target().split("::").next().unwrap_or_default();
    let most = match (verbose, WORKSPACE_CRATES.contains(&name)) {
        (0, _) => LevelFilter::OFF,
        (1, true) => LevelFilter::INFO,
        (1, false) => LevelFilter::WARN,
        (_, true) => LevelFilter::DEBUG,
        (_, false) => LevelFilter::INFO,
    };
    *metadata.level() <= most
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

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

    fn written(verbose: u8) -> String {
        let paper = Paper::default();
        let writer = paper.clone();
        tracing::subscriber::with_default(lines(verbose, move || writer.clone()), || {
            tracing::debug!(target: "aws::hub", "our detail");
            tracing::info!(target: "exporter::deliver", "our news");
            tracing::debug!(target: "aws_smithy_runtime::client", "a request with its headers");
            tracing::debug!(target: "aws_runtime::auth", "a client");
            tracing::warn!(target: "aws_config::profile", "their warning");
        });
        let text = paper.0.lock().unwrap().clone();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn sdk_details_are_not_logged_at_any_verbosity() {
        assert_eq!(written(0), "");
        let once = written(1);
        assert!(once.contains("our news") && once.contains("their warning") && !once.contains("our detail"), "{once}");
        for verbose in [2, 3] {
            let twice = written(verbose);
            assert!(twice.contains("our detail") && twice.contains("their warning"), "{twice}");
            assert!(!twice.contains("headers") && !twice.contains("a client"), "{twice}");
        }
    }
}

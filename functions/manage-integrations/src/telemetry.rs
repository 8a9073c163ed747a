//! What the function says about itself: JSON log lines with dotted fields.
//!
//! Promise: only our own crates are heard below WARN. The SDK's finer lines hold requests with their headers, and bodies of
//! requests to us, which may hold an access key, are logged at no level.

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The crates that are heard at every level. Compared as a whole: `aws` is ours, `aws_config` is not.
const OURS: [&str; 4] = ["aws", "exporter", "manage_integrations", "management"];

/// Starts logging to standard output. Called once.
pub fn start(level: LevelFilter) {
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false).with_target(false);
    let heard = filter_fn(move |metadata| is_heard(metadata.target(), *metadata.level(), level));
    // Only a second start can fail, and then the first goes on.
    let _ = tracing_subscriber::registry().with(lines.with_filter(heard)).try_init();
}

fn is_heard(target: &str, of: Level, level: LevelFilter) -> bool {
    let name = target.split("::").next().unwrap_or_default();
    of <= level && (OURS.contains(&name) || of <= Level::WARN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_crates_are_heard_below_warn() {
        assert!(is_heard("management::problem", Level::TRACE, LevelFilter::TRACE));
        assert!(!is_heard("aws_smithy_runtime::client", Level::INFO, LevelFilter::TRACE));
        assert!(is_heard("aws_config::profile", Level::WARN, LevelFilter::TRACE));
        assert!(!is_heard("aws", Level::INFO, LevelFilter::WARN));
    }
}

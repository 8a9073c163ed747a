//! Settings of the console, from its host.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

/// The port that the console listens on unless another one is given, or it is in use.
pub const PORT_DEFAULT: u16 = 8017;

/// Who runs the console, for which deployment, and where.
#[derive(Clone)]
pub struct Settings {
    /// The port of 127.0.0.1 that the host listens on.
    pub port: u16,
    /// The deployment's name for people, such as `production`. It precedes the title of each page.
    pub name: Option<String>,
    /// The stack, or the function or table that stands for it.
    pub stack: String,
    /// The Region of the deployment.
    pub region: String,
    /// The ARN of the operator.
    pub identity: String,
    /// The version of hubctl.
    pub version: String,
    /// Whether changes are disabled.
    pub is_read_only: bool,
    /// The options with which hubctl selects the same deployment, with a leading space, such as ` --stack exporter`.
    pub options: String,
    /// The time.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Reports an event to the terminal.
    pub report: Arc<dyn Fn(&str) + Send + Sync>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Settings").field("port", &self.port).field("stack", &self.stack).finish_non_exhaustive()
    }
}

impl Settings {
    /// Settings of a console on a port, without a deployment's names.
    pub fn new(port: u16) -> Self {
        Self {
            port,
            name: None,
            stack: "securityhub-exporter".to_owned(),
            region: String::new(),
            identity: String::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            is_read_only: false,
            options: String::new(),
            now: Arc::new(Timestamp::now),
            report: Arc::new(|_| {}),
        }
    }
}

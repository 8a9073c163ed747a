//! The outcome of a job, whether it ran locally or in the deployment.

use exporter::report::RunReport;

use crate::exit::{Exit, Failure};

/// The outcome of a job.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Its runs.
    pub(crate) runs: Vec<RunReport>,
    /// The reasons why parts of the job did not run.
    pub(crate) refused: Vec<String>,
}

/// The failure of a rejected job; a command at the end of the message is the hint.
pub(crate) fn rejection(message: &str) -> Failure {
    match message.rsplit_once(": hubctl ") {
        Some((why, command)) => Failure::new(Exit::Error, why).hint(format!("hubctl {command}")),
        None => Failure::new(Exit::Error, message),
    }
}

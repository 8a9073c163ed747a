//! The records of runs.

use std::future::Future;

use super::PortError;
use crate::report::RunReport;

/// Records runs.
pub trait Runs {
    /// Records a run, replacing what was recorded under its id.
    fn record(&self, report: &RunReport) -> impl Future<Output = Result<(), PortError>> + Send;
}

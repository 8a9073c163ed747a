//! The records of runs.

use std::future::Future;

use super::PortError;
use crate::report::RunReport;

/// Records runs.
pub trait Runs {
    /// Records a run, replacing what was recorded under its id; and its entry in the history
    /// ([`HistoryEntry`](crate::report::HistoryEntry)), where it has ended and a history is kept. Both or nothing.
    fn record(&self, report: &RunReport) -> impl Future<Output = Result<(), PortError>> + Send;
}

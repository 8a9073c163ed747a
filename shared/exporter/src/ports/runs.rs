//! The records of runs.

use std::future::Future;

use asff::AccountId;

use super::PortError;
use crate::report::RunReport;

/// Records runs.
pub trait Runs {
    /// Records a run, replacing what was recorded under its id; and its entry in the history
    /// ([`HistoryEntry`](crate::report::HistoryEntry)), where it has ended and a history is kept. Both or nothing.
    fn record(&self, report: &RunReport) -> impl Future<Output = Result<(), PortError>> + Send;

    /// The newest runs of an account, newest first, so many at most. They may be shortened: Regions and most accounts are left out.
    fn newest_runs(
        &self,
        account: AccountId,
        runs_max: usize,
    ) -> impl Future<Output = Result<Vec<RunReport>, PortError>> + Send;
}

//! The records of runs.

use std::future::Future;

use asff::AccountId;

use super::PortError;
use crate::report::RunReport;

/// Records runs.
pub trait Runs {
    /// Records a run under its ID, replacing an earlier record. If the run has ended and the implementation has a history, also its
    /// entry in the history ([`HistoryEntry`](crate::report::HistoryEntry)) and those of its integrations
    /// ([`IntegrationRun`](crate::report::IntegrationRun)): all are written, or none.
    fn record(&self, report: &RunReport) -> impl Future<Output = Result<(), PortError>> + Send;

    /// At most `runs_max` runs of an account, newest first. Reports may be shortened: Regions and most accounts are left
    /// out.
    fn newest_runs(
        &self,
        account: AccountId,
        runs_max: usize,
    ) -> impl Future<Output = Result<Vec<RunReport>, PortError>> + Send;
}

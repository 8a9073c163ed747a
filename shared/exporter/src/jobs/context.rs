//! The context of a job's run.

use asff::AccountId;

use crate::ports::PortError;
use crate::report::{AccountReport, RunReport};
use crate::run::RunContext;

/// The context of a run while it works.
pub(super) struct JobContext<P> {
    pub(super) run: RunContext<P>,
    /// The run as it was when it began.
    pub(super) begun: RunReport,
}

/// The outcome of one account, or of entries without an account.
pub(super) struct AccountResult {
    pub(super) account: Option<AccountId>,
    pub(super) report: AccountReport,
    pub(super) error: Option<PortError>,
}

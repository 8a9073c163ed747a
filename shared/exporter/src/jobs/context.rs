//! A run of a job while it works.

use asff::AccountId;

use crate::ports::PortError;
use crate::report::{AccountReport, RunReport};
use crate::run::RunContext;

/// A run while it works.
pub(super) struct JobContext<P> {
    pub(super) run: RunContext<P>,
    /// The run, as it is recorded when it begins.
    pub(super) begun: RunReport,
}

/// The outcome of one account, or of what belongs to none.
pub(super) struct AccountResult {
    pub(super) account: Option<AccountId>,
    pub(super) report: AccountReport,
    pub(super) error: Option<PortError>,
}

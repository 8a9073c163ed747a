//! A run of a job while it works.

use asff::AccountId;

use crate::lease::Lease;
use crate::ports::{PortError, Ports};
use crate::report::{AccountReport, RunReport};
use crate::run::RunContext;

/// A run while it works.
pub(super) struct JobContext<P> {
    pub(super) run: RunContext<P>,
    /// The run, as it is recorded when it begins.
    pub(super) begun: RunReport,
}

impl<P: Ports> JobContext<P> {
    /// The hold on an account that was just taken.
    pub(super) fn lease(&self, account: AccountId) -> Lease {
        let RunContext { ports, until, shared, .. } = &self.run;
        match shared.give_up_at {
            Some(_) => Lease::fixed(),
            None => Lease::on_account(ports.clone(), account, shared.run_id.to_string(), *until),
        }
    }
}

/// What became of one account, or of what belongs to none.
pub(super) struct Done {
    pub(super) account: Option<AccountId>,
    pub(super) report: AccountReport,
    pub(super) error: Option<PortError>,
}

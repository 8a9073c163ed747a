//! A run of a job while it works.

use std::sync::Arc;

use asff::{AccountId, Regions};
use jiff::Timestamp;

use crate::deliver::Shared;
use crate::lease::Lease;
use crate::ports::{PortError, Ports};
use crate::report::{AccountReport, RunReport};

/// A run while it works.
pub(super) struct JobContext<P> {
    pub(super) ports: Arc<P>,
    pub(super) run_id: String,
    /// The run, as it is recorded when it begins.
    pub(super) begun: RunReport,
    pub(super) regions: Arc<Regions>,
    /// Until when accounts are held.
    pub(super) until: Timestamp,
    pub(super) shared: Shared,
}

impl<P: Ports> JobContext<P> {
    /// The hold on an account that was just taken.
    pub(super) fn lease(&self, account: AccountId) -> Lease {
        match self.shared.give_up_at {
            Some(_) => Lease::fixed(),
            None => Lease::on_account(self.ports.clone(), account, self.run_id.clone(), self.until),
        }
    }
}

/// What became of one account, or of what belongs to none.
pub(super) struct Done {
    pub(super) account: Option<AccountId>,
    pub(super) report: AccountReport,
    pub(super) error: Option<PortError>,
}

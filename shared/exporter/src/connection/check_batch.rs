//! Checks many accounts, several of them concurrently and each independently, until the time ends.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::check::{Checked, Checker};
use super::model::CheckTarget;
use super::ports::CheckPorts;

/// The result for all accounts.
#[derive(Clone, Debug, Default)]
pub struct CheckBatch {
    /// The accounts that were checked, in the order of completion.
    pub checked: Vec<Checked>,
    /// The accounts that were not checked, in the order given.
    pub not_reached: Vec<CheckTarget>,
}

impl<P: CheckPorts> Checker<P> {
    /// Checks accounts in the given order. A failed check doesn't stop the others. A check is started only if at least
    /// [`CheckSettings::check_reserve`](super::CheckSettings::check_reserve) remains before the deadline, so that all checks
    /// are complete at the deadline.
    pub async fn check_all(self: &Arc<Self>, targets: Vec<CheckTarget>, deadline: Option<Instant>) -> CheckBatch {
        let mut waiting = VecDeque::from(targets);
        let mut running = JoinSet::new();
        let mut batch = CheckBatch::default();
        loop {
            let in_time = deadline.is_none_or(|deadline| Instant::now() + self.settings.check_reserve <= deadline);
            while in_time && running.len() < self.settings.accounts_at_once.max(1) {
                let Some(target) = waiting.pop_front() else { break };
                let checker = self.clone();
                running.spawn(async move { checker.check_target(&target, deadline).await });
            }
            match running.join_next().await {
                // A panic in a check is an internal error. If panics unwind, the other checks continue, and the account's
                // connection is unchanged.
                Some(done) => batch.checked.extend(done.ok()),
                None => break,
            }
        }
        batch.not_reached.extend(waiting);
        batch
    }
}

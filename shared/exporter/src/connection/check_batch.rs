//! Many accounts: some at once, each by itself, until the time is over.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::check::{Checked, Checker};
use super::model::CheckTarget;
use super::ports::CheckPorts;

/// The outcome of the accounts.
#[derive(Clone, Debug, Default)]
pub struct CheckBatch {
    /// Those that were checked, in the order in which they were done.
    pub checked: Vec<Checked>,
    /// Those that did not get their turn, in the order given.
    pub not_reached: Vec<CheckTarget>,
}

impl<P: CheckPorts> Checker<P> {
    /// Checks accounts, the first first. None of them can stop the others. What can't be begun with
    /// [`CheckSettings::check_reserve`](super::CheckSettings::check_reserve) left before the deadline is left over, so all is
    /// done when the deadline comes.
    pub async fn check_all(self: &Arc<Self>, targets: Vec<CheckTarget>, deadline: Option<Instant>) -> CheckBatch {
        let mut waiting = VecDeque::from(targets);
        let mut running = JoinSet::new();
        let mut round = CheckBatch::default();
        loop {
            let in_time = deadline.is_none_or(|deadline| Instant::now() + self.settings.check_reserve <= deadline);
            while in_time && running.len() < self.settings.accounts_at_once.max(1) {
                let Some(target) = waiting.pop_front() else { break };
                let checker = self.clone();
                running.spawn(async move { checker.check_target(&target, deadline).await });
            }
            match running.join_next().await {
                // A check that panics is a defect of ours. Where panics unwind, the others continue, and what it was about stays.
                Some(done) => round.checked.extend(done.ok()),
                None => break,
            }
        }
        round.not_reached.extend(waiting);
        round
    }
}

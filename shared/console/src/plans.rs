//! Plans that were asked for, running and done, under numbers that are in their URLs.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use exporter::report::RunReport;
use tokio::sync::watch;

use crate::ports::{Reply, Unavailable};

/// Plans that are kept. A report of a thousand accounts has a few MB.
const PLANS_MAX: usize = 8;

/// The result of a plan.
pub(crate) type Outcome = Arc<Result<RunReport, Unavailable>>;

/// A plan.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) source: String,
    pub(crate) events_before: u64,
    outcome: watch::Receiver<Option<Outcome>>,
}

impl Plan {
    /// The result, if it is there within a time.
    pub(crate) async fn outcome(&self, within: Duration) -> Option<Outcome> {
        let mut outcome = self.outcome.clone();
        let found = tokio::time::timeout(within, outcome.wait_for(Option::is_some)).await;
        found.ok()?.ok()?.clone()
    }
}

/// The latest plans.
#[derive(Default)]
pub(crate) struct Plans(Mutex<(u64, VecDeque<(u64, Plan)>)>);

impl Plans {
    /// Starts a plan, and returns its number.
    pub(crate) fn start(&self, source: String, events_before: u64, work: Reply<RunReport>) -> u64 {
        let (sender, outcome) = watch::channel(None);
        tokio::spawn(async move { sender.send(Some(Arc::new(work.await))) });
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.0 += 1;
        let number = kept.0;
        kept.1.push_back((number, Plan { source, events_before, outcome }));
        if kept.1.len() > PLANS_MAX {
            kept.1.pop_front();
        }
        number
    }

    /// The plan of a number.
    pub(crate) fn find(&self, number: u64) -> Option<Plan> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.1.iter().find(|(key, _)| *key == number).map(|(_, plan)| plan.clone())
    }
}

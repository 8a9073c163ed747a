//! Exports of plans on this machine. Each plan is exported once; a failed export can be repeated.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use exporter::report::{RunReport, RunStatus};

use crate::ports::Unavailable;
use crate::task::Task;

/// Maximum number of exports in the list, in progress or ended.
const EXPORTS_MAX: usize = 8;

/// An export.
pub(crate) type Export = Task<Result<RunReport, Unavailable>>;

/// Whether an export has ended without success, so that it can be repeated.
pub(crate) fn has_failed(export: &Export) -> bool {
    match export.result() {
        Some(Ok(run)) => run.status == RunStatus::Failed,
        Some(Err(_)) => true,
        None => !export.is_running(),
    }
}

/// The newest exports, by the ID of the plan.
#[derive(Debug, Default)]
pub(crate) struct Exports(Mutex<VecDeque<(String, Export)>>);

impl Exports {
    /// The export of a plan.
    pub(crate) fn find(&self, plan: &str) -> Option<Export> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|(id, _)| id == plan).map(|(_, export)| export.clone())
    }

    /// Starts the export of a plan, unless it is in progress or has succeeded. False: too many exports are in progress.
    pub(crate) fn begin(&self, plan: &str, start: impl FnOnce() -> Export) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(id, export)| id != plan || !has_failed(export));
        if all.iter().any(|(id, _)| id == plan) {
            return true;
        }
        if all.len() >= EXPORTS_MAX {
            let Some(ended) = all.iter().position(|(_, export)| !export.is_running()) else { return false };
            all.remove(ended);
        }
        all.push_back((plan.to_owned(), start()));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_plan_is_exported_once_and_exports_are_bounded() {
        let exports = Exports::default();
        let endless = || Task::start(std::future::pending());
        assert!(exports.find("1").is_none() && exports.begin("1", endless) && exports.find("1").is_some());
        assert!(exports.begin("1", || unreachable!("it was started")));
        let run =
            |status| RunReport { status, ..RunReport::new(String::new(), Default::default(), Default::default()) };
        let ended = Task::start(async move { Ok(run(RunStatus::Failed)) });
        ended.within(std::time::Duration::from_secs(9)).await;
        assert!(exports.begin("2", || ended.clone()) && has_failed(&ended));
        let ended = Task::start(async move { Ok(run(RunStatus::Degraded)) });
        ended.within(std::time::Duration::from_secs(9)).await;
        assert!(exports.begin("2", || ended), "a failed export can be repeated");
        assert!(exports.begin("2", || unreachable!("it has succeeded")));
        assert!((3..=EXPORTS_MAX).all(|plan| exports.begin(&plan.to_string(), endless)));
        assert!(exports.begin("9", endless) && exports.find("2").is_none(), "one that has ended is forgotten");
        assert!(!exports.begin("10", || unreachable!("too many are in progress")));
    }
}

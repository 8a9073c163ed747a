//! Tasks that take longer than a page may: they run in the background, and pages poll their results.

use std::time::Duration;

use tokio::sync::watch;

/// A task in the background. Clones refer to the same task.
#[derive(Clone, Debug)]
pub(crate) struct Task<T>(watch::Receiver<Option<T>>);

/// The state of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome<T> {
    /// It is in progress.
    Pending,
    /// It has ended.
    Done(T),
    /// It ended without a result, because of a defect.
    Lost,
}

impl<T: Clone + Send + Sync + 'static> Task<T> {
    /// Starts work, which continues even if the page that started it is left.
    pub(crate) fn start(work: impl Future<Output = T> + Send + 'static) -> Self {
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(async move {
            let result = work.await;
            sender.send_replace(Some(result));
        });
        Self(receiver)
    }

    /// The result, if the work ends within a time.
    pub(crate) async fn within(&self, time: Duration) -> Outcome<T> {
        let mut receiver = self.0.clone();
        match tokio::time::timeout(time, receiver.wait_for(Option::is_some)).await {
            Err(_) => Outcome::Pending,
            Ok(Ok(result)) => result.clone().map_or(Outcome::Pending, Outcome::Done),
            Ok(Err(_)) => Outcome::Lost,
        }
    }

    /// The result, if the work has ended by now.
    pub(crate) fn result(&self) -> Option<T> {
        self.0.borrow().clone()
    }

    /// Whether the work is in progress.
    pub(crate) fn is_running(&self) -> bool {
        self.0.has_changed().is_ok() && self.0.borrow().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_pending_until_it_ends_and_its_result_stays() {
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let task = Task::start(async move { ended.await.map_or(0, |()| 7) });
        assert_eq!((task.within(Duration::from_millis(1)).await, task.is_running()), (Outcome::Pending, true));
        end.send(()).unwrap();
        for _ in 0..2 {
            assert_eq!((task.within(Duration::from_secs(9)).await, task.is_running()), (Outcome::Done(7), false));
        }
    }

    #[tokio::test]
    async fn work_that_panics_is_not_pending_forever() {
        let task: Task<u8> = Task::start(async { std::panic::resume_unwind(Box::new("a defect")) });
        assert_eq!(task.within(Duration::from_secs(9)).await, Outcome::Lost);
        assert!(!task.is_running());
    }
}

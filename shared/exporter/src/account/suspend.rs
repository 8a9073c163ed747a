//! Suspends an account while further accounts of a file are read, and resumes it when it is needed.

use std::sync::Arc;

use jiff::SignedDuration;
use tokio::time::Instant;

use super::export::{AccountExport, Context, Delivering, State, SuspendedAccount, settings_of, suspended_error};
use super::session::AccountSession;
use crate::evidence::coverage::{Coverage, FinishedUpload};
use crate::model::integration::Integration;
use crate::ports::{ConnectError, PortError, Ports};
use crate::report::RunReport;

impl<P: Ports> Context<P> {
    /// The earlier run that exported all of this upload for the account. `None` if there is none. A run that left no
    /// report does not count, so that the next run counts its findings.
    pub(super) async fn earlier_export<'a>(
        &self,
        coverage: &'a Coverage,
        integration: &Integration,
    ) -> Result<Option<&'a FinishedUpload>, PortError> {
        let Some(finished) = &coverage.finished else { return Ok(None) };
        let is_same = finished.identity == *self.identity && finished.settings == settings_of(integration);
        // An export that a user requests is repeated, unless an earlier run of the same job completed it.
        let is_requested = self.reexport && (self.job_id.is_none() || self.job_id != finished.job_id);
        if !is_same || is_requested || self.run.ports.now().duration_since(finished.at) >= FINISHED_UPLOAD_MAX_AGE {
            return Ok(None);
        }
        let mut reported = self.reported.lock().await;
        if let Some(is_reported) = reported.get(&finished.run_id) {
            return Ok(is_reported.then_some(finished));
        }
        let is_reported = self.run.ports.object(&RunReport::key(&finished.run_id)).await?.is_some();
        reported.insert(finished.run_id.clone(), is_reported);
        Ok(is_reported.then_some(finished))
    }
}

/// How long an upload that was completed for an account is skipped: the maximum duration of a chain of runs.
const FINISHED_UPLOAD_MAX_AGE: SignedDuration = SignedDuration::from_hours(24);

impl<P: Ports> AccountExport<P> {
    /// The number of running workers of the account.
    pub(crate) fn open_workers(&self) -> usize {
        match &self.state {
            State::Delivering(delivering) => delivering.delivery.open_workers(),
            _ => 0,
        }
    }

    /// Starts to suspend the account until the file has another entry of it or ends.
    pub(crate) fn suspend(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Resuming);
        self.state = match state {
            State::Delivering(delivering) => {
                let Delivering { session, delivery, coverage: _, scanned_at, untracked } = *delivering;
                State::Suspending(tokio::spawn(async move {
                    let suspended_delivery = delivery.suspend().await;
                    SuspendedAccount { session, delivery: suspended_delivery, scanned_at, untracked }
                }))
            }
            other => other,
        };
    }

    /// Waits until an account that is being suspended is suspended.
    pub(crate) async fn wait_suspended(&mut self) -> Result<(), PortError> {
        let State::Suspending(task) = &mut self.state else { return Ok(()) };
        match task.await {
            Ok(suspended) => {
                self.state = State::SuspendedDelivery(Box::new(suspended));
                Ok(())
            }
            // The account's findings have no outcome then: the counts do not add up, and the run fails.
            Err(_) => {
                self.state = State::Resuming;
                Err(suspended_error(self.account))
            }
        }
    }

    /// Resumes the account, unless that failed before: one attempt per file is enough.
    pub(super) async fn resume_once(&mut self) -> Result<(), PortError> {
        if self.resume_failed {
            return Err(suspended_error(self.account));
        }
        let resumed = self.resume().await;
        self.resume_failed = resumed.is_err();
        resumed
    }

    /// Resumes a suspended account.
    pub(super) async fn resume(&mut self) -> Result<(), PortError> {
        self.wait_suspended().await?;
        if !matches!(self.state, State::SuspendedDelivery(_)) {
            return Ok(());
        }
        let State::SuspendedDelivery(suspended) = std::mem::replace(&mut self.state, State::Resuming) else {
            return Ok(());
        };
        match reconnect(&suspended.session).await {
            Ok((hub, coverage)) => {
                let SuspendedAccount { session, delivery: suspended_delivery, scanned_at, untracked } = *suspended;
                let delivery = suspended_delivery.resume(hub);
                let coverage = Arc::new(coverage);
                let delivering = Delivering { session, delivery, coverage, scanned_at, untracked };
                self.state = State::Delivering(Box::new(delivering));
                Ok(())
            }
            Err(error) => {
                self.state = State::SuspendedDelivery(suspended);
                Err(error)
            }
        }
    }

    /// Whether the account is suspended and the deadline has passed.
    pub(super) fn is_too_late(&self, context: &Context<P>) -> bool {
        let is_over = context.run.shared.give_up_at.is_some_and(|end| Instant::now() >= end);
        is_over && matches!(self.state, State::SuspendedDelivery(_))
    }
}

/// Connects to a suspended account, and reads its coverage again.
async fn reconnect<P: Ports>(session: &AccountSession<P>) -> Result<(P::Hub, Coverage), PortError> {
    let hub = session.connect().await.map_err(|error| match error {
        ConnectError::Failed(error) => error,
        ConnectError::Rejected(problem) => {
            PortError { action: format!("connect to account {}", session.account), message: problem.message }
        }
    })?;
    Ok((hub, session.read_coverage().await?))
}

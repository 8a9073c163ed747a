//! Converts an event to connection checks, and their outcome to a response. Accounts that exceed one invocation are fanned out to
//! further invocations.
//!
//! Guarantees: each selected account is checked by this invocation or a further one, or is reported as not checked; no chain of
//! invocations is longer than [`ROUNDS_MAX`], and each invocation has fewer accounts than the previous one.

use std::sync::Arc;
use std::time::Duration;

use asff::AccountId;
use aws::CheckQueue;
use exporter::connection::targets::{TargetSelection, delete_stale_connections, select_targets};
use exporter::connection::{CheckSettings, CheckTarget, Checker, Connection};
use exporter::notifications::Event;
use exporter::ports::PortError;
use lambda_runtime::{Diagnostic, LambdaEvent};
use runtime::deadline::instant;
use runtime::isolation::Isolation;
use runtime::metrics::Sample;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::batch::{self, BatchPorts, Outcome};
use crate::event::{self, EventError, Request};
use crate::isolated::{self, Share};
use crate::telemetry::{batch_metrics, log_check, log_failure, not_checked, not_listed};

/// Maximum number of accounts per invocation. With eight concurrent checks of three seconds, they take about forty seconds. If
/// most Regions don't respond, five minutes suffice for about half of them, and the others are forwarded.
pub const ACCOUNTS_MAX: usize = 100;
/// Maximum number of consecutive invocations that forward accounts. The
/// recursive loop detection of Lambda stops a chain at about sixteen.
pub const ROUNDS_MAX: u32 = 8;

/// Forwards accounts to further invocations.
pub trait FanOut {
    /// Invokes the function with each message. Returns `false` if fan-out is not configured.
    fn fan_out(&self, messages: &[String]) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// Fans out with an SQS queue, if one is configured.
#[derive(Clone, Debug)]
pub struct SqsFanOut(pub Option<CheckQueue>);

impl FanOut for SqsFanOut {
    async fn fan_out(&self, messages: &[String]) -> Result<bool, PortError> {
        match &self.0 {
            Some(queue) => queue.send(messages).await.map(|()| true),
            None => Ok(false),
        }
    }
}

/// Handles invocations. It is built once, and each invocation borrows it.
pub struct Handler<P, S> {
    ports: Arc<P>,
    checker: Arc<Checker<P>>,
    fan_out: S,
    integration_metrics: bool,
    isolation: Option<Isolation>,
}

/// Properties of an invocation.
#[derive(Debug)]
struct Invocation {
    request_id: String,
    function: String,
    deadline: Option<Instant>,
}

/// Why an invocation failed. Lambda retries the whole invocation.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The event is invalid.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The table or the queue failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl From<HandlerError> for Diagnostic {
    fn from(error: HandlerError) -> Self {
        let kind = match &error {
            HandlerError::Event(_) => "UnknownEvent",
            HandlerError::Port(_) => "StateNotSaved",
        };
        Self { error_type: kind.to_owned(), error_message: error.to_string() }
    }
}

/// Response to an invocation.
#[derive(Debug, Default, Serialize)]
pub struct InvocationResponse {
    /// Connections that this invocation checked.
    pub connections: Vec<Connection>,
    /// Events that this invocation published.
    pub events: Vec<Event>,
    /// Number of accounts that further invocations check.
    pub forwarded: usize,
    /// Accounts that are not checked before the next scheduled check.
    pub not_reached: Vec<AccountId>,
    /// Accounts whose check ended without a result because of an internal error. `problems` has the reasons.
    pub failed: Vec<AccountId>,
    /// Other problems.
    pub problems: Vec<String>,
}

impl<P: BatchPorts, S: FanOut> Handler<P, S> {
    /// A handler over ports.
    pub fn new(ports: Arc<P>, fan_out: S, settings: CheckSettings, integration_metrics: bool) -> Self {
        let checker = Arc::new(Checker::new(ports.clone(), settings));
        Self { checker, ports, fan_out, integration_metrics, isolation: None }
    }

    /// Runs checks in child processes, so that a crash doesn't end the invocation.
    #[must_use]
    pub fn with_isolation(self, isolation: Isolation) -> Self {
        Self { isolation: Some(isolation), ..self }
    }

    /// Runs a batch in a child process.
    ///
    /// # Errors
    ///
    /// If the payload was not created by [`isolated::run`].
    pub async fn run_in_child(&self, payload: Value, left: Duration) -> Result<Outcome, serde_json::Error> {
        let share: Share = serde_json::from_value(payload)?;
        let span = tracing::info_span!("invocation", request.id = share.request_id);
        let batch = batch::run(&*self.ports, &self.checker, share.into_targets(), Some(Instant::now() + left));
        Ok(batch.instrument(span).await)
    }

    /// Handles one invocation.
    ///
    /// # Errors
    ///
    /// If the event is invalid, or the integrations can't be read. A failed check is part of the response.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<InvocationResponse, HandlerError> {
        let (payload, context) = event.into_parts();
        let deadline = instant(context.deadline());
        let span = tracing::info_span!("invocation", request.id = context.request_id);
        let function = context.env_config.function_name.clone();
        let invocation = Invocation { request_id: context.request_id, function, deadline };
        self.handle_requests(&payload, &invocation).instrument(span).await
    }

    async fn handle_requests(
        &self,
        payload: &Value,
        invocation: &Invocation,
    ) -> Result<InvocationResponse, HandlerError> {
        let mut all = InvocationResponse::default();
        for request in event::parse(payload)? {
            let response = self.handle_request(request, invocation).await?;
            all.connections.extend(response.connections);
            all.events.extend(response.events);
            all.forwarded += response.forwarded;
            all.not_reached.extend(response.not_reached);
            all.failed.extend(response.failed);
            all.problems.extend(response.problems);
        }
        Ok(all)
    }

    async fn handle_request(
        &self,
        request: Request,
        invocation: &Invocation,
    ) -> Result<InvocationResponse, HandlerError> {
        let selected_at = self.ports.now();
        let mut targets = select_targets(&*self.ports, &request.selection).await?;
        match delete_stale_connections(&*self.ports, &targets, request.selection == TargetSelection::All, selected_at)
            .await
        {
            Ok(0) => {}
            Ok(accounts) => tracing::info!(accounts, "deleted the connections of accounts that are no longer checked"),
            Err(error) => targets
                .problems
                .push(format!("the connections of accounts that are no longer checked were not deleted: {error}")),
        }
        for problem in &targets.problems {
            tracing::warn!(problem, "some requested accounts can't be checked");
        }
        if !targets.unlisted.is_empty() {
            for organization in &targets.unlisted {
                tracing::error!(
                    integration.id = organization.as_str(),
                    "organization not listed: its new accounts are not checked"
                );
            }
            not_listed(&invocation.function, targets.unlisted.len()).write();
        }
        let mut response = InvocationResponse { problems: targets.problems, ..InvocationResponse::default() };
        let mut mine = targets.targets;
        if mine.len() > ACCOUNTS_MAX {
            let others: Vec<_> = mine.split_off(ACCOUNTS_MAX).iter().map(|target| target.account).collect();
            self.forward(others, &request, true, &mut response).await?;
        }
        let outcome = self.check_batch(mine, invocation).await;
        outcome.checked.iter().for_each(log_check);
        let samples = batch_metrics(&invocation.function, outcome.checked.iter(), self.integration_metrics);
        samples.iter().for_each(Sample::write);
        for failed in &outcome.failed {
            log_failure(failed);
            response.problems.push(format!("account {} not checked: {}", failed.account, failed.reason));
            response.failed.push(failed.account);
        }
        response.problems.extend(outcome.problems);
        if !outcome.not_reached.is_empty() {
            // Without progress, don't forward: another invocation would have the same result.
            let progress = !outcome.checked.is_empty() || !outcome.failed.is_empty();
            self.forward(outcome.not_reached, &request, progress, &mut response).await?;
        }
        for report in outcome.checked {
            response.connections.push(report.connection);
            response.events.extend(report.events);
        }
        // A caller that disabled the fan-out requests the checks of the remaining accounts itself.
        let not_reached_count = if request.fan_out { response.not_reached.len() } else { 0 };
        if response.failed.len() + not_reached_count > 0 {
            not_checked(&invocation.function, response.failed.len() + not_reached_count).write();
        }
        response.connections.sort_by_key(|connection| connection.account);
        Ok(response)
    }

    /// Checks accounts in a child process, or in this process if no child can be started.
    async fn check_batch(&self, targets: Vec<CheckTarget>, invocation: &Invocation) -> Outcome {
        if let Some(isolation) = &self.isolation {
            match isolated::run(isolation, &invocation.request_id, &targets, invocation.deadline).await {
                Ok(outcome) => return outcome,
                Err(error) => tracing::warn!(%error, "failed to start a process for the checks: they run in this one"),
            }
        }
        batch::run(&*self.ports, &self.checker, targets, invocation.deadline).await
    }

    /// Forwards accounts to further invocations, or reports them as not reached.
    async fn forward(
        &self,
        accounts: Vec<AccountId>,
        request: &Request,
        progress: bool,
        response: &mut InvocationResponse,
    ) -> Result<(), PortError> {
        if request.fan_out && progress && request.round < ROUNDS_MAX {
            let message = |some: &[AccountId]| event::message(some.to_vec(), request.round + 1);
            let messages: Vec<String> = accounts.chunks(ACCOUNTS_MAX).map(message).collect();
            if self.fan_out.fan_out(&messages).await? {
                tracing::info!(
                    accounts = accounts.len(),
                    messages = messages.len(),
                    "accounts forwarded to further invocations"
                );
                response.forwarded += accounts.len();
                return Ok(());
            }
        }
        if request.fan_out {
            tracing::error!(
                accounts = accounts.len(),
                round = request.round,
                "accounts not checked; the next scheduled check includes them"
            );
        }
        response.not_reached.extend(accounts);
        Ok(())
    }
}

#[cfg(test)]
mod tests;

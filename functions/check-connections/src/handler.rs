//! Translates an invocation into checks and their outcome into an answer; spreads what one invocation can't hold.
//!
//! Promises: each account that is wanted is checked, by this invocation or by one that it asks for; no chain of invocations
//! is longer than [`ROUNDS_MAX`], and each of them has fewer accounts than the one before.

use std::sync::Arc;
use std::time::Duration;

use asff::AccountId;
use aws::CheckQueue;
use exporter::connection::{CheckSettings, CheckTarget, Checker, Connection};
use exporter::notifications::Event;
use exporter::ports::PortError;
use exporter::targets::{TargetSelection, delete_stale_connections, select_targets};
use lambda_runtime::{Diagnostic, LambdaEvent};
use runtime::deadline::instant;
use runtime::isolation::Isolation;
use runtime::metrics::Sample;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::event::{self, EventError, Request};
use crate::isolated::{self, Share};
use crate::round::{self, Outcome, RoundPorts};
use crate::telemetry::{log_check, log_failure, not_checked, not_listed, round_metrics};

/// Accounts that one invocation takes. Eight at once and three seconds each are some forty seconds; where most Regions do not
/// answer, five minutes hold about half of them, and the rest goes on.
pub const ACCOUNTS_MAX: usize = 100;
/// Invocations in a row that hand on what they could not hold. Lambda itself stops a chain at sixteen.
pub const ROUNDS_MAX: u32 = 8;

/// Hands accounts to further invocations.
pub trait FanOut {
    /// Has each message invoke the function. False, where there is no way to.
    fn fan_out(&self, messages: &[String]) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// By a queue, if there is one.
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

/// Handles invocations. Built once; every invocation borrows it.
pub struct Handler<P, S> {
    ports: Arc<P>,
    checker: Arc<Checker<P>>,
    fan_out: S,
    integration_metrics: bool,
    isolation: Option<Isolation>,
}

/// What is known of an invocation.
#[derive(Debug)]
struct Invocation {
    request_id: String,
    function: String,
    deadline: Option<Instant>,
}

/// Why an invocation failed: all of it is to be tried again.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The payload asks for nothing that we know.
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
            HandlerError::Port(_) => "StateNotKept",
        };
        Self { error_type: kind.to_owned(), error_message: error.to_string() }
    }
}

/// The answer to an invocation.
#[derive(Debug, Default, Serialize)]
pub struct Answer {
    /// The verdicts of this invocation.
    pub connections: Vec<Connection>,
    /// What was told.
    pub events: Vec<Event>,
    /// Accounts that other invocations check.
    pub forwarded: usize,
    /// Accounts that nobody checks before the next schedule.
    pub not_reached: Vec<AccountId>,
    /// Accounts whose check ended without a result, because of an internal error; their problems are below.
    pub failed: Vec<AccountId>,
    /// What went wrong beside the verdicts.
    pub problems: Vec<String>,
}

impl<P: RoundPorts, S: FanOut> Handler<P, S> {
    /// A handler on its ports.
    pub fn new(ports: Arc<P>, fan_out: S, settings: CheckSettings, integration_metrics: bool) -> Self {
        let checker = Arc::new(Checker::new(ports.clone(), settings));
        Self { checker, ports, fan_out, integration_metrics, isolation: None }
    }

    /// Checks in child processes, whose end is not that of the invocation.
    #[must_use]
    pub fn with_isolation(self, isolation: Isolation) -> Self {
        Self { isolation: Some(isolation), ..self }
    }

    /// What a child process does.
    ///
    /// # Errors
    ///
    /// If the payload is not what [`isolated::run`] sends.
    pub async fn alone(&self, payload: Value, left: Duration) -> Result<Outcome, serde_json::Error> {
        let share: Share = serde_json::from_value(payload)?;
        let span = tracing::info_span!("invocation", request.id = share.request_id);
        let round = round::run(&*self.ports, &self.checker, share.into_targets(), Some(Instant::now() + left));
        Ok(round.instrument(span).await)
    }

    /// Handles one invocation.
    ///
    /// # Errors
    ///
    /// For an event that is not understood, or where the integrations can't be read. A check never fails.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<Answer, HandlerError> {
        let (payload, context) = event.into_parts();
        let deadline = instant(context.deadline());
        let span = tracing::info_span!("invocation", request.id = context.request_id);
        let function = context.env_config.function_name.clone();
        let invocation = Invocation { request_id: context.request_id, function, deadline };
        self.answer_all(&payload, &invocation).instrument(span).await
    }

    async fn answer_all(&self, payload: &Value, invocation: &Invocation) -> Result<Answer, HandlerError> {
        let mut all = Answer::default();
        for request in event::parse(payload)? {
            let answer = self.answer(request, invocation).await?;
            all.connections.extend(answer.connections);
            all.events.extend(answer.events);
            all.forwarded += answer.forwarded;
            all.not_reached.extend(answer.not_reached);
            all.failed.extend(answer.failed);
            all.problems.extend(answer.problems);
        }
        Ok(all)
    }

    async fn answer(&self, request: Request, invocation: &Invocation) -> Result<Answer, HandlerError> {
        let selected_at = self.ports.now();
        let mut targets = select_targets(&*self.ports, &request.wanted).await?;
        match delete_stale_connections(&*self.ports, &targets, request.wanted == TargetSelection::All, selected_at)
            .await
        {
            Ok(0) => {}
            Ok(accounts) => tracing::info!(accounts, "deleted the connections of accounts that are no longer checked"),
            Err(error) => targets
                .problems
                .push(format!("failed to delete the connections of accounts that are no longer checked: {error}")),
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
        let mut answer = Answer { problems: targets.problems, ..Answer::default() };
        let mut mine = targets.targets;
        if mine.len() > ACCOUNTS_MAX {
            let others: Vec<_> = mine.split_off(ACCOUNTS_MAX).iter().map(|target| target.account).collect();
            self.forward(others, &request, true, &mut answer).await?;
        }
        let outcome = self.round(mine, invocation).await;
        outcome.checked.iter().for_each(log_check);
        let samples = round_metrics(&invocation.function, outcome.checked.iter(), self.integration_metrics);
        samples.iter().for_each(Sample::write);
        for failed in &outcome.failed {
            log_failure(failed);
            answer.problems.push(format!("account {} not checked: {}", failed.account, failed.reason));
            answer.failed.push(failed.account);
        }
        answer.problems.extend(outcome.problems);
        if !outcome.not_reached.is_empty() {
            // Without progress the next invocation would fare no better.
            let progress = !outcome.checked.is_empty() || !outcome.failed.is_empty();
            self.forward(outcome.not_reached, &request, progress, &mut answer).await?;
        }
        for report in outcome.checked {
            answer.connections.push(report.connection);
            answer.events.extend(report.events);
        }
        // Who asked for no other invocations asks again.
        let not_reached_count = if request.fan_out { answer.not_reached.len() } else { 0 };
        if answer.failed.len() + not_reached_count > 0 {
            not_checked(&invocation.function, answer.failed.len() + not_reached_count).write();
        }
        answer.connections.sort_by_key(|connection| connection.account);
        Ok(answer)
    }

    /// Checks accounts in a child process, or in this one if there can be none.
    async fn round(&self, targets: Vec<CheckTarget>, invocation: &Invocation) -> Outcome {
        if let Some(isolation) = &self.isolation {
            match isolated::run(isolation, &invocation.request_id, &targets, invocation.deadline).await {
                Ok(outcome) => return outcome,
                Err(error) => tracing::warn!(%error, "failed to start a process for the checks: they run in this one"),
            }
        }
        round::run(&*self.ports, &self.checker, targets, invocation.deadline).await
    }

    /// Has others check these accounts, or says that nobody does.
    async fn forward(
        &self,
        accounts: Vec<AccountId>,
        request: &Request,
        progress: bool,
        answer: &mut Answer,
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
                answer.forwarded += accounts.len();
                return Ok(());
            }
        }
        if request.fan_out {
            tracing::error!(
                accounts = accounts.len(),
                round = request.round,
                "accounts not checked; the next schedule checks them"
            );
        }
        answer.not_reached.extend(accounts);
        Ok(())
    }
}

#[cfg(test)]
mod tests;

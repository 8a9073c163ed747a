//! Tells HTTP requests from CloudFormation's, and keeps the time.
//!
//! Promises: a request of CloudFormation is answered, whatever happens: an error, an internal error, an exceeded deadline. A stack
//! never waits for us in vain, and is told what was made. After the answer nothing of the request goes on. A panic ends the
//! process in what is deployed, so each request has its own ([`runtime::isolation`]).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use lambda_runtime::{Diagnostic, LambdaEvent};
use management::host::{
    Answer, ResourceRequest, UntrustedResponseUrl, after_interruption, handle_resource, is_http, respond,
};
use management::{Ports, Service, router};
use runtime::isolation::{Ended, Isolation};
use serde_json::Value;

use crate::answer::{Send, SendError, body};

/// Time that is kept for the answer to CloudFormation, its tries included.
const ANSWER_RESERVE: Duration = Duration::from_secs(25);
/// Time to find out what a request came to that was broken off, of the time that is kept.
const LOOK_TIMEOUT: Duration = Duration::from_secs(3);
/// Time that is kept for the parent's answer, if the process of a request died or hangs.
const PARENT_RESERVE: Duration = Duration::from_secs(10);
/// Time for a request where the caller sets no end.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(600);

/// Handles invocations. Built once; every invocation borrows it.
pub struct Handler<P, S> {
    service: Arc<Service<P>>,
    router: Router,
    answers: S,
    isolation: Option<Isolation>,
}

/// Why an invocation failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandlerError {
    /// The payload is nothing that we know.
    #[error(
        "the event is neither an HTTP request (payload format 2.0, as events/manage-list.json) nor a CloudFormation request"
    )]
    UnknownEvent,
    /// The answer would go to somebody else. Nothing was run.
    #[error(transparent)]
    UntrustedResponseUrl(#[from] UntrustedResponseUrl),
    /// CloudFormation did not get its answer. Lambda tries the request again.
    #[error(transparent)]
    Unanswered(#[from] SendError),
}

impl From<HandlerError> for Diagnostic {
    fn from(error: HandlerError) -> Self {
        let kind = match error {
            HandlerError::UnknownEvent => "UnknownEvent",
            HandlerError::UntrustedResponseUrl(_) => "ForeignResponseUrl",
            HandlerError::Unanswered(_) => "AnswerNotTaken",
        };
        Self { error_type: kind.to_owned(), error_message: error.to_string() }
    }
}

impl<P: Ports, S: Send> Handler<P, S> {
    /// A handler over a service.
    pub fn new(service: Arc<Service<P>>, answers: S) -> Self {
        Self { router: router(service.clone()), service, answers, isolation: None }
    }

    /// Runs each request of CloudFormation in a process of its own, whose end is answered too.
    #[must_use]
    pub fn with_isolation(self, isolation: Isolation) -> Self {
        Self { isolation: Some(isolation), ..self }
    }

    /// Handles one invocation.
    ///
    /// # Errors
    ///
    /// When the event is not known, or CloudFormation did not take its answer.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<Value, HandlerError> {
        let LambdaEvent { payload, context } = event;
        if let Some(request) = ResourceRequest::parse(&payload) {
            let left = time_left(context.deadline());
            return match &self.isolation {
                Some(isolation) => self.isolated(isolation, &payload, request, left).await,
                None => self.resource(request, left).await,
            };
        }
        if is_http(&payload) {
            return Ok(respond(self.router.clone(), &payload).await);
        }
        Err(HandlerError::UnknownEvent)
    }

    /// Runs a request in a process of its own, and answers if that died.
    async fn isolated(
        &self,
        isolation: &Isolation,
        payload: &Value,
        request: ResourceRequest,
        left: Duration,
    ) -> Result<Value, HandlerError> {
        self.admit(&request)?;
        match isolation.run(payload, left.saturating_sub(PARENT_RESERVE)).await {
            Ok(Ended::Succeeded) => Ok(Value::Null),
            Ok(Ended::Failed) => Err(SendError("see the function's logs".to_owned()).into()),
            Ok(ended @ (Ended::Died | Ended::TimedOut)) => {
                let answer = self.after_interruption(&request, ended.reason()).await;
                self.put(&request, &answer).await
            }
            Err(error) => {
                tracing::warn!(%error, "failed to start a process for the request: it runs in this one");
                self.resource(request, left).await
            }
        }
    }

    /// What a process does that has one request.
    ///
    /// # Errors
    ///
    /// If the payload is no request of CloudFormation, or its answer was not taken.
    pub async fn alone(&self, payload: &Value, left: Duration) -> Result<Value, HandlerError> {
        let request = ResourceRequest::parse(payload).ok_or(HandlerError::UnknownEvent)?;
        self.resource(request, left).await
    }

    /// Runs a request of CloudFormation in this process, and answers it.
    async fn resource(&self, request: ResourceRequest, left: Duration) -> Result<Value, HandlerError> {
        self.admit(&request)?;
        let answer = self.answer(&request, left.saturating_sub(ANSWER_RESERVE)).await;
        self.put(&request, &answer).await
    }

    fn admit(&self, request: &ResourceRequest) -> Result<(), HandlerError> {
        self.answers.admits(&request.response_url).map_err(|error| {
            tracing::error!(%error, resource.request = request.request_type, "request refused");
            error.into()
        })
    }

    async fn put(&self, request: &ResourceRequest, answer: &Answer) -> Result<Value, HandlerError> {
        tracing::info!(
            resource.kind = request.resource_type,
            resource.request = request.request_type,
            resource.id = answer.physical_resource_id,
            answer.status = answer.status,
            answer.reason = answer.reason,
            "CloudFormation request handled"
        );
        self.answers.put(&request.response_url, body(answer)).await?;
        Ok(Value::Null)
    }
}

impl<P: Ports, S> Handler<P, S> {
    /// The answer to a request of CloudFormation, in time.
    async fn answer(&self, request: &ResourceRequest, left: Duration) -> Answer {
        const OVER: &str = "deadline exceeded; see the function's logs";
        if left.is_zero() {
            return request.failed(OVER);
        }
        let (service, asked) = (self.service.clone(), request.clone());
        // A task of its own, so that a defect in it is an answer as well.
        let mut work = tokio::spawn(async move { handle_resource(&service, &asked).await });
        let reason = match tokio::time::timeout(left, &mut work).await {
            Ok(Ok(answer)) => return answer,
            Ok(Err(_)) => "internal error; see the function's logs",
            Err(_) => {
                work.abort();
                // Until it is gone: what it had on the wire may arrive, but nothing new is sent.
                work.await.ok();
                OVER
            }
        };
        self.after_interruption(request, reason).await
    }

    /// The answer to a request whose work was broken off.
    async fn after_interruption(&self, request: &ResourceRequest, reason: &str) -> Answer {
        tracing::warn!(resource.request = request.request_type, reason, "request interrupted");
        // It may have made what it was asked for: the stack is told, or nobody would delete it.
        let look = after_interruption(&self.service, request, reason);
        tokio::time::timeout(LOOK_TIMEOUT, look).await.unwrap_or_else(|_| request.failed(reason))
    }
}

/// The time until the end of the invocation.
fn time_left(deadline: SystemTime) -> Duration {
    if deadline == SystemTime::UNIX_EPOCH {
        return REQUEST_TIMEOUT;
    }
    deadline.duration_since(SystemTime::now()).unwrap_or_default()
}

#[cfg(test)]
mod tests;

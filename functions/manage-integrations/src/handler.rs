//! Dispatches HTTP requests and CloudFormation requests, and enforces deadlines.
//!
//! Guarantees: each CloudFormation request gets a response, even after an internal error or an exceeded deadline, so that the stack
//! doesn't wait for a timeout and knows what was created. After the response, the request has no further effect. In deployed
//! functions, a panic ends the process; therefore, each request runs in a child process ([`runtime::isolation`]).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use lambda_runtime::{Diagnostic, LambdaEvent};
use management::host::{
    ResourceRequest, ResourceResponse, UntrustedResponseUrl, after_interruption, handle_resource, is_http, respond,
};
use management::{Ports, Service, router};
use runtime::isolation::{Ended, Isolation};
use serde_json::Value;

use crate::response::{ResponseSender, SendError, body};

/// Time that is reserved for the response to CloudFormation, including retries.
const RESPONSE_RESERVE: Duration = Duration::from_secs(25);
/// Part of [`RESPONSE_RESERVE`] in which the outcome of an interrupted request is determined.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);
/// Time that is reserved for the parent to respond, if the child process of a request dies or hangs.
const PARENT_RESERVE: Duration = Duration::from_secs(10);
/// Time limit of a request if the caller sets no deadline.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(600);

/// Handles invocations. It is built once, and each invocation borrows it.
pub struct Handler<P, S> {
    service: Arc<Service<P>>,
    router: Router,
    response_sender: S,
    isolation: Option<Isolation>,
}

/// Why an invocation failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandlerError {
    /// The event is unknown.
    #[error(
        "the event is neither an HTTP request (payload format 2.0, as events/manage-list.json) nor a CloudFormation request"
    )]
    UnknownEvent,
    /// The response URL is not trusted. Nothing was done.
    #[error(transparent)]
    UntrustedResponseUrl(#[from] UntrustedResponseUrl),
    /// The response to CloudFormation could not be sent. Lambda retries the request.
    #[error(transparent)]
    ResponseNotSent(#[from] SendError),
}

impl From<HandlerError> for Diagnostic {
    fn from(error: HandlerError) -> Self {
        let kind = match error {
            HandlerError::UnknownEvent => "UnknownEvent",
            HandlerError::UntrustedResponseUrl(_) => "UntrustedResponseUrl",
            HandlerError::ResponseNotSent(_) => "ResponseNotSent",
        };
        Self { error_type: kind.to_owned(), error_message: error.to_string() }
    }
}

impl<P: Ports, S: ResponseSender> Handler<P, S> {
    /// A handler over a service.
    pub fn new(service: Arc<Service<P>>, response_sender: S) -> Self {
        Self { router: router(service.clone()), service, response_sender, isolation: None }
    }

    /// Runs each CloudFormation request in a child process. If the child dies, this process responds.
    #[must_use]
    pub fn with_isolation(self, isolation: Isolation) -> Self {
        Self { isolation: Some(isolation), ..self }
    }

    /// Handles one invocation.
    ///
    /// # Errors
    ///
    /// If the event is unknown, or the response could not be sent.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<Value, HandlerError> {
        let LambdaEvent { payload, context } = event;
        if let Some(request) = ResourceRequest::parse(&payload) {
            let left = time_left(context.deadline());
            return match &self.isolation {
                Some(isolation) => self.handle_isolated(isolation, &payload, request, left).await,
                None => self.handle_resource_request(request, left).await,
            };
        }
        if is_http(&payload) {
            return Ok(respond(self.router.clone(), &payload).await);
        }
        Err(HandlerError::UnknownEvent)
    }

    /// Runs a request in a child process. If the child dies or hangs, this process responds.
    async fn handle_isolated(
        &self,
        isolation: &Isolation,
        payload: &Value,
        request: ResourceRequest,
        left: Duration,
    ) -> Result<Value, HandlerError> {
        self.check_response_url(&request)?;
        match isolation.run(payload, left.saturating_sub(PARENT_RESERVE)).await {
            Ok(Ended::Succeeded) => Ok(Value::Null),
            Ok(Ended::Failed) => Err(SendError("see the function's logs".to_owned()).into()),
            Ok(ended @ (Ended::Died | Ended::TimedOut)) => {
                let response = self.after_interruption(&request, ended.reason()).await;
                self.respond_to(&request, &response).await
            }
            Err(error) => {
                tracing::warn!(%error, "failed to start a process for the request: it runs in this one");
                self.handle_resource_request(request, left).await
            }
        }
    }

    /// Handles a request in a child process.
    ///
    /// # Errors
    ///
    /// If the payload is not a CloudFormation request, or the response could not be sent.
    pub async fn run_in_child(&self, payload: &Value, left: Duration) -> Result<Value, HandlerError> {
        let request = ResourceRequest::parse(payload).ok_or(HandlerError::UnknownEvent)?;
        self.handle_resource_request(request, left).await
    }

    /// Handles a CloudFormation request in this process, and sends the response.
    async fn handle_resource_request(&self, request: ResourceRequest, left: Duration) -> Result<Value, HandlerError> {
        self.check_response_url(&request)?;
        let response = self.handle_in_time(&request, left.saturating_sub(RESPONSE_RESERVE)).await;
        self.respond_to(&request, &response).await
    }

    fn check_response_url(&self, request: &ResourceRequest) -> Result<(), HandlerError> {
        self.response_sender.allows(&request.response_url).map_err(|error| {
            tracing::error!(%error, resource.request = request.request_type, "request rejected");
            error.into()
        })
    }

    async fn respond_to(&self, request: &ResourceRequest, response: &ResourceResponse) -> Result<Value, HandlerError> {
        tracing::info!(
            resource.kind = request.resource_type,
            resource.request = request.request_type,
            resource.id = response.physical_resource_id,
            answer.status = response.status,
            answer.reason = response.reason,
            "CloudFormation request handled"
        );
        self.response_sender.put(&request.response_url, body(response)).await?;
        Ok(Value::Null)
    }
}

impl<P: Ports, S> Handler<P, S> {
    /// Handles a CloudFormation request. Interrupts it after the time limit.
    async fn handle_in_time(&self, request: &ResourceRequest, left: Duration) -> ResourceResponse {
        const DEADLINE_EXCEEDED: &str = "deadline exceeded; see the function's logs";
        if left.is_zero() {
            return request.failed(DEADLINE_EXCEEDED);
        }
        let (service, owned_request) = (self.service.clone(), request.clone());
        // Runs in a separate task, so that a panic results in a response, too.
        let mut task = tokio::spawn(async move { handle_resource(&service, &owned_request).await });
        let reason = match tokio::time::timeout(left, &mut task).await {
            Ok(Ok(response)) => return response,
            Ok(Err(_)) => "internal error; see the function's logs",
            Err(_) => {
                task.abort();
                // Wait until the task ends. Calls in flight may still take effect, but no new call is sent.
                task.await.ok();
                DEADLINE_EXCEEDED
            }
        };
        self.after_interruption(request, reason).await
    }

    /// The response to an interrupted request.
    async fn after_interruption(&self, request: &ResourceRequest, reason: &str) -> ResourceResponse {
        tracing::warn!(resource.request = request.request_type, reason, "request interrupted");
        // The request may have created the resource. Without the resource's ID, the stack would never delete it.
        let lookup = after_interruption(&self.service, request, reason);
        tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await.unwrap_or_else(|_| request.failed(reason))
    }
}

/// The time until the end of the invocation, or the default time limit.
fn time_left(deadline: SystemTime) -> Duration {
    if deadline == SystemTime::UNIX_EPOCH {
        return REQUEST_TIMEOUT;
    }
    deadline.duration_since(SystemTime::now()).unwrap_or_default()
}

#[cfg(test)]
mod tests;

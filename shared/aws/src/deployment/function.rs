//! Invokes a function and waits for its answer: one piece for all that do so.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::invoke::InvokeError;
use aws_sdk_lambda::primitives::Blob;
use exporter::ports::PortError;
use serde_json::Value;

use crate::errors::{CallFailure, failure, port_error};

/// The longest that a function may run: `FunctionTimeoutSeconds` of template.yaml allows as much as Lambda (contract 6.2).
pub(crate) const RUN_MAX: Duration = Duration::from_secs(1800);
/// Characters of a crash's words that are repeated.
const CRASH_CHARS_MAX: usize = 400;

/// A function that is invoked synchronously.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    client: Client,
    pub(crate) name: String,
}

/// Why a function gave no answer.
#[derive(Debug)]
pub(crate) enum InvokeFailure {
    /// It could not be invoked, or not waited for.
    Call(Box<CallFailure<InvokeError>>),
    /// It failed, and said this.
    Crash(String),
}

impl Function {
    /// The function of this name, which answers within `wait`. Makes no call.
    pub(crate) fn new(config: &SdkConfig, name: &str, wait: Duration) -> Self {
        Self::of(aws_sdk_lambda::config::Builder::from(config), name, wait)
    }

    /// The same, invoked once: what it does takes long, and a second invocation would do it beside the first.
    pub(crate) fn once(config: &SdkConfig, name: &str, wait: Duration) -> Self {
        let once = RetryConfig::standard().with_max_attempts(1);
        Self::of(aws_sdk_lambda::config::Builder::from(config).retry_config(once), name, wait)
    }

    fn of(config: aws_sdk_lambda::config::Builder, name: &str, wait: Duration) -> Self {
        let timeouts = TimeoutConfig::builder().read_timeout(wait).operation_timeout(wait).build();
        Self { client: Client::from_conf(config.timeout_config(timeouts).build()), name: name.to_owned() }
    }

    /// What the function answers to a payload.
    pub(crate) async fn invoke(&self, payload: &Value) -> Result<Vec<u8>, InvokeFailure> {
        let request = self.client.invoke().function_name(&self.name).payload(Blob::new(payload.to_string()));
        let answer = request.send().await.map_err(|error| InvokeFailure::Call(Box::new(error)))?;
        let body = answer.payload().map(Blob::as_ref).unwrap_or_default();
        if answer.function_error().is_some() {
            return Err(InvokeFailure::Crash(crash(body)));
        }
        Ok(body.to_vec())
    }
}

impl InvokeFailure {
    /// The same for those who asked for `action`.
    pub(crate) fn into_port(self, action: String) -> PortError {
        match self {
            Self::Call(error) => port_error(action, &error),
            Self::Crash(said) => failure(action, format!("the function failed: {said}; see its logs")),
        }
    }
}

/// What a function said when it failed.
fn crash(bytes: &[u8]) -> String {
    let said = serde_json::from_slice::<Value>(bytes).ok();
    let message = said.as_ref().and_then(|said| said["errorMessage"].as_str());
    let message = message.map_or_else(|| String::from_utf8_lossy(bytes).into_owned(), str::to_owned);
    message.chars().take(CRASH_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_waited_for_as_long_as_it_may_run() {
        let config = SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
        let wait = Duration::from_secs(310);
        let function = Function::once(&config, "check", wait);
        let timeouts = function.client.config().timeout_config().unwrap().clone();
        assert_eq!((timeouts.read_timeout(), timeouts.operation_timeout()), (Some(wait), Some(wait)));
        assert_eq!(function.client.config().retry_config().unwrap().max_attempts(), 1);
    }

    #[test]
    fn a_crash_is_told_in_its_own_words() {
        assert_eq!(crash(br#"{"errorMessage":"out of memory","errorType":"x"}"#), "out of memory");
        assert_eq!(crash(b"<html>"), "<html>");
        assert_eq!(crash("x".repeat(10_000).as_bytes()).len(), CRASH_CHARS_MAX);
    }
}

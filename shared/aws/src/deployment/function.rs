//! Invokes a function synchronously.

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

/// Maximum duration of an invocation: the maximum of `FunctionTimeoutSeconds` in template.yaml, and of Lambda (contract 6.2).
pub(crate) const RUN_MAX: Duration = Duration::from_secs(1800);
/// Maximum length of a crash message.
const CRASH_CHARS_MAX: usize = 400;

/// A function that is invoked synchronously.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    client: Client,
    pub(crate) name: String,
}

/// Why a function returned no response.
#[derive(Debug)]
pub(crate) enum InvokeFailure {
    /// The call failed or timed out.
    Call(Box<CallFailure<InvokeError>>),
    /// The function failed with this message.
    Crash(String),
}

impl Function {
    /// A client of the function with this name and response timeout. Makes no call.
    pub(crate) fn new(config: &SdkConfig, name: &str, wait: Duration) -> Self {
        Self::of(aws_sdk_lambda::config::Builder::from(config), name, wait)
    }

    /// A client without retries, for long invocations: a retry would run concurrently with the first invocation.
    pub(crate) fn without_retries(config: &SdkConfig, name: &str, wait: Duration) -> Self {
        let no_retries = RetryConfig::standard().with_max_attempts(1);
        Self::of(aws_sdk_lambda::config::Builder::from(config).retry_config(no_retries), name, wait)
    }

    fn of(config: aws_sdk_lambda::config::Builder, name: &str, wait: Duration) -> Self {
        let timeouts = TimeoutConfig::builder().read_timeout(wait).operation_timeout(wait).build();
        Self { client: Client::from_conf(config.timeout_config(timeouts).build()), name: name.to_owned() }
    }

    /// Invokes the function. Returns the response payload.
    pub(crate) async fn invoke(&self, payload: &Value) -> Result<Vec<u8>, InvokeFailure> {
        let request = self.client.invoke().function_name(&self.name).payload(Blob::new(payload.to_string()));
        let response = request.send().await.map_err(|error| InvokeFailure::Call(Box::new(error)))?;
        let body = response.payload().map(Blob::as_ref).unwrap_or_default();
        if response.function_error().is_some() {
            return Err(InvokeFailure::Crash(crash_message(body)));
        }
        Ok(body.to_vec())
    }
}

impl InvokeFailure {
    /// Converts the failure to a port error of `action`.
    pub(crate) fn into_port(self, action: String) -> PortError {
        match self {
            Self::Call(error) => port_error(action, &error),
            Self::Crash(message) => failure(action, format!("the function failed: {message}; see its logs")),
        }
    }
}

/// The error message of a failed function.
fn crash_message(bytes: &[u8]) -> String {
    let response = serde_json::from_slice::<Value>(bytes).ok();
    let message = response.as_ref().and_then(|response| response["errorMessage"].as_str());
    let message = message.map_or_else(|| String::from_utf8_lossy(bytes).into_owned(), str::to_owned);
    message.chars().take(CRASH_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_waits_for_the_maximum_duration_of_a_function() {
        let config = SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
        let wait = Duration::from_secs(310);
        let function = Function::without_retries(&config, "check", wait);
        let timeouts = function.client.config().timeout_config().unwrap().clone();
        assert_eq!((timeouts.read_timeout(), timeouts.operation_timeout()), (Some(wait), Some(wait)));
        assert_eq!(function.client.config().retry_config().unwrap().max_attempts(), 1);
    }

    #[test]
    fn a_crash_is_reported_with_its_message() {
        assert_eq!(crash_message(br#"{"errorMessage":"out of memory","errorType":"x"}"#), "out of memory");
        assert_eq!(crash_message(b"<html>"), "<html>");
        assert_eq!(crash_message("x".repeat(10_000).as_bytes()).len(), CRASH_CHARS_MAX);
    }
}

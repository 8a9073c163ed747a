//! Connection tests, by the function that checks connections: only it may read access keys and assume roles.

use aws_sdk_lambda::primitives::Blob;
use exporter::connection::Connection;
use exporter::ports::PortError;
use exporter::provider::ProviderId;
use management::ports::Tests;
use serde::Deserialize;
use serde_json::json;

use crate::Cloud;
use crate::errors::port_error;

/// Characters of a crash's words that are repeated.
const CRASH_CHARS_MAX: usize = 400;

/// What the function answers, as far as it matters here.
#[derive(Deserialize)]
struct Answer {
    connections: Vec<Connection>,
}

impl Tests for Cloud {
    async fn test(&self, provider: &ProviderId) -> Result<Vec<Connection>, PortError> {
        let action = || format!("check the connection of {provider}");
        let failed = |message: String| PortError { action: action(), message };
        let Some(function) = &self.managing.check_function else {
            return Err(failed("this deployment has no function that checks connections".to_owned()));
        };
        let client = aws_sdk_lambda::Client::new(&self.config);
        let payload = json!({ "integration": provider, "spread": true });
        let request = client.invoke().function_name(function).payload(Blob::new(payload.to_string()));
        let answer = request.send().await.map_err(|error| port_error(action(), &error))?;
        let body = answer.payload().map(Blob::as_ref).unwrap_or_default();
        if answer.function_error().is_some() {
            let said: String = String::from_utf8_lossy(body).chars().take(CRASH_CHARS_MAX).collect();
            return Err(failed(format!("the function {function} failed: {said}; its log says more")));
        }
        let answer: Answer = serde_json::from_slice(body).map_err(|error| failed(error.to_string()))?;
        Ok(answer.connections.into_iter().filter(|connection| connection.provider == *provider).collect())
    }
}

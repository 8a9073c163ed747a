//! Connection tests, by the function that checks connections: only it may read access keys and assume roles.

use std::time::Duration;

use exporter::connection::Connection;
use exporter::ports::PortError;
use exporter::provider::ProviderId;
use management::ports::Tests;
use serde::Deserialize;
use serde_json::json;

use crate::Cloud;
use crate::function::Function;

/// Time to the answer: an invocation of check-connections may take 300 seconds (template.yaml), and begins a little later.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(310);

/// What the function answers, as far as it matters here.
#[derive(Deserialize)]
struct Answer {
    connections: Vec<Connection>,
}

impl Tests for Cloud {
    async fn test(&self, provider: &ProviderId) -> Result<Vec<Connection>, PortError> {
        let action = || format!("check the connection of {provider}");
        let failed = |message: String| PortError { action: action(), message };
        let Some(name) = &self.managing.check_function else {
            return Err(failed("this deployment has no function that checks connections".to_owned()));
        };
        let function = Function::once(&self.config, name, ANSWER_TIMEOUT);
        let answer = function.invoke(&json!({ "integration": provider, "spread": true })).await;
        let answer = answer.map_err(|failure| failure.into_port(action()))?;
        let answer: Answer = serde_json::from_slice(&answer).map_err(|error| failed(error.to_string()))?;
        Ok(answer.connections.into_iter().filter(|connection| connection.provider == *provider).collect())
    }
}

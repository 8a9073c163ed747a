//! Invokes the check-connections function, which checks accounts with the deployment's credentials.

use asff::AccountId;
use aws_config::SdkConfig;
use exporter::connection::Connection;
use exporter::notifications::Event;
use exporter::ports::PortError;
use serde::Deserialize;
use serde_json::json;

use crate::deployment::function::{Function, RUN_MAX};
use crate::errors::failure;

/// The function check-connections.
#[derive(Clone, Debug)]
pub struct CheckFunction(Function);

/// The response of the function.
#[derive(Clone, Debug, Deserialize)]
pub struct CheckResponse {
    /// Connections of the checked accounts.
    pub connections: Vec<Connection>,
    /// Published notifications.
    #[serde(default)]
    pub events: Vec<Event>,
    /// Accounts that were not checked before the deadline.
    pub not_reached: Vec<AccountId>,
    /// Other problems.
    pub problems: Vec<String>,
}

impl CheckFunction {
    /// A client of the function with this name. Makes no call.
    pub fn new(config: &SdkConfig, name: &str) -> Self {
        Self(Function::new(config, name, RUN_MAX))
    }

    /// Checks accounts. The request is idempotent, so that the SDK can retry it.
    ///
    /// # Errors
    ///
    /// If the function can't be invoked, or crashes.
    pub async fn check(&self, accounts: &[AccountId]) -> Result<CheckResponse, PortError> {
        let action = || format!("invoke the function {}", self.0.name);
        let answer = self.0.invoke(&json!({ "accounts": accounts, "spread": false })).await;
        let answer = answer.map_err(|failure| failure.into_port(action()))?;
        serde_json::from_slice(&answer).map_err(|error| failure(action(), format!("unexpected response: {error}")))
    }
}

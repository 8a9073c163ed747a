//! The function that checks connections, invoked by a user: what it says of accounts is said with the deployment's own
//! credentials.

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

/// What it answers.
#[derive(Clone, Debug, Deserialize)]
pub struct CheckAnswer {
    /// The verdicts.
    pub connections: Vec<Connection>,
    /// What was told.
    #[serde(default)]
    pub events: Vec<Event>,
    /// Accounts that it had no time for.
    pub not_reached: Vec<AccountId>,
    /// What went wrong beside the verdicts.
    pub problems: Vec<String>,
}

impl CheckFunction {
    /// The function of this name. Makes no call.
    pub fn new(config: &SdkConfig, name: &str) -> Self {
        Self(Function::new(config, name, RUN_MAX))
    }

    /// Has accounts checked. Harmless to repeat, so the SDK retries it.
    ///
    /// # Errors
    ///
    /// When the function can't be invoked or crashes.
    pub async fn check(&self, accounts: &[AccountId]) -> Result<CheckAnswer, PortError> {
        let action = || format!("invoke the function {}", self.0.name);
        let answer = self.0.invoke(&json!({ "accounts": accounts, "spread": false })).await;
        let answer = answer.map_err(|failure| failure.into_port(action()))?;
        serde_json::from_slice(&answer).map_err(|error| failure(action(), format!("unexpected response: {error}")))
    }
}

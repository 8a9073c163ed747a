//! The function that checks connections, invoked by a person: what it says of accounts is said with the deployment's own
//! credentials.

use std::time::Duration;

use asff::AccountId;
use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use exporter::connection::Connection;
use exporter::ports::PortError;
use exporter::telling::Event;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::errors::port_error;

/// Time to the answer: the longest that a function may run (AWS Lambda quotas: 15 minutes).
const ANSWER_TIMEOUT: Duration = Duration::from_secs(900);
/// Characters of a crash's words that are repeated.
const CRASH_CHARS_MAX: usize = 400;

/// The function check-connections.
#[derive(Clone, Debug)]
pub struct CheckFunction {
    client: Client,
    name: String,
}

/// What it answers.
#[derive(Clone, Debug, Deserialize)]
pub struct CheckAnswer {
    /// The verdicts.
    pub connections: Vec<Connection>,
    /// What was told.
    #[serde(default)]
    pub events: Vec<Event>,
    /// Accounts that it had no time for.
    pub left_over: Vec<AccountId>,
    /// What went wrong beside the verdicts.
    pub problems: Vec<String>,
}

impl CheckFunction {
    /// The function of this name. Makes no call.
    pub fn new(config: &SdkConfig, name: &str) -> Self {
        let timeouts = TimeoutConfig::builder().read_timeout(ANSWER_TIMEOUT).operation_timeout(ANSWER_TIMEOUT).build();
        let own = aws_sdk_lambda::config::Builder::from(config).timeout_config(timeouts).build();
        Self { client: Client::from_conf(own), name: name.to_owned() }
    }

    /// Has accounts checked. Harmless to repeat, so the SDK retries it.
    ///
    /// # Errors
    ///
    /// When the function can't be invoked or crashes.
    pub async fn check(&self, accounts: &[AccountId]) -> Result<CheckAnswer, PortError> {
        let failed = |message: String| PortError { action: format!("invoke the function {}", self.name), message };
        let payload = json!({ "accounts": accounts, "spread": false }).to_string();
        let invoked = self.client.invoke().function_name(&self.name).payload(Blob::new(payload)).send().await;
        let answer = invoked.map_err(|error| port_error(format!("invoke the function {}", self.name), &error))?;
        let body = answer.payload().map(Blob::as_ref).unwrap_or_default();
        if answer.function_error().is_some() {
            return Err(failed(format!("it failed: {}", crash(body))));
        }
        serde_json::from_slice(body).map_err(|error| failed(format!("its answer is not understood: {error}")))
    }
}

/// What a function said when it failed.
fn crash(bytes: &[u8]) -> String {
    let said = serde_json::from_slice::<Value>(bytes).ok();
    let message = said.as_ref().and_then(|said| said["errorMessage"].as_str());
    let message = message.map_or_else(|| String::from_utf8_lossy(bytes).into_owned(), str::to_owned);
    message.chars().take(CRASH_CHARS_MAX).collect()
}

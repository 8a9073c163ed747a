//! Tests the adapters against local servers: scripted responses, and the simulator.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that can't be set up, or sees another answer, has failed"
)]

mod check_queue;
mod checks;
mod connect;
mod connections;
mod deployment;
mod emulators;
mod history;
mod hub;
mod hub_errors;
mod inspect;
mod integrations;
mod notifications;
mod objects;
mod queue;
mod raw;
mod runs;
mod scans;
mod secrets;
mod settings_store;
mod tested;
mod wire;

use aws::{Cloud, ResourceNames, SdkConfig};
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;

/// The account of the tests.
const ACCOUNT: &str = "123456789012";

/// A configuration with one endpoint for all services, and this access key.
async fn config_as(access_key: &str, url: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new(access_key, "own-secret-key", None, None, "test"))
        .load()
        .await
}

/// The adapters, with one endpoint for all services.
async fn cloud(url: &str) -> Cloud {
    let names = ResourceNames { table: "table".to_owned(), state_bucket: "state".to_owned(), queue_url: None };
    Cloud::new(&config_as(ACCOUNT, url).await, names)
}

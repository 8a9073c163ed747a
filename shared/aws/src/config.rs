//! One configuration for every client: timeouts, retries, stalled-stream protection.
//!
//! The SDK's environment variables and profile settings apply: Region, credentials, `AWS_ENDPOINT_URL` and its
//! service-specific forms, `AWS_MAX_ATTEMPTS`, `AWS_RETRY_MODE`, FIPS and dual-stack endpoints.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::StalledStreamProtectionConfig;
use aws_smithy_runtime::client::defaults::default_http_client_plugin_v2;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;

use crate::retries::{retry_item_conflicts, retry_object_conflicts};

/// Connect timeout, including TLS. Detects nonexistent or blocked Regions quickly.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout for the first byte of a response.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Timeout for a call with its retries, until the response headers arrive. Reading a large object has no limit.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(120);
/// Time without data after which a stream counts as stalled.
const STALL_GRACE: Duration = Duration::from_secs(20);
/// App name in the user agent.
const APP_NAME: &str = "securityhub-exporter";

/// The configuration, with one connection pool for all clients.
pub async fn sdk_config() -> SdkConfig {
    sdk_config_of(None, None).await
}

/// The configuration with an explicit profile and Region, which take precedence over the environment.
pub async fn sdk_config_of(profile: Option<&str>, region: Option<&str>) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::enabled().grace_period(STALL_GRACE).build());
    // Without a shared HTTP client, each client has its own connections and certificates, and a check creates a client for each
    // Region of each account.
    if let Some(client) = http_client() {
        loader = loader.http_client(client);
    }
    if let Ok(name) = AppName::new(APP_NAME) {
        loader = loader.app_name(name);
    }
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    loader.load().await
}

/// The SDK's default HTTP client, including proxy settings of the environment, shared by all clients.
fn http_client() -> Option<SharedHttpClient> {
    let plugin = default_http_client_plugin_v2(BehaviorVersion::latest())?;
    plugin.runtime_components(&RuntimeComponentsBuilder::new("shared")).http_client()
}

/// A client for S3. For a custom endpoint, it uses path-style addressing, since such an endpoint rarely resolves bucket names.
pub(crate) fn s3_client(config: &SdkConfig) -> aws_sdk_s3::Client {
    let builder = aws_sdk_s3::config::Builder::from(config);
    let builder = if has_own_s3_endpoint(config) { builder.force_path_style(true) } else { builder };
    aws_sdk_s3::Client::from_conf(retry_object_conflicts(builder).build())
}

/// A client for `DynamoDB`.
pub(crate) fn dynamodb_client(config: &SdkConfig) -> aws_sdk_dynamodb::Client {
    let builder = aws_sdk_dynamodb::config::Builder::from(config);
    aws_sdk_dynamodb::Client::from_conf(retry_item_conflicts(builder).build())
}

/// Whether S3 has a custom endpoint.
fn has_own_s3_endpoint(config: &SdkConfig) -> bool {
    own_endpoint(config, "S3").is_some()
}

/// Custom endpoint of a service, if any: from the configuration, the environment, or a profile, in the SDK's order.
pub(crate) fn own_endpoint(config: &SdkConfig, service_id: &'static str) -> Option<String> {
    let for_service = || {
        let key = aws_types::service_config::ServiceConfigKey::builder()
            .service_id(service_id)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok()?;
        config.service_config()?.load_config(key)
    };
    let for_all = || config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        return for_all();
    }
    for_service().or_else(for_all)
}

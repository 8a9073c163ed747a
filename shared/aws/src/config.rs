//! One configuration for every client: time-outs, retries, the protection against stalled streams.
//!
//! Whatever the SDK reads from the environment and from profiles holds: Region, credentials, `AWS_ENDPOINT_URL` and its
//! forms for one service, `AWS_MAX_ATTEMPTS`, `AWS_RETRY_MODE`, FIPS and dual-stack endpoints.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::StalledStreamProtectionConfig;
use aws_smithy_runtime::client::defaults::default_http_client_plugin_v2;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;

use crate::retries::{retry_item_conflicts, retry_object_conflicts};

/// Time to connect, TLS included. A Region that does not exist or is walled off is noticed soon.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time to the first byte of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for a call, its retries included, up to the head of the answer: reading a large object takes as long as it takes.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(120);
/// Time that a stream may stand still before it counts as broken.
const STALL_GRACE: Duration = Duration::from_secs(20);
/// How the program calls itself in the service's logs.
const APP_NAME: &str = "securityhub-exporter";

/// The configuration that all clients share, and with it their connections.
pub async fn sdk_config() -> SdkConfig {
    sdk_config_of(None, None).await
}

/// The same by a profile and in a Region that an operator chose, which go before the environment's.
pub async fn sdk_config_of(profile: Option<&str>, region: Option<&str>) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::enabled().grace_period(STALL_GRACE).build());
    // Without it every client has its own connections and its own copy of the certificates: a check makes one for each Region
    // of each account.
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

/// The SDK's own HTTP client, proxies of the environment included, once for all clients.
fn http_client() -> Option<SharedHttpClient> {
    let plugin = default_http_client_plugin_v2(BehaviorVersion::latest())?;
    plugin.runtime_components(&RuntimeComponentsBuilder::new("shared")).http_client()
}

/// A client for S3. Where its endpoint is replaced, buckets stand in the path: such an endpoint seldom has a name for
/// each bucket.
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

/// Whether S3 is to be found elsewhere than at AWS.
fn has_own_s3_endpoint(config: &SdkConfig) -> bool {
    own_endpoint(config, "S3").is_some()
}

/// Where a service is to be found, if not at AWS: by what the program says, `AWS_ENDPOINT_URL`, its form for the service, or
/// a profile, in the order of the SDK's own clients.
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

//! Calls of Security Hub whose responses are returned unchanged, errors included, for a program that checks the service itself.
//! These calls are not retried.

use std::error::Error;
use std::time::Duration;

use asff::RegionName;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_securityhub::config::{Builder, Config};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::errors::{CallFailure, causes};
use crate::raw_call::raw_body::{GET_FINDINGS, IMPORT_FINDINGS, call};
use crate::security_hub::client::SecurityHub;
use crate::security_hub::errors::message_of;

/// Timeout of a call. The largest body has more than 6 MB.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// The response to a call.
#[derive(Clone, Debug)]
pub struct RawResponse {
    /// HTTP status.
    pub status: u16,
    /// Error code, if the response is an error.
    pub code: Option<String>,
    /// Error message; empty if the response is not an error.
    pub message: String,
    /// The body; null if it is not JSON.
    pub body: Value,
}

/// The response, or the reason why no response was received.
type RawResult = Result<RawResponse, String>;

impl SecurityHub {
    /// Calls `BatchImportFindings` with this body.
    ///
    /// # Errors
    ///
    /// If no response is received.
    pub async fn raw_import(&self, region: RegionName, body: Bytes) -> RawResult {
        let (client, _) = self.client(region);
        answered(call(&client, IMPORT_FINDINGS, body, Some(once())).await.map(|body| json_of(&body)))
    }

    /// Calls `GetFindings` with this body.
    ///
    /// # Errors
    ///
    /// If no response is received.
    pub async fn raw_find(&self, region: RegionName, body: Bytes) -> RawResult {
        let (client, _) = self.client(region);
        answered(call(&client, GET_FINDINGS, body, Some(once())).await.map(|body| json_of(&body)))
    }

    /// Calls `DescribeHub`.
    ///
    /// # Errors
    ///
    /// If no response is received.
    pub async fn raw_describe(&self, region: RegionName) -> RawResult {
        let (client, _) = self.client(region);
        let hub = client.describe_hub().customize().config_override(once()).send().await;
        answered(hub.map(|hub| json!({ "HubArn": hub.hub_arn, "SubscribedAt": hub.subscribed_at })))
    }

    /// Gets a page of `ListEnabledProductsForImport`.
    ///
    /// # Errors
    ///
    /// If no response is received.
    pub async fn raw_products(&self, region: RegionName, next: Option<String>) -> RawResult {
        let (client, _) = self.client(region);
        let request = client.list_enabled_products_for_import().set_next_token(next);
        let page = request.customize().config_override(once()).send().await;
        answered(
            page.map(
                |page| json!({ "ProductSubscriptions": page.product_subscriptions, "NextToken": page.next_token }),
            ),
        )
    }
}

/// Configuration for a single attempt.
fn once() -> Builder {
    let timeouts = TimeoutConfig::builder().read_timeout(CALL_TIMEOUT).operation_timeout(CALL_TIMEOUT).build();
    Config::builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts)
}

fn json_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or(Value::Null)
}

fn answered<E>(answer: Result<Value, CallFailure<E>>) -> RawResult
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let error = match answer {
        Ok(body) => return Ok(RawResponse { status: 200, code: None, message: String::new(), body }),
        Err(error) => error,
    };
    let Some(response) = error.raw_response() else { return Err(causes(&error)) };
    Ok(RawResponse {
        status: response.status().as_u16(),
        code: error.code().map(str::to_owned),
        message: message_of(&error, response),
        body: response.body().bytes().map_or(Value::Null, json_of),
    })
}

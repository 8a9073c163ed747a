//! Calls of Security Hub with raw bodies: findings are sent as the exporter serialized them, and returned completely. Such a call
//! uses the SDK's smallest operation with another path and body, because `GetFindings` and `BatchImportFindings` would link the
//! SDK's model of a finding, which is unused and a tenth of a function's size (decision 23). Endpoint, signature, timeouts,
//! retries, and errors are the SDK's.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_securityhub::Client;
use aws_sdk_securityhub::config::Builder;
use aws_sdk_securityhub::operation::describe_hub::DescribeHubError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use bytes::Bytes;

use crate::errors::CallFailure;

/// The path of `GetFindings`.
pub(crate) const GET_FINDINGS: &str = "/findings";
/// The path of `BatchImportFindings`.
pub(crate) const IMPORT_FINDINGS: &str = "/findings/import";

/// Body that the SDK parses in place of the response body.
const EMPTY: &[u8] = b"{}";

/// Posts a body to a path and returns the response body. `overrides` take precedence over the client's configuration.
pub(crate) async fn call(
    client: &Client,
    path: &'static str,
    body: Bytes,
    overrides: Option<Builder>,
) -> Result<Bytes, CallFailure<DescribeHubError>> {
    let answer = Arc::default();
    let mut operation =
        client.describe_hub().customize().interceptor(RawBody { path, body, answer: Arc::clone(&answer) });
    if let Some(overrides) = overrides {
        operation = operation.config_override(overrides);
    }
    operation.send().await?;
    let answer: Bytes = std::mem::take(&mut *answer.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(if answer.is_empty() { Bytes::from_static(EMPTY) } else { answer })
}

/// Replaces path and body of the request, and captures the response body.
#[derive(Debug)]
struct RawBody {
    path: &'static str,
    body: Bytes,
    answer: Arc<Mutex<Bytes>>,
}

impl Intercept for RawBody {
    fn name(&self) -> &'static str {
        "Carried"
    }

    // This hook runs before the endpoint, which may have a path, is resolved, and once for all attempts.
    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        request.set_method("POST")?;
        request.set_uri(self.path)?;
        request.headers_mut().insert("content-type", "application/json");
        request.headers_mut().insert("content-length", self.body.len().to_string());
        *request.body_mut() = SdkBody::from(self.body.clone());
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().map(Bytes::copy_from_slice).unwrap_or_default();
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = body;
        Ok(())
    }
}

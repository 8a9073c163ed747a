//! Calls the API of the management function with `lambda:InvokeFunction`: the payload is an HTTP request as API Gateway sends it
//! (payload format 2.0), the response is an HTTP response. IAM authorizes the call, and no endpoint is exposed.

use aws_config::SdkConfig;
use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::operation::invoke::InvokeError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bytes::Bytes;
use exporter::ports::PortError;
use http::header::IF_MATCH;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::deployment::function::{Function, InvokeFailure, RUN_MAX};
use crate::errors::{CallFailure, failure, port_error};

/// Header that makes a creation idempotent.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The function manage-integrations.
#[derive(Clone, Debug)]
pub struct ManageFunction {
    function: Function,
    /// Client without retries.
    without_retries: Function,
    caller: Option<Caller>,
}

/// Caller identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// ARN of the user or of the role session.
    pub arn: String,
    /// The account.
    pub account: String,
}

impl Caller {
    /// Gets the caller identity, which requires no permission (contract 6.1).
    ///
    /// # Errors
    ///
    /// If no credentials are configured, or STS rejects them.
    pub async fn of(config: &SdkConfig) -> Result<Self, PortError> {
        let answer = aws_sdk_sts::Client::new(config).get_caller_identity().send().await;
        let answer = answer.map_err(|error| port_error("get the caller identity", &error))?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Ok(Self { arn: text(answer.arn()), account: text(answer.account()) })
    }
}

impl ManageFunction {
    /// A client of the function with this name; the audit log records the caller. Makes no call.
    pub fn new(config: &SdkConfig, name: &str, caller: Option<Caller>) -> Self {
        // Creating an integration tests its connection in every Region, which takes time.
        let (function, without_retries) =
            (Function::new(config, name, RUN_MAX), Function::without_retries(config, name, RUN_MAX));
        Self { function, without_retries, caller }
    }

    /// Sends a request to the function. The SDK retries it if it is idempotent, because of its method or an Idempotency-Key. A
    /// request with If-Match is sent once: after a lost response, a retry would get 412 because of its own change. A request that
    /// submits a job is sent once as well.
    ///
    /// # Errors
    ///
    /// If the function can't be invoked, or fails without a response. A response with any status is not an error.
    pub async fn call(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, PortError> {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let names = request.headers();
        let is_tried_once =
            names.contains_key(IF_MATCH) || (method == http::Method::POST && !names.contains_key(IDEMPOTENCY_KEY));
        let function = if is_tried_once { &self.without_retries } else { &self.function };
        let name = &function.name;
        let action = || format!("call {method} {path} on function {name}");
        let answer = function.invoke(&payload(request, self.caller.as_ref())).await;
        let answer = answer.map_err(|error| match &error {
            InvokeFailure::Call(call) if call.code() == Some("ResourceNotFoundException") => {
                let message = format!("function {name} not found in this account and Region");
                failure(action(), message)
            }
            InvokeFailure::Call(call) if is_tried_once && may_have_arrived(call) => {
                let PortError { action, message } = error.into_port(action());
                failure(action, format!("{message}; the request may have succeeded: check before you retry"))
            }
            _ => error.into_port(action()),
        })?;
        response(&answer).map_err(|message| failure(action(), message))
    }
}

/// Whether the function may have run although no response arrived. Client errors occur before the function is invoked.
fn may_have_arrived(error: &CallFailure<InvokeError>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::DispatchFailure(failure) => !failure.is_user(),
        SdkError::ServiceError(answer) => answer.raw().status().is_server_error(),
        _ => true,
    }
}

/// A request as API Gateway's HTTP API sends it to a function.
fn payload(request: http::Request<Bytes>, caller: Option<&Caller>) -> Value {
    let (head, body) = request.into_parts();
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
    let headers: Map<String, Value> = head
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.into())))
        .collect();
    let mut context = json!({
        "http": { "method": head.method.as_str(), "path": path, "protocol": "HTTP/1.1" },
        "routeKey": "$default",
        "stage": "$default",
    });
    if let Some(Caller { arn, account }) = caller {
        context["authorizer"] = json!({ "iam": { "userArn": arn, "accountId": account } });
    }
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": context,
        "body": String::from_utf8_lossy(&body),
        "isBase64Encoded": false,
    })
}

/// The response payload of the function.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponsePayload {
    status_code: u16,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

fn response(bytes: &[u8]) -> Result<http::Response<Bytes>, String> {
    let unknown =
        "the response is not an HTTP response: check that the function is this deployment's manage-integrations";
    let answer: ResponsePayload = serde_json::from_slice(bytes).map_err(|error| format!("{unknown} ({error})"))?;
    if answer.is_base64_encoded {
        return Err(unknown.to_owned());
    }
    let mut response = http::Response::builder().status(answer.status_code);
    for (name, value) in &answer.headers {
        response = response.header(name, value.as_str().unwrap_or_default());
    }
    response.body(Bytes::from(answer.body.unwrap_or_default())).map_err(|error| format!("{unknown} ({error})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_payload_of_api_gateway() {
        let request = http::Request::builder()
            .method("DELETE")
            .uri("/integrations/123456789012?archive=true")
            .header("If-Match", "\"3\"")
            .body(Bytes::from_static(b"{}"))
            .unwrap();
        let caller = Caller { arn: "arn:aws:iam::123456789012:user/ann".into(), account: "123456789012".into() };
        let payload = payload(request, Some(&caller));
        assert_eq!(payload["rawPath"], "/integrations/123456789012");
        assert_eq!(payload["rawQueryString"], "archive=true");
        assert_eq!(payload["headers"]["if-match"], "\"3\"");
        assert_eq!(payload["requestContext"]["http"]["method"], "DELETE");
        assert_eq!(payload["requestContext"]["authorizer"]["iam"]["userArn"], "arn:aws:iam::123456789012:user/ann");
        assert_eq!(payload["body"], "{}");
    }

    #[test]
    fn a_response_with_any_status_is_not_an_error() {
        let answer = br#"{"statusCode":404,"headers":{"content-type":"application/problem+json"},"body":"{}","isBase64Encoded":false,"cookies":[]}"#;
        let response = response(answer).unwrap();
        assert_eq!((response.status().as_u16(), response.body().as_ref()), (404, b"{}".as_slice()));
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        for wrong in [b"null".as_slice(), b"\"ok\"", b"{\"batchItemFailures\":[]}", b"{\"statusCode\":1}"] {
            assert!(super::response(wrong).is_err());
        }
    }
}

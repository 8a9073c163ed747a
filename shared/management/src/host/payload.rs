//! HTTP requests in Lambda payloads: payload format 2.0 of API Gateway, which function URLs use, too, and which a client that
//! invokes the function directly can create.

use std::collections::BTreeMap;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::ports::Caller;
use crate::problem::ApiError;

/// Maximum size of a response body in bytes, as an escaped JSON string: the Lambda quota for synchronous invocations (6 MB) minus
/// the rest of the payload.
const RESPONSE_BYTES_MAX: usize = 5_500_000;

/// Whether a payload is an HTTP request.
pub fn is_http(payload: &Value) -> bool {
    payload.pointer("/requestContext/http").is_some()
}

/// Handles an HTTP request in a payload, and returns the response as a payload.
///
/// The payload contains the caller. If the request came through a function URL, AWS authenticated the caller. If the function was
/// invoked directly, the caller is self-asserted, and only `CloudTrail` has the authenticated identity.
pub async fn respond(router: Router, payload: &Value) -> Value {
    let response = match request(payload) {
        Ok(request) => {
            let Ok(response) = router.oneshot(request).await;
            response
        }
        Err(api_error) => api_error.into_response(),
    };
    to_payload(response).await
}

fn request(payload: &Value) -> Result<Request<Body>, ApiError> {
    let malformed = |what: &str| ApiError::Malformed(format!("the payload {what}"));
    let unknown = || malformed("is not in payload format 2.0, or its method, path, or a header is invalid");
    let event = ApiGatewayV2httpRequest::deserialize(payload).map_err(|_| unknown())?;
    let path = event.raw_path.ok_or_else(unknown)?;
    let uri = match event.raw_query_string.as_deref().unwrap_or_default() {
        "" => path,
        query => format!("{path}?{query}"),
    };
    let body = match (event.body, event.is_base64_encoded) {
        (None, _) => Vec::new(),
        (Some(text), false) => text.into_bytes(),
        (Some(text), true) => STANDARD.decode(text).map_err(|_| malformed("has a body that is not valid base64"))?,
    };
    let arn = event.request_context.authorizer.and_then(|authorizer| authorizer.iam).and_then(|iam| iam.user_arn);
    let caller = match arn {
        None => Caller::default(),
        Some(arn) => Caller::named(arn).ok_or_else(|| malformed("has a caller that is not an ARN"))?,
    };
    let request = Request::builder().method(event.request_context.http.method).uri(uri).extension(caller);
    let mut request = request.body(Body::from(body)).map_err(|_| unknown())?;
    *request.headers_mut() = event.headers;
    Ok(request)
}

async fn to_payload(response: Response) -> Value {
    let (head, body) = response.into_parts();
    let text = axum::body::to_bytes(body, RESPONSE_BYTES_MAX).await.ok();
    let text = text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let Some(text) = text.filter(|text| escaped_bytes(text) <= RESPONSE_BYTES_MAX) else { return too_large() };
    let header = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let headers: BTreeMap<String, String> = head.headers.iter().filter_map(header).collect();
    json!({
        "statusCode": head.status.as_u16(),
        "headers": headers,
        "body": text,
        "isBase64Encoded": false,
    })
}

fn too_large() -> Value {
    let detail = "the response exceeds the maximum size of a function's response; reduce limit";
    json!({
        "statusCode": 422,
        "headers": { "content-type": crate::problem::MEDIA_TYPE },
        "body": serde_json::to_string(&ApiError::field("limit", detail).problem()).unwrap_or_default(),
        "isBase64Encoded": false,
    })
}

/// Length of a string in JSON in bytes, without its quotation marks.
fn escaped_bytes(text: &str) -> usize {
    let added = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 1,
        // Serialized as `\u` and four hexadecimal digits.
        0..=0x1f => 5,
        _ => 0,
    };
    text.len() + text.bytes().map(added).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_measured_with_json_escapes() {
        let every_control: String = (0..=0x7f_u8).map(char::from).collect();
        for text in ["", "plain", "{\"a\": \"\\ \"}", "ü\n\u{2028}", &every_control] {
            assert_eq!(escaped_bytes(text) + 2, serde_json::to_string(text).unwrap().len(), "{text:?}");
        }
    }
}

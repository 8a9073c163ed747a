//! Writes responses: JSON, the `ETag`, and the URL of a created or moved resource.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use exporter::ports::settings_store::Revision;
use serde::Serialize;

use crate::problem::ApiError;
use crate::service::etag;

/// Header that marks the response of an earlier request with the same idempotency key.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A JSON response.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        // Proxies must not cache responses.
        Ok(bytes) => {
            let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
            (status, headers, bytes).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "failed to serialize the response");
            ApiError::Internal.into_response()
        }
    }
}

/// A JSON response with the `ETag` of a version.
pub(crate) fn versioned(status: StatusCode, body: &impl Serialize, revision: Revision) -> Response {
    let mut response = json(status, body);
    if let Ok(tag) = HeaderValue::from_str(&etag(revision)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Adds a header with a URL.
pub(crate) fn with_header(mut response: Response, name: HeaderName, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Adds the header that marks a response as replayed.
pub(crate) fn replayed(mut response: Response, replayed: bool) -> Response {
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

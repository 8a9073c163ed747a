//! Writes answers: JSON, with the `ETag` and the address of what was made or changed.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use exporter::registry::Revision;
use serde::Serialize;

use crate::problem::ApiError;
use crate::service::etag;

/// Says that an earlier request of the same key did it.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A body in JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        // What operators see is theirs: nothing on the way may keep it.
        Ok(bytes) => {
            let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
            (status, headers, bytes).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "answer not written");
            ApiError::Internal.into_response()
        }
    }
}

/// The same, of one thing in one version.
pub(crate) fn versioned(status: StatusCode, body: &impl Serialize, revision: Revision) -> Response {
    let mut response = json(status, body);
    if let Ok(tag) = HeaderValue::from_str(&etag(revision)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The same, of something that is at another address than was asked.
pub(crate) fn at(mut response: Response, name: HeaderName, address: &str) -> Response {
    if let Ok(address) = HeaderValue::from_str(address) {
        response.headers_mut().insert(name, address);
    }
    response
}

/// The same, where an earlier request did it.
pub(crate) fn replayed(mut response: Response, replayed: bool) -> Response {
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

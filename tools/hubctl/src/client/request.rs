//! Requests to the management API, and their responses.
//!
//! A creation has an idempotency key, since the transport may retry it. A change contains the version that it applies to and is
//! sent once: a retry would conflict with the change itself.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::exit::{Exit, Failure};

/// Makes a creation idempotent (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Media type of a partial change (RFC 7396).
const MERGE_PATCH: &str = "application/merge-patch+json";
/// Media type of other bodies.
const JSON: &str = "application/json";

/// A request. Its body may contain a secret, so it doesn't implement `Debug`.
pub(crate) struct Request {
    method: &'static str,
    path: String,
    body: Option<(&'static str, Value)>,
    if_match: Option<String>,
    idempotency_key: Option<String>,
}

/// A response without a problem.
#[derive(Clone, Debug)]
pub(crate) struct ApiResponse {
    /// The resource. Null if the body is empty.
    pub(crate) body: Value,
    /// The version of the resource, for a later change.
    pub(crate) etag: Option<String>,
}

impl Request {
    fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: None, if_match: None, idempotency_key: None }
    }

    /// Reads a resource.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    /// Creates a resource, idempotently.
    pub(crate) fn create(path: impl Into<String>, body: Value) -> Self {
        let key = Some(Uuid::now_v7().to_string());
        Self { body: Some((JSON, body)), idempotency_key: key, ..Self::new("POST", path) }
    }

    /// Performs an idempotent action.
    pub(crate) fn post_action(path: impl Into<String>) -> Self {
        Self::new("POST", path)
    }

    /// Performs an idempotent action; `body` is optional.
    pub(crate) fn post_action_with(path: impl Into<String>, body: Option<Value>) -> Self {
        Self { body: body.map(|body| (JSON, body)), ..Self::new("POST", path) }
    }

    /// Changes only the fields of the body.
    pub(crate) fn change(path: impl Into<String>, body: Value) -> Self {
        Self { body: Some((MERGE_PATCH, body)), ..Self::new("PATCH", path) }
    }

    /// Replaces a resource.
    pub(crate) fn put(path: impl Into<String>, body: Value) -> Self {
        Self { body: Some((JSON, body)), ..Self::new("PUT", path) }
    }

    /// Deletes a resource.
    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new("DELETE", path)
    }

    /// Applies to this version only, if known.
    pub(crate) fn at_version(self, etag: Option<String>) -> Self {
        Self { if_match: etag, ..self }
    }

    /// Method and path, for messages.
    pub(crate) fn describe(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The HTTP request.
    pub(crate) fn into_http(self) -> Result<http::Request<Bytes>, Failure> {
        let words = self.describe();
        let mut request = http::Request::builder().method(self.method).uri(self.path);
        if let Some(etag) = self.if_match {
            request = request.header(IF_MATCH, etag);
        }
        if let Some(key) = self.idempotency_key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        let body = match self.body {
            None => Bytes::new(),
            Some((kind, body)) => {
                request = request.header(CONTENT_TYPE, kind);
                Bytes::from(body.to_string())
            }
        };
        request.body(body).map_err(|error| Failure::new(Exit::Error, format!("{words}: {error}")))
    }
}

impl ApiResponse {
    /// The content of a successful response.
    pub(super) fn of(response: &http::Response<Bytes>, words: &str) -> Result<Self, Failure> {
        let etag = response.headers().get(ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = response.body();
        let body = if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(body) };
        let body =
            body.map_err(|error| Failure::new(Exit::Error, format!("{words}: the response is not JSON: {error}")))?;
        Ok(Self { body, etag })
    }
}

/// A segment of a path, percent-encoded.
pub(crate) fn segment(text: &str) -> String {
    let plain = |letter: u8| letter.is_ascii_alphanumeric() || b"-_.~".contains(&letter);
    let mut out = String::with_capacity(text.len());
    for letter in text.bytes() {
        if plain(letter) {
            out.push(char::from(letter));
        } else {
            out.push_str(&format!("%{letter:02X}"));
        }
    }
    out
}

/// Deserializes a response.
pub(crate) fn read<T: DeserializeOwned>(json: &Value) -> Result<T, Failure> {
    T::deserialize(json).map_err(|error| {
        Failure::new(Exit::Error, format!("failed to parse the response of the deployment: {error}"))
            .hint("hubctl and the deployment have different versions: update both to the same one")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_creation_can_be_retried() {
        let key =
            |request: Request| request.into_http().unwrap().headers()[IDEMPOTENCY_KEY].to_str().unwrap().to_owned();
        let first = key(Request::create("/providers", Value::Null));
        assert_eq!(first.len(), 36);
        assert_ne!(first, key(Request::create("/providers", Value::Null)), "each creation has its own key");
    }

    #[test]
    fn a_change_contains_its_version() {
        let request = Request::change("/integrations/1", serde_json::json!({ "enabled": true }));
        let request = request.at_version(Some("\"7\"".to_owned())).into_http().unwrap();
        assert_eq!((request.method().as_str(), request.headers()[IF_MATCH].to_str().unwrap()), ("PATCH", "\"7\""));
        assert_eq!(request.headers()[CONTENT_TYPE], MERGE_PATCH);
    }

    #[test]
    fn reserved_characters_in_a_path_are_percent_encoded() {
        assert_eq!(segment("o-a1b2c3d4e5"), "o-a1b2c3d4e5");
        assert_eq!(segment("../a?b#ü"), "..%2Fa%3Fb%23%C3%BC");
    }
}

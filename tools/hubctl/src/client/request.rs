//! A request to the managing API, and what came back.
//!
//! A creation has an idempotency key, since whatever carries it may try again. A change names the version that it was made
//! to, and is sent once: a second try would find its own change and call it somebody else's.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::exit::{Exit, Failure};

/// The name under which a creation is known, so that it happens once (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// How a part of a setting is changed (RFC 7396).
const MERGE_PATCH: &str = "application/merge-patch+json";
/// The rest.
const JSON: &str = "application/json";

/// A request. Its body may hold a secret, so it has no debug text.
pub(crate) struct Request {
    method: &'static str,
    path: String,
    body: Option<(&'static str, Value)>,
    if_match: Option<String>,
    idempotency_key: Option<String>,
}

/// An answer that is no problem.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// What is there now. Null where the API says nothing.
    pub(crate) body: Value,
    /// The version, for a change that is to be made to it.
    pub(crate) etag: Option<String>,
}

impl Request {
    fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: None, if_match: None, idempotency_key: None }
    }

    /// Looks.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    /// Creates, once however often it is sent.
    pub(crate) fn create(path: impl Into<String>, body: Value) -> Self {
        let key = Some(Uuid::now_v7().to_string());
        Self { body: Some((JSON, body)), idempotency_key: key, ..Self::new("POST", path) }
    }

    /// Does something that can be done again.
    pub(crate) fn act(path: impl Into<String>) -> Self {
        Self::new("POST", path)
    }

    /// The same, as the body says.
    pub(crate) fn act_with(path: impl Into<String>, body: Value) -> Self {
        Self { body: Some((JSON, body)), ..Self::new("POST", path) }
    }

    /// Changes what the body names and nothing else.
    pub(crate) fn change(path: impl Into<String>, body: Value) -> Self {
        Self { body: Some((MERGE_PATCH, body)), ..Self::new("PATCH", path) }
    }

    /// Puts something in the place of what is there.
    pub(crate) fn put(path: impl Into<String>, body: Value) -> Self {
        Self { body: Some((JSON, body)), ..Self::new("PUT", path) }
    }

    /// Removes.
    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new("DELETE", path)
    }

    /// Only to this version, where one is known.
    pub(crate) fn at_version(self, etag: Option<String>) -> Self {
        Self { if_match: etag, ..self }
    }

    /// What is asked of which address, as people say it.
    pub(crate) fn words(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// As it travels.
    pub(crate) fn into_http(self) -> Result<http::Request<Bytes>, Failure> {
        let words = self.words();
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

impl Answer {
    /// What an answer holds, which is no problem.
    pub(super) fn of(response: &http::Response<Bytes>, words: &str) -> Result<Self, Failure> {
        let etag = response.headers().get(ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = response.body();
        let body = if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(body) };
        let body =
            body.map_err(|error| Failure::new(Exit::Error, format!("{words}: the answer is no JSON: {error}")))?;
        Ok(Self { body, etag })
    }
}

/// A part of a path, with what has a meaning in paths written otherwise.
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

/// What an answer holds, as this version of hubctl knows it.
pub(crate) fn read<T: DeserializeOwned>(json: &Value) -> Result<T, Failure> {
    T::deserialize(json).map_err(|error| {
        Failure::new(Exit::Error, format!("the deployment's answer can't be read: {error}"))
            .hint("hubctl and the deployment are of two versions: bring both to the same one")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_creation_can_be_sent_twice() {
        let key =
            |request: Request| request.into_http().unwrap().headers()[IDEMPOTENCY_KEY].to_str().unwrap().to_owned();
        let first = key(Request::create("/providers", Value::Null));
        assert_eq!(first.len(), 36);
        assert_ne!(first, key(Request::create("/providers", Value::Null)), "another creation is another");
    }

    #[test]
    fn a_change_names_its_version() {
        let request = Request::change("/integrations/1", serde_json::json!({ "enabled": true }));
        let request = request.at_version(Some("\"7\"".to_owned())).into_http().unwrap();
        assert_eq!((request.method().as_str(), request.headers()[IF_MATCH].to_str().unwrap()), ("PATCH", "\"7\""));
        assert_eq!(request.headers()[CONTENT_TYPE], MERGE_PATCH);
    }

    #[test]
    fn what_has_a_meaning_in_a_path_is_written_otherwise() {
        assert_eq!(segment("o-a1b2c3d4e5"), "o-a1b2c3d4e5");
        assert_eq!(segment("../a?b#ü"), "..%2Fa%3Fb%23%C3%BC");
    }
}

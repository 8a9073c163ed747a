//! Requests to the management API, and typed responses, in which text from scans is escaped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use http::{Method, StatusCode};
use management::problem::{FieldError, Problem};
use management::wire::List;
use serde::de::DeserializeOwned;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::form::encoded;
use crate::ports::{Api, Unavailable};
use crate::view::text::harmless;

/// How long a page waits for a response.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout of a change: creating an integration includes its test, for which the function has two minutes.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(150);
/// Entries per page of a list.
const PAGE_ENTRIES: usize = 100;
const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// A request. Its body may hold a secret, so it has no debug text and is erased after the call.
pub(crate) struct Request {
    method: Method,
    path: String,
    body: Option<(&'static str, Zeroizing<Vec<u8>>)>,
    if_match: Option<String>,
    once: Option<String>,
}

impl Request {
    /// Reads.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// Does something, without a body.
    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    /// Changes the fields that the body names.
    pub(crate) fn patch(path: impl Into<String>, body: &Value) -> Self {
        let bytes = Zeroizing::new(body.to_string().into_bytes());
        Self { body: Some((MERGE_PATCH, bytes)), ..Self::new(Method::PATCH, path) }
    }

    /// Replaces.
    pub(crate) fn put(path: impl Into<String>) -> Self {
        Self::new(Method::PUT, path)
    }

    /// Deletes.
    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: None, if_match: None, once: None }
    }

    /// Adds a body.
    pub(crate) fn json(self, body: Zeroizing<Vec<u8>>) -> Self {
        Self { body: Some((JSON, body)), ..self }
    }

    /// Requires a version of the resource.
    pub(crate) fn at_version(self, etag: &str) -> Self {
        Self { if_match: Some(etag.to_owned()).filter(|etag| !etag.is_empty()), ..self }
    }

    /// Makes the request idempotent.
    pub(crate) fn once(self, key: &str) -> Self {
        Self { once: Some(key.to_owned()).filter(|key| !key.is_empty()), ..self }
    }

    fn into_http(self) -> Result<http::Request<Bytes>, http::Error> {
        let mut request = http::Request::builder().method(self.method).uri(self.path);
        if let Some(etag) = self.if_match {
            request = request.header(IF_MATCH, etag);
        }
        if let Some(key) = self.once {
            request = request.header("idempotency-key", key);
        }
        match self.body {
            Some((kind, body)) => request.header(CONTENT_TYPE, kind).body(Bytes::from_owner(body)),
            None => request.body(Bytes::new()),
        }
    }
}

/// A response that isn't an error.
#[derive(Clone, Debug)]
pub(crate) struct Answer<T> {
    /// Parsed body.
    pub(crate) value: T,
    /// The version, for a change to it.
    pub(crate) etag: String,
}

/// A response that is one, or none.
#[derive(Clone, Debug)]
pub(crate) enum Failed {
    /// The API rejected the request.
    Problem(Box<Problem>),
    /// The API could not be reached.
    Unavailable(Unavailable),
    /// A change was sent, and its response was lost.
    Lost,
}

impl Failed {
    /// The HTTP status for the page that shows it.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Problem(problem) => StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_GATEWAY),
            Self::Unavailable(_) => StatusCode::BAD_GATEWAY,
            Self::Lost => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Whether the version that a change was made to isn't the current one.
    pub(crate) fn is_changed(&self) -> bool {
        self.status() == StatusCode::PRECONDITION_FAILED
    }

    /// Whether it doesn't exist.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status() == StatusCode::NOT_FOUND
    }

    /// Errors of fields.
    pub(crate) fn errors(&self) -> &[FieldError] {
        match self {
            Self::Problem(problem) => &problem.errors,
            Self::Unavailable(_) | Self::Lost => &[],
        }
    }

    /// A failure that isn't the API's.
    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::Unavailable(Unavailable { is_denied: false, message: message.into(), remediation: None })
    }
}

/// The API.
pub(crate) struct Client {
    api: Arc<dyn Api>,
    /// Requests that may have changed something: counted when they are sent, and again when they have returned.
    changes: AtomicU64,
}

impl Client {
    pub(crate) fn new(api: Arc<dyn Api>) -> Self {
        Self { api, changes: AtomicU64::new(0) }
    }

    /// A number that is another one after each change.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Notes a change that was not sent to the API.
    pub(crate) fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// Reads one thing.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: impl Into<String>) -> Result<Answer<T>, Failed> {
        self.send(Request::get(path)).await
    }

    /// Reads one thing that may not exist.
    pub(crate) async fn find<T: DeserializeOwned>(&self, path: impl Into<String>) -> Result<Option<Answer<T>>, Failed> {
        match self.get(path).await {
            Ok(answer) => Ok(Some(answer)),
            Err(failed) if failed.is_not_found() => Ok(None),
            Err(failed) => Err(failed),
        }
    }

    /// Reads up to `max` entries of a list, and whether more exist.
    pub(crate) async fn list<T: DeserializeOwned>(&self, path: &str, max: usize) -> Result<(Vec<T>, bool), Failed> {
        self.list_by(path, PAGE_ENTRIES, max).await
    }

    /// Reads a list with another number of entries per request.
    pub(crate) async fn list_by<T: DeserializeOwned>(
        &self,
        path: &str,
        page_entries: usize,
        max: usize,
    ) -> Result<(Vec<T>, bool), Failed> {
        let (mut entries, mut after) = (Vec::new(), None);
        loop {
            let limit = page_entries.min(max - entries.len());
            let page: List<T> = self.page(path, limit, after.as_deref()).await?;
            entries.extend(page.items);
            after = page.next;
            if after.is_none() || entries.len() >= max {
                return Ok((entries, after.is_some()));
            }
        }
    }

    /// Reads a page of a list.
    pub(crate) async fn page<T: DeserializeOwned>(
        &self,
        path: &str,
        limit: usize,
        after: Option<&str>,
    ) -> Result<List<T>, Failed> {
        let mark = if path.contains('?') { '&' } else { '?' };
        let after = after.map_or_else(String::new, |after| format!("&after={}", encoded(after)));
        Ok(self.get::<List<T>>(format!("{path}{mark}limit={limit}{after}")).await?.value)
    }

    /// Sends a request.
    pub(crate) async fn send<T: DeserializeOwned>(&self, request: Request) -> Result<Answer<T>, Failed> {
        let is_read = request.method == Method::GET;
        let limit = if is_read { READ_TIMEOUT } else { CHANGE_TIMEOUT };
        let request = request.into_http().map_err(|error| Failed::other(error.to_string()))?;
        let count_change = || if is_read { 0 } else { self.changes.fetch_add(1, Ordering::SeqCst) };
        count_change();
        let response = tokio::time::timeout(limit, self.api.call(request)).await;
        count_change();
        let response = match response {
            Ok(response) => response.map_err(Failed::Unavailable)?,
            Err(_) if is_read => {
                return Err(Failed::other(format!("the deployment did not respond within {} s", limit.as_secs())));
            }
            Err(_) => return Err(Failed::Lost),
        };
        read(&response)
    }
}

fn read<T: DeserializeOwned>(response: &http::Response<Bytes>) -> Result<Answer<T>, Failed> {
    let status = response.status();
    if !status.is_success() {
        let problem = parse::<Box<Problem>>(response.body()).ok();
        return Err(
            problem.map_or_else(|| Failed::other(format!("the deployment responded with {status}")), Failed::Problem)
        );
    }
    let value = parse(response.body()).map_err(|error| {
        Failed::Unavailable(Unavailable {
            is_denied: false,
            message: format!("failed to read the response: {error}"),
            remediation: Some("Install the same version of hubctl and of the deployment.".to_owned()),
        })
    })?;
    let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default().to_owned();
    Ok(Answer { value, etag })
}

/// A body, with all its texts made harmless: they may come from a scan. No body is `null`.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    match body {
        [] => serde_json::from_value(Value::Null),
        plain if is_plain(plain) => serde_json::from_slice(plain),
        other => serde_json::from_slice(other).map(clean).and_then(serde_json::from_value),
    }
}

/// Whether no text of a body can have a character that [`harmless`] replaces: the body is ASCII without DEL, and escapes only quotes,
/// slashes, line feeds, and tabs. Most bodies are, and don't have to be built twice.
fn is_plain(body: &[u8]) -> bool {
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        let is_plain = match byte {
            b'\\' => bytes.next().is_some_and(|escape| matches!(escape, b'"' | b'\\' | b'/' | b'n' | b't')),
            0x7f.. => false,
            _ => true,
        };
        if !is_plain {
            return false;
        }
    }
    true
}

/// All texts of a response, made harmless.
fn clean(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(harmless(&text)),
        Value::Array(values) => values.into_iter().map(clean).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (harmless(&name), clean(value))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_plain_bodies_are_read_as_they_are() {
        for plain in [r#"{"a":"b \" \\ \/ \n \t ~"}"#, "[1, true, null]", ""] {
            assert!(is_plain(plain.as_bytes()), "{plain}");
        }
        for other in [r#""\u202e""#, r#""\r""#, r#""\b""#, "\"\u{202e}\"", "\"\u{7f}\"", "\"é\"", "\\"] {
            assert!(!is_plain(other.as_bytes()), "{other}");
        }
    }

    proptest! {
        #[test]
        fn text_is_harmless_whichever_way_it_is_read(texts in proptest::collection::vec(any::<String>(), 0..4)) {
            let body = serde_json::to_vec(&texts).unwrap();
            let read: Vec<String> = parse(&body).unwrap();
            prop_assert_eq!(read, texts.iter().map(|text| harmless(text)).collect::<Vec<_>>());
        }
    }
}

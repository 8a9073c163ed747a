//! Parses requests: bodies, parameters, conditions. Errors name the invalid field, never the value.

use asff::AccountId;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use exporter::provider::ProviderId;
use exporter::registry::Page;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::unambiguous::Unambiguous;
use crate::ports::Caller;
use crate::problem::{ApiError, FieldError, ResourceKind};
use crate::service::{IdempotencyKey, IfMatch};

/// Bytes of a body at most. An integration's settings have some hundred, a session token four thousand.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Entries of a list, where nothing else is asked for.
const LIMIT_DEFAULT: usize = 50;
/// Entries of a list at most.
const LIMIT_MAX: usize = 100;
/// Characters of a field's name that are repeated.
const NAME_CHARS_MAX: usize = 64;
/// Characters of a word that something is looked for by.
const WORD_CHARS_MAX: usize = 128;
/// The header of draft-ietf-httpapi-idempotency-key-header.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A body in JSON, not yet what it should be.
pub(crate) struct Json(pub(crate) Value);

/// A body in JSON Merge Patch: an object.
pub(crate) struct Patch(pub(crate) Value);

/// An object in JSON, which may be left out.
pub(crate) struct Optional(pub(crate) Option<Value>);

impl<S: Send + Sync> FromRequest<S> for Optional {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = axum::body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| ApiError::TooLarge(BODY_BYTES_MAX))?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        let request = Request::from_parts(parts, Body::from(bytes));
        match body_of(request, &["application/json"], "JSON: Content-Type: application/json").await? {
            Value::Null => Ok(Self(None)),
            body @ Value::Object(_) => Ok(Self(Some(body))),
            _ => Err(ApiError::field("", "must be a JSON object")),
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Json {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        body_of(request, &["application/json"], "JSON: Content-Type: application/json").await.map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for Patch {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let kinds = ["application/merge-patch+json", "application/json"];
        let expected = "a JSON merge patch: Content-Type: application/merge-patch+json";
        match body_of(request, &kinds, expected).await? {
            patch @ Value::Object(_) => Ok(Self(patch)),
            _ => Err(ApiError::field("", "must be a JSON object")),
        }
    }
}

async fn body_of(request: Request, kinds: &[&str], expected: &'static str) -> Result<Value, ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kinds.iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        return Err(ApiError::MediaType(expected));
    }
    let bytes = axum::body::to_bytes(Body::new(request.into_body()), BODY_BYTES_MAX);
    let bytes = bytes.await.map_err(|_| ApiError::TooLarge(BODY_BYTES_MAX))?;
    let read: Result<Unambiguous, _> = serde_json::from_slice(&bytes);
    read.map(|Unambiguous(value)| value).map_err(|error| {
        // Where, and not what: it may be a secret.
        let place = format!("line {}, column {}", error.line(), error.column());
        ApiError::Malformed(match error.classify() {
            serde_json::error::Category::Data => format!("the body has a duplicate field, which ends at {place}"),
            _ => format!("the body is not valid JSON at {place}"),
        })
    })
}

/// Makes a body what it should be. An error names the field, and what it must be.
pub(crate) fn typed<T: DeserializeOwned>(body: Value, inside: &str) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(body).map_err(|error| {
        let path = error.path().to_string();
        let text = error.inner().to_string();
        let name =
            |text: &str| text.split('`').nth(1).unwrap_or_default().chars().take(NAME_CHARS_MAX).collect::<String>();
        let (last, message) = if text.starts_with("unknown field") {
            let there_are = text.split_once(", expected ").map_or("", |(_, names)| names).trim_start_matches("one of ");
            (name(&text), format!("is an unknown field; expected one of {}", there_are.replace('`', "")))
        } else if text.starts_with("missing field") {
            (name(&text), "is required".to_owned())
        } else {
            let expected = text.rsplit_once(", expected ").map(|(_, expected)| expected.replace('`', ""));
            (String::new(), expected.map_or("has an invalid value".to_owned(), |what| format!("must be {what}")))
        };
        let path = if path == "." { "" } else { path.as_str() };
        let path = path.strip_suffix(last.as_str()).map_or(path, |rest| rest.trim_end_matches('.'));
        let parts = [inside, path, last.as_str()];
        let field = parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(".");
        ApiError::Invalid(vec![FieldError::new(field, message)])
    })
}

/// The id in the address. One that can't be one is one that there is not.
pub(crate) fn id(noun: ResourceKind, text: &str) -> Result<ProviderId, ApiError> {
    let shown = text.chars().take(NAME_CHARS_MAX).collect();
    text.parse().map_err(|_| ApiError::NotFound { noun, id: shown })
}

/// The id in the address, as it stands there.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|_| ApiError::Malformed("the path is not UTF-8".to_owned()))?;
        Ok(Self(text))
    }
}

/// The parameters after the question mark, each known and there once.
pub(crate) struct Query(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }
}

impl Query {
    /// Takes a parameter out.
    pub(crate) fn take(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        let mut values = self.0.extract_if(.., |(key, _)| key == name).map(|(_, value)| value);
        let first = values.next();
        if values.next().is_some() {
            return Err(ApiError::field(name, "must be specified once"));
        }
        Ok(first)
    }

    /// Takes a switch out.
    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, ApiError> {
        match self.take(name)?.as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(ApiError::field(name, "must be true or false")),
        }
    }

    /// Takes a word out that something is looked for by.
    pub(crate) fn word(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        let word = self.take(name)?;
        if word.as_ref().is_some_and(|word| word.is_empty() || word.chars().count() > WORD_CHARS_MAX) {
            return Err(ApiError::field(name, format!("must have 1 to {WORD_CHARS_MAX} characters")));
        }
        Ok(word)
    }

    /// Takes `q` out: what a list is searched by, in lower case.
    pub(crate) fn search_text(&mut self) -> Result<Option<String>, ApiError> {
        Ok(self.word("q")?.map(|text| text.to_lowercase()))
    }

    /// Takes a parameter with named values out.
    pub(crate) fn value<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(text) = self.take(name)? else { return Ok(None) };
        serde_json::from_value(Value::String(text)).map(Some).map_err(|error| {
            let error = error.to_string();
            let expected = error.rsplit_once(", expected ").map_or("", |(_, expected)| expected);
            ApiError::field(name, format!("must be {}", expected.replace('`', "")))
        })
    }

    /// Takes `account` out.
    pub(crate) fn account(&mut self) -> Result<Option<AccountId>, ApiError> {
        let account = self.take("account")?.map(|text| text.parse());
        account.transpose().map_err(|_| ApiError::field("account", "must be a 12-digit account ID"))
    }

    /// Takes `limit` and `after` out.
    pub(crate) fn page(&mut self) -> Result<Page, ApiError> {
        self.page_of(LIMIT_MAX)
    }

    /// The same of a list of small entries, of which more fit an answer.
    pub(crate) fn page_of(&mut self, limit_max: usize) -> Result<Page, ApiError> {
        let limit = match self.take("limit")? {
            None => LIMIT_DEFAULT,
            Some(text) => match text.parse() {
                Ok(limit) if (1..=limit_max).contains(&limit) && text.bytes().all(|digit| digit.is_ascii_digit()) => {
                    limit
                }
                _ => return Err(ApiError::field("limit", format!("must be 1 to {limit_max}"))),
            },
        };
        let after = self.take("after")?;
        // Such are our marks, and such stay they on their way through keys and addresses.
        let marks = |text: &String| {
            !text.is_empty() && text.len() <= 256 && text.bytes().all(|letter| letter.is_ascii_graphic())
        };
        if after.as_ref().is_some_and(|text| !marks(text)) {
            return Err(ApiError::invalid_cursor());
        }
        Ok(Page { limit, after })
    }

    /// Nothing else may be there.
    pub(crate) fn end(self) -> Result<(), ApiError> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => {
                let name: String = name.chars().take(NAME_CHARS_MAX).collect();
                Err(ApiError::field(name, "is an unknown query parameter"))
            }
        }
    }
}

/// Who calls, and what the headers say of conditions.
pub(crate) struct Head {
    pub(crate) caller: Caller,
    pub(crate) if_match: IfMatch,
    pub(crate) idempotency_key: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Head {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Caller>().cloned().unwrap_or_default();
        let if_match = texts(&parts.headers, "if-match")?;
        let mut keys = texts(&parts.headers, IDEMPOTENCY_KEY)?;
        if keys.len() > 1 {
            return Err(ApiError::field(IDEMPOTENCY_KEY, "must be specified once"));
        }
        // A list may come in several lines (RFC 9110, section 5.3).
        let if_match = if if_match.is_empty() { IfMatch::Missing } else { IfMatch::parse(&if_match.join(",")) };
        let idempotency_key = keys.pop().map(str::to_owned);
        Ok(Self { caller, if_match, idempotency_key })
    }
}

impl Head {
    /// The request as one that may come twice; the body, secrets included, tells it from others of the same key.
    pub(crate) fn once(&self, address: &str, body: &Value) -> Option<IdempotencyKey> {
        let hash = Sha256::new().chain_update(address).chain_update([0]).chain_update(body.to_string()).finalize();
        let fingerprint = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        self.idempotency_key.clone().map(|key| IdempotencyKey { key, fingerprint })
    }
}

/// The lines of a header.
fn texts<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Vec<&'a str>, ApiError> {
    let lines = headers.get_all(name).into_iter().map(|line| line.to_str());
    lines.collect::<Result<_, _>>().map_err(|_| ApiError::field(name, "must be visible ASCII"))
}

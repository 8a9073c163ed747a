//! Parses requests: bodies, parameters, and conditional headers. Errors name the invalid field, but never repeat its value.

use asff::AccountId;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use exporter::model::provider::ProviderId;
use exporter::ports::settings_store::Page;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::strict_json::StrictJson;
use crate::ports::Caller;
use crate::problem::{ApiError, FieldError, ResourceKind};
use crate::service::{IdempotencyKey, IfMatch};

/// Maximum size of a body in bytes. Settings have a few hundred bytes, a session token up to four thousand.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Default number of entries per page.
const LIMIT_DEFAULT: usize = 50;
/// Maximum number of entries per page.
const LIMIT_MAX: usize = 100;
/// Maximum length of a field name in an error.
const NAME_CHARS_MAX: usize = 64;
/// Maximum length of a search string.
const TEXT_CHARS_MAX: usize = 128;
/// The header of draft-ietf-httpapi-idempotency-key-header.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A JSON body.
pub(crate) struct Json(pub(crate) Value);

/// A JSON merge patch, which is an object.
pub(crate) struct Patch(pub(crate) Value);

/// An optional JSON object.
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
    let read: Result<StrictJson, _> = serde_json::from_slice(&bytes);
    read.map(|StrictJson(value)| value).map_err(|error| {
        // State the position only: the value may be a secret.
        let position = format!("line {}, column {}", error.line(), error.column());
        ApiError::Malformed(match error.classify() {
            serde_json::error::Category::Data => format!("the body has a duplicate field, which ends at {position}"),
            _ => format!("the body is not valid JSON at {position}"),
        })
    })
}

/// Deserializes a body. The error states the field and what it must be.
pub(crate) fn parse_body<T: DeserializeOwned>(body: Value, inside: &str) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(body).map_err(|error| {
        let path = error.path().to_string();
        let text = error.inner().to_string();
        let name =
            |text: &str| text.split('`').nth(1).unwrap_or_default().chars().take(NAME_CHARS_MAX).collect::<String>();
        let (last, message) = if text.starts_with("unknown field") {
            let expected = text.split_once(", expected ").map_or("", |(_, names)| names).trim_start_matches("one of ");
            (name(&text), format!("is an unknown field; expected one of {}", expected.replace('`', "")))
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

/// Parses the ID in the path. An invalid ID is reported as not found.
pub(crate) fn parse_id(kind: ResourceKind, text: &str) -> Result<ProviderId, ApiError> {
    let id = text.chars().take(NAME_CHARS_MAX).collect();
    text.parse().map_err(|_| ApiError::NotFound { kind, id })
}

/// The ID in the path, before it is parsed.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|_| ApiError::Malformed("the path is not UTF-8".to_owned()))?;
        Ok(Self(text))
    }
}

/// Query parameters. Unknown and repeated parameters are rejected.
pub(crate) struct Query(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }
}

impl Query {
    /// Removes and returns a parameter.
    pub(crate) fn take(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        let mut values = self.0.extract_if(.., |(key, _)| key == name).map(|(_, value)| value);
        let first = values.next();
        if values.next().is_some() {
            return Err(ApiError::field(name, "must be specified once"));
        }
        Ok(first)
    }

    /// Removes and returns a boolean parameter.
    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, ApiError> {
        match self.take(name)?.as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(ApiError::field(name, "must be true or false")),
        }
    }

    /// Removes and returns a string parameter.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        let text = self.take(name)?;
        if text.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > TEXT_CHARS_MAX) {
            return Err(ApiError::field(name, format!("must have 1 to {TEXT_CHARS_MAX} characters")));
        }
        Ok(text)
    }

    /// Removes and returns the search string `q`, in lowercase.
    pub(crate) fn search_text(&mut self) -> Result<Option<String>, ApiError> {
        Ok(self.text("q")?.map(|text| text.to_lowercase()))
    }

    /// Removes and returns an enumerated parameter.
    pub(crate) fn value<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(text) = self.take(name)? else { return Ok(None) };
        serde_json::from_value(Value::String(text)).map(Some).map_err(|error| {
            let error = error.to_string();
            let expected = error.rsplit_once(", expected ").map_or("", |(_, expected)| expected);
            ApiError::field(name, format!("must be {}", expected.replace('`', "")))
        })
    }

    /// Removes and returns `account`.
    pub(crate) fn account(&mut self) -> Result<Option<AccountId>, ApiError> {
        let account = self.take("account")?.map(|text| text.parse());
        account.transpose().map_err(|_| ApiError::field("account", "must be a 12-digit account ID"))
    }

    /// Removes and returns `limit` and `after`.
    pub(crate) fn page(&mut self) -> Result<Page, ApiError> {
        self.page_up_to(LIMIT_MAX)
    }

    /// Like [`Query::page`], with another maximum of `limit`.
    pub(crate) fn page_up_to(&mut self, limit_max: usize) -> Result<Page, ApiError> {
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
        // Our cursors are short and consist of visible ASCII characters.
        let is_cursor = |text: &String| {
            !text.is_empty() && text.len() <= 256 && text.bytes().all(|letter| letter.is_ascii_graphic())
        };
        if after.as_ref().is_some_and(|text| !is_cursor(text)) {
            return Err(ApiError::invalid_cursor());
        }
        Ok(Page { limit, after })
    }

    /// Rejects the parameters that were not read.
    pub(crate) fn reject_unknown(self) -> Result<(), ApiError> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => {
                let name: String = name.chars().take(NAME_CHARS_MAX).collect();
                Err(ApiError::field(name, "is an unknown query parameter"))
            }
        }
    }
}

/// The caller, the condition, and the idempotency key of a request.
pub(crate) struct Head {
    pub(crate) caller: Caller,
    pub(crate) if_match: IfMatch,
    pub(crate) idempotency_key: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Head {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Caller>().cloned().unwrap_or_default();
        let if_match = header_values(&parts.headers, "if-match")?;
        let mut keys = header_values(&parts.headers, IDEMPOTENCY_KEY)?;
        if keys.len() > 1 {
            return Err(ApiError::field(IDEMPOTENCY_KEY, "must be specified once"));
        }
        // A list header may be split into several lines (RFC 9110, section 5.3).
        let if_match = if if_match.is_empty() { IfMatch::Missing } else { IfMatch::parse(&if_match.join(",")) };
        let idempotency_key = keys.pop().map(str::to_owned);
        Ok(Self { caller, if_match, idempotency_key })
    }
}

impl Head {
    /// Idempotency key of the request, with a fingerprint of the path and of the body including secrets.
    pub(crate) fn idempotency_key_for(&self, path: &str, body: &Value) -> Option<IdempotencyKey> {
        let hash = Sha256::new().chain_update(path).chain_update([0]).chain_update(body.to_string()).finalize();
        let fingerprint = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        self.idempotency_key.clone().map(|key| IdempotencyKey { key, fingerprint })
    }
}

/// The values of all lines of a header.
fn header_values<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Vec<&'a str>, ApiError> {
    let lines = headers.get_all(name).into_iter().map(|line| line.to_str());
    lines.collect::<Result<_, _>>().map_err(|_| ApiError::field(name, "must be visible ASCII"))
}

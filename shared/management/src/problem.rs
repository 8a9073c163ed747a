//! Why a request was refused, and how that is told: problem details (RFC 9457) with an error for each field.
//!
//! Promise: no refusal repeats a value that was sent, since it may be a secret; but for ids, names of fields and parameters,
//! and the part of a schedule that is wrong.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use exporter::ports::PortError;
use exporter::provider::ProviderId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";
/// What the type of every problem begins with. A name, not an address.
const TYPE_PREFIX: &str = "urn:securityhub-exporter:problem:";
/// Seconds after which a client may try again what failed for a passing reason.
const RETRY_AFTER_SECONDS: &str = "5";

/// A problem, as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What kind of problem it is: `urn:securityhub-exporter:problem:` and a short name.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened here.
    pub detail: String,
    /// The command, or the change, that fixes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// What is wrong, field by field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Its path in the body, such as `credentials.role.arn`; the name of a parameter; empty for the body as a whole.
    pub field: String,
    /// What it must be.
    pub message: String,
}

impl FieldError {
    /// An error of a field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// What there is none of, or one of already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// A provider.
    Provider,
    /// An integration.
    Integration,
}

impl ResourceKind {
    /// The word that hubctl has for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Integration => "integration",
        }
    }
}

/// Why a request was refused. Nothing was changed, as far as it is known.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ApiError {
    /// The request can't be read.
    #[error("{0}")]
    Malformed(String),
    /// The body is of another kind than we read.
    #[error("the body must be {0}")]
    MediaType(&'static str),
    /// The body is too large.
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    /// Fields are not what they must be.
    #[error("{}", told(.0))]
    Invalid(Vec<FieldError>),
    /// There is no such thing.
    #[error("there is no {} {id}", .noun.word())]
    NotFound {
        /// What was looked for.
        noun: ResourceKind,
        /// Under which id.
        id: String,
    },
    /// There is no such run.
    #[error("there is no run {0}")]
    NoRun(String),
    /// There is no such job.
    #[error("job {0} not found")]
    JobNotFound(String),
    /// Nothing is at this address.
    #[error("there is nothing at this address")]
    NoRoute,
    /// The address does not take this method.
    #[error("this address does not take this method")]
    NoMethod,
    /// There is one already.
    #[error("there is {} {id} already", match .noun { ResourceKind::Provider => "a provider", ResourceKind::Integration => "an integration of" })]
    Exists {
        /// What there is.
        noun: ResourceKind,
        /// Under which id.
        id: ProviderId,
    },
    /// A provider has an integration.
    #[error("provider {0} has an integration")]
    HasIntegration(ProviderId),
    /// The integration is being deleted.
    #[error("the integration of {0} is being deleted")]
    BeingRemoved(ProviderId),
    /// Others change the same thing all the time.
    #[error("others are changing {0} right now")]
    Busy(ProviderId),
    /// The thing is another than the client saw.
    #[error("{id} was changed since you read it: it is at {current} now")]
    Changed {
        /// Its id.
        id: ProviderId,
        /// Its `ETag` now.
        current: String,
    },
    /// The client does not say what it saw.
    #[error("a change must say which version it is made to")]
    Unconditional,
    /// An idempotency key was used for another request.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// What a request with this idempotency key made is gone.
    #[error("the {} {id} that this Idempotency-Key stands for was deleted since", .noun.word())]
    KeySpent {
        /// What it made.
        noun: ResourceKind,
        /// Under which id.
        id: ProviderId,
    },
    /// A run does not allow what was asked.
    #[error("{0}")]
    RunState(String),
    /// A job is in a state that does not allow it.
    #[error("{message}")]
    JobState {
        /// The job.
        id: String,
        /// Which state, and what it does not allow.
        message: String,
    },
    /// A newer scan of the account was exported.
    #[error("{message}")]
    RunOutdated {
        /// Which.
        message: String,
        /// What to type instead.
        command: String,
    },
    /// What was done can't be told.
    #[error("the answer could not be written; look at what there is now before you send the request again")]
    Defect,
    /// Something that we rely on did not work.
    #[error(transparent)]
    Port(#[from] PortError),
}

fn told(errors: &[FieldError]) -> String {
    match errors {
        [error] if error.field.is_empty() => error.message.clone(),
        [error] => format!("{} {}", error.field, error.message),
        errors => format!("{} fields are not what they must be", errors.len()),
    }
}

impl ApiError {
    /// One field is not what it must be.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }

    /// A list does not go on where a client says that it does.
    pub(crate) fn no_mark() -> Self {
        Self::field("after", "must be the next of the part before")
    }

    /// An integration needs its provider.
    pub(crate) fn no_provider(id: &ProviderId) -> Self {
        Self::field("provider", format!("must be a provider that there is: hubctl provider create {id}"))
    }

    /// The short name, the words and the status of its kind.
    fn kind(&self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Self::Malformed(_) => ("malformed", "The request can't be read", StatusCode::BAD_REQUEST),
            Self::MediaType(_) => {
                ("unsupported-media-type", "The body is of another kind", StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
            Self::TooLarge(_) => ("payload-too-large", "The body is too large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::Invalid(_) => ("invalid", "A field is not what it must be", StatusCode::UNPROCESSABLE_ENTITY),
            Self::NotFound { .. } | Self::NoRun(_) | Self::JobNotFound(_) => {
                ("not-found", "There is no such thing", StatusCode::NOT_FOUND)
            }
            Self::NoRoute => ("route-not-found", "There is no such address", StatusCode::NOT_FOUND),
            Self::NoMethod => ("method-not-allowed", "The method is not allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::Exists { .. } => ("exists", "There is one already", StatusCode::CONFLICT),
            Self::HasIntegration(_) => ("in-use", "It is in use", StatusCode::CONFLICT),
            Self::BeingRemoved(_) => ("deletion-in-progress", "It is being deleted", StatusCode::CONFLICT),
            Self::Busy(_) => ("busy", "Others are changing it", StatusCode::CONFLICT),
            Self::RunState(_) | Self::RunOutdated { .. } => {
                ("invalid-run-state", "The run does not allow it", StatusCode::CONFLICT)
            }
            Self::JobState { .. } => {
                ("invalid-job-state", "The state of the job does not allow it", StatusCode::CONFLICT)
            }
            Self::Changed { .. } => ("changed", "It was changed meanwhile", StatusCode::PRECONDITION_FAILED),
            Self::Unconditional => ("if-match", "If-Match is missing", StatusCode::PRECONDITION_REQUIRED),
            Self::KeyReused => ("idempotency-key-reused", "The key was used before", StatusCode::UNPROCESSABLE_ENTITY),
            Self::KeySpent { .. } => {
                ("idempotency-key-target-deleted", "What the key stands for is gone", StatusCode::CONFLICT)
            }
            Self::Defect => ("defect", "A defect of ours", StatusCode::INTERNAL_SERVER_ERROR),
            Self::Port(_) => ("unavailable", "Something that we rely on failed", StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    /// The command, or the change, that fixes it.
    fn remediation(&self) -> Option<String> {
        match self {
            Self::NotFound { noun, .. } => Some(format!("hubctl {} list shows what there is", noun.word())),
            Self::NoRun(_) => Some("hubctl run list shows those there are".to_owned()),
            Self::JobNotFound(_) => Some("hubctl job list shows those there are".to_owned()),
            Self::JobState { id, .. } => Some(format!("hubctl job show {id}")),
            Self::Exists { noun, id } => Some(format!("hubctl {} show {id} shows it", noun.word())),
            Self::HasIntegration(id) => Some(format!("hubctl integration delete {id}, then the provider")),
            Self::Changed { .. } => Some("read it again, and make the change to what is there now".to_owned()),
            Self::Unconditional => Some("send If-Match with the ETag of what you read".to_owned()),
            Self::KeyReused => {
                Some("choose a new key for each request, and keep it when you send one again".to_owned())
            }
            Self::KeySpent { .. } => Some("to create it again, send the request with a new key".to_owned()),
            Self::BeingRemoved(id) => Some(format!(
                "hubctl integration enable {id} calls the removal off; hubctl integration delete {id} --archive goes on with it, \
                 with new credentials too; hubctl job list says why it has not ended"
            )),
            Self::RunOutdated { command, .. } => Some(command.clone()),
            Self::NoRoute => Some("GET /openapi.json lists the addresses there are".to_owned()),
            _ => None,
        }
    }

    /// The problem as it is sent.
    pub fn problem(&self) -> Problem {
        let (name, title, status) = self.kind();
        Problem {
            kind: format!("{TYPE_PREFIX}{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.to_string(),
            remediation: self.remediation(),
            errors: if let Self::Invalid(errors) = self { errors.clone() } else { Vec::new() },
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (name, _, status) = self.kind();
        if let Self::Port(error) = &self {
            tracing::error!(problem = name, %error, "request failed");
        }
        let body = serde_json::to_vec(&self.problem()).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        response
    }
}

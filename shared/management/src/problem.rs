//! Errors of the API as problem details (RFC 9457), with one entry for each invalid field.
//!
//! Guarantee: no error repeats a value of the request, since it may be a secret. Exceptions are IDs, names of fields and
//! parameters, and the invalid part of a schedule.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use exporter::model::provider::ProviderId;
use exporter::ports::PortError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";
/// Prefix of the type of every problem. It is a name, not a URL.
const TYPE_PREFIX: &str = "urn:securityhub-exporter:problem:";
/// Seconds after which a client may retry a request that failed for a transient reason.
const RETRY_AFTER_SECONDS: &str = "5";

/// A problem as it is serialized.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Type of the problem: `urn:securityhub-exporter:problem:` and a short name.
    #[serde(rename = "type")]
    pub kind: String,
    /// Summary of the problem type.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Explanation of this occurrence of the problem.
    pub detail: String,
    /// The command, or the change, that fixes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// Invalid fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// An invalid field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Path of the field in the body, such as `credentials.role.arn`; name of the parameter; empty for the body as a whole.
    pub field: String,
    /// Requirement that the value doesn't satisfy, or why it is invalid.
    pub message: String,
}

impl FieldError {
    /// An error of the field at a path.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// Kind of a resource that is not found, or already exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// A provider.
    Provider,
    /// An integration.
    Integration,
}

impl ResourceKind {
    /// Name of the kind in the commands of hubctl.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Integration => "integration",
        }
    }
}

/// Why a request failed. Nothing was changed, unless the variant states that the outcome is unknown.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ApiError {
    /// The request is malformed; the message states where.
    #[error("{0}")]
    Malformed(String),
    /// The media type of the body is not supported; the value is the one that is.
    #[error("the body must be {0}")]
    MediaType(&'static str),
    /// The body has more than the maximum size, in bytes.
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    /// Fields or parameters are invalid.
    #[error("{}", summary(.0))]
    Invalid(Vec<FieldError>),
    /// A provider or an integration was not found.
    #[error("{} {id} not found", .kind.as_str())]
    NotFound {
        /// Kind of the resource.
        kind: ResourceKind,
        /// ID of the resource.
        id: String,
    },
    /// A run was not found.
    #[error("run {0} not found")]
    RunNotFound(String),
    /// A job was not found.
    #[error("job {0} not found")]
    JobNotFound(String),
    /// No route has this path.
    #[error("no route has this path")]
    NoRoute,
    /// The route doesn't support this method.
    #[error("this path does not support this method")]
    NoMethod,
    /// The resource already exists.
    #[error("{} {id} already exists", .kind.as_str())]
    AlreadyExists {
        /// Kind of the resource.
        kind: ResourceKind,
        /// ID of the resource.
        id: ProviderId,
    },
    /// The provider can't be deleted while it has an integration.
    #[error("provider {0} has an integration")]
    InUse(ProviderId),
    /// The integration is being deleted.
    #[error("the integration of {0} is being deleted")]
    DeletionInProgress(ProviderId),
    /// Concurrent changes of the resource made every attempt fail.
    #[error("{0} is being modified by other requests; retry later")]
    Conflict(ProviderId),
    /// The resource has another version than `If-Match` states.
    #[error("{id} was modified since it was read; its current version is {current}")]
    PreconditionFailed {
        /// ID of the resource.
        id: ProviderId,
        /// Its current `ETag`.
        current: String,
    },
    /// The request has no `If-Match`.
    #[error("If-Match is required: it states the version that the change is made to")]
    PreconditionRequired,
    /// An idempotency key was used for another request.
    #[error("this Idempotency-Key was used for another request")]
    IdempotencyKeyReused,
    /// The resource that an earlier request with this idempotency key created was deleted.
    #[error("{} {id}, which an earlier request with this Idempotency-Key created, was deleted since", .kind.as_str())]
    IdempotencyKeyTargetDeleted {
        /// Kind of the resource.
        kind: ResourceKind,
        /// ID of the resource.
        id: ProviderId,
    },
    /// The state of a run doesn't allow the request; the message states why.
    #[error("{0}")]
    InvalidRunState(String),
    /// The state of a job doesn't allow the request.
    #[error("{message}")]
    InvalidJobState {
        /// ID of the job.
        id: String,
        /// State of the job, and what it doesn't allow.
        message: String,
    },
    /// A newer scan of the account was exported, so that the run can't be approved.
    #[error("{message}")]
    RunSuperseded {
        /// The run, and the newer one.
        message: String,
        /// Command to run instead.
        command: String,
    },
    /// An internal error: the change may have been made, but no response could be serialized.
    #[error("failed to serialize the response; check the current state before you retry the request")]
    Internal,
    /// A call to a service that the API depends on failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

fn summary(errors: &[FieldError]) -> String {
    match errors {
        [error] if error.field.is_empty() => error.message.clone(),
        [error] => format!("{} {}", error.field, error.message),
        errors => format!("{} fields are invalid", errors.len()),
    }
}

impl ApiError {
    /// An invalid field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }

    /// The cursor of a list is invalid.
    pub(crate) fn invalid_cursor() -> Self {
        Self::field("after", "must be the `next` of an earlier page")
    }

    /// The provider that an integration requires doesn't exist.
    pub(crate) fn provider_not_found(id: &ProviderId) -> Self {
        Self::field("provider", format!("must be an existing provider; to create it: hubctl provider create {id}"))
    }

    /// The short name, the title, and the HTTP status of the problem type.
    fn kind(&self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Self::Malformed(_) => ("malformed", "Malformed request", StatusCode::BAD_REQUEST),
            Self::MediaType(_) => {
                ("unsupported-media-type", "Unsupported media type", StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
            Self::TooLarge(_) => ("payload-too-large", "Payload too large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::Invalid(_) => ("invalid", "Validation failed", StatusCode::UNPROCESSABLE_ENTITY),
            Self::NotFound { .. } | Self::RunNotFound(_) | Self::JobNotFound(_) => {
                ("not-found", "Not found", StatusCode::NOT_FOUND)
            }
            Self::NoRoute => ("route-not-found", "Route not found", StatusCode::NOT_FOUND),
            Self::NoMethod => ("method-not-allowed", "Method not allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::AlreadyExists { .. } => ("already-exists", "Already exists", StatusCode::CONFLICT),
            Self::InUse(_) => ("in-use", "Resource in use", StatusCode::CONFLICT),
            Self::DeletionInProgress(_) => ("deletion-in-progress", "Deletion in progress", StatusCode::CONFLICT),
            Self::Conflict(_) => ("conflict", "Conflict", StatusCode::CONFLICT),
            Self::InvalidRunState(_) | Self::RunSuperseded { .. } => {
                ("invalid-run-state", "Invalid run state", StatusCode::CONFLICT)
            }
            Self::InvalidJobState { .. } => ("invalid-job-state", "Invalid job state", StatusCode::CONFLICT),
            Self::PreconditionFailed { .. } => {
                ("precondition-failed", "Precondition failed", StatusCode::PRECONDITION_FAILED)
            }
            Self::PreconditionRequired => {
                ("precondition-required", "Precondition required", StatusCode::PRECONDITION_REQUIRED)
            }
            Self::IdempotencyKeyReused => {
                ("idempotency-key-reused", "Idempotency key reused", StatusCode::UNPROCESSABLE_ENTITY)
            }
            Self::IdempotencyKeyTargetDeleted { .. } => {
                ("idempotency-key-target-deleted", "Resource of the idempotency key deleted", StatusCode::CONFLICT)
            }
            Self::Internal => ("internal-error", "Internal error", StatusCode::INTERNAL_SERVER_ERROR),
            Self::Port(_) => ("unavailable", "Dependency unavailable", StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    /// The command, or the change, that fixes it.
    fn remediation(&self) -> Option<String> {
        match self {
            Self::NotFound { kind, .. } => Some(format!("to list them: hubctl {} list", kind.as_str())),
            Self::RunNotFound(_) => Some("to list runs: hubctl run list".to_owned()),
            Self::JobNotFound(_) => Some("to list jobs: hubctl job list".to_owned()),
            Self::InvalidJobState { id, .. } => Some(format!("hubctl job show {id}")),
            Self::AlreadyExists { kind, id } => Some(format!("to see it: hubctl {} show {id}", kind.as_str())),
            Self::InUse(id) => Some(format!("delete the integration first: hubctl integration delete {id}")),
            Self::PreconditionFailed { .. } => {
                Some("read the resource again, and repeat the change with its current version".to_owned())
            }
            Self::PreconditionRequired => Some("send If-Match with the ETag of the version that you read".to_owned()),
            Self::IdempotencyKeyReused => {
                Some("use a new key for each request, and the same key for a retry of it".to_owned())
            }
            Self::IdempotencyKeyTargetDeleted { .. } => Some("use a new Idempotency-Key to create it again".to_owned()),
            Self::DeletionInProgress(id) => Some(format!(
                "to cancel the deletion: hubctl integration enable {id}; to continue it, for example with new credentials: hubctl \
                 integration delete {id} --archive; to see its state: hubctl job list"
            )),
            Self::RunSuperseded { command, .. } => Some(command.clone()),
            Self::NoRoute => Some("GET /openapi.json lists all routes".to_owned()),
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

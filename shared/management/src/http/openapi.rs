//! `/openapi.json`: the API's description in `OpenAPI` 3.1, derived
//! from the handlers and from the types of request and response bodies.

use axum::http::StatusCode;
use axum::response::Response;
use exporter::report::history::HistoryBy;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

use super::error_responses::ReadErrors;
use super::read::Query;
use super::settings_schema::SettingsSchema;
use super::{history, integrations, jobs, overview, providers, runs, write};
use crate::problem::{ApiError, Problem};
use crate::wire::IntegrationState;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "securityhub-exporter: management",
        description = "Providers, integrations, runs, jobs, quarantine, and audit log. A change requires If-Match with the ETag of the \
                       version that was read. Errors are problem details (RFC 9457) with one entry per invalid field. Access \
                       keys are write-only. Any principal that can invoke the function can call this API. An unknown path \
                       returns 404 (route-not-found), a method that a path does not support 405 (method-not-allowed; the \
                       Allow header lists the supported ones).",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem, IntegrationState, HistoryBy)),
    modifiers(&SettingsSchema),
    paths(
        providers::list,
        providers::create,
        providers::show,
        providers::update,
        providers::remove,
        providers::set_credentials,
        integrations::list,
        integrations::create,
        integrations::show,
        integrations::update,
        integrations::remove,
        integrations::set_credentials,
        integrations::reset_credentials,
        integrations::test,
        integrations::enable,
        integrations::disable,
        integrations::connections,
        history::sums,
        runs::list,
        runs::show,
        jobs::replay,
        jobs::approve,
        jobs::undo_archive,
        jobs::redrive,
        runs::pending,
        runs::quarantine,
        runs::quarantined,
        jobs::redrive_all,
        jobs::reconcile,
        jobs::explain,
        jobs::plan,
        jobs::list,
        jobs::show,
        jobs::retry,
        overview::attention,
        overview::regions,
        overview::audit,
        describe
    )
)]
struct Api;

/// The API's description.
pub fn document() -> Document {
    Api::openapi()
}

/// Get this description
#[utoipa::path(get, path = "/openapi.json", tag = "description", operation_id = "describe",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = Object), ReadErrors))]
pub(super) async fn describe(query: Query) -> Result<Response, ApiError> {
    query.reject_unknown()?;
    Ok(write::json(StatusCode::OK, &document()))
}

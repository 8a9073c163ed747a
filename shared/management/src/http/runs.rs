//! `/runs` and `/quarantine`, for reading.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use exporter::report::{RunKind, RunStatus};
use utoipa::IntoParams;

use super::read::{Query, Segment};
use super::refused::ReadRefused;
use super::rest::PageParams;
use super::write;
use crate::ports::Ports;
use crate::problem::ApiError;
use crate::service::Service;
use crate::wire::{PendingList, QuarantineList, QuarantinedRunList, RunFilter, RunList};

/// Pending findings of a page at most: some hundred bytes each.
const PENDING_MAX: usize = 1_000;

/// Which page of the pending findings, for the API's description.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `Query::page_of` reads")]
pub(crate) struct PendingParams {
    /// Maximum number of findings.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u32>,
    /// The `next` of the previous page. Default: the first page.
    #[param(min_length = 1, max_length = 256, pattern = "^[!-~]+$")]
    after: Option<String>,
}

type Answer = Result<Response, ApiError>;

/// List runs, newest first
#[utoipa::path(get, path = "/runs", tag = "runs", operation_id = "listRuns",
    params(PageParams, ("account" = Option<String>, Query, description = "Filter by account", pattern = "^[0-9]{12}$"),
        ("status" = Option<RunStatus>, Query, description = "Only with this status"),
        ("kind" = Option<RunKind>, Query, description = "Only of this kind"),
        ("q" = Option<String>, Query, description = "Only with this text in the ID, the upload's URI, a reason, or an account's ID", min_length = 1, max_length = 128)),
    responses((status = 200, body = RunList), ReadRefused))]
pub(crate) async fn list<P: Ports>(State(service): State<Arc<Service<P>>>, mut query: Query) -> Answer {
    let page = query.page()?;
    let account = query.account()?;
    let filter = RunFilter { status: query.value("status")?, kind: query.value("kind")?, q: query.search_text()? };
    query.end()?;
    Ok(write::json(StatusCode::OK, &service.runs(account, &filter, &page).await?))
}

/// Get a run's report
#[utoipa::path(get, path = "/runs/{id}", tag = "runs", operation_id = "showRun",
    params(("id" = String, Path, description = "Run ID", example = json!("01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b"))),
    responses((status = 200, body = exporter::report::RunReport), ReadRefused))]
pub(crate) async fn show<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(id): Segment,
    query: Query,
) -> Answer {
    query.end()?;
    Ok(write::json(StatusCode::OK, &service.run_shown(&id).await?))
}

/// List a run's quarantined findings
#[utoipa::path(get, path = "/runs/{id}/quarantine", tag = "runs", operation_id = "showQuarantine",
    params(("id" = String, Path, description = "Run ID", example = json!("01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b")), PageParams),
    responses((status = 200, body = QuarantineList), ReadRefused))]
pub(crate) async fn quarantine<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(id): Segment,
    mut query: Query,
) -> Answer {
    let page = query.page()?;
    query.end()?;
    Ok(write::json(StatusCode::OK, &service.quarantine(&id, &page).await?))
}

/// List a run's findings that require approval to be archived
#[utoipa::path(get, path = "/runs/{id}/pending", tag = "runs", operation_id = "listPending",
    params(("id" = String, Path, description = "Run ID", example = json!("01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b")), PendingParams),
    responses((status = 200, body = PendingList), ReadRefused))]
pub(crate) async fn pending<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(id): Segment,
    mut query: Query,
) -> Answer {
    let page = query.page_of(PENDING_MAX)?;
    query.end()?;
    Ok(write::json(StatusCode::OK, &service.pending(&id, &page).await?))
}

/// List runs with quarantined findings, newest first
#[utoipa::path(get, path = "/quarantine", tag = "runs", operation_id = "listQuarantine", params(PageParams),
    responses((status = 200, body = QuarantinedRunList), ReadRefused))]
pub(crate) async fn quarantined<P: Ports>(State(service): State<Arc<Service<P>>>, mut query: Query) -> Answer {
    let page = query.page()?;
    query.end()?;
    Ok(write::json(StatusCode::OK, &service.quarantined_runs(&page).await?))
}

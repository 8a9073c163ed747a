//! `/runs` and `/quarantine`: the operations that read.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use exporter::report::{RunKind, RunStatus};
use utoipa::IntoParams;

use super::error_responses::ReadErrors;
use super::overview::PageParams;
use super::read::{Query, Segment};
use super::write;
use crate::ports::Ports;
use crate::problem::ApiError;
use crate::service::Service;
use crate::wire::{PendingList, QuarantineList, QuarantinedRunList, RunFilter, RunList};

/// Maximum number of pending findings per page. Each has a few hundred bytes.
const PENDING_MAX: usize = 1_000;

/// Paging parameters of pending findings, for the API's description.
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

type HandlerResult = Result<Response, ApiError>;

/// List runs, newest first
#[utoipa::path(get, path = "/runs", tag = "runs", operation_id = "listRuns",
    params(PageParams, ("account" = Option<String>, Query, description = "Filter by account", pattern = "^[0-9]{12}$"),
        ("status" = Option<RunStatus>, Query, description = "Only with this status"),
        ("kind" = Option<RunKind>, Query, description = "Only of this kind"),
        ("q" = Option<String>, Query, description = "Only with this text in the ID, the upload's URI, a reason, or an account's ID", min_length = 1, max_length = 128)),
    responses((status = 200, body = RunList), ReadErrors))]
pub(crate) async fn list<P: Ports>(State(service): State<Arc<Service<P>>>, mut query: Query) -> HandlerResult {
    let page = query.page()?;
    let account = query.account()?;
    let filter = RunFilter { status: query.value("status")?, kind: query.value("kind")?, q: query.search_text()? };
    query.reject_unknown()?;
    Ok(write::json(StatusCode::OK, &service.runs(account, &filter, &page).await?))
}

/// Get a run's report
#[utoipa::path(get, path = "/runs/{id}", tag = "runs", operation_id = "showRun",
    params(("id" = String, Path, description = "Run ID", example = json!("01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b"))),
    responses((status = 200, body = exporter::report::RunReport), ReadErrors))]
pub(crate) async fn show<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(id): Segment,
    query: Query,
) -> HandlerResult {
    query.reject_unknown()?;
    Ok(write::json(StatusCode::OK, &service.run_report(&id).await?))
}

/// List a run's quarantined findings
#[utoipa::path(get, path = "/runs/{id}/quarantine", tag = "runs", operation_id = "showQuarantine",
    params(("id" = String, Path, description = "Run ID", example = json!("01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b")), PageParams),
    responses((status = 200, body = QuarantineList), ReadErrors))]
pub(crate) async fn quarantine<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(id): Segment,
    mut query: Query,
) -> HandlerResult {
    let page = query.page()?;
    query.reject_unknown()?;
    Ok(write::json(StatusCode::OK, &service.quarantine(&id, &page).await?))
}

/// List a run's findings that require approval to be archived
#[utoipa::path(get, path = "/runs/{id}/pending", tag = "runs", operation_id = "listPending",
    params(("id" = String, Path, description = "Run ID", example = json!("01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b")), PendingParams),
    responses((status = 200, body = PendingList), ReadErrors))]
pub(crate) async fn pending<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(id): Segment,
    mut query: Query,
) -> HandlerResult {
    let page = query.page_up_to(PENDING_MAX)?;
    query.reject_unknown()?;
    Ok(write::json(StatusCode::OK, &service.pending(&id, &page).await?))
}

/// List runs with quarantined findings, newest first
#[utoipa::path(get, path = "/quarantine", tag = "runs", operation_id = "listQuarantine", params(PageParams),
    responses((status = 200, body = QuarantinedRunList), ReadErrors))]
pub(crate) async fn quarantined<P: Ports>(State(service): State<Arc<Service<P>>>, mut query: Query) -> HandlerResult {
    let page = query.page()?;
    query.reject_unknown()?;
    Ok(write::json(StatusCode::OK, &service.quarantined_runs(&page).await?))
}

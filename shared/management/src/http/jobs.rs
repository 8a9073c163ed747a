//! `/jobs`, and the operations that submit jobs. The response is sent when the job is accepted; the exporter runs the job. The
//! job's URL returns its state.

use std::sync::Arc;

use asff::RegionName;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde_json::Value;

use super::error_responses::{ReadErrors, SubmitErrors};
use super::overview::PageParams;
use super::read::{Head, Json, Optional, Query, Segment, parse_body};
use super::write;
use crate::check;
use crate::ports::Ports;
use crate::problem::ApiError;
use crate::service::Service;
use crate::wire::{ApprovalBody, ExplainBody, JobList, JobView, PlanBody, ReasonBody};

type HandlerResult = Result<Response, ApiError>;

/// Re-export a run's upload
#[utoipa::path(post, path = "/runs/{id}/replay", tag = "jobs", operation_id = "replayRun",
    params(("id" = String, Path, description = "Run ID", example = json!("01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b"))),
    request_body = Option<ReasonBody>,
    responses((status = 202, body = JobView, headers(("Location" = String))), SubmitErrors))]
pub(crate) async fn replay<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(id): Segment,
    head: Head,
    query: Query,
    Optional(body): Optional,
) -> HandlerResult {
    query.reject_unknown()?;
    Ok(accepted(&service.replay(&head.caller, &id, reason(body)?).await?))
}

/// Approve an archive: the findings above the limit, the unproven ones, or both
#[utoipa::path(post, path = "/runs/{id}/approve", tag = "jobs", operation_id = "approveRun",
    params(("id" = String, Path, description = "Run ID", example = json!("01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b"))),
    request_body = Option<ApprovalBody>,
    responses((status = 202, body = JobView, headers(("Location" = String))), SubmitErrors))]
pub(crate) async fn approve<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(id): Segment,
    head: Head,
    query: Query,
    Optional(body): Optional,
) -> HandlerResult {
    query.reject_unknown()?;
    let body: ApprovalBody = body.map_or(Ok(ApprovalBody::default()), |body| parse_body(body, ""))?;
    let (approval, reason) = (body.approval()?, check::reason(body.reason)?);
    Ok(accepted(&service.approve(&head.caller, &id, approval, reason).await?))
}

/// Reactivate findings that a run archived
#[utoipa::path(post, path = "/runs/{id}/undo-archive", tag = "jobs", operation_id = "undoArchive",
    params(("id" = String, Path, description = "Run ID", example = json!("01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b"))),
    request_body = Option<ReasonBody>,
    responses((status = 202, body = JobView, headers(("Location" = String))), SubmitErrors))]
pub(crate) async fn undo_archive<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(id): Segment,
    head: Head,
    query: Query,
    Optional(body): Optional,
) -> HandlerResult {
    query.reject_unknown()?;
    Ok(accepted(&service.undo_archive(&head.caller, &id, reason(body)?).await?))
}

/// Redrive a run's quarantined findings
#[utoipa::path(post, path = "/runs/{id}/redrive", tag = "jobs", operation_id = "redriveRun",
    params(("id" = String, Path, description = "Run ID", example = json!("01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b")),
        ("code" = Option<String>, Query, description = "Only entries with this error code", min_length = 1, max_length = 128)),
    request_body = Option<ReasonBody>,
    responses((status = 202, body = JobView, headers(("Location" = String))), SubmitErrors))]
pub(crate) async fn redrive<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(id): Segment,
    head: Head,
    mut query: Query,
    Optional(body): Optional,
) -> HandlerResult {
    let code = query.text("code")?;
    query.reject_unknown()?;
    Ok(accepted(&service.redrive(&head.caller, Some(&id), code, reason(body)?).await?))
}

/// Redrive all quarantined findings
#[utoipa::path(post, path = "/quarantine/redrive", tag = "jobs", operation_id = "redriveAll",
    params(("code" = Option<String>, Query, description = "Only entries with this error code", min_length = 1, max_length = 128)),
    request_body = Option<ReasonBody>,
    responses((status = 202, body = JobView, headers(("Location" = String))), SubmitErrors))]
pub(crate) async fn redrive_all<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    head: Head,
    mut query: Query,
    Optional(body): Optional,
) -> HandlerResult {
    let code = query.text("code")?;
    query.reject_unknown()?;
    Ok(accepted(&service.redrive(&head.caller, None, code, reason(body)?).await?))
}

/// Compare Security Hub with the export state and fix differences
#[utoipa::path(post, path = "/findings/reconcile", tag = "jobs", operation_id = "reconcile",
    params(("account" = Option<String>, Query, description = "Only this account. Default: every account with findings", pattern = "^[0-9]{12}$"),
        ("regions" = Option<String>, Query, description = "Only these Regions, separated by commas", example = json!("eu-west-1,us-east-1"), min_length = 1),
        ("dry_run" = Option<bool>, Query, description = "Report differences without changing anything")),
    request_body = Option<ReasonBody>,
    responses((status = 202, body = JobView, headers(("Location" = String))), SubmitErrors))]
pub(crate) async fn reconcile<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    head: Head,
    mut query: Query,
    Optional(body): Optional,
) -> HandlerResult {
    let account = query.account()?;
    let regions: Vec<RegionName> = match query.take("regions")? {
        None => Vec::new(),
        Some(names) => names.split(',').map(region).collect::<Result<_, _>>()?,
    };
    let dry_run = query.flag("dry_run")?;
    query.reject_unknown()?;
    Ok(accepted(&service.reconcile(&head.caller, account, regions, dry_run, reason(body)?).await?))
}

/// Report what an export of an uploaded scan would send, archive, and cost, without changing anything
#[utoipa::path(post, path = "/plan", tag = "jobs", operation_id = "plan", request_body = PlanBody,
    responses((status = 202, body = JobView, headers(("Location" = String)),
        description = "The job. When it has succeeded, it has the `plan`"), SubmitErrors))]
pub(crate) async fn plan<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    head: Head,
    query: Query,
    Json(body): Json,
) -> HandlerResult {
    query.reject_unknown()?;
    let PlanBody { source } = parse_body(body, "")?;
    Ok(accepted(&service.plan(&head.caller, source).await?))
}

/// Report why a finding was sent, filtered, or archived, without changing anything
#[utoipa::path(post, path = "/findings/explain", tag = "jobs", operation_id = "explain", request_body = ExplainBody,
    responses((status = 202, body = JobView, headers(("Location" = String)),
        description = "The job. When it has succeeded, it has the `explanation`"), SubmitErrors))]
pub(crate) async fn explain<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    head: Head,
    query: Query,
    Json(body): Json,
) -> HandlerResult {
    query.reject_unknown()?;
    let ExplainBody { finding_id, live } = parse_body(body, "")?;
    Ok(accepted(&service.explain(&head.caller, finding_id, live).await?))
}

/// Parses and validates the reason in an optional body.
pub(super) fn reason(body: Option<Value>) -> Result<Option<String>, ApiError> {
    let body: ReasonBody = body.map_or(Ok(ReasonBody::default()), |body| parse_body(body, ""))?;
    check::reason(body.reason)
}

fn region(name: &str) -> Result<RegionName, ApiError> {
    name.parse().map_err(|_| ApiError::field("regions", "must be Region names, separated by commas"))
}

/// List jobs, newest first
#[utoipa::path(get, path = "/jobs", tag = "jobs", operation_id = "listJobs", params(PageParams),
    responses((status = 200, body = JobList), ReadErrors))]
pub(crate) async fn list<P: Ports>(State(service): State<Arc<Service<P>>>, mut query: Query) -> HandlerResult {
    let page = query.page()?;
    query.reject_unknown()?;
    Ok(write::json(StatusCode::OK, &service.jobs(&page).await?))
}

/// Get a job with its state, and its report if it is a plan or an explanation
#[utoipa::path(get, path = "/jobs/{id}", tag = "jobs", operation_id = "showJob",
    params(("id" = String, Path, description = "Job ID", example = json!("01936f2e-9a3b-7c41-8d5e-0c2d5e6f7a8b"))),
    responses((status = 200, body = JobView), ReadErrors))]
pub(crate) async fn show<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(id): Segment,
    query: Query,
) -> HandlerResult {
    query.reject_unknown()?;
    Ok(write::json(StatusCode::OK, &service.job(&id).await?))
}

/// Retry a failed job, whose message is in the dead-letter queue
#[utoipa::path(post, path = "/jobs/{id}/retry", tag = "jobs", operation_id = "retryJob",
    params(("id" = String, Path, description = "Job ID", example = json!("01936f2e-9a3b-7c41-8d5e-0c2d5e6f7a8b"))),
    request_body = Option<ReasonBody>,
    responses((status = 202, body = JobView, headers(("Location" = String))), SubmitErrors))]
pub(crate) async fn retry<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(id): Segment,
    head: Head,
    query: Query,
    Optional(body): Optional,
) -> HandlerResult {
    query.reject_unknown()?;
    Ok(accepted(&service.retry_job(&head.caller, &id, reason(body)?).await?))
}

/// The response to a submitted job.
fn accepted(job: &JobView) -> Response {
    write::with_header(write::json(StatusCode::ACCEPTED, job), header::LOCATION, &format!("/jobs/{}", job.id))
}

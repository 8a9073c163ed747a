//! `/attention`, `/regions`, and `/audit`.

use std::sync::Arc;

use asff::{Partition, Regions};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use utoipa::IntoParams;

use super::error_responses::ReadErrors;
use super::read::Query;
use super::write;
use crate::ports::Ports;
use crate::problem::ApiError;
use crate::service::Service;
use crate::wire::{AttentionList, AuditList, List, RegionList, RegionView};

type HandlerResult = Result<Response, ApiError>;

/// Paging parameters, for the API's description.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `Query::page` reads")]
pub(crate) struct PageParams {
    /// Maximum number of entries.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// The `next` of the previous page. Default: the first page.
    #[param(min_length = 1, max_length = 256, pattern = "^[!-~]+$")]
    after: Option<String>,
}

/// List what needs attention, most urgent first
#[utoipa::path(get, path = "/attention", tag = "attention", operation_id = "listAttention",
    responses((status = 200, body = AttentionList), ReadErrors))]
pub(crate) async fn attention<P: Ports>(State(service): State<Arc<Service<P>>>, query: Query) -> HandlerResult {
    query.reject_unknown()?;
    Ok(write::json(StatusCode::OK, &service.attention().await?))
}

/// List the Regions known to this release
#[utoipa::path(get, path = "/regions", tag = "regions", operation_id = "listRegions",
    responses((status = 200, body = RegionList), ReadErrors))]
pub(crate) async fn regions(query: Query) -> HandlerResult {
    query.reject_unknown()?;
    let known = Regions::known();
    let all = Partition::ALL.into_iter().flat_map(|partition| known.of_partition(partition));
    let view = |(name, region): (asff::RegionName, asff::Region)| RegionView {
        name,
        partition: region.partition.to_string(),
        availability: region.availability,
    };
    Ok(write::json(StatusCode::OK, &List { items: all.map(view).collect(), next: None }))
}

/// List the audit log, newest entry first
#[utoipa::path(get, path = "/audit", tag = "audit", operation_id = "listChanges", params(PageParams),
    responses((status = 200, body = AuditList), ReadErrors))]
pub(crate) async fn audit<P: Ports>(State(service): State<Arc<Service<P>>>, mut query: Query) -> HandlerResult {
    let page = query.page()?;
    query.reject_unknown()?;
    Ok(write::json(StatusCode::OK, &service.audit_log(&page).await?))
}

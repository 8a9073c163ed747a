//! `/providers`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use exporter::model::provider::Provider;
use exporter::ports::settings_store::{Revision, Stored};

use super::error_responses::{ChangeErrors, CreateErrors, DeleteErrors, ReadErrors};
use super::overview::PageParams;
use super::read::{Head, Json, Patch, Query, Segment, parse_body, parse_id};
use super::write;
use crate::merge::merged;
use crate::ports::Ports;
use crate::problem::{ApiError, ResourceKind};
use crate::service::{Created, Service};
use crate::wire::{CredentialsBody, ProviderBody, ProviderList, ProviderPatch, ProviderView};

type HandlerResult = Result<Response, ApiError>;

/// List providers
#[utoipa::path(get, path = "/providers", tag = "providers", operation_id = "listProviders", params(PageParams),
    responses((status = 200, body = ProviderList), ReadErrors))]
pub(crate) async fn list<P: Ports>(State(service): State<Arc<Service<P>>>, mut query: Query) -> HandlerResult {
    let page = query.page()?;
    query.reject_unknown()?;
    Ok(write::json(StatusCode::OK, &service.providers(&page).await?))
}

/// Create a provider
#[utoipa::path(post, path = "/providers", tag = "providers", operation_id = "createProvider", request_body = ProviderBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "A retry with the same key doesn't create another resource.")),
    responses((status = 201, body = ProviderView, headers(("ETag" = String), ("Location" = String),
        ("Idempotent-Replayed" = bool, description = "`true` if an earlier request with this key created the resource"))), CreateErrors))]
pub(crate) async fn create<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    head: Head,
    query: Query,
    Json(body): Json,
) -> HandlerResult {
    query.reject_unknown()?;
    let idempotency_key = head.idempotency_key_for("/providers", &body);
    let body: ProviderBody = parse_body(body, "")?;
    let Created { view: created, replayed } =
        service.create_provider(&head.caller, &body, idempotency_key.as_ref()).await?;
    let path = format!("/providers/{}", created.value.id);
    let response = write::with_header(provider(StatusCode::CREATED, &created), header::LOCATION, &path);
    Ok(write::replayed(response, replayed))
}

/// Get a provider
#[utoipa::path(get, path = "/providers/{id}", tag = "providers", operation_id = "showProvider",
    params(("id" = String, Path, description = "AWS account or organization ID", example = json!("123456789012"))),
    responses((status = 200, body = ProviderView, headers(("ETag" = String))), ReadErrors))]
pub(crate) async fn show<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(text): Segment,
    query: Query,
) -> HandlerResult {
    query.reject_unknown()?;
    let id = parse_id(ResourceKind::Provider, &text)?;
    Ok(provider(StatusCode::OK, &service.provider(&id).await?))
}

/// Change a provider's alias and scan schedule
#[utoipa::path(patch, path = "/providers/{id}", tag = "providers", operation_id = "updateProvider",
    request_body(content((ProviderPatch = "application/merge-patch+json"), (ProviderPatch = "application/json"))),
    params(("id" = String, Path, description = "AWS account or organization ID", example = json!("123456789012")),
        ("If-Match" = String, Header, example = json!("*"), description = "ETag of the version to change")),
    responses((status = 200, body = ProviderView, headers(("ETag" = String))), ChangeErrors))]
pub(crate) async fn update<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(text): Segment,
    head: Head,
    query: Query,
    Patch(patch): Patch,
) -> HandlerResult {
    query.reject_unknown()?;
    let id = parse_id(ResourceKind::Provider, &text)?;
    let settings = |before: &Provider| parse_body(merged(ProviderPatch::json(before), &patch), "");
    let changed = service.update_provider(&head.caller, &id, &head.if_match, settings).await?;
    Ok(provider(StatusCode::OK, &changed))
}

/// Delete a provider that has no integration
#[utoipa::path(delete, path = "/providers/{id}", tag = "providers", operation_id = "deleteProvider",
    params(("id" = String, Path, description = "AWS account or organization ID", example = json!("123456789012")),
        ("If-Match" = String, Header, example = json!("*"), description = "ETag of the version to delete")),
    responses((status = 204, description = "Deleted, including its stored access key"), DeleteErrors))]
pub(crate) async fn remove<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(text): Segment,
    head: Head,
    query: Query,
) -> HandlerResult {
    query.reject_unknown()?;
    let id = parse_id(ResourceKind::Provider, &text)?;
    service.delete_provider(&head.caller, &id, &head.if_match).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Set a provider's credentials and test the integration that uses them
#[utoipa::path(put, path = "/providers/{id}/credentials", tag = "providers", operation_id = "setProviderCredentials",
    request_body = CredentialsBody,
    params(("id" = String, Path, description = "AWS account or organization ID", example = json!("123456789012")),
        ("If-Match" = String, Header, example = json!("*"), description = "ETag of the version to change")),
    responses((status = 200, body = ProviderView, headers(("ETag" = String))), ChangeErrors))]
pub(crate) async fn set_credentials<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(text): Segment,
    head: Head,
    query: Query,
    Json(body): Json,
) -> HandlerResult {
    query.reject_unknown()?;
    let id = parse_id(ResourceKind::Provider, &text)?;
    let body: CredentialsBody = parse_body(body, "credentials")?;
    let changed = service.set_provider_credentials(&head.caller, &id, &head.if_match, &body).await?;
    let revision = Revision { version: changed.version, created_at: changed.created_at };
    Ok(write::versioned(StatusCode::OK, &changed, revision))
}

fn provider(status: StatusCode, stored: &Stored<Provider>) -> Response {
    write::versioned(status, &ProviderView::of(stored), stored.revision())
}

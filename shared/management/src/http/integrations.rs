//! `/integrations`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use exporter::connection::ConnectionStatus as AccountConnectionStatus;
use exporter::model::integration::Integration;
use exporter::ports::settings_store::Revision;

use super::error_responses::{ChangeErrors, CreateErrors, DeleteErrors, ReadErrors, SwitchErrors};
use super::jobs::reason;
use super::overview::PageParams;
use super::read::{Head, Json, Optional, Patch, Query, Segment, parse_body, parse_id};
use super::write;
use crate::check::{self, patchable_settings};
use crate::merge::merged;
use crate::ports::Ports;
use crate::problem::{ApiError, ResourceKind};
use crate::service::{Created, Service};
use crate::wire::{
    ConnectionFilter, ConnectionList, ConnectionStatus, CredentialsBody, IntegrationBody, IntegrationFilter,
    IntegrationList, IntegrationPatch, IntegrationState, IntegrationView, ReasonBody, Test,
};

type HandlerResult = Result<Response, ApiError>;

/// List integrations
#[utoipa::path(get, path = "/integrations", tag = "integrations", operation_id = "listIntegrations",
    params(PageParams, ("status" = Option<ConnectionStatus>, Query, description = "Only with this status of their connections"),
        ("state" = Option<IntegrationState>, Query, description = "Only in this state"),
        ("q" = Option<String>, Query, description = "Only with this text in the ID or the alias", min_length = 1, max_length = 128)),
    responses((status = 200, body = IntegrationList), ReadErrors))]
pub(crate) async fn list<P: Ports>(State(service): State<Arc<Service<P>>>, mut query: Query) -> HandlerResult {
    let page = query.page()?;
    let filter =
        IntegrationFilter { status: query.value("status")?, state: query.value("state")?, q: query.search_text()? };
    query.reject_unknown()?;
    Ok(write::json(StatusCode::OK, &service.integrations(&filter, &page).await?))
}

/// Create an integration and test its connection. It is created even if the test fails
#[utoipa::path(post, path = "/integrations", tag = "integrations", operation_id = "createIntegration",
    request_body = IntegrationBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "A retry with the same key doesn't create another resource.")),
    responses((status = 201, body = IntegrationView, headers(("ETag" = String), ("Location" = String),
        ("Idempotent-Replayed" = bool, description = "`true` if an earlier request with this key created the resource"))), CreateErrors))]
pub(crate) async fn create<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    head: Head,
    query: Query,
    Json(body): Json,
) -> HandlerResult {
    query.reject_unknown()?;
    let idempotency_key = head.idempotency_key_for("/integrations", &body);
    let body: IntegrationBody = parse_body(body, "")?;
    let Created { view, replayed } = service.create_integration(&head.caller, &body, idempotency_key.as_ref()).await?;
    let path = format!("/integrations/{}", view.id);
    let response = write::with_header(integration(StatusCode::CREATED, &view), header::LOCATION, &path);
    Ok(write::replayed(response, replayed))
}

/// Get an integration with its settings, connection status, and next scan
#[utoipa::path(get, path = "/integrations/{id}", tag = "integrations", operation_id = "showIntegration",
    params(("id" = String, Path, description = "Provider ID", example = json!("123456789012"))),
    responses((status = 200, body = IntegrationView, headers(("ETag" = String))), ReadErrors))]
pub(crate) async fn show<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(text): Segment,
    query: Query,
) -> HandlerResult {
    query.reject_unknown()?;
    let id = parse_id(ResourceKind::Integration, &text)?;
    Ok(integration(StatusCode::OK, &service.integration(&id).await?))
}

/// Change an integration's settings. Another provider moves the integration to that provider's ID
#[utoipa::path(patch, path = "/integrations/{id}", tag = "integrations", operation_id = "updateIntegration",
    request_body(content((IntegrationPatch = "application/merge-patch+json"), (IntegrationPatch = "application/json"))),
    params(("id" = String, Path, description = "Provider ID", example = json!("123456789012")),
        ("If-Match" = String, Header, example = json!("*"), description = "ETag of the version to change")),
    responses((status = 200, body = IntegrationView, headers(("ETag" = String), ("Content-Location" = String))), ChangeErrors))]
pub(crate) async fn update<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(text): Segment,
    head: Head,
    query: Query,
    Patch(patch): Patch,
) -> HandlerResult {
    query.reject_unknown()?;
    let id = parse_id(ResourceKind::Integration, &text)?;
    if patch.get("credentials").is_some() {
        return Err(ApiError::field(
            "credentials",
            format!("can't be changed here: use PUT /integrations/{id}/credentials"),
        ));
    }
    let settings = |before: &Integration| parse_body(merged(patchable_settings(before), &patch), "");
    let view = service.update_integration(&head.caller, &id, &head.if_match, settings).await?;
    let path = format!("/integrations/{}", view.id);
    Ok(write::with_header(integration(StatusCode::OK, &view), header::CONTENT_LOCATION, &path))
}

/// Delete an integration. With `archive`, its findings are archived first
#[utoipa::path(delete, path = "/integrations/{id}", tag = "integrations", operation_id = "deleteIntegration",
    params(("id" = String, Path, description = "Provider ID", example = json!("123456789012")),
        ("archive" = Option<bool>, Query, description = "Archive all findings first. Otherwise they stay active in Security Hub."),
        ("reason" = Option<String>, Query, description = "Why it is deleted, on one line. Saved in the audit log, and in the job that archives", min_length = 1, max_length = 500),
        ("If-Match" = String, Header, example = json!("*"), description = "ETag of the version to delete")),
    responses((status = 202, body = IntegrationView, headers(("ETag" = String)), description = "The findings are being archived; then the integration is deleted"),
        (status = 204, description = "Deleted, including its stored access key"), DeleteErrors))]
pub(crate) async fn remove<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(text): Segment,
    head: Head,
    mut query: Query,
) -> HandlerResult {
    let archive = query.flag("archive")?;
    let reason = check::reason(query.take("reason")?)?;
    query.reject_unknown()?;
    let id = parse_id(ResourceKind::Integration, &text)?;
    if archive {
        let view = service.archive_integration_findings(&head.caller, &id, &head.if_match, reason).await?;
        return Ok(integration(StatusCode::ACCEPTED, &view));
    }
    service.delete_integration(&head.caller, &id, &head.if_match, reason.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Set an integration's own credentials and test the connection
#[utoipa::path(put, path = "/integrations/{id}/credentials", tag = "integrations", operation_id = "setCredentials",
    request_body = CredentialsBody,
    params(("id" = String, Path, description = "Provider ID", example = json!("123456789012")),
        ("If-Match" = String, Header, example = json!("*"), description = "ETag of the version to change")),
    responses((status = 200, body = IntegrationView, headers(("ETag" = String))), ChangeErrors))]
pub(crate) async fn set_credentials<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(text): Segment,
    head: Head,
    query: Query,
    Json(body): Json,
) -> HandlerResult {
    query.reject_unknown()?;
    change_credentials(&service, &text, &head, parse_body(body, "credentials")?).await
}

/// Reset an integration to its provider's credentials and test the connection
#[utoipa::path(delete, path = "/integrations/{id}/credentials", tag = "integrations", operation_id = "resetCredentials",
    params(("id" = String, Path, description = "Provider ID", example = json!("123456789012")),
        ("If-Match" = String, Header, example = json!("*"), description = "ETag of the version to change")),
    responses((status = 200, body = IntegrationView, headers(("ETag" = String))), DeleteErrors))]
pub(crate) async fn reset_credentials<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(text): Segment,
    head: Head,
    query: Query,
) -> HandlerResult {
    query.reject_unknown()?;
    let provider = serde_json::json!({ "kind": "provider" });
    change_credentials(&service, &text, &head, parse_body(provider, "")?).await
}

async fn change_credentials<P: Ports>(
    service: &Service<P>,
    text: &str,
    head: &Head,
    body: CredentialsBody,
) -> HandlerResult {
    let id = parse_id(ResourceKind::Integration, text)?;
    let view = service.set_credentials(&head.caller, &id, &head.if_match, &body).await?;
    Ok(integration(StatusCode::OK, &view))
}

/// Test an integration's connection
#[utoipa::path(post, path = "/integrations/{id}/test", tag = "integrations", operation_id = "testIntegration",
    params(("id" = String, Path, description = "Provider ID", example = json!("123456789012"))),
    responses((status = 200, body = Test, description = "The test result, even if the connection failed"), ReadErrors))]
pub(crate) async fn test<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(text): Segment,
    query: Query,
) -> HandlerResult {
    query.reject_unknown()?;
    let id = parse_id(ResourceKind::Integration, &text)?;
    Ok(write::json(StatusCode::OK, &service.test(&id).await?))
}

/// Enable an integration, test its connection, and count pending uploads
#[utoipa::path(post, path = "/integrations/{id}/enable", tag = "integrations", operation_id = "enableIntegration",
    params(("id" = String, Path, description = "Provider ID", example = json!("123456789012")),
        ("replay" = Option<bool>, Query, description = "Export the uploads received while the integration was disabled."),
        ("If-Match" = Option<String>, Header, description = "ETag of the version to enable")),
    request_body = Option<ReasonBody>,
    responses((status = 200, body = IntegrationView, headers(("ETag" = String))), SwitchErrors))]
pub(crate) async fn enable<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(text): Segment,
    head: Head,
    mut query: Query,
    Optional(body): Optional,
) -> HandlerResult {
    let replay = query.flag("replay")?;
    query.reject_unknown()?;
    let id = parse_id(ResourceKind::Integration, &text)?;
    let view = service.enable(&head.caller, &id, &head.if_match, replay, reason(body)?).await?;
    Ok(integration(StatusCode::OK, &view))
}

/// Disable an integration. Uploads are recorded as pending
#[utoipa::path(post, path = "/integrations/{id}/disable", tag = "integrations", operation_id = "disableIntegration",
    params(("id" = String, Path, description = "Provider ID", example = json!("123456789012")),
        ("If-Match" = Option<String>, Header, description = "ETag of the version to disable")),
    request_body = Option<ReasonBody>,
    responses((status = 200, body = IntegrationView, headers(("ETag" = String))), SwitchErrors))]
pub(crate) async fn disable<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(text): Segment,
    head: Head,
    query: Query,
    Optional(body): Optional,
) -> HandlerResult {
    query.reject_unknown()?;
    let id = parse_id(ResourceKind::Integration, &text)?;
    Ok(integration(
        StatusCode::OK,
        &service.disable(&head.caller, &id, &head.if_match, reason(body)?.as_deref()).await?,
    ))
}

/// List the newest connection check of each account
#[utoipa::path(get, path = "/integrations/{id}/connections", tag = "integrations", operation_id = "listConnections",
    params(("id" = String, Path, description = "Provider ID", example = json!("123456789012")), PageParams,
        ("status" = Option<AccountConnectionStatus>, Query, description = "Only accounts with this status"),
        ("q" = Option<String>, Query, description = "Only with this text in the account's ID or its problems", min_length = 1, max_length = 128)),
    responses((status = 200, body = ConnectionList), ReadErrors))]
pub(crate) async fn connections<P: Ports>(
    State(service): State<Arc<Service<P>>>,
    Segment(text): Segment,
    mut query: Query,
) -> HandlerResult {
    let page = query.page()?;
    let filter = ConnectionFilter { status: query.value("status")?, q: query.search_text()? };
    query.reject_unknown()?;
    let id = parse_id(ResourceKind::Integration, &text)?;
    Ok(write::json(StatusCode::OK, &service.connections(&id, &filter, &page).await?))
}

fn integration(status: StatusCode, view: &IntegrationView) -> Response {
    write::versioned(status, view, Revision { version: view.version, created_at: view.created_at })
}

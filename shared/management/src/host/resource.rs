//! Handles the custom resources `Custom::SecurityHubProvider` and `Custom::SecurityHubIntegration`.
//!
//! Guarantees: a request that is delivered twice takes effect once; a rollback reverts exactly the changes that were made, even if
//! CloudFormation received no response; an update with another provider ID creates another resource, and CloudFormation deletes
//! the previous one; an update applies the changes of the template and preserves those of operators; no stack deletes a resource
//! that it doesn't manage.

use exporter::model::integration::Credentials;
use exporter::model::provider::ProviderId;
use serde_json::{Value, json};

use super::properties::{property, request_body};
use super::request::{INTEGRATION, PROVIDER, PhysicalId, REASON_CHARS_MAX, ResourceRequest, ResourceResponse};
use crate::ports::Ports;
use crate::problem::{ApiError, FieldError, ResourceKind};
use crate::service::{CurrentState, Deletion, DesiredResource, Resource, Service};
use crate::wire::IntegrationView;

/// Handles a request.
pub async fn handle_resource<P: Ports>(service: &Service<P>, request: &ResourceRequest) -> ResourceResponse {
    let outcome = match (request.kind(), request.request_type.as_str()) {
        (Some(kind), "Create" | "Update") => create_or_update(service, request, kind).await,
        (Some(kind), "Delete") => delete(service, request, kind).await,
        _ => Err(ApiError::Malformed(format!("expected {PROVIDER} or {INTEGRATION}, and Create, Update, or Delete"))),
    };
    match outcome {
        Ok((physical_id, data)) => request.succeeded(physical_id, data),
        Err(api_error) => request.failed(&describe(&api_error)),
    }
}

/// Responds to a request that was interrupted. The request succeeded if the desired properties are stored. If a creation stored
/// other properties, the response has the physical ID of the resource, so that the rollback deletes it.
pub async fn after_interruption<P: Ports>(
    service: &Service<P>,
    request: &ResourceRequest,
    reason: &str,
) -> ResourceResponse {
    let Some(kind) = request.kind() else { return request.failed(reason) };
    let properties = request_body(&request.resource_properties);
    let is_delete = request.request_type == "Delete";
    let created_id = request.created().filter(|_| is_delete).map(|created| created.id);
    let Some(id) = created_id.or_else(|| desired_id(kind, &properties)) else {
        return request.failed(reason);
    };
    let owner = request.owner();
    let lookup = async {
        let is_undone = match unreported(request, kind) {
            Some(other) => service.current_resource(kind, &owner, &other).await?.is_none(),
            None => true,
        };
        Ok::<_, ApiError>((service.current_resource(kind, &owner, &id).await?, is_undone))
    };
    let (current, is_undone) = match lookup.await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(resource.request = request.request_type, %error, "outcome of a request unknown");
            return request.failed(reason);
        }
    };
    match current {
        None if is_delete => request.succeeded(request.physical_resource_id.clone().unwrap_or_default(), Value::Null),
        Some(current) if !is_delete => {
            let physical_id = PhysicalId::format(kind, &current.id, current.created_at);
            if current.properties.as_ref() == Some(&properties) && is_undone {
                request.succeeded(physical_id, attributes(&current))
            } else if request.request_type == "Create" {
                ResourceResponse { physical_resource_id: physical_id, ..request.failed(reason) }
            } else {
                request.failed(reason)
            }
        }
        _ => request.failed(reason),
    }
}

type Outcome = Result<(String, Value), ApiError>;

async fn create_or_update<P: Ports>(service: &Service<P>, request: &ResourceRequest, kind: ResourceKind) -> Outcome {
    let (properties, old_properties) =
        (request_body(&request.resource_properties), request_body(&request.old_resource_properties));
    let desired = DesiredResource {
        owner: request.owner(),
        properties,
        old_properties,
        known_id: request.created().map(|created| created.id),
        idempotency_key: request.idempotency_key(),
    };
    if let Some(other) = unreported(request, kind) {
        delete_unreported(service, request, kind, other).await?;
    }
    let current = service.apply_resource(&request.caller(), kind, &desired).await?;
    let physical_id = match (&current.properties, &request.physical_resource_id) {
        // Another owner created the resource. Keep the physical ID of the
        // deleted resource, so that the stack never deletes this one.
        (None, Some(physical_id)) => physical_id.clone(),
        _ => PhysicalId::format(kind, &current.id, current.created_at),
    };
    Ok((physical_id, attributes(&current)))
}

/// The resource that a failed update may have created without returning a response. Such a resource is possible if the stack
/// rolls back from another resource to the one whose physical ID it has.
fn unreported(request: &ResourceRequest, kind: ResourceKind) -> Option<ProviderId> {
    let known_id = request.created().filter(|_| request.request_type == "Update")?.id;
    let is_rollback = desired_id(kind, &request_body(&request.resource_properties)).as_ref() == Some(&known_id);
    desired_id(kind, &request_body(&request.old_resource_properties)).filter(|other| is_rollback && *other != known_id)
}

/// Deletes a resource that a failed or canceled update created without a response.
async fn delete_unreported<P: Ports>(
    service: &Service<P>,
    request: &ResourceRequest,
    kind: ResourceKind,
    id: ProviderId,
) -> Result<(), ApiError> {
    let mut idempotency_key = request.idempotency_key();
    idempotency_key.key.push_str(":undone");
    let deletion = Deletion { owner: request.owner(), id, created_at_ms: None, idempotency_key };
    match service.delete_resource(&request.caller(), kind, &deletion).await {
        Err(ApiError::InUse(id)) => {
            tracing::warn!(provider.id = %id, "resources created by the failed update were retained: the provider has an integration");
            Ok(())
        }
        undone => undone,
    }
}

async fn delete<P: Ports>(service: &Service<P>, request: &ResourceRequest, kind: ResourceKind) -> Outcome {
    // If the stack has no physical ID of ours, its properties identify the resource.
    let (id, created_at_ms) = match request.created() {
        Some(PhysicalId { id, created_at_ms }) => (Some(id), Some(created_at_ms)),
        None => (desired_id(kind, &request_body(&request.resource_properties)), None),
    };
    if let Some(id) = id {
        let deletion =
            Deletion { owner: request.owner(), id, created_at_ms, idempotency_key: request.idempotency_key() };
        service.delete_resource(&request.caller(), kind, &deletion).await?;
    }
    Ok((request.physical_resource_id.clone().unwrap_or_default(), Value::Null))
}

/// The ID in a resource's properties.
fn desired_id(kind: ResourceKind, properties: &Value) -> Option<ProviderId> {
    let field = match kind {
        ResourceKind::Provider => "id",
        ResourceKind::Integration => "provider",
    };
    properties.get(field)?.as_str()?.parse().ok()
}

/// Attributes for `Fn::GetAtt`.
fn attributes(current: &CurrentState) -> Value {
    match &current.resource {
        Resource::Provider(provider) => json!({ "Id": provider.id, "ExternalId": external_id(&provider.credentials) }),
        Resource::Integration(view) => integration_attributes(view),
    }
}

fn external_id(credentials: &Credentials) -> &str {
    credentials.role().and_then(|role| role.external_id.as_deref()).unwrap_or_default()
}

fn integration_attributes(view: &IntegrationView) -> Value {
    let role = view.credentials.role.as_ref();
    let message = view.test.as_ref().map_or("", |test| test.message.as_str());
    json!({
        "Id": view.id,
        "ExternalId": role.and_then(|role| role.external_id.as_deref()).unwrap_or_default(),
        "ConnectionStatus": view.connection.status,
        "Test": message.chars().take(REASON_CHARS_MAX).collect::<String>(),
    })
}

/// Describes an error, with each invalid property by its name in the template.
fn describe(api_error: &ApiError) -> String {
    let ApiError::Invalid(errors) = api_error else {
        let problem = api_error.problem();
        return problem
            .remediation
            .map_or(problem.detail.clone(), |remediation| format!("{}: {remediation}", problem.detail));
    };
    let each = |FieldError { field, message }: &FieldError| format!("{} {message}", property(field));
    errors.iter().map(each).collect::<Vec<_>>().join("; ")
}

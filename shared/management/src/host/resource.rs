//! `Custom::SecurityHubProvider` and `Custom::SecurityHubIntegration`.
//!
//! Promises: a request that comes twice runs once; a rollback undoes what was done, and nothing else, whatever
//! CloudFormation was told of it; a property that names another provider makes another resource, and CloudFormation deletes
//! the one before; an update changes what the template changed, and leaves what operators changed since; no stack deletes
//! what it did not make.

use exporter::integration::Credentials;
use exporter::provider::ProviderId;
use serde_json::{Value, json};

use super::properties::{body, property};
use super::request::{Answer, INTEGRATION, PROVIDER, PhysicalId, REASON_CHARS_MAX, ResourceRequest};
use crate::ports::Ports;
use crate::problem::{ApiError, FieldError, ResourceKind};
use crate::service::{CurrentState, Declaration, Deletion, Resource, Service};
use crate::wire::IntegrationView;

/// Handles a request.
pub async fn handle_resource<P: Ports>(service: &Service<P>, request: &ResourceRequest) -> Answer {
    let done = match (request.noun(), request.request_type.as_str()) {
        (Some(noun), "Create" | "Update") => put(service, request, noun).await,
        (Some(noun), "Delete") => delete(service, request, noun).await,
        _ => Err(ApiError::Malformed(format!("expected {PROVIDER} or {INTEGRATION}, and Create, Update, or Delete"))),
    };
    match done {
        Ok((physical_id, data)) => request.answer(physical_id, data),
        Err(refusal) => request.failed(&describe(&refusal)),
    }
}

/// The answer to a request whose work was broken off, by what it had come to: done, if what it asks for stands. Of a creation
/// that had made something else it has the id, so that its rollback deletes that.
pub async fn after_interruption<P: Ports>(service: &Service<P>, request: &ResourceRequest, reason: &str) -> Answer {
    let Some(noun) = request.noun() else { return request.failed(reason) };
    let asked = body(&request.resource_properties);
    let is_delete = request.request_type == "Delete";
    let made = request.made().filter(|_| is_delete).map(|made| made.id);
    let Some(id) = made.or_else(|| named(noun, &asked)) else {
        return request.failed(reason);
    };
    let owner = request.owner();
    let look = async {
        let is_undone = match unreported(request, noun) {
            Some(other) => service.standing(noun, &owner, &other).await?.is_none(),
            None => true,
        };
        Ok::<_, ApiError>((service.standing(noun, &owner, &id).await?, is_undone))
    };
    let (standing, is_undone) = match look.await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(resource.request = request.request_type, %error, "outcome of a request unknown");
            return request.failed(reason);
        }
    };
    match standing {
        None if is_delete => request.answer(request.physical_resource_id.clone().unwrap_or_default(), Value::Null),
        Some(standing) if !is_delete => {
            let physical_id = PhysicalId::text(noun, &standing.id, standing.created_at);
            if standing.asked.as_ref() == Some(&asked) && is_undone {
                request.answer(physical_id, data(&standing))
            } else if request.request_type == "Create" {
                Answer { physical_resource_id: physical_id, ..request.failed(reason) }
            } else {
                request.failed(reason)
            }
        }
        _ => request.failed(reason),
    }
}

type Done = Result<(String, Value), ApiError>;

async fn put<P: Ports>(service: &Service<P>, request: &ResourceRequest, noun: ResourceKind) -> Done {
    let (asked, before) = (body(&request.resource_properties), body(&request.old_resource_properties));
    let declaration = Declaration {
        owner: request.owner(),
        asked,
        before,
        known: request.made().map(|made| made.id),
        once: request.once(),
    };
    if let Some(other) = unreported(request, noun) {
        undo(service, request, noun, other).await?;
    }
    let standing = service.declare(&request.caller(), noun, &declaration).await?;
    let physical_id = match (&standing.asked, &request.physical_resource_id) {
        // Others made it. The stack goes on under the id of what is gone, so that it never deletes theirs.
        (None, Some(physical_id)) => physical_id.clone(),
        _ => PhysicalId::text(noun, &standing.id, standing.created_at),
    };
    Ok((physical_id, data(&standing)))
}

/// What a failed update may have made that the stack never heard of: the stack goes back to what it knows all the time, and
/// comes from something else.
fn unreported(request: &ResourceRequest, noun: ResourceKind) -> Option<ProviderId> {
    let known = request.made().filter(|_| request.request_type == "Update")?.id;
    let is_back = named(noun, &body(&request.resource_properties)).as_ref() == Some(&known);
    named(noun, &body(&request.old_resource_properties)).filter(|other| is_back && *other != known)
}

/// Deletes what an update made that failed, or was cancelled, before the stack heard of it.
async fn undo<P: Ports>(
    service: &Service<P>,
    request: &ResourceRequest,
    noun: ResourceKind,
    id: ProviderId,
) -> Result<(), ApiError> {
    let mut once = request.once();
    once.key.push_str(":undone");
    let retraction = Deletion { owner: request.owner(), id, created_at_ms: None, once };
    match service.retract(&request.caller(), noun, &retraction).await {
        Err(ApiError::InUse(id)) => {
            tracing::warn!(provider.id = %id, "resources created by the failed update were retained: the provider has an integration");
            Ok(())
        }
        undone => undone,
    }
}

async fn delete<P: Ports>(service: &Service<P>, request: &ResourceRequest, noun: ResourceKind) -> Done {
    // Where the stack was not told what was made, it is under the id that the resource asked for.
    let (id, created_at_ms) = match request.made() {
        Some(PhysicalId { id, created_at_ms }) => (Some(id), Some(created_at_ms)),
        None => (named(noun, &body(&request.resource_properties)), None),
    };
    if let Some(id) = id {
        let retraction = Deletion { owner: request.owner(), id, created_at_ms, once: request.once() };
        service.retract(&request.caller(), noun, &retraction).await?;
    }
    Ok((request.physical_resource_id.clone().unwrap_or_default(), Value::Null))
}

/// The id that a resource asks for.
fn named(noun: ResourceKind, asked: &Value) -> Option<ProviderId> {
    let field = match noun {
        ResourceKind::Provider => "id",
        ResourceKind::Integration => "provider",
    };
    asked.get(field)?.as_str()?.parse().ok()
}

/// What `Fn::GetAtt` gives.
fn data(standing: &CurrentState) -> Value {
    match &standing.thing {
        Resource::Provider(provider) => json!({ "Id": provider.id, "ExternalId": external_id(&provider.credentials) }),
        Resource::Integration(view) => shown(view),
    }
}

fn external_id(credentials: &Credentials) -> &str {
    credentials.role().and_then(|role| role.external_id.as_deref()).unwrap_or_default()
}

fn shown(view: &IntegrationView) -> Value {
    let role = view.credentials.role.as_ref();
    let said = view.test.as_ref().map_or("", |test| test.message.as_str());
    json!({
        "Id": view.id,
        "ExternalId": role.and_then(|role| role.external_id.as_deref()).unwrap_or_default(),
        "ConnectionStatus": view.connection.status,
        "Test": said.chars().take(REASON_CHARS_MAX).collect::<String>(),
    })
}

/// A refusal in a sentence, with each property that is wrong.
fn describe(refusal: &ApiError) -> String {
    let ApiError::Invalid(errors) = refusal else {
        let problem = refusal.problem();
        return problem
            .remediation
            .map_or(problem.detail.clone(), |remediation| format!("{}: {remediation}", problem.detail));
    };
    let each = |FieldError { field, message }: &FieldError| format!("{} {message}", property(field));
    errors.iter().map(each).collect::<Vec<_>>().join("; ")
}

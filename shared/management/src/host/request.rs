//! `Custom::SecurityHubProvider` and `Custom::SecurityHubIntegration`.
//!
//! Promises: a request that comes twice is carried out once; what a creation did not make, its rollback does not delete; a
//! property that names another provider makes another resource, and CloudFormation deletes the one before; an update changes
//! what the template changed, and leaves what operators changed since; the answer holds no secret and fits into 4 KB.

use exporter::integration::{Credentials, Integration};
use exporter::provider::{Provider, ProviderId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::properties::{body, property};
use crate::check::patchable;
use crate::http::typed;
use crate::merge::merged;
use crate::ports::{Caller, Ports};
use crate::problem::{FieldError, Refusal};
use crate::service::{IfMatch, Once, Service};
use crate::wire::{CredentialsBody, IntegrationBody, IntegrationView, ProviderBody, ProviderPatch};

/// Characters of a reason. CloudFormation takes 4096 bytes for the whole answer (User Guide, custom resource responses).
const REASON_CHARS_MAX: usize = 700;
/// The types.
const PROVIDER: &str = "Custom::SecurityHubProvider";
/// See [`PROVIDER`].
const INTEGRATION: &str = "Custom::SecurityHubIntegration";
/// How the physical id begins of what was never made.
const NEVER_MADE: &str = "never-made:";

/// A request of CloudFormation.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ResourceRequest {
    /// `Create`, `Update` or `Delete`.
    pub request_type: String,
    /// Where the answer goes.
    #[serde(rename = "ResponseURL")]
    pub response_url: String,
    /// The stack.
    pub stack_id: String,
    /// Unique among the stack's requests.
    pub request_id: String,
    /// The type.
    pub resource_type: String,
    /// The resource's name in the template.
    pub logical_resource_id: String,
    /// What an earlier answer called it.
    pub physical_resource_id: Option<String>,
    /// What it should be.
    pub resource_properties: Map<String, Value>,
    /// What it was to be before an update.
    pub old_resource_properties: Map<String, Value>,
}

/// The answer to CloudFormation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Answer {
    /// `SUCCESS` or `FAILED`.
    pub status: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The resource.
    pub physical_resource_id: String,
    /// As it was asked.
    pub stack_id: String,
    /// As it was asked.
    pub request_id: String,
    /// As it was asked.
    pub logical_resource_id: String,
    /// What `Fn::GetAtt` gives.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub data: Value,
}

impl ResourceRequest {
    /// The request of a payload, if it is one of CloudFormation. What else is wrong with it is said in the answer.
    pub fn parse(payload: &Value) -> Option<Self> {
        payload.get("ResponseURL").and_then(Value::as_str)?;
        let request = Self::deserialize(payload).ok();
        // Enough to answer at all.
        let text = |name: &str| payload.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(request.unwrap_or_else(|| Self {
            response_url: text("ResponseURL"),
            stack_id: text("StackId"),
            request_id: text("RequestId"),
            logical_resource_id: text("LogicalResourceId"),
            physical_resource_id: payload.get("PhysicalResourceId").and_then(Value::as_str).map(str::to_owned),
            ..Self::default()
        }))
    }

    /// An answer that it failed. Of a creation nothing was made then.
    pub fn failed(&self, reason: &str) -> Answer {
        let id = self.physical_resource_id.clone();
        let reason = reason.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
        Answer {
            reason: reason.take(REASON_CHARS_MAX).collect(),
            status: "FAILED",
            ..self.answer(id.unwrap_or_else(|| format!("{NEVER_MADE}{}", self.request_id)), Value::Null)
        }
    }

    fn answer(&self, physical_resource_id: String, data: Value) -> Answer {
        Answer {
            status: "SUCCESS",
            reason: String::new(),
            physical_resource_id,
            stack_id: self.stack_id.clone(),
            request_id: self.request_id.clone(),
            logical_resource_id: self.logical_resource_id.clone(),
            data,
        }
    }

    /// The caller, for the trail.
    fn caller(&self) -> Caller {
        Caller(format!("cloudformation:{}", self.stack_id))
    }

    /// The creation, which Lambda may try again.
    fn once(&self) -> Once {
        Once { key: format!("cloudformation:{}", self.request_id), fingerprint: self.resource_type.clone() }
    }

    /// What an update changes, as a merge patch.
    fn changes(&self) -> Map<String, Value> {
        let (old, new) = (body(&self.old_resource_properties), body(&self.resource_properties));
        let names = [&old, &new].into_iter().filter_map(Value::as_object).flat_map(Map::keys);
        let changed = names.filter(|name| old.get(name) != new.get(name));
        changed.map(|name| (name.clone(), new.get(name).cloned().unwrap_or_default())).collect()
    }

    /// What it stands for, if it was made.
    fn made(&self) -> Option<ProviderId> {
        self.physical_resource_id.as_ref()?.rsplit_once('/')?.1.parse().ok()
    }
}

/// Carries out a request.
pub async fn carry_out<P: Ports>(service: &Service<P>, request: &ResourceRequest) -> Answer {
    let done = match (request.resource_type.as_str(), request.request_type.as_str()) {
        (PROVIDER, "Create" | "Update") => put_provider(service, request).await,
        (PROVIDER, "Delete") => delete_provider(service, request).await,
        (INTEGRATION, "Create" | "Update") => put_integration(service, request).await,
        (INTEGRATION, "Delete") => delete_integration(service, request).await,
        _ => Err(Refusal::Malformed(format!("there are {PROVIDER} and {INTEGRATION}, to create, update or delete"))),
    };
    match done {
        Ok((physical_id, data)) => request.answer(physical_id, data),
        Err(refusal) => request.failed(&told(&refusal)),
    }
}

type Done = Result<(String, Value), Refusal>;

async fn put_provider<P: Ports>(service: &Service<P>, request: &ResourceRequest) -> Done {
    let wanted = body(&request.resource_properties);
    let settings: ProviderBody = typed(wanted, "")?;
    without_key(settings.credentials.as_ref())?;
    let caller = request.caller();
    let stored = match request.made().filter(|made| made.as_str() == settings.id) {
        None => service.create_provider(&caller, &settings, Some(&request.once())).await?.view,
        Some(id) => {
            let before = service.provider(&id).await?;
            let mut changes = request.changes();
            // The credentials first: they can fail for more reasons.
            if changes.remove("credentials").is_some() {
                let credentials = settings.credentials.unwrap_or_else(default_credentials);
                service.set_provider_credentials(&caller, &id, &IfMatch::Any, &credentials).await?;
            }
            changes.remove("id");
            let changes = Value::Object(changes);
            let patched = |before: &Provider| typed(merged(ProviderPatch::json(before), &changes), "");
            let updated = service.update_provider(&caller, &id, &IfMatch::Any, patched).await;
            if updated.is_err() {
                tracing::warn!(provider.id = %id, before.version = before.version, "provider updated in part");
            }
            updated?
        }
    };
    let provider = &stored.value;
    let data = json!({ "Id": provider.id, "ExternalId": external_id(Some(&provider.credentials)) });
    Ok((format!("provider/{}", provider.id), data))
}

async fn put_integration<P: Ports>(service: &Service<P>, request: &ResourceRequest) -> Done {
    let wanted = body(&request.resource_properties);
    let settings: IntegrationBody = typed(wanted, "")?;
    without_key(settings.credentials.as_ref())?;
    let caller = request.caller();
    let view = match request.made().filter(|made| made.as_str() == settings.provider) {
        None => service.create_integration(&caller, &settings, Some(&request.once())).await?.view,
        Some(id) => {
            let mut changes = request.changes();
            let has_other_credentials = changes.remove("credentials").is_some();
            let changes = Value::Object(changes);
            // The settings first: with the new credentials the test tells how it stands in the end.
            let patched = |before: &Integration| typed(merged(patchable(before)?, &changes), "");
            let view = service.update_integration(&caller, &id, &IfMatch::Any, patched).await?;
            if has_other_credentials {
                let as_provider = || CredentialsBody::of_kind("provider");
                let credentials = settings.credentials.unwrap_or_else(as_provider);
                service.set_credentials(&caller, &id, &IfMatch::Any, &credentials).await?
            } else {
                view
            }
        }
    };
    Ok((format!("integration/{}", view.id), shown(&view)))
}

async fn delete_provider<P: Ports>(service: &Service<P>, request: &ResourceRequest) -> Done {
    if let Some(id) = request.made() {
        forgive(service.delete_provider(&request.caller(), &id, &IfMatch::Any).await)?;
    }
    Ok((request.physical_resource_id.clone().unwrap_or_default(), Value::Null))
}

async fn delete_integration<P: Ports>(service: &Service<P>, request: &ResourceRequest) -> Done {
    if let Some(id) = request.made() {
        forgive(service.delete_integration(&request.caller(), &id, &IfMatch::Any).await)?;
    }
    Ok((request.physical_resource_id.clone().unwrap_or_default(), Value::Null))
}

/// What is gone already is deleted.
fn forgive(deleted: Result<(), Refusal>) -> Result<(), Refusal> {
    match deleted {
        Err(Refusal::NotFound { .. }) => Ok(()),
        deleted => deleted,
    }
}

/// A template is no place for an access key: everybody who may see the stack would see it.
fn without_key(credentials: Option<&CredentialsBody>) -> Result<(), Refusal> {
    let has_key = credentials.is_some_and(|body| {
        body.access_key_id.is_some() || body.secret_access_key.is_some() || body.session_token.is_some()
    });
    let message = "must name a Secret: a template is no place for an access key";
    if has_key { Err(Refusal::field("credentials", message)) } else { Ok(()) }
}

fn default_credentials() -> CredentialsBody {
    CredentialsBody::of_kind("default")
}

fn external_id(credentials: Option<&Credentials>) -> &str {
    credentials.and_then(Credentials::role).and_then(|role| role.external_id.as_deref()).unwrap_or_default()
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
fn told(refusal: &Refusal) -> String {
    let Refusal::Invalid(errors) = refusal else {
        let problem = refusal.problem();
        return problem.mend.map_or(problem.detail.clone(), |mend| format!("{}: {mend}", problem.detail));
    };
    let each = |FieldError { field, message }: &FieldError| format!("{} {message}", property(field));
    errors.iter().map(each).collect::<Vec<_>>().join("; ")
}

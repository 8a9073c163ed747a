//! CloudFormation's requests for custom resources, and the responses.
//!
//! Guarantees: each request with a response URL gets a response, without secrets and within 4 KB.

use exporter::model::provider::ProviderId;
use exporter::ports::settings_store::ManagedBy;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ports::Caller;
use crate::problem::ResourceKind;
use crate::service::IdempotencyKey;

/// Maximum length of a reason. The whole response is limited to 4096 bytes (User Guide, custom resource responses).
pub(super) const REASON_CHARS_MAX: usize = 700;
/// Resource type of providers.
pub(super) const PROVIDER: &str = "Custom::SecurityHubProvider";
/// Resource type of integrations.
pub(super) const INTEGRATION: &str = "Custom::SecurityHubIntegration";
/// Prefix of the physical ID of a resource that wasn't created.
const NOT_CREATED: &str = "not-created:";

/// A request of CloudFormation for a custom resource.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ResourceRequest {
    /// `Create`, `Update` or `Delete`.
    pub request_type: String,
    /// URL for the response.
    #[serde(rename = "ResponseURL")]
    pub response_url: String,
    /// ARN of the stack.
    pub stack_id: String,
    /// ID that is unique among the stack's requests.
    pub request_id: String,
    /// Type of the resource.
    pub resource_type: String,
    /// Name of the resource in the template.
    pub logical_resource_id: String,
    /// Physical ID from an earlier response.
    pub physical_resource_id: Option<String>,
    /// Desired properties.
    pub resource_properties: Map<String, Value>,
    /// Properties before an update.
    pub old_resource_properties: Map<String, Value>,
}

/// The response to CloudFormation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceResponse {
    /// `SUCCESS` or `FAILED`.
    pub status: &'static str,
    /// Reason of a failure.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Physical ID of the resource.
    pub physical_resource_id: String,
    /// Same as in the request.
    pub stack_id: String,
    /// Same as in the request.
    pub request_id: String,
    /// Same as in the request.
    pub logical_resource_id: String,
    /// Attributes for `Fn::GetAtt`.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub data: Value,
}

impl ResourceRequest {
    /// Parses a payload. `None` if it is not a request of CloudFormation.
    /// Any other error is reported in the response to the request.
    pub fn parse(payload: &Value) -> Option<Self> {
        payload.get("ResponseURL").and_then(Value::as_str)?;
        let request = Self::deserialize(payload).ok();
        // The fields that a response requires.
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

    /// The response to a failed request.
    pub fn failed(&self, reason: &str) -> ResourceResponse {
        let id = self.physical_resource_id.clone();
        let reason = reason.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
        ResourceResponse {
            reason: reason.take(REASON_CHARS_MAX).collect(),
            status: "FAILED",
            ..self.succeeded(id.unwrap_or_else(|| format!("{NOT_CREATED}{}", self.request_id)), Value::Null)
        }
    }

    /// The response to a successful request.
    pub(super) fn succeeded(&self, physical_resource_id: String, data: Value) -> ResourceResponse {
        ResourceResponse {
            status: "SUCCESS",
            reason: String::new(),
            physical_resource_id,
            stack_id: self.stack_id.clone(),
            request_id: self.request_id.clone(),
            logical_resource_id: self.logical_resource_id.clone(),
            data,
        }
    }

    /// The caller to record in the audit log.
    pub(super) fn caller(&self) -> Caller {
        Caller::named(format!("cloudformation:{}", self.stack_id)).unwrap_or_default()
    }

    /// Idempotency key of the request, which Lambda may retry or deliver twice.
    pub(super) fn idempotency_key(&self) -> IdempotencyKey {
        IdempotencyKey { key: format!("cloudformation:{}", self.request_id), fingerprint: self.resource_type.clone() }
    }

    /// The stack and the logical resource that own what the request creates.
    pub(super) fn owner(&self) -> ManagedBy {
        ManagedBy { stack: self.stack_id.clone(), resource: self.logical_resource_id.clone() }
    }

    /// Kind of the resource. `None` if the resource type is unknown.
    pub(super) fn kind(&self) -> Option<ResourceKind> {
        match self.resource_type.as_str() {
            PROVIDER => Some(ResourceKind::Provider),
            INTEGRATION => Some(ResourceKind::Integration),
            _ => None,
        }
    }

    /// The created resource, if the stack has its physical ID. If a creation was canceled before it returned a response,
    /// CloudFormation generates a physical ID, which is not one of ours.
    pub(super) fn created(&self) -> Option<PhysicalId> {
        PhysicalId::parse(self.kind()?, self.physical_resource_id.as_ref()?)
    }
}

/// Physical ID of a resource: its ID and its time of creation, which distinguishes a recreated resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PhysicalId {
    pub(super) id: ProviderId,
    pub(super) created_at_ms: i64,
}

impl PhysicalId {
    /// Formats a physical ID, such as `integration/123456789012/1795424400000`. CloudFormation allows 1024 characters.
    pub(super) fn format(kind: ResourceKind, id: &ProviderId, created_at: Timestamp) -> String {
        format!("{}/{id}/{}", kind.as_str(), created_at.as_millisecond())
    }

    fn parse(kind: ResourceKind, text: &str) -> Option<Self> {
        let (id, created_at) = text.strip_prefix(kind.as_str())?.strip_prefix('/')?.split_once('/')?;
        Some(Self { id: id.parse().ok()?, created_at_ms: created_at.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_physical_ids_are_parsed() {
        let id: ProviderId = "o-a1b2c3d4e5".parse().unwrap();
        let at = Timestamp::from_millisecond(1_795_424_400_123).unwrap();
        let text = PhysicalId::format(ResourceKind::Provider, &id, at);
        assert_eq!(text, "provider/o-a1b2c3d4e5/1795424400123");
        let known = PhysicalId { id, created_at_ms: 1_795_424_400_123 };
        assert_eq!(PhysicalId::parse(ResourceKind::Provider, &text), Some(known));
        for other in
            ["", "provider/o-a1b2c3d4e5", "not-created:provider/o-a1b2c3d4e5/1", "accounts-Production-1KRUUH0BO0V2V"]
        {
            assert_eq!(PhysicalId::parse(ResourceKind::Provider, other), None, "{other}");
        }
        assert_eq!(PhysicalId::parse(ResourceKind::Integration, &text), None, "another kind of resource");
    }
}

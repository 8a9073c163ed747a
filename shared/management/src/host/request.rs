//! CloudFormation's requests for custom resources, and the responses.
//!
//! Promises: each request with a response URL gets a response, without secrets and within 4 KB.

use exporter::provider::ProviderId;
use exporter::registry::ManagedBy;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ports::Caller;
use crate::problem::ResourceKind;
use crate::service::IdempotencyKey;

/// Characters of a reason. CloudFormation takes 4096 bytes for the whole answer (User Guide, custom resource responses).
pub(super) const REASON_CHARS_MAX: usize = 700;
/// The types.
pub(super) const PROVIDER: &str = "Custom::SecurityHubProvider";
/// See [`PROVIDER`].
pub(super) const INTEGRATION: &str = "Custom::SecurityHubIntegration";
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

    /// An answer that it failed, and that nothing was made by it as far as we know.
    pub fn failed(&self, reason: &str) -> Answer {
        let id = self.physical_resource_id.clone();
        let reason = reason.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
        Answer {
            reason: reason.take(REASON_CHARS_MAX).collect(),
            status: "FAILED",
            ..self.answer(id.unwrap_or_else(|| format!("{NEVER_MADE}{}", self.request_id)), Value::Null)
        }
    }

    /// An answer that it was run.
    pub(super) fn answer(&self, physical_resource_id: String, data: Value) -> Answer {
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

    /// The caller, for the audit log.
    pub(super) fn caller(&self) -> Caller {
        Caller::named(format!("cloudformation:{}", self.stack_id)).unwrap_or_default()
    }

    /// The request, which Lambda may try again, or deliver twice.
    pub(super) fn once(&self) -> IdempotencyKey {
        IdempotencyKey { key: format!("cloudformation:{}", self.request_id), fingerprint: self.resource_type.clone() }
    }

    /// The resource: it is whose what it makes is.
    pub(super) fn owner(&self) -> ManagedBy {
        ManagedBy { stack: self.stack_id.clone(), resource: self.logical_resource_id.clone() }
    }

    /// What it stands for.
    pub(super) fn noun(&self) -> Option<ResourceKind> {
        match self.resource_type.as_str() {
            PROVIDER => Some(ResourceKind::Provider),
            INTEGRATION => Some(ResourceKind::Integration),
            _ => None,
        }
    }

    /// What was made, if the stack was told. CloudFormation makes up an id where a creation that it cancels was not answered.
    pub(super) fn made(&self) -> Option<PhysicalId> {
        PhysicalId::parse(self.noun()?, self.physical_resource_id.as_ref()?)
    }
}

/// What a stack calls what we made: its id, and when it was created, since what is deleted and made again is another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PhysicalId {
    pub(super) id: ProviderId,
    pub(super) created_at_ms: i64,
}

impl PhysicalId {
    /// Such as `integration/123456789012/1795424400000`: far from the 1024 characters that CloudFormation takes.
    pub(super) fn text(noun: ResourceKind, id: &ProviderId, created_at: Timestamp) -> String {
        format!("{}/{id}/{}", noun.word(), created_at.as_millisecond())
    }

    fn parse(noun: ResourceKind, text: &str) -> Option<Self> {
        let (id, created_at) = text.strip_prefix(noun.word())?.strip_prefix('/')?.split_once('/')?;
        Some(Self { id: id.parse().ok()?, created_at_ms: created_at.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stack_was_told_is_known_and_what_cloudformation_makes_up_is_not() {
        let id: ProviderId = "o-a1b2c3d4e5".parse().unwrap();
        let at = Timestamp::from_millisecond(1_795_424_400_123).unwrap();
        let text = PhysicalId::text(ResourceKind::Provider, &id, at);
        assert_eq!(text, "provider/o-a1b2c3d4e5/1795424400123");
        let known = PhysicalId { id, created_at_ms: 1_795_424_400_123 };
        assert_eq!(PhysicalId::parse(ResourceKind::Provider, &text), Some(known));
        for other in
            ["", "provider/o-a1b2c3d4e5", "never-made:provider/o-a1b2c3d4e5/1", "accounts-Production-1KRUUH0BO0V2V"]
        {
            assert_eq!(PhysicalId::parse(ResourceKind::Provider, other), None, "{other}");
        }
        assert_eq!(PhysicalId::parse(ResourceKind::Integration, &text), None, "another kind of thing");
    }
}

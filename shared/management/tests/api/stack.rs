//! A stack of CloudFormation, as far as a custom resource sees it.

use std::sync::atomic::{AtomicU32, Ordering};

use jiff::SignedDuration;
use management::Service;
use management::host::{Answer, ResourceRequest, after_interruption, handle_resource};
use serde_json::{Value, json};

use crate::client::{ACCOUNT, Api};

/// Another account.
pub(crate) const OTHER: &str = "210987654321";
/// What CloudFormation calls a resource whose creation it cancelled, before it was told an id.
pub(crate) const MADE_UP: &str = "accounts-It-1KRUUH0BO0V2V";

/// A stack with a provider and an integration.
pub(crate) struct Stack<'a> {
    pub(crate) api: &'a Api,
    arn: &'static str,
    requests: AtomicU32,
}

impl<'a> Stack<'a> {
    pub(crate) fn new(api: &'a Api, arn: &'static str) -> Self {
        Self { api, arn, requests: AtomicU32::new(0) }
    }

    /// One whose provider, and integration of [`ACCOUNT`], are made; and what the integration is called.
    pub(crate) async fn with(api: &'a Api, arn: &'static str, settings: &Value) -> (Self, String) {
        let stack = Self::new(api, arn);
        stack.create(provider(ACCOUNT)).await;
        let made = stack.create(settings.clone()).await;
        assert_eq!(made.status, "SUCCESS", "{made:?}");
        (stack, made.physical_resource_id)
    }

    pub(crate) async fn create(&self, properties: Value) -> Answer {
        self.send(self.event("Create", None, &properties, &json!({}))).await
    }

    /// From what was in the template before.
    pub(crate) async fn update(&self, physical_id: &str, before: Value, after: Value) -> Answer {
        self.send(self.event("Update", Some(physical_id), &after, &before)).await
    }

    pub(crate) async fn delete(&self, physical_id: &str, properties: Value) -> Answer {
        self.send(self.event("Delete", Some(physical_id), &properties, &json!({}))).await
    }

    /// A request of its own.
    pub(crate) fn event(&self, kind: &str, physical_id: Option<&str>, properties: &Value, before: &Value) -> Value {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let is_provider = properties.get("Id").is_some();
        json!({
            "RequestType": kind, "ResponseURL": "https://x.s3.amazonaws.com/1?signature=s", "StackId": self.arn,
            "RequestId": format!("{}-{number}", self.arn),
            "ResourceType": if is_provider { "Custom::SecurityHubProvider" } else { "Custom::SecurityHubIntegration" },
            "LogicalResourceId": if is_provider { "Account" } else { "It" }, "PhysicalResourceId": physical_id,
            "ResourceProperties": properties, "OldResourceProperties": before,
        })
    }

    /// A second passes, and a request comes, for the first time or again.
    pub(crate) async fn send(&self, event: Value) -> Answer {
        let later = self.api.memory.kept().now.unwrap() + SignedDuration::from_secs(1);
        self.api.memory.kept().now = Some(later);
        handle_resource(&self.service(), &ResourceRequest::parse(&event).unwrap()).await
    }

    /// The answer to a request whose work was broken off.
    pub(crate) async fn after_interruption(&self, event: &Value) -> Answer {
        after_interruption(&self.service(), &ResourceRequest::parse(event).unwrap(), "the time was over").await
    }

    fn service(&self) -> Service<management::memory::Memory> {
        Service::new(self.api.memory.clone(), self.api.settings.clone())
    }
}

/// The properties of a provider.
pub(crate) fn provider(id: &str) -> Value {
    json!({"ServiceToken": "arn:function", "Id": id, "Alias": "production", "ScanSchedule": ""})
}

/// The properties of an integration.
pub(crate) fn integration(id: &str) -> Value {
    json!({"ServiceToken": "arn:function", "Provider": id})
}

/// The ids of all integrations.
pub(crate) fn integrations(api: &Api) -> Vec<String> {
    api.memory.kept().integrations.keys().cloned().collect()
}

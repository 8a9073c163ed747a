//! Simulates a CloudFormation stack with custom resources.

use std::sync::atomic::{AtomicU32, Ordering};

use exporter::testing::TestClock;
use jiff::SignedDuration;
use management::Service;
use management::host::{ResourceRequest, ResourceResponse, after_interruption, handle_resource};
use serde_json::{Value, json};

use crate::client::{ACCOUNT, Api};

/// Another account.
pub(crate) const OTHER: &str = "210987654321";
/// Physical ID that CloudFormation generates for a canceled creation.
pub(crate) const GENERATED_ID: &str = "accounts-It-1KRUUH0BO0V2V";

/// A stack. Each request has a unique ID.
pub(crate) struct Stack<'a> {
    pub(crate) api: &'a Api,
    arn: &'static str,
    requests: AtomicU32,
}

impl<'a> Stack<'a> {
    pub(crate) fn new(api: &'a Api, arn: &'static str) -> Self {
        Self { api, arn, requests: AtomicU32::new(0) }
    }

    /// A stack that created a provider and an integration of [`ACCOUNT`], and the physical ID of the integration.
    pub(crate) async fn with(api: &'a Api, arn: &'static str, settings: &Value) -> (Self, String) {
        let stack = Self::new(api, arn);
        stack.create(provider(ACCOUNT)).await;
        let made = stack.create(settings.clone()).await;
        assert_eq!(made.status, "SUCCESS", "{made:?}");
        (stack, made.physical_resource_id)
    }

    pub(crate) async fn create(&self, properties: Value) -> ResourceResponse {
        self.send(self.event("Create", None, &properties, &json!({}))).await
    }

    /// Updates a resource; `before` are its previous properties.
    pub(crate) async fn update(&self, physical_id: &str, before: Value, after: Value) -> ResourceResponse {
        self.send(self.event("Update", Some(physical_id), &after, &before)).await
    }

    pub(crate) async fn delete(&self, physical_id: &str, properties: Value) -> ResourceResponse {
        self.send(self.event("Delete", Some(physical_id), &properties, &json!({}))).await
    }

    /// Creates a request with a new ID.
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

    /// Advances the clock by a second and delivers a request.
    pub(crate) async fn send(&self, event: Value) -> ResourceResponse {
        let later = self.api.memory.contents().clock.now() + SignedDuration::from_secs(1);
        self.api.memory.contents().clock = TestClock::Fixed(later);
        handle_resource(&self.service(), &ResourceRequest::parse(&event).unwrap()).await
    }

    /// The response to an interrupted request.
    pub(crate) async fn after_interruption(&self, event: &Value) -> ResourceResponse {
        after_interruption(&self.service(), &ResourceRequest::parse(event).unwrap(), "timed out").await
    }

    fn service(&self) -> Service<exporter::testing::InMemory> {
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

/// IDs of all integrations.
pub(crate) fn integrations(api: &Api) -> Vec<String> {
    api.memory.contents().integrations.keys().cloned().collect()
}

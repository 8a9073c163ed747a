//! A client of the router.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use exporter::connection::{Connection, ConnectionStatus, Problem, RegionConnection, RegionStatus};
use exporter::model::provider::ProviderId;
use exporter::testing::{InMemory, TestClock};
use management::{Caller, Service, Settings, router};
use serde_json::Value;
use tower::ServiceExt as _;

/// The account of most tests.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The account that the exporter is deployed in.
pub(crate) const DEPLOYED_IN: &str = "111122223333";
/// An organization.
pub(crate) const ORGANIZATION: &str = "o-a1b2c3d4e5";
/// The caller.
pub(crate) const CALLER: &str = "arn:aws:sts::111122223333:assumed-role/SecurityEngineer/ada";

/// The API with its in-memory ports.
pub(crate) struct Api {
    pub(crate) memory: Arc<InMemory>,
    pub(crate) settings: Settings,
    router: Router,
}

/// A response.
#[derive(Debug)]
pub(crate) struct ApiResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body as text.
    pub(crate) text: String,
    /// The body as JSON. Null if it is empty.
    pub(crate) body: Value,
}

impl ApiResponse {
    pub(crate) fn etag(&self) -> String {
        self.headers["etag"].to_str().unwrap().to_owned()
    }

    /// Invalid fields in a problem.
    pub(crate) fn fields(&self) -> Vec<&str> {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.text);
        self.body["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect()
    }

    /// Short name of a problem's type.
    pub(crate) fn problem(&self) -> &str {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.text);
        assert_eq!(self.body["status"], self.status.as_u16());
        self.body["type"].as_str().unwrap().rsplit(':').next().unwrap()
    }
}

impl Api {
    pub(crate) fn new() -> Self {
        Self::of("aws")
    }

    /// The API of a deployment in a partition.
    pub(crate) fn of(partition: &str) -> Self {
        let memory = Arc::new(InMemory::default());
        memory.contents().clock = TestClock::Fixed("2026-11-23T09:00:00Z".parse().unwrap());
        let settings = Settings {
            secret_prefix: "securityhub-exporter/".to_owned(),
            partition: Some(partition.parse().unwrap()),
            account: Some(DEPLOYED_IN.parse().unwrap()),
        };
        let router = router(Arc::new(Service::new(memory.clone(), settings.clone())));
        Self { memory, settings, router }
    }

    /// The API with a connected provider for [`ACCOUNT`].
    pub(crate) async fn with_provider() -> Self {
        let api = Self::new();
        api.memory
            .contents()
            .put_connection_test(ACCOUNT, vec![connected(ACCOUNT, ACCOUNT, &["eu-west-1", "us-east-1"])]);
        let made = api.post("/providers", &serde_json::json!({ "id": ACCOUNT, "alias": "production" })).await;
        assert_eq!(made.status, 201, "{}", made.text);
        api
    }

    /// The API with a provider and an integration for [`ACCOUNT`].
    pub(crate) async fn with_integration() -> Self {
        let api = Self::with_provider().await;
        let made = api.post("/integrations", &serde_json::json!({ "provider": ACCOUNT })).await;
        assert_eq!(made.status, 201, "{}", made.text);
        api
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> ApiResponse {
        let mut request = Request::builder().method(method).uri(path).extension(Caller(CALLER.to_owned()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        ApiResponse { status: parts.status, headers: parts.headers, text, body }
    }

    pub(crate) async fn get(&self, path: &str) -> ApiResponse {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> ApiResponse {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, etag: &str, body: &Value) -> ApiResponse {
        let headers = [("content-type", "application/merge-patch+json"), ("if-match", etag)];
        self.send("PATCH", path, &headers, body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, etag: &str, body: &Value) -> ApiResponse {
        self.send("PUT", path, &[("content-type", "application/json"), ("if-match", etag)], body.to_string()).await
    }

    pub(crate) async fn delete(&self, path: &str, etag: &str) -> ApiResponse {
        self.send("DELETE", path, &[("if-match", etag)], "").await
    }

    /// The path and the `ETag` of the integration of [`ACCOUNT`].
    pub(crate) async fn integration(&self) -> (String, String) {
        let path = format!("/integrations/{ACCOUNT}");
        let etag = self.get(&path).await.etag();
        (path, etag)
    }

    /// Actions in the audit log, oldest first.
    pub(crate) fn actions(&self) -> Vec<String> {
        self.memory.contents().audit_log.iter().map(|entry| entry.action.clone()).collect()
    }
}

/// A connection with these Regions enabled.
pub(crate) fn connected(account: &str, provider: &str, regions: &[&str]) -> Connection {
    let at = "2026-11-23T08:00:00Z".parse().unwrap();
    let region = RegionConnection {
        status: RegionStatus::Enabled,
        since: at,
        unavailable_since: None,
        stale_since: None,
        problem: None,
    };
    Connection {
        account: account.parse().unwrap(),
        provider: provider.parse::<ProviderId>().unwrap(),
        status: ConnectionStatus::Connected,
        checked_at: at,
        stale_since: None,
        identity: Some(format!("arn:aws:sts::{account}:assumed-role/Exporter/session")),
        problem: None,
        risks: Vec::new(),
        external_id_check: None,
        regions: regions.iter().map(|name| (name.parse().unwrap(), region.clone())).collect(),
    }
}

/// A disconnected connection.
pub(crate) fn disconnected(account: &str, provider: &str) -> Connection {
    let problem = Problem {
        reason: "assume_role_denied".to_owned(),
        message: "the role can't be assumed".to_owned(),
        remediation: Some("hubctl permissions print".to_owned()),
    };
    Connection {
        status: ConnectionStatus::Disconnected,
        identity: None,
        problem: Some(problem),
        regions: BTreeMap::new(),
        ..connected(account, provider, &[])
    }
}

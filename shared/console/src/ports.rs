//! Ports of the console: the management API, and the commands that only the operator's machine can run.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use exporter::explain::Explanation;
use exporter::export::plan::PlanReport;
use exporter::ports::Scan;
use exporter::report::RunReport;
use tower::ServiceExt as _;

/// Bytes of a response that are read at most. A page of a list is far smaller.
const RESPONSE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Future result of a port.
pub type Reply<T> = Pin<Box<dyn Future<Output = Result<T, Unavailable>> + Send>>;

/// The management API: a request and its response, from the deployment's function or from a router in this process.
pub trait Api: Send + Sync + 'static {
    /// Sends a request. A response with an error status is a response, too.
    fn call(&self, request: http::Request<Bytes>) -> Reply<http::Response<Bytes>>;
}

/// Commands of hubctl that need the operator's machine instead of the API.
pub trait Workbench: Send + Sync + 'static {
    /// The output of `hubctl permissions print` for an integration or a provider.
    fn permissions(&self, request: Permissions) -> Reply<String>;

    /// The checks of the deployment that `hubctl doctor` makes.
    fn inspect(&self) -> Reply<Vec<DeploymentCheck>>;

    /// The plan of a scan file, which is read as it arrives: that of `hubctl plan FILE`.
    fn plan(&self, scan: Scan) -> Reply<PlanReport>;

    /// The explanation of a finding: that of `hubctl explain --local`. `live`: with the finding in Security Hub. It submits no
    /// job and changes nothing.
    fn explain(&self, finding_id: String, live: bool) -> Reply<Explanation>;

    /// Exports a scan as `hubctl export` does. The host waits for it before it stops.
    fn export(&self, source: ExportSource) -> Reply<RunReport>;
}

/// What is exported.
pub enum ExportSource {
    /// An object that was planned.
    Object {
        /// Its address: `s3://BUCKET/KEY`.
        url: String,
        /// Its `ETag` at that time. Another object of this address is not exported.
        etag: String,
    },
    /// A file, as it arrives from the browser.
    File(Scan),
}

/// The result of a check of the deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentCheck {
    /// Name of the check.
    pub check: String,
    /// Whether it is as it should be. None: it could not be checked.
    pub is_well: Option<bool>,
    /// Result of the check.
    pub message: String,
    /// What fixes it.
    pub remediation: Option<String>,
}

/// Which permissions are printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// The account or organization.
    pub provider: String,
    /// The External ID of a role that doesn't exist yet. None: that of the integration.
    pub external_id: Option<String>,
    /// `policy`, `trust`, `cloudformation`, or `terraform`.
    pub form: &'static str,
}

/// Why a port has no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// Whether AWS denied the call, or the credentials are expired or missing: nothing was changed.
    pub is_denied: bool,
    /// What happened.
    pub message: String,
    /// The command that fixes it.
    pub remediation: Option<String>,
}

/// The API as a router in this process, called by one principal.
#[derive(Clone, Debug)]
pub struct InProcess {
    router: axum::Router,
    caller: management::Caller,
}

impl InProcess {
    /// The router of the API, and the ARN of the caller.
    pub fn new(router: axum::Router, caller: impl Into<String>) -> Self {
        Self { router, caller: management::Caller(caller.into()) }
    }
}

impl Api for InProcess {
    fn call(&self, mut request: http::Request<Bytes>) -> Reply<http::Response<Bytes>> {
        request.extensions_mut().insert(self.caller.clone());
        let router = self.router.clone();
        Box::pin(async move {
            let Ok(response) = router.oneshot(request.map(axum::body::Body::from)).await;
            let (head, body) = response.into_parts();
            let body = axum::body::to_bytes(body, RESPONSE_BYTES_MAX).await.map_err(|error| Unavailable {
                is_denied: false,
                message: format!("failed to read the response: {error}"),
                remediation: None,
            })?;
            Ok(http::Response::from_parts(head, body))
        })
    }
}

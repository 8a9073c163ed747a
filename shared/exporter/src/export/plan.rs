//! A plan is an ordinary export through ports that change nothing: findings to send are counted as if Security Hub had
//! stored them, and objects to write are kept in memory. A plan therefore can't differ from the export.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use asff::{AccountId, RegionName};
use bytes::Bytes;
use futures::StreamExt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::export::{ExportError, Exporter, Options};
use crate::model::integration::Integration;
use crate::model::provider::ProviderId;
use crate::model::settings::Settings;
use crate::ports::{
    AccountLocks, Acquired, CallError, Claim, Clock, ConnectError, Hub, HubState, Hubs, ImportOutcome, InDoubt,
    Integrations, Newest, Object, ObjectWriter, Objects, Page, PortError, Ports, PutMode, Runs, Scan, UploadLocks,
};
use crate::report::{RunReport, RunStatus};

/// Ports that read everything and change nothing.
///
/// Memory usage grows with the states that the export would write: some hundred bytes per finding.
pub struct Planning<P> {
    real: Arc<P>,
    written: Arc<Written>,
}

/// The objects that the export would write.
struct Written {
    objects: Mutex<BTreeMap<String, Bytes>>,
    bytes: AtomicUsize,
    bytes_max: usize,
}

/// A plan: the report of an export that was not performed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlanReport {
    /// The run.
    pub run: RunReport,
    /// The accounts of the scan whose integration is disabled, with the ID of that integration: nothing is exported for them until it
    /// is enabled. The plan is made as if it were.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub disabled: BTreeMap<AccountId, ProviderId>,
}

impl PlanReport {
    /// Whether the time ended before everything was planned.
    pub fn is_incomplete(&self) -> bool {
        self.run.status == RunStatus::Unfinished
    }
}

/// Why a plan can't be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The plan needs more memory than the limit.
    #[error("the scan is too large for a plan by the deployment; to plan it on your machine")]
    TooLarge,
    /// A dependency failed.
    #[error(transparent)]
    Failed(#[from] ExportError),
}

/// Plans the export of a scan. `bytes_max` limits the bytes in memory that the export would write. `None`: no limit.
///
/// # Errors
///
/// If the scan can't be read to its end, or if a port can't be read.
pub async fn plan<P: Ports>(
    real: Arc<P>,
    settings: &Settings,
    scan: Scan,
    options: Options,
    bytes_max: Option<usize>,
) -> Result<PlanReport, PlanError> {
    // No import call is made, so there is no call rate to wait for.
    let settings = Settings { import_calls_per_second: 0, ..settings.clone() };
    let planning = Arc::new(Planning::with_bytes_max(real.clone(), bytes_max.unwrap_or(usize::MAX)));
    let exported = Exporter::new(planning.clone(), settings).export(scan, options).await;
    if planning.written.is_full() {
        return Err(PlanError::TooLarge);
    }
    let run = exported?;
    let disabled = disabled_integrations(real.as_ref(), &run).await.map_err(ExportError::Port)?;
    Ok(PlanReport { run, disabled })
}

/// The accounts of a run whose integration is disabled, each with the integration's ID.
///
/// # Errors
///
/// If the table does not respond.
pub async fn disabled_integrations(
    ports: &impl Integrations,
    run: &RunReport,
) -> Result<BTreeMap<AccountId, ProviderId>, PortError> {
    let mut disabled = BTreeMap::new();
    for account in run.accounts.keys() {
        let integration = ports.integration(account).await?.filter(|integration| !integration.enabled);
        disabled.extend(integration.map(|integration| (*account, integration.provider)));
    }
    Ok(disabled)
}

impl Written {
    fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.bytes_max
    }
}

impl<P: Ports> Planning<P> {
    /// Wraps the real ports, without a memory limit.
    pub fn new(real: Arc<P>) -> Self {
        Self::with_bytes_max(real, usize::MAX)
    }

    /// Wraps the real ports. At most `bytes_max` bytes can be written.
    fn with_bytes_max(real: Arc<P>, bytes_max: usize) -> Self {
        let written = Written { objects: Mutex::default(), bytes: AtomicUsize::new(0), bytes_max };
        Self { real, written: Arc::new(written) }
    }
}

impl<P: Ports> Clock for Planning<P> {
    fn now(&self) -> Timestamp {
        self.real.now()
    }
}

impl<P: Ports> Integrations for Planning<P> {
    /// A disabled integration is planned as if it were enabled, to preview what enabling it does. An integration that is
    /// being deleted stays disabled.
    async fn integration(&self, account: &AccountId) -> Result<Option<Integration>, PortError> {
        let integration = self.real.integration(account).await?;
        Ok(integration.map(|mut integration| {
            integration.enabled |= integration.deletion_requested_at.is_none();
            integration
        }))
    }
}

impl<P: Ports> UploadLocks for Planning<P> {
    async fn claim(&self, _: &str, _: &str, _: bool, _: Timestamp, _: Timestamp) -> Result<Claim, PortError> {
        Ok(Claim::Granted)
    }

    async fn renew_claim(&self, _: &str, _: &str, _: Timestamp) -> Result<bool, PortError> {
        Ok(true)
    }

    async fn finish_claim(&self, _: &str, _: &str, _: bool) -> Result<(), PortError> {
        Ok(())
    }
}

impl<P: Ports> Runs for Planning<P> {
    async fn record(&self, _: &RunReport) -> Result<(), PortError> {
        Ok(())
    }

    async fn newest_runs(&self, account: AccountId, runs_max: usize) -> Result<Vec<RunReport>, PortError> {
        self.real.newest_runs(account, runs_max).await
    }
}

impl<P: Ports> AccountLocks for Planning<P> {
    async fn acquire(
        &self,
        account: AccountId,
        _: &str,
        content: &str,
        scanned_at: Timestamp,
        now: Timestamp,
        _: Timestamp,
    ) -> Result<Acquired, PortError> {
        // If another run is about to change the account, the plan would be wrong.
        if let Some(run_id) = self.real.locked_by(account, now).await? {
            return Ok(Acquired::Locked { run_id });
        }
        let (newest, in_doubt) = self.real.lock_status(account).await?.unzip();
        Ok(match Newest::with_scan(newest, content, scanned_at) {
            Err(newest) => Acquired::Superseded { newest },
            Ok(_) => Acquired::Granted { in_doubt: in_doubt.unwrap_or_default() },
        })
    }

    async fn renew(&self, _: AccountId, _: &str, _: Timestamp) -> Result<bool, PortError> {
        Ok(true)
    }

    async fn locked_by(&self, account: AccountId, now: Timestamp) -> Result<Option<String>, PortError> {
        self.real.locked_by(account, now).await
    }

    async fn lock_status(&self, account: AccountId) -> Result<Option<(Newest, InDoubt)>, PortError> {
        self.real.lock_status(account).await
    }

    async fn release(&self, _: AccountId, _: &str, _: InDoubt, _: Option<Timestamp>) -> Result<(), PortError> {
        Ok(())
    }
}

/// An object that is kept in memory.
pub struct Draft {
    written: Arc<Written>,
    key: String,
    bytes: Vec<u8>,
}

impl<P: Ports> Objects for Planning<P> {
    type Writer = Draft;

    async fn create(&self, key: &str, _: PutMode) -> Result<Draft, PortError> {
        Ok(Draft { written: self.written.clone(), key: key.to_owned(), bytes: Vec::new() })
    }

    async fn object(&self, key: &str) -> Result<Option<Object>, PortError> {
        let draft = self.written.objects.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        match draft {
            Some(bytes) => {
                let body = futures::stream::iter([Ok(bytes)]).boxed();
                Ok(Some(Object { etag: "draft".to_owned(), body }))
            }
            None => self.real.object(key).await,
        }
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, PortError> {
        self.real.keys(prefix).await
    }
}

impl ObjectWriter for Draft {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        self.written.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        if self.written.is_full() {
            let message = "not enough memory for its findings".to_owned();
            return Err(PortError { action: format!("plan {}", self.key), message });
        }
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self) -> Result<(), PortError> {
        let mut objects = self.written.objects.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = objects.insert(self.key, self.bytes.into()) {
            self.written.bytes.fetch_sub(before.len(), Ordering::Relaxed);
        }
        Ok(())
    }
}

impl<P: Ports> Hubs for Planning<P> {
    type Hub = PlanningHub<P::Hub>;

    async fn connect(&self, account: AccountId, integration: &Integration) -> Result<Self::Hub, ConnectError> {
        self.real.connect(account, integration).await.map(PlanningHub)
    }
}

/// A hub that passes reads through, and accepts every import without sending it.
#[derive(Clone)]
pub struct PlanningHub<H>(H);

impl<H: Hub + Sync> Hub for PlanningHub<H> {
    async fn import(&self, _: &RegionName, body: Bytes) -> Result<ImportOutcome, CallError> {
        #[derive(serde::Deserialize)]
        struct Request {
            #[serde(rename = "Findings")]
            findings: Vec<serde::de::IgnoredAny>,
        }
        let request: Request =
            serde_json::from_slice(&body).map_err(|error| CallError::Transient(error.to_string()))?;
        Ok(ImportOutcome { success_count: request.findings.len(), ..ImportOutcome::default() })
    }

    async fn enabled_at(&self, region: &RegionName) -> Result<Option<String>, CallError> {
        self.0.enabled_at(region).await
    }

    async fn findings(&self, region: &RegionName, next: Option<String>) -> Result<Page, CallError> {
        self.0.findings(region, next).await
    }

    async fn finding(&self, region: &RegionName, id: &str) -> Result<Option<Bytes>, CallError> {
        self.0.finding(region, id).await
    }

    async fn state(&self, region: &RegionName) -> Result<HubState, CallError> {
        self.0.state(region).await
    }
}

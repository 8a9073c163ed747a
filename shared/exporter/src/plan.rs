//! A plan is an ordinary export in a world where nothing can be changed: what would be sent is counted and answered as if it
//! were, what would be kept is kept in memory. So a plan can't differ from what the export then does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use asff::{AccountId, RegionName};
use bytes::Bytes;
use futures::StreamExt;
use jiff::Timestamp;

use crate::integration::Integration;
use crate::ports::{
    AccountLocks, Acquired, CallError, Claim, Clock, ConnectError, Hub, HubState, Hubs, ImportOutcome, InDoubt,
    Integrations, Newest, Object, ObjectWriter, Objects, Page, PortError, Ports, PutMode, Runs, UploadLocks,
};
use crate::report::RunReport;

/// Ports through which everything is read and nothing is changed.
///
/// Memory grows with the states that the export would write: some hundred bytes per finding.
pub struct Planning<P> {
    real: Arc<P>,
    written: Written,
}

type Written = Arc<Mutex<BTreeMap<String, Bytes>>>;

impl<P: Ports> Planning<P> {
    /// A world like the real one.
    pub fn new(real: Arc<P>) -> Self {
        Self { real, written: Written::default() }
    }
}

impl<P: Ports> Clock for Planning<P> {
    fn now(&self) -> Timestamp {
        self.real.now()
    }
}

impl<P: Ports> Integrations for Planning<P> {
    /// A disabled integration is planned as if it were enabled: before enabling it again one wants to know what that does. One
    /// that is being deleted stays disabled.
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
        // What another run is about to change would be told wrong.
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
    written: Written,
    key: String,
    bytes: Vec<u8>,
}

impl<P: Ports> Objects for Planning<P> {
    type Writer = Draft;

    async fn create(&self, key: &str, _: PutMode) -> Result<Draft, PortError> {
        Ok(Draft { written: self.written.clone(), key: key.to_owned(), bytes: Vec::new() })
    }

    async fn object(&self, key: &str) -> Result<Option<Object>, PortError> {
        let draft = self.written.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
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
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self) -> Result<(), PortError> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.insert(self.key, self.bytes.into());
        Ok(())
    }
}

impl<P: Ports> Hubs for Planning<P> {
    type Hub = PlanningHub<P::Hub>;

    async fn connect(&self, account: AccountId, integration: &Integration) -> Result<Self::Hub, ConnectError> {
        self.real.connect(account, integration).await.map(PlanningHub)
    }
}

/// A hub that is read as it is, and takes whatever it is sent without its being sent.
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

//! The exporter's ports without a deployment, for example in a CI job: settings from options, the caller's own credentials, and
//! the state in a directory or under a prefix of a bucket.
//!
//! Guarantee: concurrent exports that share a state are isolated in the same way as invocations of a deployment.

mod directory;
mod options;
mod records;
mod store;
mod stored_runs;

use std::sync::Arc;

use asff::AccountId;
use aws::{Cloud, ResourceNames, SdkConfig, SecurityHub};
use bytes::Bytes;
use exporter::model::integration::Integration;
use exporter::ports::{
    AccountLocks, Acquired, Claim, Clock, ConnectError, Hubs, InDoubt, Integrations, Newest, Object, ObjectWriter,
    Objects, PortError, PutMode, Runs, UploadLocks,
};
use exporter::report::{RunReport, RunStatus};
use jiff::Timestamp;

pub(crate) use self::options::Options;
use self::records::{AccountRecord, ClaimRecord, account_key, claim_key};
pub(crate) use self::store::StateLocation;
use self::store::{Store, Writer};
pub(crate) use self::stored_runs::StateOption;

/// The ports of an export without a deployment.
pub(crate) struct Standalone {
    pub(crate) cloud: Arc<Cloud>,
    /// The settings of every account.
    template: Integration,
    store: Store,
}

impl Standalone {
    /// The ports over a state location.
    fn new(location: &StateLocation, config: &SdkConfig, template: Integration) -> Self {
        let state_bucket = match location {
            StateLocation::Bucket { bucket, .. } => bucket.clone(),
            StateLocation::Directory(_) => String::new(),
        };
        // No table exists, and none of the ports uses one.
        let names = ResourceNames { table: String::new(), state_bucket, queue_url: None };
        let cloud = Arc::new(Cloud::new(config, names));
        let store = Store::new(location, &cloud);
        Self { cloud, template, store }
    }
}

impl Clock for Standalone {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl Integrations for Standalone {
    async fn integration(&self, account: &AccountId) -> Result<Option<Integration>, PortError> {
        Ok(Some(Integration { provider: (*account).into(), ..self.template.clone() }))
    }
}

impl Hubs for Standalone {
    type Hub = SecurityHub;

    async fn connect(&self, account: AccountId, integration: &Integration) -> Result<SecurityHub, ConnectError> {
        self.cloud.connect_as(account, &integration.credentials.clone().unwrap_or_default()).await
    }
}

impl Objects for Standalone {
    type Writer = Writer;

    async fn create(&self, key: &str, only: PutMode) -> Result<Writer, PortError> {
        self.store.create(key, only).await
    }

    async fn object(&self, key: &str) -> Result<Option<Object>, PortError> {
        self.store.object(key).await
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, PortError> {
        self.store.keys(prefix).await
    }
}

impl UploadLocks for Standalone {
    async fn claim(
        &self,
        identity: &str,
        run_id: &str,
        again: bool,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim, PortError> {
        let decide = |old: Option<ClaimRecord>| ClaimRecord::acquire(old, identity, run_id, again, now, until);
        let claim = self.store.change(&claim_key(identity), decide).await?;
        if claim == Claim::Granted {
            self.write_settings(run_id).await?;
        }
        Ok(claim)
    }

    async fn renew_claim(&self, identity: &str, run_id: &str, until: Timestamp) -> Result<bool, PortError> {
        let decide = |old: Option<ClaimRecord>| {
            let renewed = old.and_then(|old| old.renew(run_id, until));
            let is_owner = renewed.is_some();
            (renewed, is_owner)
        };
        self.store.change(&claim_key(identity), decide).await
    }

    async fn finish_claim(&self, identity: &str, run_id: &str, done: bool) -> Result<(), PortError> {
        let decide = |old: Option<ClaimRecord>| (old.and_then(|old| old.complete(run_id, done, self.now())), ());
        self.store.change(&claim_key(identity), decide).await
    }
}

impl Runs for Standalone {
    /// Writes the reports of failed runs only: the exporter writes those of completed runs.
    async fn record(&self, report: &RunReport) -> Result<(), PortError> {
        if report.status != RunStatus::Failed {
            return Ok(());
        }
        let key = RunReport::key(&report.run_id);
        let json = serde_json::to_vec_pretty(report)
            .map_err(|error| PortError { action: format!("write {key}"), message: error.to_string() })?;
        let mut object = self.store.create(&key, PutMode::Overwrite).await?;
        object.write(Bytes::from(json)).await?;
        object.finish().await
    }

    async fn newest_runs(&self, account: AccountId, runs_max: usize) -> Result<Vec<RunReport>, PortError> {
        let listed = self.list_runs(runs_max, Some(account)).await;
        listed.map_err(|error| PortError { action: "list the runs".to_owned(), message: error.message })
    }
}

impl AccountLocks for Standalone {
    async fn acquire(
        &self,
        account: AccountId,
        run_id: &str,
        content: &str,
        scanned_at: Timestamp,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Acquired, PortError> {
        let decide = |old: Option<AccountRecord>| AccountRecord::begin(old, run_id, content, scanned_at, now, until);
        self.store.change(&account_key(account), decide).await
    }

    async fn renew(&self, account: AccountId, run_id: &str, until: Timestamp) -> Result<bool, PortError> {
        let decide = |old: Option<AccountRecord>| {
            let renewed = old.and_then(|old| old.renew(run_id, until));
            let is_owner = renewed.is_some();
            (renewed, is_owner)
        };
        self.store.change(&account_key(account), decide).await
    }

    async fn locked_by(&self, _: AccountId, _: Timestamp) -> Result<Option<String>, PortError> {
        Ok(None)
    }

    async fn lock_status(&self, account: AccountId) -> Result<Option<(Newest, InDoubt)>, PortError> {
        let record: Option<AccountRecord> = self.store.record(&account_key(account)).await?.0;
        Ok(record.map(|record| {
            let in_doubt = record.in_doubt();
            (record.newest, in_doubt)
        }))
    }

    /// Ignores the time of the scan: overdue scans are not detected without a deployment.
    async fn release(
        &self,
        account: AccountId,
        run_id: &str,
        in_doubt: InDoubt,
        _: Option<Timestamp>,
    ) -> Result<(), PortError> {
        let decide = |old: Option<AccountRecord>| (old.and_then(|old| old.end(run_id, &in_doubt)), ());
        self.store.change(&account_key(account), decide).await
    }
}

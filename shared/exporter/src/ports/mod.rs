//! Where AWS begins: what the exporter needs of the world, in its own words.
//!
//! Each trait says what the implementer guarantees and what the caller must do. One struct implements them all
//! ([`Ports`]); the crate `aws` has the one for AWS.

mod hub;
mod newest;

use std::collections::BTreeSet;
use std::future::Future;

use asff::{AccountId, RegionName};
use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::Timestamp;

pub use self::hub::{CallError, FailedFinding, Hub, HubState, ImportOutcome, Page};
pub use self::newest::Newest;
use crate::integration::Integration;
use crate::problem::Problem;
use crate::provider::ProviderId;
use crate::report::{RunReport, undelivered};
use crate::upload::{Upload, UploadInfo};

/// All that an export needs.
pub trait Ports: Integrations + Runs + Accounts + Objects + Hubs + Clock + Send + Sync + 'static {}

impl<T: Integrations + Runs + Accounts + Objects + Hubs + Clock + Send + Sync + 'static> Ports for T {}

/// Anything that fails for a reason that may pass, or that a user must look at: the caller tries the whole again.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{action}: {message}")]
pub struct PortError {
    /// What was tried, with the names of what it was tried on.
    pub action: String,
    /// What the service said.
    pub message: String,
}

/// Opens uploads.
pub trait Scans {
    /// Opens an object for reading. The body is a stream: the implementer never holds it whole, and a broken
    /// connection is an error of the stream, not an early end.
    fn open(&self, upload: &Upload) -> impl Future<Output = Result<Scan, OpenError>> + Send;
}

/// An opened scan.
pub struct Scan {
    /// What the store said about it.
    pub info: UploadInfo,
    /// Its bytes.
    pub body: BoxStream<'static, std::io::Result<Bytes>>,
}

/// Why an upload could not be opened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// The object is gone. Trying again cannot help.
    #[error("{url} does not exist")]
    NotFound {
        /// The object.
        url: String,
    },
    /// Anything else, access denied included: a user fixes it, and the event is tried again.
    #[error(transparent)]
    Failed(#[from] PortError),
}

/// Finds an account's integration.
pub trait Integrations {
    /// The integration of an account, read consistently: its own, otherwise that of its organization, or none.
    fn integration(&self, account: &AccountId) -> impl Future<Output = Result<Option<Integration>, PortError>> + Send;

    /// Deletes the integration of a provider that is being deleted since then, now that its findings are all archived.
    /// False, where there is no such integration, or the implementer leaves that to others; it does by default.
    fn delete_after_archive(
        &self,
        provider: &ProviderId,
        deletion_requested_at: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send {
        let _ = (provider, deletion_requested_at);
        async { Ok(false) }
    }
}

/// Remembers runs and who works on which upload.
pub trait Runs {
    /// Claims an upload for a run until `until`. Of two callers at once, exactly one gets [`Claim::Taken`]. A claim
    /// whose time is over counts as released; with `again`, so does one that is done.
    fn claim(
        &self,
        identity: &str,
        run_id: &str,
        again: bool,
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<Claim, PortError>> + Send;

    /// Holds a claimed upload until `until`, if the run still holds it; false, if it does not.
    fn renew_claim(
        &self,
        identity: &str,
        run_id: &str,
        until: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Marks the claim as done, so that the same upload is not exported again; `done == false` releases it.
    fn settle_claim(
        &self,
        identity: &str,
        run_id: &str,
        done: bool,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Records a run, replacing what was recorded under its id.
    fn record(&self, report: &RunReport) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The upload is ours.
    Taken,
    /// An earlier run exported it.
    Done {
        /// That run.
        run_id: String,
    },
    /// Another run works on it right now.
    Held {
        /// That run.
        run_id: String,
    },
}

/// Keeps an account's scans in order and its exports apart.
pub trait Accounts {
    /// Takes the account for a run that exports a scan of `scanned_at` from an upload of this content, until `until`, in one
    /// atomic step: unless a newer scan was begun before ([`Newest::begin`]), or another run holds the account. The scan's
    /// time is remembered at once.
    fn begin(
        &self,
        account: AccountId,
        run_id: &str,
        content: &str,
        scanned_at: Timestamp,
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<Begun, PortError>> + Send;

    /// Holds the account until `until`, if the run still holds it; false, if it does not.
    fn renew(
        &self,
        account: AccountId,
        run_id: &str,
        until: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// How the account stands, without taking it: the newest scan and what is in doubt. None, if nothing of it
    /// was ever exported.
    fn standing(&self, account: AccountId) -> impl Future<Output = Result<Option<(Newest, Doubt)>, PortError>> + Send;

    /// The run that holds the account at `now`. None, too, where the implementer keeps no holds.
    fn holder(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<String>, PortError>> + Send;

    /// Gives the account back, if the run still holds it.
    fn end(&self, account: AccountId, run_id: &str, doubt: Doubt)
    -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Where Security Hub may hold findings, or versions of them, that the saved state does not know, because a run died or
/// failed. From [`Accounts::begin`] to [`Accounts::end`] everything is in doubt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doubt {
    /// Everywhere.
    pub everywhere: bool,
    /// In these Regions.
    pub regions: BTreeSet<RegionName>,
}

impl Doubt {
    /// Whether a Region is in doubt.
    pub fn covers(&self, region: RegionName) -> bool {
        self.everywhere || self.regions.contains(&region)
    }
}

/// The answer to [`Accounts::begin`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// The account is ours.
    Taken {
        /// What an earlier run left in doubt.
        doubt: Doubt,
    },
    /// A newer scan was exported, or is being exported.
    Superseded {
        /// Its time.
        newest: Timestamp,
    },
    /// Another run holds the account.
    Held {
        /// That run.
        run_id: String,
    },
}

/// Reads and writes objects in the state bucket.
pub trait Objects {
    /// An object being written.
    type Writer: ObjectWriter + Send + Sync;

    /// Starts an object. Nothing is visible under the key before [`ObjectWriter::finish`], which fails if the condition
    /// does not hold then.
    fn create(&self, key: &str, only: Only) -> impl Future<Output = Result<Self::Writer, PortError>> + Send;

    /// Opens an object, if there is one.
    fn object(&self, key: &str) -> impl Future<Output = Result<Option<Object>, PortError>> + Send;

    /// The keys that begin with `prefix`, all of them.
    fn keys(&self, prefix: &str) -> impl Future<Output = Result<Vec<String>, PortError>> + Send;
}

/// The condition under which an object is put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Only {
    /// None.
    Always,
    /// There is no object under the key.
    IfAbsent,
    /// The object under the key still has this `ETag`.
    IfUnchanged(String),
}

/// An object of the state bucket.
pub struct Object {
    /// Changes with the content.
    pub etag: String,
    /// Its bytes.
    pub body: BoxStream<'static, std::io::Result<Bytes>>,
}

/// An object being written, in constant memory.
pub trait ObjectWriter {
    /// Appends bytes.
    fn write(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), PortError>> + Send;
    /// Makes the object visible.
    fn finish(self) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Connects to the Security Hub of an account.
pub trait Hubs {
    /// A connection to one account, in all its Regions.
    type Hub: Hub + Clone + Send + Sync + 'static;

    /// Obtains the credentials that the integration, or else its provider, has for the account, and makes sure that they
    /// belong to it.
    fn connect(
        &self,
        account: AccountId,
        integration: &Integration,
    ) -> impl Future<Output = Result<Self::Hub, ConnectError>> + Send;
}

/// Why there is no connection to an account.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectError {
    /// The credentials will not work until somebody fixes them.
    #[error("{}: {}", .0.reason, .0.message)]
    Refused(Problem),
    /// Anything that may pass.
    #[error(transparent)]
    Failed(#[from] PortError),
}

impl ConnectError {
    /// The same, for a user.
    pub fn into_problem(self) -> Problem {
        match self {
            Self::Refused(problem) => problem,
            Self::Failed(error) => Problem::new(undelivered::CREDENTIALS_UNAVAILABLE, error.to_string()),
        }
    }
}

/// The wall clock. Pauses go by `tokio::time`, so that a test can stop both.
pub trait Clock {
    /// The time now.
    fn now(&self) -> Timestamp;
}

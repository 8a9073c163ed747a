//! An account while its findings are exported.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use asff::{AccountId, Partition, RegionName, ScanFormat, SeverityLabel, Status};
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::session::AccountSession;
use crate::approval::Approval;
use crate::connection::{CachedConnection, ConnectionCache};
use crate::coverage::Coverage;
use crate::delivery::{AccountDelivery, SuspendedDelivery};
use crate::evidence::{Evidence, MalformedEntries};
use crate::integration::Integration;
use crate::ports::{PortError, Ports};
use crate::problem::Problem;
use crate::report::{Counts, ReadStatus};
use crate::run::RunContext;
use crate::state::{FindingKey, fingerprint};
use crate::upload::UploadInfo;

/// What the accounts of one export share.
pub(crate) struct Context<P> {
    pub(crate) run: RunContext<P>,
    pub(crate) format: ScanFormat,
    /// The upload, as it is claimed.
    pub(crate) identity: Arc<str>,
    /// The same, as it was opened.
    pub(crate) upload: UploadInfo,
    /// What stands for its content.
    pub(crate) content: Arc<str>,
    /// The job that the export belongs to.
    pub(crate) job_id: Option<String>,
    /// The upload may have been exported before.
    pub(crate) reexport: bool,
    /// What a user approved.
    pub(crate) approval: Approval,
    /// The scan's format is the one to export.
    pub(crate) any_format: bool,
    /// Runs of which it is known whether they left a report.
    pub(crate) reported: Mutex<BTreeMap<String, bool>>,
    /// Knows the accounts' connections, if anybody does.
    pub(crate) connection_cache: Option<Arc<dyn ConnectionCache>>,
}

/// How the reading of the file ended.
pub(crate) struct Ending {
    pub(crate) end: ReadStatus,
    /// The format shows where the file ends.
    pub(crate) has_end: bool,
    /// Where entries could belong that can't be read or mapped.
    pub(crate) malformed: Arc<MalformedEntries>,
}

/// What an account's first finding says of all.
#[derive(Clone, Copy)]
pub(crate) struct First {
    pub(crate) account: AccountId,
    pub(crate) partition: Partition,
    pub(crate) scanned_at: Timestamp,
}

/// One account of a scan.
pub(crate) struct AccountExport<P: Ports> {
    pub(super) account: AccountId,
    pub(super) state: State<P>,
    pub(super) counts: Counts,
    pub(super) evidence: Evidence,
    /// The scan says something of the account besides what a user must look at.
    pub(super) has_verdicts: bool,
    /// Findings that were in the file before its first entry of the newest scan, where it is exported again: the account counts
    /// by the newest scan now, and they are present as they were then. 40 bytes for each.
    pub(super) older: Vec<Older>,
    /// Its connection when this began, if connections are cached.
    pub(super) cached_connection: Option<CachedConnection>,
    /// It could not be connected to again after it was suspended.
    pub(super) resume_failed: bool,
}

pub(super) enum State<P: Ports> {
    /// Its findings go to Security Hub.
    Delivering(Box<Delivering<P>>),
    /// The same, being suspended.
    Suspending(JoinHandle<SuspendedAccount<P>>),
    /// The same, suspended.
    SuspendedDelivery(Box<SuspendedAccount<P>>),
    /// For a moment, between the two.
    Resuming,
    /// An earlier run finished it for the same upload; what that run says of it, if there is a problem.
    Complete(Option<Problem>),
    /// Its findings are all filtered, for this reason.
    Excluded(Problem),
    /// A newer scan of the whole account was exported. A newer entry of the same file may still count.
    Superseded(Timestamp, String),
    /// Nothing can be sent for this account.
    Unavailable(Problem),
}

/// An account whose findings go to Security Hub.
pub(super) struct Delivering<P: Ports> {
    pub(super) session: AccountSession<P>,
    pub(super) delivery: AccountDelivery<P>,
    pub(super) coverage: Arc<Coverage>,
    /// The time of the first entry, never in the future.
    pub(super) scanned_at: Timestamp,
    /// Regions that stay in doubt, since the integration leaves them out.
    pub(super) untracked: BTreeSet<RegionName>,
}

/// What an older scan in the file says of a finding.
pub(super) struct Older {
    pub(super) region: RegionName,
    pub(super) key: FindingKey,
    /// The time of the scan, in milliseconds since 1970.
    pub(super) at_ms: i64,
    pub(super) status: Status,
    pub(super) severity: SeverityLabel,
}

pub(super) fn suspended_error(account: AccountId) -> PortError {
    PortError { action: format!("export account {account}"), message: "it is at rest".to_owned() }
}

/// An account whose findings go to Security Hub, suspended.
pub(super) struct SuspendedAccount<P: Ports> {
    pub(super) session: AccountSession<P>,
    pub(super) delivery: SuspendedDelivery<P>,
    pub(super) scanned_at: Timestamp,
    pub(super) untracked: BTreeSet<asff::RegionName>,
}

/// A fingerprint of all settings of an integration.
pub(super) fn settings_of(integration: &Integration) -> u32 {
    fingerprint(&serde_json::to_string(integration).unwrap_or_default())
}

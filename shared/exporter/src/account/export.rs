//! The export of one account while it runs.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use asff::{AccountId, Partition, RegionName, ScanFormat, SeverityLabel, Status};
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::session::AccountSession;
use crate::connection::{CachedConnection, ConnectionCache};
use crate::delivery::{AccountDelivery, SuspendedDelivery};
use crate::evidence::coverage::Coverage;
use crate::evidence::{Evidence, MalformedEntries};
use crate::model::approval::Approval;
use crate::model::integration::Integration;
use crate::model::problem::Problem;
use crate::model::provider::ProviderId;
use crate::model::upload::UploadInfo;
use crate::ports::{PortError, Ports};
use crate::report::{Counts, ReadStatus};
use crate::run::RunContext;
use crate::state::{FindingKey, fingerprint};

/// What the accounts of one export share.
pub(crate) struct Context<P> {
    pub(crate) run: RunContext<P>,
    pub(crate) format: ScanFormat,
    /// The identity of the upload, as it is claimed.
    pub(crate) identity: Arc<str>,
    /// The upload, as it was opened.
    pub(crate) upload: UploadInfo,
    /// The identity of the upload's content.
    pub(crate) content: Arc<str>,
    /// The job to which the export belongs.
    pub(crate) job_id: Option<String>,
    /// The upload may have been exported before.
    pub(crate) reexport: bool,
    /// The user's approval.
    pub(crate) approval: Approval,
    /// The findings that the approved run listed. `None` if the approval is about no particular run.
    pub(crate) listed: Option<Arc<HashSet<FindingKey>>>,
    /// The scan's format is exported even if the integration has another format.
    pub(crate) any_format: bool,
    /// For each run that was looked up, whether it left a report.
    pub(crate) reported: Mutex<BTreeMap<String, bool>>,
    /// The cache of the accounts' connections. `None` if connections are not cached.
    pub(crate) connection_cache: Option<Arc<dyn ConnectionCache>>,
}

/// How the reading of the file ended.
pub(crate) struct Ending {
    pub(crate) end: ReadStatus,
    /// The format marks the end of the file.
    pub(crate) has_end: bool,
    /// The possible scopes of entries that can't be read or mapped.
    pub(crate) malformed: Arc<MalformedEntries>,
}

/// The facts of an account's first finding that apply to the whole account.
#[derive(Clone, Copy)]
pub(crate) struct First {
    pub(crate) account: AccountId,
    pub(crate) partition: Partition,
    pub(crate) scanned_at: Timestamp,
}

/// The export of one account of a scan.
pub(crate) struct AccountExport<P: Ports> {
    pub(super) account: AccountId,
    /// The integration that was found for it last.
    pub(super) integration: Option<ProviderId>,
    pub(super) state: State<P>,
    pub(super) counts: Counts,
    /// Findings of these that are undelivered, by Region.
    pub(super) errors: BTreeMap<RegionName, u64>,
    pub(super) evidence: Evidence,
    /// The scan has results for the account in addition to MANUAL entries.
    pub(super) has_verdicts: bool,
    /// Findings in a re-exported file that precede its first entry of the newest scan. They are superseded, since the
    /// newest scan is exported for the account, and are marked as that older scan shows them. 40 bytes per finding.
    pub(super) older: Vec<Older>,
    /// The account's connection when the export began, if connections are cached.
    pub(super) cached_connection: Option<CachedConnection>,
    /// Reconnecting to the account failed after it was suspended.
    pub(super) resume_failed: bool,
}

pub(super) enum State<P: Ports> {
    /// The account's findings are sent to Security Hub.
    Delivering(Box<Delivering<P>>),
    /// The account is being suspended.
    Suspending(JoinHandle<SuspendedAccount<P>>),
    /// The account is suspended.
    SuspendedDelivery(Box<SuspendedAccount<P>>),
    /// Temporary state during a change of state.
    Resuming,
    /// An earlier run completed the account for the same upload. The problem is set if that run needs attention.
    Complete(Option<Problem>),
    /// All findings of the account are filtered, for this reason.
    Excluded(Problem),
    /// A newer scan of the whole account was exported. A later entry of the same file may still be of a newer scan.
    Superseded(Timestamp, String),
    /// No findings can be sent for this account.
    Unavailable(Problem),
}

/// An account whose findings are sent to Security Hub.
pub(super) struct Delivering<P: Ports> {
    pub(super) session: AccountSession<P>,
    pub(super) delivery: AccountDelivery<P>,
    pub(super) coverage: Arc<Coverage>,
    /// The time of the first entry, never in the future.
    pub(super) scanned_at: Timestamp,
    /// Regions that stay in doubt, since the integration does not select them.
    pub(super) untracked: BTreeSet<RegionName>,
}

/// How an older scan in the file shows a finding.
pub(super) struct Older {
    pub(super) region: RegionName,
    pub(super) key: FindingKey,
    /// The time of the scan, in milliseconds since 1970.
    pub(super) at_ms: i64,
    pub(super) status: Status,
    pub(super) severity: SeverityLabel,
}

pub(super) fn suspended_error(account: AccountId) -> PortError {
    PortError { action: format!("export account {account}"), message: "the account is suspended".to_owned() }
}

/// A suspended account whose findings are sent to Security Hub.
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

//! One worker for each account and Region: compares the scan with what was last sent, sends the differences, saves the
//! state, and at the end archives resolved findings.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use asff::{Deduplicator, Mapped, RegionName, Regions, Unsent};
use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc};

use super::judge::Judge;
use super::repeated::Repeated;
use crate::delivery::pack::Outgoing;
use crate::delivery::sender::Sender;
use crate::delivery::timed_hub::TimedHub;
use crate::lines::writer::JsonLines;
use crate::model::integration::ArchiveScope;
use crate::ports::{InDoubt, PortError, Ports};
use crate::quarantine::Quarantine;
use crate::report::{Counts, PendingClass, PendingFinding, RegionReport};
use crate::selection::filter::FilterReason;
use crate::state::{FindingKey, RegionState, Resend, SeenInScan, StateHeader};

/// A message to a worker.
pub(crate) enum Message {
    /// A finding of the scan, and the reason why it is filtered. `None` if it is not filtered.
    Finding(Box<Mapped>, Option<FilterReason>),
    /// A finding of the scan that is never sent.
    Unsent(Box<Unsent>),
    /// A finding that its own Region does not accept.
    Redirected(Outgoing),
    /// How a scan with this time (in milliseconds since 1970) shows a finding of another Region. This Region may have a
    /// copy from an earlier scan.
    SeenInScan(FindingKey, SeenInScan, i64),
}

/// The settings of a worker.
#[derive(Clone)]
pub(crate) struct Policy {
    pub(crate) resend: Resend,
    pub(crate) archive: bool,
    pub(crate) scope: ArchiveScope,
    /// The Regions that an earlier run left in doubt.
    pub(crate) in_doubt: InDoubt,
    pub(crate) regions: Arc<Regions>,
    /// Whether the keys of undelivered findings are collected: 8 bytes per finding.
    pub(crate) collects_deferred: bool,
    /// Regions other than the fallback Region whose Security Hub has findings of other Regions.
    pub(crate) copy_regions: Arc<BTreeSet<RegionName>>,
    /// The Regions that the integration selects. `None` if it selects all.
    pub(crate) selected_regions: Option<Arc<BTreeSet<RegionName>>>,
    /// The newest scan of the whole account with which each Region's state was compared.
    pub(crate) full_at: Arc<BTreeMap<RegionName, Timestamp>>,
    /// Regions that accepted findings when their connection was checked: if one of them is unreachable, the reason is
    /// transient.
    pub(crate) accepted_regions: Arc<BTreeSet<RegionName>>,
    /// Regions that were unavailable when their connection was checked: their hub is checked before anything is sent to
    /// them.
    pub(crate) unavailable_regions: Arc<BTreeSet<RegionName>>,
}

/// A Region's worker.
pub(crate) struct RegionWorker<P: Ports> {
    pub(crate) ports: Arc<P>,
    pub(crate) run_id: Arc<str>,
    pub(crate) header: StateHeader,
    /// The scan time, which may be ahead of the clock.
    pub(crate) scan_time: Timestamp,
    pub(crate) policy: Policy,
    pub(crate) sender: Sender<TimedHub<P::Hub>>,
    pub(crate) quarantine: Quarantine,
    pub(crate) pending: JsonLines<PendingFinding>,
    pub(crate) fallback: Option<mpsc::Sender<Message>>,
    /// The Regions other than the fallback Region that have findings of other Regions: they are notified how the scan
    /// shows each finding.
    pub(crate) copy_regions: Vec<mpsc::Sender<Message>>,
    /// Slots for findings that are buffered until the end of the file.
    pub(crate) buffer_slots: Arc<Semaphore>,
    /// How the scan showed findings before the worker was suspended.
    pub(crate) marks: Vec<(FindingKey, SeenInScan)>,
    /// Further Regions with findings of other Regions. They notify this Region, and workers must not wait for each
    /// other in a cycle; therefore they are notified after all queues are drained.
    pub(crate) late_copy_regions: Vec<RegionName>,
    pub(crate) state: WorkerState<P>,
}

/// An entry that resolves a finding which this run sent because of an older entry of the same file.
pub(in crate::delivery) enum LateResolution {
    /// A finding of this Region.
    Own(Box<Mapped>, FilterReason),
    /// A finding of another Region, as it is sent to be archived.
    Redirected(Outgoing),
}

impl LateResolution {
    /// The evidence of the resolution.
    pub(in crate::delivery) fn class(&self) -> PendingClass {
        match self {
            Self::Own(_, FilterReason::Muted) => PendingClass::Muted,
            Self::Own(..) | Self::Redirected(_) => PendingClass::Passed,
        }
    }
}

/// The version of another Region's finding that this run sends last.
#[derive(Clone, Copy)]
pub(in crate::delivery) struct RedirectedVersion {
    /// The `UpdatedAt` that the finding's own Region gave it, in milliseconds since 1970.
    pub(in crate::delivery) stamped_ms: i64,
    /// The `UpdatedAt` with which it is sent.
    pub(in crate::delivery) updated_ms: i64,
    /// The `UpdatedAt` of an earlier version that this run already sent. `None` if there is none.
    pub(in crate::delivery) sent_ms: Option<i64>,
}

/// The state of a worker while it runs.
pub(crate) struct WorkerState<P: Ports> {
    /// Boxed, since a suspended worker has none.
    pub(in crate::delivery) region_state: Option<Box<RegionState<P>>>,
    pub(in crate::delivery) deduplicator: Deduplicator,
    /// Findings that this scan or an earlier one reports several times.
    pub(in crate::delivery) repeated: Repeated,
    /// The scan times, in milliseconds since 1970, of findings whose newest scan in the file is not the one of
    /// [`RegionWorker::header`].
    pub(in crate::delivery) times: HashMap<FindingKey, i64>,
    /// Marks for [`RegionWorker::late_copy_regions`]: 24 bytes per finding, and only if there are such Regions.
    pub(in crate::delivery) deferred_marks: Vec<(FindingKey, SeenInScan, i64)>,
    /// How absent findings are judged. Set when the file has been read.
    pub(in crate::delivery) judging: Option<Judge>,
    pub(in crate::delivery) counts: Counts,
    pub(in crate::delivery) report: RegionReport,
    pub(in crate::delivery) archiving: bool,
    /// The Region's Security Hub has active findings of other Regions.
    pub(in crate::delivery) holds_copies: bool,
    /// Archived findings that do not count toward the limit.
    pub(in crate::delivery) archived_unlimited: u64,
    /// All findings of the scan that should be in Security Hub are there.
    pub(in crate::delivery) is_complete: bool,
    /// Findings of other Regions that this run sends to this Region.
    pub(in crate::delivery) redirected: HashMap<FindingKey, RedirectedVersion>,
    /// Findings that were active before the scan, that this run sent because of an older entry of the file, and that a
    /// newer entry shows as resolved.
    pub(in crate::delivery) late_resolutions: BTreeMap<FindingKey, LateResolution>,
    /// Findings that became active in this run before the worker was suspended.
    pub(in crate::delivery) newly_active: HashSet<FindingKey>,
    /// Unchanged findings of a hub that could not be verified. If it turns out not to be enabled, they are redirected.
    pub(in crate::delivery) unverified: HashSet<FindingKey>,
    /// Resolved findings that Security Hub did not archive: it still has them as they were.
    pub(in crate::delivery) not_archived: HashSet<FindingKey>,
    /// The keys of undelivered findings, if [`Policy::collects_deferred`] is set.
    pub(in crate::delivery) deferred_keys: HashSet<FindingKey>,
    /// At least one finding is undelivered. Until a later run sends it, no Region can conclude that a copy of it is
    /// absent.
    pub(crate) has_deferred: bool,
    /// The state was opened, and adopted if that was necessary.
    pub(in crate::delivery) opened: bool,
    pub(in crate::delivery) error: Option<PortError>,
}

impl<P: Ports> WorkerState<P> {
    /// Whether the state or the quarantine could not be saved.
    pub(in crate::delivery) fn has_failed(&self) -> bool {
        self.error.is_some()
    }
}

impl<P: Ports> Default for WorkerState<P> {
    fn default() -> Self {
        Self {
            region_state: None,
            deduplicator: Deduplicator::default(),
            repeated: Repeated::default(),
            times: HashMap::new(),
            deferred_marks: Vec::new(),
            judging: None,
            counts: Counts::default(),
            report: RegionReport::default(),
            archiving: false,
            holds_copies: false,
            archived_unlimited: 0,
            is_complete: true,
            redirected: HashMap::new(),
            late_resolutions: BTreeMap::new(),
            newly_active: HashSet::new(),
            unverified: HashSet::new(),
            not_archived: HashSet::new(),
            deferred_keys: HashSet::new(),
            has_deferred: false,
            opened: false,
            error: None,
        }
    }
}

/// The result of a worker.
#[derive(Debug, Default)]
pub(crate) struct WorkerResult {
    pub(crate) counts: Counts,
    pub(crate) report: RegionReport,
    /// Security Hub may have findings that the state does not have.
    pub(crate) is_in_doubt: bool,
    /// The state or the quarantine could not be saved: the run must fail.
    pub(crate) error: Option<PortError>,
    /// The state was compared with the scan as one of the whole account.
    pub(crate) is_fully_compared: bool,
    /// Whether the Region's Security Hub has findings of other Regions. `None` if its state was not opened.
    pub(crate) holds_copies: Option<bool>,
    /// The number of archived findings that do not count toward the limit.
    pub(crate) unlimited: u64,
    pub(crate) deferred_keys: HashSet<FindingKey>,
}

impl<P: Ports> RegionWorker<P> {
    /// Processes the messages of the queue until it is closed and every finding has an outcome.
    pub(crate) async fn process_queue(mut self, mut queue: mpsc::Receiver<Message>) -> Self {
        if self.policy.archive || self.is_in_doubt() || self.state.opened {
            let opened = self.open().await;
            self.note_error(opened);
        }
        while let Some(message) = queue.recv().await {
            if self.state.error.is_some() {
                continue;
            }
            let received = match message {
                Message::Finding(mapped, filtered) => self.receive(mapped, filtered).await,
                Message::Unsent(unsent) => self.receive_unsent(unsent).await,
                Message::Redirected(finding) => self.receive_redirected(finding).await,
                Message::SeenInScan(key, seen, at_ms) => {
                    self.mark_seen(key, seen, at_ms);
                    Ok(())
                }
            };
            let outcome = self.complete_sent().await;
            self.note_error(received.and(outcome));
        }
        if self.state.error.is_none() {
            let sent = self.send_buffered().await;
            self.note_error(sent);
        }
        self.sender.flush().await;
        let outcome = self.complete_sent().await;
        self.note_error(outcome);
        let redirected = self.redirect_unverified().await;
        self.note_error(redirected);
        (self.fallback, self.copy_regions) = (None, Vec::new());
        self
    }

    /// Frees the memory of the deduplicator. All entries are deduplicated by now, and the state, from which findings are
    /// archived next, has each finding once.
    pub(in crate::delivery) fn free_deduplicator(&mut self) {
        self.state.deduplicator = Deduplicator::default();
    }

    /// Records the number of active findings in the report.
    pub(in crate::delivery) fn note_active(&mut self) {
        let now_ms = self.ports.now().as_millisecond();
        self.state.report.active = self.state.region_state.as_ref().map(|region_state| region_state.active(now_ms));
    }

    pub(in crate::delivery) fn note_error(&mut self, outcome: Result<(), PortError>) {
        if let Err(error) = outcome {
            self.state.error.get_or_insert(error);
        }
    }

    pub(in crate::delivery) fn error(&self, error: &impl ToString) -> PortError {
        PortError { action: format!("deliver to {}", self.header.region), message: error.to_string() }
    }
}

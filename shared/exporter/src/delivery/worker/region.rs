//! One worker for each account and Region: compares what the scan says with what was last sent, sends the difference, keeps
//! the state, and at the end archives what is over.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use asff::{Identities, Mapped, RegionName, Regions, Unsent};
use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc};

use super::judge::Judge;
use super::repeated::Repeated;
use crate::delivery::sender::Sender;
use crate::delivery::timed_hub::TimedHub;
use crate::filter::FilterReason;
use crate::integration::ArchiveScope;
use crate::json_lines::JsonLines;
use crate::pack::Outgoing;
use crate::ports::{InDoubt, PortError, Ports};
use crate::quarantine::Quarantine;
use crate::report::{Counts, PendingFinding, RegionReport};
use crate::state::{FindingKey, RegionState, Resend, SeenInScan, StateHeader};

/// What a worker is told.
pub(crate) enum Message {
    /// A finding of the scan, and why it is filtered, if so.
    Finding(Box<Mapped>, Option<FilterReason>),
    /// A finding of the scan that is never sent.
    Unsent(Box<Unsent>),
    /// A finding that its own Region does not accept.
    Redirected(Outgoing),
    /// What a scan of this time (in milliseconds since 1970) says of a finding of another Region that may have come here in
    /// an earlier scan.
    SeenInScan(FindingKey, SeenInScan, i64),
}

/// How a worker behaves.
#[derive(Clone)]
pub(crate) struct Policy {
    pub(crate) resend: Resend,
    pub(crate) archive: bool,
    pub(crate) scope: ArchiveScope,
    /// What an earlier run left in doubt.
    pub(crate) in_doubt: InDoubt,
    pub(crate) regions: Arc<Regions>,
    /// Whether the keys of what is left to a later run are gathered: 8 bytes for each.
    pub(crate) collects_deferred: bool,
    /// Regions, besides the fallback, whose Security Hub holds findings of other Regions.
    pub(crate) copy_regions: Arc<BTreeSet<RegionName>>,
    /// The Regions of the integration, if it names them.
    pub(crate) selected_regions: Option<Arc<BTreeSet<RegionName>>>,
    /// The newest scan of the whole account that each Region's state was compared with.
    pub(crate) full_at: Arc<BTreeMap<RegionName, Timestamp>>,
    /// Regions that accepted findings when their connection was checked: that one is unreachable is transient.
    pub(crate) accepted_regions: Arc<BTreeSet<RegionName>>,
    /// Regions that took nothing when they were checked: they are asked before anything is sent to them.
    pub(crate) unavailable_regions: Arc<BTreeSet<RegionName>>,
}

/// A Region's worker.
pub(crate) struct RegionWorker<P: Ports> {
    pub(crate) ports: Arc<P>,
    pub(crate) run_id: Arc<str>,
    pub(crate) header: StateHeader,
    /// The scan's own time, which may lie ahead of the clock.
    pub(crate) scan_time: Timestamp,
    pub(crate) policy: Policy,
    pub(crate) sender: Sender<TimedHub<P::Hub>>,
    pub(crate) quarantine: Quarantine,
    pub(crate) pending: JsonLines<PendingFinding>,
    pub(crate) fallback: Option<mpsc::Sender<Message>>,
    /// The Regions, besides the fallback, that hold findings of other Regions: they are told what the scan says of each.
    pub(crate) copy_regions: Vec<mpsc::Sender<Message>>,
    /// Room for findings that wait for the end of the file.
    pub(crate) buffer_slots: Arc<Semaphore>,
    /// What was said of findings before the worker was suspended.
    pub(crate) marks: Vec<(FindingKey, SeenInScan)>,
    /// Further such Regions, which are told when all queues are drained: they tell this one, and none may wait for another in
    /// a circle.
    pub(crate) late_copy_regions: Vec<RegionName>,
    pub(crate) state: WorkerState<P>,
}

/// The entry of a file that shows as resolved what an older entry of it had this run send.
pub(in crate::delivery) enum LateResolution {
    /// A finding of this Region.
    Own(Box<Mapped>, FilterReason),
    /// A finding of another Region, as it is archived.
    Redirected(Outgoing),
}

/// The version of another Region's finding that this run sends last.
#[derive(Clone, Copy)]
pub(in crate::delivery) struct RedirectedVersion {
    /// The `UpdatedAt` that its own Region gave it, in milliseconds since 1970.
    pub(in crate::delivery) stamped_ms: i64,
    /// The one that it is sent with.
    pub(in crate::delivery) updated_ms: i64,
    /// The one of an earlier version that has left, if any.
    pub(in crate::delivery) sent_ms: Option<i64>,
}

/// What changes while a worker works.
pub(crate) struct WorkerState<P: Ports> {
    /// On the heap, since a worker suspended has none.
    pub(in crate::delivery) region_state: Option<Box<RegionState<P>>>,
    pub(in crate::delivery) identities: Identities,
    /// Findings that the scan, or an earlier one, reports several times.
    pub(in crate::delivery) repeated: Repeated,
    /// The scans of findings that the state knows and another scan than [`RegionWorker::header`]'s has, in milliseconds.
    pub(in crate::delivery) times: HashMap<FindingKey, i64>,
    /// What [`RegionWorker::late_copy_regions`] are told: 24 bytes per finding, where there are any.
    pub(in crate::delivery) deferred_marks: Vec<(FindingKey, SeenInScan, i64)>,
    /// How absent findings are judged, from the end of the reading on.
    pub(in crate::delivery) judging: Option<Judge>,
    pub(in crate::delivery) counts: Counts,
    pub(in crate::delivery) report: RegionReport,
    pub(in crate::delivery) archiving: bool,
    /// The Region's Security Hub holds active findings of other Regions.
    pub(in crate::delivery) holds_copies: bool,
    /// Archived findings that do not count towards the limit.
    pub(in crate::delivery) archived_unlimited: u64,
    /// Everything that should be in Security Hub is.
    pub(in crate::delivery) is_complete: bool,
    /// Findings of other Regions that this run sends here.
    pub(in crate::delivery) redirected: HashMap<FindingKey, RedirectedVersion>,
    /// Findings that were active before the scan, that this run sent for an older entry of the file, and that a newer entry shows as
    /// resolved.
    pub(in crate::delivery) late_resolutions: BTreeMap<FindingKey, LateResolution>,
    /// Findings that became active in this run before the worker was suspended.
    pub(in crate::delivery) newly_active: HashSet<FindingKey>,
    /// Findings that are resolved, and that Security Hub did not archive: it has them as they were.
    pub(in crate::delivery) not_archived: HashSet<FindingKey>,
    /// The keys of what is left to a later run, if they are asked for.
    pub(in crate::delivery) deferred_keys: HashSet<FindingKey>,
    /// Something is left to a later run; where it belongs to, nobody can say that it is gone.
    pub(crate) has_deferred: bool,
    /// The state was opened, and adopted where it had to be.
    pub(in crate::delivery) opened: bool,
    pub(in crate::delivery) error: Option<PortError>,
}

impl<P: Ports> WorkerState<P> {
    /// Whether the state or the quarantine could not be kept.
    pub(in crate::delivery) fn has_failed(&self) -> bool {
        self.error.is_some()
    }
}

impl<P: Ports> Default for WorkerState<P> {
    fn default() -> Self {
        Self {
            region_state: None,
            identities: Identities::default(),
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
            not_archived: HashSet::new(),
            deferred_keys: HashSet::new(),
            has_deferred: false,
            opened: false,
            error: None,
        }
    }
}

/// What a worker did.
#[derive(Debug, Default)]
pub(crate) struct WorkerResult {
    pub(crate) counts: Counts,
    pub(crate) report: RegionReport,
    /// Security Hub may hold what the state does not know of.
    pub(crate) is_in_doubt: bool,
    /// The state or the quarantine could not be kept: the run must fail.
    pub(crate) error: Option<PortError>,
    /// The state was compared with the scan as one of the whole account.
    pub(crate) is_fully_compared: bool,
    /// Whether the Region's Security Hub holds findings of other Regions, if its state was opened.
    pub(crate) holds_copies: Option<bool>,
    /// Of the archived ones, those that do not count towards the limit.
    pub(crate) unlimited: u64,
    pub(crate) deferred_keys: HashSet<FindingKey>,
}

impl<P: Ports> RegionWorker<P> {
    /// Takes what comes through the queue until it is closed and every finding has an outcome.
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
        (self.fallback, self.copy_regions) = (None, Vec::new());
        self
    }

    /// All is distinguished; what is archived next comes from the state, which holds each finding once.
    pub(in crate::delivery) fn forget_identities(&mut self) {
        self.state.identities = Identities::default();
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

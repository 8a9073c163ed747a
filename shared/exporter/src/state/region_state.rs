//! The state of one account in one Region while a run processes it: the index of the old file, and the next file.

use std::collections::HashSet;
use std::sync::Arc;

use asff::{AccountId, RegionName};
use futures::StreamExt;
use futures::stream::BoxStream;
use jiff::Timestamp;

use super::file::{StateError, StateReader, StateStep, StateWriter};
use super::finding::{Entry, FindingKey, FindingMeta, ScanCode, UNATTRIBUTED};
use super::header::{ArchivedBy, StateHeader, Tail};
use super::index::Index;
use super::tables::{Checks, Scans, finding_home};
use crate::ports::{ObjectWriter, Objects, PortError, PutMode};

/// Compressed bytes that are collected before they are written to the store.
const WRITE_BYTES: usize = 256 * 1024;

/// The key of a Region's state in the state bucket.
pub fn state_key(account: AccountId, region: RegionName) -> String {
    format!("{}{region}.zst", state_prefix(account))
}

/// The prefix of the keys of an account's states.
pub fn state_prefix(account: AccountId) -> String {
    format!("state/{account}/")
}

/// The state of a Region while a run processes it.
pub(crate) struct RegionState<P: Objects> {
    ports: Arc<P>,
    key: String,
    /// The header and the tail of the next file.
    pub(crate) header: StateHeader,
    etag: Option<String>,
    /// The findings of the old file.
    pub(crate) index: Index,
    /// The header and the tail of the old file.
    pub(crate) old: Option<StateHeader>,
    /// The newest scan of the whole account with which the state was compared: entries refer to it as
    /// [`ScanCode::NEWEST`].
    pub(crate) full_before: Option<Timestamp>,
    /// When an aborted run archived findings that are in no run's report.
    pub(crate) orphaned: Option<Timestamp>,
    /// Findings that are active in the next state and were not active in the old one.
    pub(crate) fresh: HashSet<FindingKey>,
    /// The old file's metadata is outdated: the file is rewritten even if no finding changes.
    pub(crate) is_stale: bool,
    scans: Scans,
    checks: Checks,
    next: Option<Next<P::Writer>>,
}

struct Next<W> {
    state: StateWriter,
    object: W,
}

impl<P: Objects> RegionState<P> {
    /// Reads the state into an index. A state that can't be trusted is treated as missing; the next one replaces it.
    pub(crate) async fn open(ports: Arc<P>, header: StateHeader) -> Result<Self, PortError> {
        let key = state_key(header.account, header.region);
        let full_before = header.tail.full_at;
        let mut region_state = Self {
            ports,
            key,
            header,
            etag: None,
            index: Index::default(),
            old: None,
            full_before,
            orphaned: None,
            fresh: HashSet::new(),
            is_stale: false,
            scans: Scans::default(),
            checks: Checks::default(),
            next: None,
        };
        let Some(mut entries) = region_state.entries().await? else { return Ok(region_state) };
        region_state.etag = Some(entries.etag.clone());
        loop {
            match entries.next().await {
                Ok(Some(entry)) => {
                    if entries.reader.is_first_version() {
                        region_state.checks.add_from_finding(entry.meta.check, &entry.json);
                    }
                    region_state.index.push(entry.meta);
                }
                Ok(None) => break,
                Err(ReadError::Port(error)) => return Err(error),
                Err(ReadError::State(error)) => {
                    tracing::warn!(state.key = %region_state.key, %error, "the state is rebuilt from Security Hub");
                    region_state.index = Index::default();
                    return Ok(region_state);
                }
            }
        }
        region_state.index.finish();
        region_state.old = entries.reader.header().cloned();
        // A run that writes the state without continuing the adoption still has only a part of the findings.
        if let Some(old) = &region_state.old {
            region_state.full_before = region_state.full_before.max(old.tail.full_at);
            region_state.header.tail.adopting.clone_from(&old.tail.adopting);
            region_state.header.tail.full_at = region_state.full_before;
            region_state.header.tail.judged_at = old.tail.judged_at;
            region_state.header.tail.unheard_at = old.tail.unheard_at;
            region_state.header.tail.unverified_at = old.tail.unverified_at;
            region_state.header.tail.archived.clone_from(&old.tail.archived);
            region_state.header.tail.repeated.clone_from(&old.tail.repeated);
            region_state.scans = Scans::from_times(&old.tail.scans);
            region_state.checks.extend(old.tail.checks.iter().cloned());
        }
        Ok(region_state)
    }

    /// The time of the newest scan that had a finding, in milliseconds since 1970. `None` if unknown.
    pub(crate) fn seen_ms(&self, meta: &FindingMeta) -> Option<i64> {
        match meta.seen {
            ScanCode::NEWEST => self.full_before.map(Timestamp::as_millisecond),
            code => self.scans.time(code),
        }
    }

    /// The time of the newest scan that mentioned a finding: the scan from which it was sent, or a newer one that had
    /// it.
    pub(crate) fn last_mentioned_ms(&self, meta: &FindingMeta) -> i64 {
        self.seen_ms(meta).map_or(meta.updated_ms, |seen_ms| seen_ms.max(meta.updated_ms))
    }

    /// A time after all findings of the old file were sent, and before this run sends any.
    pub(crate) fn after_last_sent(&self) -> Option<Timestamp> {
        let last_ms = self.index.iter().map(|(meta, _)| meta.sent_ms).max()?;
        Timestamp::from_millisecond(last_ms + 1).ok()
    }

    /// Whether a finding was archived by a run that left no report.
    pub(crate) fn is_unattributed(&self, meta: &FindingMeta) -> bool {
        let is_orphan = self.orphaned.is_some_and(|at| meta.sent_ms == at.as_millisecond());
        !meta.is_active() && !meta.is_tombstone() && (meta.absent == UNATTRIBUTED || is_orphan)
    }

    /// The code by which entries of the next state refer to a scan.
    pub(crate) fn scan_code(&mut self, scan_ms: i64) -> ScanCode {
        self.scans.code(scan_ms, &self.index)
    }

    /// The name of a check, by its fingerprint.
    pub(crate) fn check(&self, fingerprint: u32) -> Option<&str> {
        self.checks.get(fingerprint)
    }

    /// Reads the entries of the old file again.
    pub(crate) async fn entries(&self) -> Result<Option<Entries>, PortError> {
        let Some(entries) = Entries::open(self.ports.as_ref(), self.key.clone()).await? else { return Ok(None) };
        if self.etag.as_ref().is_some_and(|etag| *etag != entries.etag) {
            return Err(self.failed(&"another run changed it"));
        }
        Ok(Some(entries))
    }

    /// Writes a finding to the next state; its old entry is not copied.
    pub(crate) async fn record(&mut self, meta: &FindingMeta, json: &[u8]) -> Result<(), PortError> {
        self.index.mark_replaced(meta.key, meta.is_active());
        if !meta.is_active() {
            self.fresh.remove(&meta.key);
        } else if self.index.get(meta.key).is_none_or(|old| !old.is_active()) {
            self.fresh.insert(meta.key);
        }
        self.checks.add_from_finding(meta.check, json);
        self.copy(meta, json).await
    }

    /// Copies an entry of the old state into the next one.
    pub(crate) async fn copy(&mut self, meta: &FindingMeta, json: &[u8]) -> Result<(), PortError> {
        let mut next = match self.next.take() {
            Some(next) => next,
            None => self.create_next().await?,
        };
        next.state.push(meta, json).map_err(|error| self.failed(&error))?;
        if next.state.pending_bytes() >= WRITE_BYTES {
            next.object.write(next.state.take_bytes()).await?;
        }
        self.next = Some(next);
        Ok(())
    }

    /// Starts the next state, even if it has no entry yet.
    pub(crate) async fn start_next(&mut self) -> Result<(), PortError> {
        if self.next.is_none() {
            self.next = Some(self.create_next().await?);
        }
        Ok(())
    }

    async fn create_next(&self) -> Result<Next<P::Writer>, PortError> {
        let only = self.etag.clone().map_or(PutMode::Create, PutMode::Update);
        let object = self.ports.create(&self.key, only).await?;
        let state = StateWriter::new(&self.header).map_err(|error| self.failed(&error))?;
        Ok(Next { state, object })
    }

    /// Number of active findings in the next state, or in the old state if no next state is written.
    pub(crate) fn active(&self, now_ms: i64) -> u64 {
        let new = self.fresh.iter().filter(|key| self.index.get(**key).is_none()).count();
        self.index.active_next(now_ms) + new as u64
    }

    /// Records in the next state that this run archived findings at this time, or that it archived none.
    pub(crate) fn archived_by(mut self, at: Option<Timestamp>, run_id: &str) -> Self {
        self.header.tail.archived = at.map(|at| ArchivedBy { run_id: run_id.to_owned(), at });
        self
    }

    /// Whether the next state differs from the old one.
    pub(crate) fn is_changed(&self) -> bool {
        self.next.is_some()
    }

    /// Writes the next state, if it has any changes, and thereby replaces the old one. Every entry that stays must have
    /// been copied.
    pub(crate) async fn save(mut self) -> Result<(), PortError> {
        self.write_next().await
    }

    /// Like [`Self::save`], but the old state can still be read afterwards. Nothing may be added to the next state
    /// after that.
    pub(crate) async fn write_next(&mut self) -> Result<(), PortError> {
        let Some(mut next) = self.next.take() else { return Ok(()) };
        let failed =
            |error: std::io::Error| PortError { action: format!("write {}", self.key), message: error.to_string() };
        let tail = Tail {
            scans: self.scans.times().to_vec(),
            checks: self.checks.names().map(str::to_owned).collect(),
            ..self.header.tail.clone()
        };
        next.state.set_tail(&tail).map_err(failed)?;
        let rest = next.state.finish().map_err(failed)?;
        next.object.write(rest).await?;
        next.object.finish().await
    }

    fn failed(&self, error: &impl ToString) -> PortError {
        PortError { action: format!("use the state {}", self.key), message: error.to_string() }
    }
}

/// The metadata of an entry in a file of the first version, with the field that this version lacks.
fn upgraded_meta(entry: &Entry, region: Option<RegionName>) -> FindingMeta {
    let home = finding_home(&entry.json);
    FindingMeta { foreign: region.is_some_and(|region| home.is_some_and(|home| home != region)), ..entry.meta }
}

/// A state file being read.
pub(crate) struct Entries {
    etag: String,
    body: BoxStream<'static, std::io::Result<bytes::Bytes>>,
    reader: StateReader,
    key: String,
}

/// Why a state can't be read further.
pub(crate) enum ReadError {
    /// The store failed; a retry may succeed.
    Port(PortError),
    /// The file can't be trusted.
    State(StateError),
}

/// The entry of one finding in a Region's state, if it has one; otherwise why the state can't be trusted.
pub(crate) async fn find_entry(
    ports: &impl Objects,
    account: AccountId,
    region: RegionName,
    key: FindingKey,
) -> Result<Result<Option<Entry>, StateError>, PortError> {
    let Some(mut entries) = Entries::open(ports, state_key(account, region)).await? else { return Ok(Ok(None)) };
    let mut found: Option<Entry> = None;
    loop {
        match entries.next().await {
            // Of several entries with one key, the one with the latest time counts; of equal times, the last entry.
            Ok(Some(entry)) if entry.meta.key == key => {
                if found.as_ref().is_none_or(|found| found.meta.updated_ms <= entry.meta.updated_ms) {
                    found = Some(entry);
                }
            }
            Ok(Some(_)) => {}
            Ok(None) => return Ok(Ok(found)),
            Err(ReadError::State(error)) => return Ok(Err(error)),
            Err(ReadError::Port(error)) => return Err(error),
        }
    }
}

impl Entries {
    async fn open(ports: &impl Objects, key: String) -> Result<Option<Self>, PortError> {
        let Some(object) = ports.object(&key).await? else { return Ok(None) };
        let failed = |error: std::io::Error| PortError { action: format!("read {key}"), message: error.to_string() };
        let reader = StateReader::new().map_err(failed)?;
        Ok(Some(Self { etag: object.etag, body: object.body, reader, key }))
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Entry>, ReadError> {
        loop {
            match self.reader.step().map_err(ReadError::State)? {
                StateStep::Entry(entry) if self.reader.is_first_version() => {
                    let meta = upgraded_meta(&entry, self.region());
                    return Ok(Some(Entry { meta, ..entry }));
                }
                StateStep::Entry(entry) => return Ok(Some(entry)),
                StateStep::Done => return Ok(None),
                StateStep::NeedInput => match self.body.next().await {
                    Some(Ok(chunk)) => self.reader.feed(chunk),
                    None => self.reader.end_of_input(),
                    Some(Err(error)) => return Err(ReadError::Port(self.failed(&error))),
                },
            }
        }
    }

    fn region(&self) -> Option<RegionName> {
        self.reader.header().map(|header| header.region)
    }

    fn failed(&self, error: &impl ToString) -> PortError {
        PortError { action: format!("read {}", self.key), message: error.to_string() }
    }
}

impl ReadError {
    /// The error of a second reading: the first reading trusted the file, so the store is at fault.
    pub(crate) fn on_second_read(self, key: &str) -> PortError {
        match self {
            Self::Port(error) => error,
            Self::State(error) => PortError { action: format!("read {key} again"), message: error.to_string() },
        }
    }
}

//! Compares what a Region's hub holds with the state, and fixes the difference: what the hub lacks, or has in an older
//! version, is resent as it was last sent; what the state does not know is taken over into it.
//!
//! Promise: nothing is fixed unless the hub was read to its end. A finding that was sent a moment ago may be missing from
//! the service's answers (contract 3.1); it is resent, which harms nothing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use asff::RegionName;

use super::conclude::Conclusion;
use super::region::{RegionWorker, WorkerResult};
use crate::delivery::stamp::once_more;
use crate::ports::{CallError, PortError, Ports};
use crate::report::Drift;
use crate::state::{
    Entry, FindingKey, FindingMeta, Pages, RegionState, Stored, Unread, is_archived, repeated, status_of, taken_over,
};

/// Findings of the hub that the state must learn of, before they are written: some hundred KB.
type HubFindings = Vec<(FindingMeta, Vec<u8>)>;

/// How a finding of the hub stands to the state's.
enum HubDifference {
    /// The state has nothing, or something older.
    StatusChanges,
    /// The hub has something older, or what was archived.
    Stale,
    Same,
}

impl<P: Ports> RegionWorker<P> {
    pub(in crate::delivery) async fn reconcile(mut self, dry_run: bool) -> WorkerResult {
        let compared = self.compare(dry_run).await;
        self.note(compared);
        self.conclude(Conclusion::default()).await
    }

    async fn compare(&mut self, dry_run: bool) -> Result<(), PortError> {
        if !self.reach().await {
            return Ok(());
        }
        self.work.region_state = Some(Box::new(RegionState::open(self.ports.clone(), self.header.clone()).await?));
        let mut drift = Drift::default();
        let mut found = HashMap::new();
        let read = self.read_hub(&mut drift, &mut found, dry_run).await?;
        if let Err(error) = read {
            drift.unread = Some(error);
        } else {
            self.repair(&mut drift, found, dry_run).await?;
        }
        if dry_run || drift.unread.is_some() {
            // What was written meanwhile is dropped; the state stays as it was.
            self.work.region_state = None;
            self.work.report.adopted = 0;
        } else {
            drift.fixed = self.work.report.adopted + self.work.counts.sent;
            // All was read: what an adoption left out is there now.
            if let Some(region_state) = &mut self.work.region_state
                && region_state.header.tail.adopting.take().is_some()
            {
                region_state.touch().await?;
            }
        }
        self.work.report.drift = Some(drift);
        Ok(())
    }

    /// Reads the hub's findings. Of those that the state has, `found` says which must be resent.
    async fn read_hub(
        &mut self,
        drift: &mut Drift,
        found: &mut HashMap<FindingKey, bool>,
        dry_run: bool,
    ) -> Result<Result<(), String>, PortError> {
        let lane = self.sender.lane();
        let (hub, until) = (lane.hub.clone(), lane.give_up_at);
        let mut pages = Pages::new(&hub, self.header.region, until);
        loop {
            let page = match pages.next().await {
                Ok(Some(page)) => page,
                Ok(None) => return Ok(Ok(())),
                Err(error) => return Ok(Err(unread(&error))),
            };
            let mut learnt = HubFindings::new();
            for finding in &page {
                let now_ms = self.ports.now().as_millisecond();
                let Some((meta, json)) = taken_over(finding, self.header.region, &self.policy.regions, now_ms) else {
                    continue;
                };
                let Some(region_state) = &self.work.region_state else { continue };
                let known = region_state.index.get(meta.key).copied();
                let standing = compare(known.as_ref(), &meta);
                if found.insert(meta.key, matches!(standing, HubDifference::Stale)).is_some() {
                    continue;
                }
                match (standing, known) {
                    (HubDifference::Same, _) => drift.same += 1,
                    (HubDifference::Stale, _) => drift.different += 1,
                    (HubDifference::StatusChanges, None) => {
                        drift.unknown += 1;
                        learnt.push((meta, json));
                    }
                    (HubDifference::StatusChanges, Some(known)) => {
                        drift.different += 1;
                        learnt.push((FindingMeta { first_seen_ms: known.first_seen_ms, ..meta }, json));
                    }
                }
            }
            self.learn(learnt, dry_run).await?;
        }
    }

    async fn learn(&mut self, learnt: HubFindings, dry_run: bool) -> Result<(), PortError> {
        let Some(region_state) = self.work.region_state.as_mut().filter(|_| !dry_run) else { return Ok(()) };
        for (meta, json) in learnt {
            region_state.record(&meta, &json).await?;
            self.work.report.adopted += 1;
        }
        Ok(())
    }

    /// Sends again what the hub lacks, or has otherwise than it was last sent.
    async fn repair(
        &mut self,
        drift: &mut Drift,
        found: HashMap<FindingKey, bool>,
        dry_run: bool,
    ) -> Result<(), PortError> {
        let Some(region_state) = &self.work.region_state else { return Ok(()) };
        let of_state = |(meta, _): (&FindingMeta, _)| meta.is_live().then_some(meta.key);
        let missing: HashSet<FindingKey> =
            region_state.index.iter().filter_map(of_state).filter(|key| !found.contains_key(key)).collect();
        let regions = self.policy.regions.clone();
        let now = self.ports.now();
        let lost = Arc::new(AtomicU64::new(0));
        let counted = lost.clone();
        let choose = move |_: RegionName, entry: &Entry| {
            let is_missing = missing.contains(&entry.meta.key);
            // A call that archived it had no answer: it is archived, as it should be.
            if is_missing && is_archived(&entry.json) {
                return Ok(None);
            }
            if is_missing {
                counted.fetch_add(1, Ordering::Relaxed);
            } else if found.get(&entry.meta.key) != Some(&true) {
                return Ok(None);
            }
            let stored = match entry.meta.stored {
                Stored::Uncertain if !is_archived(&entry.json) => {
                    Stored::Active(status_of(&entry.meta, &entry.json, &regions))
                }
                Stored::Uncertain => Stored::Archived(status_of(&entry.meta, &entry.json, &regions)),
                stored => stored,
            };
            // A millisecond later, so that the service takes it.
            let updated_ms = entry.meta.updated_ms + 1;
            let finding =
                once_more(&entry.meta, stored, updated_ms, now, |updated_at| repeated(&entry.json, updated_at));
            finding.map(|finding| (!dry_run).then_some(finding))
        };
        self.pass(&choose).await?;
        drift.missing = lost.load(Ordering::Relaxed);
        // Whatever was sent has its fate; there is no file to read from.
        self.work.counts.read = self.work.counts.accounted();
        Ok(())
    }
}

/// How the hub's version of a finding, which is live there, stands to the state's.
fn compare(known: Option<&FindingMeta>, hub: &FindingMeta) -> HubDifference {
    match known {
        None => HubDifference::StatusChanges,
        Some(known) if known.is_tombstone() || known.updated_ms < hub.updated_ms => HubDifference::StatusChanges,
        Some(known) if known.updated_ms == hub.updated_ms && known.is_live() => HubDifference::Same,
        Some(_) => HubDifference::Stale,
    }
}

fn unread(error: &Unread) -> String {
    match error {
        Unread::Call(CallError::AccessDenied(message)) => format!("{message}. Allow the role securityhub:GetFindings"),
        other => other.to_string(),
    }
}

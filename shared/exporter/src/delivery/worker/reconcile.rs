//! Compares a Region's hub with the state, and corrects the differences: findings that the hub lacks, or has in an
//! older version, are resent as they were last sent; findings that the state does not have are adopted.
//!
//! Guarantee: nothing is corrected unless the hub was read to its end. A finding that was sent recently may be missing
//! from the service's responses (contract 3.1); it is resent, which has no adverse effect.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use asff::RegionName;

use super::conclude::Conclusion;
use super::region::{RegionWorker, WorkerResult};
use crate::delivery::stamp::resend_stored;
use crate::ports::{CallError, PortError, Ports};
use crate::report::Drift;
use crate::state::{
    Entry, FindingKey, FindingMeta, Pages, Stored, Unread, is_archived, read_hub_finding, resent, status_of,
};

/// Findings of the hub that the state lacks, before they are written: some hundred KB.
type HubFindings = Vec<(FindingMeta, Vec<u8>)>;

/// How a finding of the hub differs from the state's version.
enum HubDifference {
    /// The state does not have the finding, or has an older version.
    Newer,
    /// The hub has an older version, or the state has the finding as archived.
    Stale,
    Same,
}

impl<P: Ports> RegionWorker<P> {
    pub(in crate::delivery) async fn reconcile(mut self, dry_run: bool) -> WorkerResult {
        let compared = self.compare_with_hub(dry_run).await;
        self.note_error(compared);
        self.conclude(Conclusion::default()).await
    }

    async fn compare_with_hub(&mut self, dry_run: bool) -> Result<(), PortError> {
        if !self.check_hub().await {
            return Ok(());
        }
        self.state.region_state = Some(Box::new(self.read_region_state().await?));
        self.expect_active();
        let mut drift = Drift::default();
        let mut found = HashMap::new();
        let read = self.read_hub(&mut drift, &mut found, dry_run).await?;
        if let Err(error) = read {
            drift.unread = Some(error);
        } else {
            self.resend_differences(&mut drift, found, dry_run).await?;
        }
        if dry_run || drift.unread.is_some() {
            // Whatever was written to the next state is dropped; the state stays as it was.
            self.state.region_state = None;
            self.state.report.adopted = 0;
        } else {
            drift.fixed = self.state.report.adopted + self.state.counts.sent;
            // The hub was read to its end: the state now has what an unfinished adoption lacked.
            if let Some(region_state) = &mut self.state.region_state
                && (region_state.header.tail.unverified_at.take().is_some()
                    | region_state.header.tail.adopting.take().is_some())
            {
                region_state.start_next().await?;
            }
        }
        self.state.report.drift = Some(drift);
        Ok(())
    }

    /// Reads the hub's findings. `found` gets each of them, with true if it must be resent.
    async fn read_hub(
        &mut self,
        drift: &mut Drift,
        found: &mut HashMap<FindingKey, bool>,
        dry_run: bool,
    ) -> Result<Result<(), String>, PortError> {
        let config = self.sender.config();
        let (hub, until) = (config.hub.clone(), config.give_up_at);
        let mut pages = Pages::new(&hub, self.header.region, until);
        loop {
            let page = match pages.next().await {
                Ok(Some(page)) => page,
                Ok(None) => return Ok(Ok(())),
                Err(error) => return Ok(Err(unread_message(&error))),
            };
            self.sender.config().progress.add_read_from(self.header.region, page.len() as u64);
            let mut found_in_hub = HubFindings::new();
            for finding in &page {
                let now_ms = self.ports.now().as_millisecond();
                let Some((meta, json)) = read_hub_finding(finding, self.header.region, &self.policy.regions, now_ms)
                else {
                    continue;
                };
                let Some(region_state) = &self.state.region_state else { continue };
                let known = region_state.index.get(meta.key).copied();
                let difference = difference(known.as_ref(), &meta);
                if found.insert(meta.key, matches!(difference, HubDifference::Stale)).is_some() {
                    continue;
                }
                match (difference, known) {
                    (HubDifference::Same, _) => drift.same += 1,
                    (HubDifference::Stale, _) => drift.different += 1,
                    (HubDifference::Newer, None) => {
                        drift.unknown += 1;
                        found_in_hub.push((meta, json));
                    }
                    (HubDifference::Newer, Some(known)) => {
                        drift.different += 1;
                        found_in_hub.push((FindingMeta { first_seen_ms: known.first_seen_ms, ..meta }, json));
                    }
                }
            }
            self.record_hub_findings(found_in_hub, dry_run).await?;
        }
    }

    async fn record_hub_findings(&mut self, found_in_hub: HubFindings, dry_run: bool) -> Result<(), PortError> {
        let Some(region_state) = self.state.region_state.as_mut().filter(|_| !dry_run) else { return Ok(()) };
        for (meta, json) in found_in_hub {
            region_state.record(&meta, &json).await?;
            self.state.report.adopted += 1;
        }
        Ok(())
    }

    /// Resends findings that the hub lacks, or that differ from the version last sent.
    async fn resend_differences(
        &mut self,
        drift: &mut Drift,
        found: HashMap<FindingKey, bool>,
        dry_run: bool,
    ) -> Result<(), PortError> {
        let Some(region_state) = &self.state.region_state else { return Ok(()) };
        let of_state = |(meta, _): (&FindingMeta, _)| meta.is_active().then_some(meta.key);
        let missing: HashSet<FindingKey> =
            region_state.index.iter().filter_map(of_state).filter(|key| !found.contains_key(key)).collect();
        let regions = self.policy.regions.clone();
        let unsent: HashSet<FindingKey> = found
            .iter()
            .filter(|(_, is_stale)| **is_stale)
            .map(|(key, _)| *key)
            .chain(missing.iter().copied())
            .collect();
        let now = self.ports.now();
        let missing_count = Arc::new(AtomicU64::new(0));
        let counted = missing_count.clone();
        let select = move |_: RegionName, entry: &Entry| {
            let is_missing = missing.contains(&entry.meta.key);
            // A call that archived the finding had no response: the finding is archived, as intended.
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
            // A millisecond later, so that the service accepts it.
            let updated_ms = entry.meta.updated_ms + 1;
            let finding =
                resend_stored(&entry.meta, stored, updated_ms, now, |updated_at| resent(&entry.json, updated_at));
            finding.map(|finding| (!dry_run).then_some(finding))
        };
        self.send_selected(&select).await?;
        drift.missing = missing_count.load(Ordering::Relaxed);
        if !dry_run {
            self.distrust(&unsent).await?;
        }
        // Every sent finding has an outcome by now; no scan file was read.
        self.state.counts.read = self.state.counts.accounted();
        Ok(())
    }

    /// Records that Security Hub does not have these findings as the state has them, if they could not be sent again: the next
    /// scan sends them.
    async fn distrust(&mut self, unsent: &HashSet<FindingKey>) -> Result<(), PortError> {
        let Some(region_state) = &mut self.state.region_state else { return Ok(()) };
        let is_left = |meta: &FindingMeta| unsent.contains(&meta.key) && meta.is_active();
        if !region_state.index.unreplaced().any(|(meta, _)| is_left(meta)) {
            return Ok(());
        }
        let Some(mut entries) = region_state.entries().await? else { return Ok(()) };
        while let Some(entry) = entries.next().await.map_err(|error| error.on_second_read("the state"))? {
            if is_left(&entry.meta) && !is_archived(&entry.json) && region_state.index.is_current(&entry.meta) {
                let meta = FindingMeta { stored: Stored::Uncertain, ..entry.meta };
                region_state.record(&meta, &entry.json).await?;
            }
        }
        Ok(())
    }
}

/// How the hub's version of a finding, which is active in the hub, differs from the state's.
fn difference(known: Option<&FindingMeta>, hub: &FindingMeta) -> HubDifference {
    match known {
        None => HubDifference::Newer,
        Some(known) if known.is_tombstone() || known.updated_ms < hub.updated_ms => HubDifference::Newer,
        Some(known) if known.updated_ms == hub.updated_ms && known.is_active() => HubDifference::Same,
        Some(_) => HubDifference::Stale,
    }
}

fn unread_message(error: &Unread) -> String {
    match error {
        Unread::Call(CallError::AccessDenied(message)) => format!("{message}. Allow the role securityhub:GetFindings"),
        other => other.to_string(),
    }
}

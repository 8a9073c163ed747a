//! Prepares what a Region needs to judge the findings of its state.

use std::collections::{BTreeMap, HashMap};

use asff::RegionName;
use jiff::Timestamp;

use super::conclude::Conclusion;
use super::judge::{Judge, Judgment, ReportingRegions, Tally, Verdicts, is_limited};
use super::region::RegionWorker;
use crate::evidence::service;
use crate::ports::{PortError, Ports};
use crate::report::{PendingClass, PendingSums, Unproven};
use crate::state::{FindingKey, FindingMeta, RegionState, ScanCode, SeenInScan, UNATTRIBUTED, finding_home};

impl<P: Ports> RegionWorker<P> {
    /// Prepares to judge: finds the home Regions of absent findings of other Regions.
    pub(crate) async fn prepare_judging(&mut self, verdicts: Verdicts, has_response: ReportingRegions) {
        let now_ms = self.ports.now().as_millisecond();
        let is_absent = |meta: &FindingMeta, seen| {
            let is_unattributed =
                || self.state.region_state.as_ref().is_some_and(|region_state| region_state.is_unattributed(meta));
            meta.foreign && seen == SeenInScan::Not && (meta.is_active() || is_unattributed())
        };
        let home_regions = match self.read_home_regions(is_absent).await {
            Ok(home_regions) => home_regions,
            Err(error) => {
                self.note_error(Err(error));
                HashMap::new()
            }
        };
        self.state.judging = Some(Judge { verdicts, reporting: has_response, home_regions, now_ms });
    }

    /// Reads the Regions of all active copies, because the sums of a pending archive are by the Region of the resource. The
    /// judgments don't change: the Regions of all findings that may be absent were read before.
    pub(crate) async fn learn_home_regions(&mut self) {
        let home_regions = self.read_home_regions(|meta, _| meta.foreign && meta.is_active()).await;
        match (home_regions, &mut self.state.judging) {
            (Ok(home_regions), Some(judge)) => judge.home_regions.extend(home_regions),
            (Ok(_), None) => {}
            (Err(error), _) => self.note_error(Err(error)),
        }
    }

    /// The Regions of the copies in this Region. Empty if no finding needs them.
    async fn read_home_regions(
        &self,
        is_needed: impl Fn(&FindingMeta, SeenInScan) -> bool,
    ) -> Result<HashMap<FindingKey, RegionName>, PortError> {
        let mut home_regions = HashMap::new();
        let Some(region_state) = self.state.region_state.as_ref().filter(|_| self.state.error.is_none()) else {
            return Ok(home_regions);
        };
        if !region_state.index.iter().any(|(meta, seen)| is_needed(meta, seen)) {
            return Ok(home_regions);
        }
        let Some(mut entries) = region_state.entries().await? else { return Ok(home_regions) };
        while let Some(entry) = entries.next().await.map_err(|error| error.on_second_read("the state"))? {
            if entry.meta.foreign
                && let Some(home_region) = finding_home(&entry.json)
            {
                home_regions.insert(entry.meta.key, home_region);
            }
        }
        Ok(home_regions)
    }

    /// The judgment of a finding of the state.
    pub(in crate::delivery) fn judge(&self, meta: &FindingMeta, seen: SeenInScan) -> Judgment {
        if !self.policy.archive {
            return Judgment::Stays;
        }
        let (Some(judge), Some(region_state)) = (&self.state.judging, &self.state.region_state) else {
            return Judgment::Stays;
        };
        let judgment = judge.judge(region_state, meta, seen, self.newest_scan_ms(meta.key));
        judge.verdicts.restrict(judgment, meta.key)
    }

    /// The time of the newest scan that counts for a finding, in milliseconds since 1970.
    pub(in crate::delivery) fn newest_scan_ms(&self, key: FindingKey) -> i64 {
        let first_ms = self.header.scanned_at.map_or(0, |first| first.as_millisecond());
        self.state.times.get(&key).copied().unwrap_or(first_ms)
    }

    /// Counts the Region's findings by their judgment.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        let (Some(judge), Some(region_state)) = (&self.state.judging, &self.state.region_state) else { return tally };
        // By check and Region first: a finding costs one lookup.
        let mut places: HashMap<(u32, RegionName), (PendingSums, u64)> = HashMap::new();
        let home_of = |key| judge.home_regions.get(&key).copied().unwrap_or(region_state.header.region);
        if judge.verdicts.proof.is_complete() {
            for (key, resolution) in &self.state.late_resolutions {
                let check = region_state.index.get(*key).map_or(0, |meta| meta.check);
                places.entry((check, home_of(*key))).or_default().0.count(resolution.class());
            }
        }
        for (meta, seen) in region_state.index.iter() {
            let judgment = self.judge(meta, seen);
            // A finding that a setting filters does not count as one that could be archived. A finding that became
            // active with this scan was not active before it.
            let is_active = meta.is_active()
                && !self.state.newly_active.contains(&meta.key)
                && !meta.is_expired(judge.now_ms)
                && seen != SeenInScan::Filtered;
            let is_counted = is_active || (!meta.is_active() && judgment != Judgment::Stays);
            let resolved = match judgment {
                Judgment::Resolved(class) => Some(class).filter(|class| is_limited(*class)),
                _ => None,
            };
            let is_open = meta.is_active() && matches!(judgment, Judgment::Absent(_) | Judgment::Unproven(_));
            if !is_counted && resolved.is_none() && !is_open {
                continue;
            }
            let home_region = home_of(meta.key);
            let (sums, open) = places.entry((meta.check, home_region)).or_default();
            sums.active += u64::from(is_counted);
            *open += u64::from(is_open);
            resolved.into_iter().for_each(|class| sums.count(class));
            tally.unattributed += u64::from(resolved.is_some() && region_state.is_unattributed(meta));
            match judgment {
                Judgment::Absent(_) => tally.absent += u64::from(is_open),
                Judgment::Unproven(reason) if is_open => {
                    let service = service(region_state.check(meta.check).unwrap_or_default());
                    count(&mut tally.unproven, home_region, service, reason);
                }
                _ => {}
            }
        }
        for ((check, region), (sums, open)) in places {
            let service = service(region_state.check(check).unwrap_or_default());
            tally.sums.update(service, region, |all| all.add(&sums));
            tally.open.update(service, region, |all| *all += open);
        }
        tally
    }

    /// The conclusion, without archiving if the Region does not have all findings of the scan.
    pub(super) fn restrict(&self, conclusion: Conclusion) -> Conclusion {
        let may_archive = self.state.is_complete && self.sender.halt().is_none();
        if may_archive { conclusion } else { conclusion.without_archiving() }
    }

    /// Number of findings that the Region gets from this run, for its progress: those that it stored, and those that are
    /// archived next.
    pub(crate) fn findings_to_send(&self, conclusion: Conclusion) -> u64 {
        let stored = self.state.counts.sent + self.state.counts.archived;
        let Some(region_state) = self.state.region_state.as_ref().filter(|_| self.state.error.is_none()) else {
            return stored;
        };
        let conclusion = self.restrict(conclusion);
        let is_archived = |meta: &FindingMeta, seen| match self.judge(meta, seen) {
            Judgment::Resolved(class) => conclusion.archives(class) && !region_state.is_unattributed(meta),
            Judgment::Stays | Judgment::Absent(_) | Judgment::Unproven(_) => false,
        };
        let archived = region_state.index.unreplaced().filter(|(meta, seen)| is_archived(meta, *seen)).count();
        let is_complete = self.state.judging.as_ref().is_some_and(|judge| judge.verdicts.proof.is_complete());
        let late = if conclusion.archives && is_complete { self.state.late_resolutions.len() } else { 0 };
        stored + (archived + late) as u64
    }

    /// How the entry of a finding that is not sent changes in the next state.
    pub(in crate::delivery) fn entry_change(
        &self,
        meta: &FindingMeta,
        seen: SeenInScan,
        judgment: Judgment,
        full: bool,
    ) -> Change {
        let mut change = Change { absent: meta.absent, seen: SeenBy::Unchanged };
        let Some(region_state) = &self.state.region_state else { return change };
        let (at_ms, last_mentioned_ms) = (self.newest_scan_ms(meta.key), region_state.last_mentioned_ms(meta));
        if region_state.is_unattributed(meta) {
            change.absent = UNATTRIBUTED;
        }
        let is_there = match seen {
            SeenInScan::Filtered | SeenInScan::Manual | SeenInScan::Wanted => true,
            // The finding is archived, which agrees with the scan.
            SeenInScan::Passed | SeenInScan::Muted => !meta.is_active(),
            SeenInScan::Moved | SeenInScan::Not => false,
        };
        if meta.is_active() {
            change.absent = match (seen, judgment) {
                (SeenInScan::Moved, _) => meta.absent,
                // This run could not archive the finding either; the next attempt does.
                (SeenInScan::Passed | SeenInScan::Muted, _) if meta.is_unarchived() => meta.absent,
                (SeenInScan::Not, Judgment::Absent(absent)) => absent,
                (SeenInScan::Not, Judgment::Resolved(PendingClass::Absent)) => {
                    meta.absent.max(self.state.judging.as_ref().map_or(1, |judge| judge.verdicts.absent_scans))
                }
                (SeenInScan::Not, _) => meta.absent,
                // An entry that is not newer than what the state has proves nothing about the scans since.
                _ if at_ms <= last_mentioned_ms && !meta.is_unarchived() => meta.absent,
                _ => 0,
            };
        }
        change.seen = match meta.seen {
            ScanCode::NEWEST if is_there && full => SeenBy::Unchanged,
            _ if is_there && last_mentioned_ms < at_ms => {
                if full {
                    SeenBy::Newest
                } else {
                    SeenBy::Scan(at_ms)
                }
            }
            // In the next state, `NEWEST` refers to this scan, which does not have the finding.
            ScanCode::NEWEST if !is_there && full && meta.is_active() => {
                match region_state.full_before.map(Timestamp::as_millisecond) {
                    Some(full_ms) if full_ms > meta.updated_ms => SeenBy::Scan(full_ms),
                    _ => SeenBy::Unknown,
                }
            }
            _ => SeenBy::Unchanged,
        };
        change
    }
}

/// How the entry of a finding changes in the next state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::delivery) struct Change {
    absent: u8,
    seen: SeenBy,
}

/// The newest scan that had a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SeenBy {
    /// The scan that the state names.
    Unchanged,
    /// The newest scan of the whole account.
    Newest,
    /// The scan with this time, in milliseconds since 1970.
    Scan(i64),
    /// The scan is not known.
    Unknown,
}

impl Change {
    /// Whether the entry in the next state differs.
    pub(in crate::delivery) fn changes_entry(self, meta: &FindingMeta) -> bool {
        self.absent != meta.absent || self.seen != SeenBy::Unchanged
    }

    /// The entry in the next state.
    pub(in crate::delivery) fn apply<P: Ports>(
        self,
        meta: &FindingMeta,
        region_state: &mut RegionState<P>,
    ) -> FindingMeta {
        let seen = match self.seen {
            SeenBy::Unchanged => meta.seen,
            SeenBy::Newest => ScanCode::NEWEST,
            SeenBy::Scan(scan_ms) => region_state.scan_code(scan_ms),
            SeenBy::Unknown => ScanCode::UNKNOWN,
        };
        FindingMeta { absent: self.absent, seen, ..*meta }
    }
}

fn count(unproven: &mut Unproven, region: RegionName, service: &str, reason: &str) {
    let services: &mut BTreeMap<String, BTreeMap<String, u64>> = unproven.entry(region).or_default();
    *services.entry(service.to_owned()).or_default().entry(reason.to_owned()).or_default() += 1;
}

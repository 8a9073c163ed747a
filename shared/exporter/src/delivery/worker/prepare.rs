//! Learns what a Region needs to judge the findings that its state knows.

use std::collections::{BTreeMap, HashMap};

use asff::RegionName;
use jiff::Timestamp;

use super::judge::{Heard, Judge, Judgment, Tally, Verdicts, is_limited};
use super::region::RegionWorker;
use crate::evidence::service;
use crate::ports::{PortError, Ports};
use crate::report::{PendingClass, Unproven};
use crate::state::{FindingKey, FindingMeta, RegionState, ScanCode, SeenInScan, UNATTRIBUTED, finding_home};

impl<P: Ports> RegionWorker<P> {
    /// Gets ready to judge: learns which Regions the absent findings of other Regions are of.
    pub(crate) async fn prepare(&mut self, verdicts: Verdicts, heard: Heard) {
        let now_ms = self.ports.now().as_millisecond();
        let homes = match self.homes().await {
            Ok(homes) => homes,
            Err(error) => {
                self.note(Err(error));
                HashMap::new()
            }
        };
        self.work.judging = Some(Judge { verdicts, heard, homes, now_ms });
    }

    async fn homes(&self) -> Result<HashMap<FindingKey, RegionName>, PortError> {
        let mut homes = HashMap::new();
        let Some(region_state) = self.work.region_state.as_ref().filter(|_| self.work.error.is_none()) else {
            return Ok(homes);
        };
        let is_absent =
            |(meta, seen): (&FindingMeta, SeenInScan)| meta.foreign && meta.is_live() && seen == SeenInScan::Not;
        if !region_state.index.iter().any(is_absent) {
            return Ok(homes);
        }
        let Some(mut entries) = region_state.entries().await? else { return Ok(homes) };
        while let Some(entry) = entries.next().await.map_err(|error| error.again("the state"))? {
            if entry.meta.foreign
                && let Some(home) = finding_home(&entry.json)
            {
                homes.insert(entry.meta.key, home);
            }
        }
        Ok(homes)
    }

    /// What becomes of a finding that the state knows.
    pub(in crate::delivery) fn judge(&self, meta: &FindingMeta, seen: SeenInScan) -> Judgment {
        if !self.policy.archive {
            return Judgment::Stays;
        }
        let (Some(judge), Some(region_state)) = (&self.work.judging, &self.work.region_state) else {
            return Judgment::Stays;
        };
        judge.judge(region_state, meta, seen, self.at_ms(meta.key))
    }

    /// The time of the scan that has the last word on a finding, in milliseconds since 1970.
    pub(in crate::delivery) fn at_ms(&self, key: FindingKey) -> i64 {
        let first_ms = self.header.scanned_at.map_or(0, |first| first.as_millisecond());
        self.work.times.get(&key).copied().unwrap_or(first_ms)
    }

    /// Counts the Region's findings by what becomes of them.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        let (Some(judge), Some(region_state)) = (&self.work.judging, &self.work.region_state) else { return tally };
        if judge.verdicts.proof.is_complete() {
            tally.pending += self.work.resolved_late.len() as u64;
        }
        for (meta, seen) in region_state.index.iter() {
            let judgment = self.judge(meta, seen);
            // A setting that keeps a finding back does not count it among those that could be archived.
            // What became active by this scan was not before it.
            let is_active = meta.is_live()
                && !self.work.fresh.contains(&meta.key)
                && !meta.is_expired(judge.now_ms)
                && seen != SeenInScan::Filtered;
            tally.active += u64::from(is_active || (!meta.is_live() && judgment != Judgment::Stays));
            match judgment {
                Judgment::Stays => {}
                Judgment::Resolved(class) => tally.pending += u64::from(is_limited(class)),
                Judgment::Absent(_) => tally.absent += u64::from(meta.is_live()),
                Judgment::Unproven(reason) if meta.is_live() => {
                    let home = judge.homes.get(&meta.key).copied().unwrap_or(region_state.header.region);
                    let service = service(region_state.check(meta.check).unwrap_or_default());
                    count(&mut tally.unproven, home, service, reason);
                }
                Judgment::Unproven(_) => {}
            }
        }
        tally
    }

    /// What changes in the next state about a finding that is not sent.
    pub(in crate::delivery) fn change(
        &self,
        meta: &FindingMeta,
        seen: SeenInScan,
        judgment: Judgment,
        full: bool,
    ) -> Change {
        let mut change = Change { absent: meta.absent, seen: SeenBy::Same };
        let Some(region_state) = &self.work.region_state else { return change };
        let (at_ms, spoken_ms) = (self.at_ms(meta.key), region_state.spoken_ms(meta));
        if region_state.is_unattributed(meta) {
            change.absent = UNATTRIBUTED;
        }
        let is_there = match seen {
            SeenInScan::Filtered | SeenInScan::Manual | SeenInScan::Wanted => true,
            // It is archived, and the scan agrees.
            SeenInScan::Passed | SeenInScan::Muted => !meta.is_live(),
            SeenInScan::Moved | SeenInScan::Not => false,
        };
        if meta.is_live() {
            change.absent = match (seen, judgment) {
                (SeenInScan::Moved, _) => meta.absent,
                // What this run could not archive either, the next try does.
                (SeenInScan::Passed | SeenInScan::Muted, _) if meta.is_unarchived() => meta.absent,
                (SeenInScan::Not, Judgment::Absent(absent)) => absent,
                (SeenInScan::Not, Judgment::Resolved(PendingClass::Absent)) => {
                    meta.absent.max(self.work.judging.as_ref().map_or(1, |judge| judge.verdicts.absent_scans))
                }
                (SeenInScan::Not, _) => meta.absent,
                // An entry that is no newer than what the state knows says nothing about the scans since.
                _ if at_ms <= spoken_ms && !meta.is_unarchived() => meta.absent,
                _ => 0,
            };
        }
        change.seen = match meta.seen {
            ScanCode::NEWEST if is_there && full => SeenBy::Same,
            _ if is_there && spoken_ms < at_ms => {
                if full {
                    SeenBy::Newest
                } else {
                    SeenBy::Scan(at_ms)
                }
            }
            // The code for the newest scan is about to mean this one, which does not have it.
            ScanCode::NEWEST if !is_there && full && meta.is_live() => {
                match region_state.full_before.map(Timestamp::as_millisecond) {
                    Some(full_ms) if full_ms > meta.updated_ms => SeenBy::Scan(full_ms),
                    _ => SeenBy::Nobody,
                }
            }
            _ => SeenBy::Same,
        };
        change
    }
}

/// What changes in the next state about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::delivery) struct Change {
    absent: u8,
    seen: SeenBy,
}

/// The newest scan that had a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SeenBy {
    /// The one that the state names.
    Same,
    /// The newest one of the whole account.
    Newest,
    /// The one of this time, in milliseconds since 1970.
    Scan(i64),
    /// None that is known.
    Nobody,
}

impl Change {
    /// Whether the next state differs.
    pub(in crate::delivery) fn is_any(self, meta: &FindingMeta) -> bool {
        self.absent != meta.absent || self.seen != SeenBy::Same
    }

    /// The finding in the next state.
    pub(in crate::delivery) fn apply<P: Ports>(
        self,
        meta: &FindingMeta,
        region_state: &mut RegionState<P>,
    ) -> FindingMeta {
        let seen = match self.seen {
            SeenBy::Same => meta.seen,
            SeenBy::Newest => ScanCode::NEWEST,
            SeenBy::Scan(scan_ms) => region_state.code(scan_ms),
            SeenBy::Nobody => ScanCode::UNKNOWN,
        };
        FindingMeta { absent: self.absent, seen, ..*meta }
    }
}

fn count(unproven: &mut Unproven, region: RegionName, service: &str, reason: &str) {
    let services: &mut BTreeMap<String, BTreeMap<String, u64>> = unproven.entry(region).or_default();
    *services.entry(service.to_owned()).or_default().entry(reason.to_owned()).or_default() += 1;
}

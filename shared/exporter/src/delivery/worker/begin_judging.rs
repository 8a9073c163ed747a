//! Learns what a Region needs to judge the findings that its state knows.

use std::collections::{BTreeMap, HashMap};

use asff::RegionName;
use jiff::Timestamp;

use super::judge::{Heard, Judge, Judgment, Tally, Verdicts, is_limited};
use super::region::RegionWorker;
use crate::evidence::service;
use crate::ports::{PortError, Ports};
use crate::report::{PendingClass, Unproven};
use crate::state::{Key, RegionState, ScanCode, Seen, Slot, UNATTRIBUTED, finding_home};

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

    async fn homes(&self) -> Result<HashMap<Key, RegionName>, PortError> {
        let mut homes = HashMap::new();
        let Some(region_state) = self.work.region_state.as_ref().filter(|_| self.work.error.is_none()) else {
            return Ok(homes);
        };
        let is_absent = |(slot, seen): (&Slot, Seen)| slot.foreign && slot.is_live() && seen == Seen::Not;
        if !region_state.index.iter().any(is_absent) {
            return Ok(homes);
        }
        let Some(mut entries) = region_state.entries().await? else { return Ok(homes) };
        while let Some(entry) = entries.next().await.map_err(|error| error.again("the state"))? {
            if entry.slot.foreign
                && let Some(home) = finding_home(&entry.json)
            {
                homes.insert(entry.slot.key, home);
            }
        }
        Ok(homes)
    }

    /// What becomes of a finding that the state knows.
    pub(in crate::delivery) fn judge(&self, slot: &Slot, seen: Seen) -> Judgment {
        if !self.policy.archive {
            return Judgment::Stays;
        }
        let (Some(judge), Some(region_state)) = (&self.work.judging, &self.work.region_state) else {
            return Judgment::Stays;
        };
        judge.judge(region_state, slot, seen, self.at_ms(slot.key))
    }

    /// The time of the scan that has the last word on a finding, in milliseconds since 1970.
    pub(in crate::delivery) fn at_ms(&self, key: Key) -> i64 {
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
        for (slot, seen) in region_state.index.iter() {
            let judgment = self.judge(slot, seen);
            // A setting that keeps a finding back does not count it among those that could be archived.
            // What became active by this scan was not before it.
            let is_active = slot.is_live()
                && !self.work.fresh.contains(&slot.key)
                && !slot.is_expired(judge.now_ms)
                && seen != Seen::Filtered;
            tally.active += u64::from(is_active || (!slot.is_live() && judgment != Judgment::Stays));
            match judgment {
                Judgment::Stays => {}
                Judgment::Resolved(class) => tally.pending += u64::from(is_limited(class)),
                Judgment::Absent(_) => tally.absent += u64::from(slot.is_live()),
                Judgment::Unproven(reason) if slot.is_live() => {
                    let home = judge.homes.get(&slot.key).copied().unwrap_or(region_state.header.region);
                    let service = service(region_state.check(slot.check).unwrap_or_default());
                    count(&mut tally.unproven, home, service, reason);
                }
                Judgment::Unproven(_) => {}
            }
        }
        tally
    }

    /// What changes in the next state about a finding that is not sent.
    pub(in crate::delivery) fn change(&self, slot: &Slot, seen: Seen, judgment: Judgment, full: bool) -> Change {
        let mut change = Change { absent: slot.absent, seen: SeenBy::Same };
        let Some(region_state) = &self.work.region_state else { return change };
        let (at_ms, spoken_ms) = (self.at_ms(slot.key), region_state.spoken_ms(slot));
        if region_state.is_unattributed(slot) {
            change.absent = UNATTRIBUTED;
        }
        let is_there = match seen {
            Seen::Filtered | Seen::Manual | Seen::Wanted => true,
            // It is archived, and the scan agrees.
            Seen::Passed | Seen::Muted => !slot.is_live(),
            Seen::Moved | Seen::Not => false,
        };
        if slot.is_live() {
            change.absent = match (seen, judgment) {
                (Seen::Moved, _) => slot.absent,
                // What this run could not archive either, the next try does.
                (Seen::Passed | Seen::Muted, _) if slot.is_unarchived() => slot.absent,
                (Seen::Not, Judgment::Absent(absent)) => absent,
                (Seen::Not, Judgment::Resolved(PendingClass::Absent)) => {
                    slot.absent.max(self.work.judging.as_ref().map_or(1, |judge| judge.verdicts.absent_scans))
                }
                (Seen::Not, _) => slot.absent,
                // An entry that is no newer than what the state knows says nothing about the scans since.
                _ if at_ms <= spoken_ms && !slot.is_unarchived() => slot.absent,
                _ => 0,
            };
        }
        change.seen = match slot.seen {
            ScanCode::NEWEST if is_there && full => SeenBy::Same,
            _ if is_there && spoken_ms < at_ms => {
                if full {
                    SeenBy::Newest
                } else {
                    SeenBy::Scan(at_ms)
                }
            }
            // The code for the newest scan is about to mean this one, which does not have it.
            ScanCode::NEWEST if !is_there && full && slot.is_live() => {
                match region_state.full_before.map(Timestamp::as_millisecond) {
                    Some(full_ms) if full_ms > slot.updated_ms => SeenBy::Scan(full_ms),
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
    pub(in crate::delivery) fn is_any(self, slot: &Slot) -> bool {
        self.absent != slot.absent || self.seen != SeenBy::Same
    }

    /// The finding in the next state.
    pub(in crate::delivery) fn apply<P: Ports>(self, slot: &Slot, region_state: &mut RegionState<P>) -> Slot {
        let seen = match self.seen {
            SeenBy::Same => slot.seen,
            SeenBy::Newest => ScanCode::NEWEST,
            SeenBy::Scan(scan_ms) => region_state.code(scan_ms),
            SeenBy::Nobody => ScanCode::UNKNOWN,
        };
        Slot { absent: self.absent, seen, ..*slot }
    }
}

fn count(unproven: &mut Unproven, region: RegionName, service: &str, reason: &str) {
    let services: &mut BTreeMap<String, BTreeMap<String, u64>> = unproven.entry(region).or_default();
    *services.entry(service.to_owned()).or_default().entry(reason.to_owned()).or_default() += 1;
}

//! What a scan, read to its end, means for each finding that the state knows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use asff::RegionName;
use jiff::Timestamp;

use super::conclude::is_limited;
use super::region::RegionWorker;
use crate::coverage::Coverage;
use crate::evidence::{Absence, Proof, service};
use crate::integration::ArchiveScope;
use crate::ports::{PortError, Ports};
use crate::report::{PendingClass, Unproven};
use crate::state::{ABSENT_MAX, Key, Ledger, SCANS_APART_MS, ScanCode, Seen, Slot, UNATTRIBUTED, finding_home};

/// What the whole account's scan says, the same for all its Regions.
#[derive(Clone)]
pub(crate) struct Verdicts {
    pub(crate) proof: Arc<Proof>,
    pub(crate) coverage: Arc<Coverage>,
    pub(crate) scope: ArchiveScope,
    /// See `Integration::absent_scans`.
    pub(crate) absent_scans: u8,
    /// A user approved that unproven findings are archived.
    pub(crate) approves_unproven: bool,
    /// The scan's time, of several in the file the newest, never in the future.
    pub(crate) scanned_at: Timestamp,
    /// The same as the scanner's clock has it, which may be ahead: the scan's name, the same for each of its runs.
    pub(crate) dated: Timestamp,
}

/// The same, for one Region.
#[derive(Clone)]
pub(crate) struct Judge {
    pub(super) verdicts: Verdicts,
    /// The Regions whose findings can be judged here: they have said what the scan has of them.
    pub(super) heard: Heard,
    /// The Regions of foreign findings that are absent.
    pub(super) homes: HashMap<Key, RegionName>,
    pub(super) now_ms: i64,
}

/// The Regions that told a Region what the scan has of their findings, copies of which may be there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// A Region failed, or left findings to a later run; or this Region holds no copies.
    pub(crate) is_nothing: bool,
    /// Only the findings of these come to a Region that tells, if so: those of the others come to none.
    pub(crate) only: Option<Arc<BTreeSet<RegionName>>>,
}

impl Heard {
    fn has(&self, home: RegionName) -> bool {
        !self.is_nothing && self.only.as_ref().is_none_or(|only| only.contains(&home))
    }
}

/// What becomes of a finding that the state knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgment {
    /// It stays as it is.
    Stays,
    /// It is resolved, on this evidence.
    Resolved(PendingClass),
    /// It is absent, this often in a row by now, and not yet often enough.
    Absent(u8),
    /// Nothing is proven, for this reason.
    Unproven(&'static str),
}

/// A Region's findings, counted by what becomes of them.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Active findings that Security Hub holds, but for those that a setting keeps back.
    pub(crate) active: u64,
    /// Findings that are resolved.
    pub(crate) pending: u64,
    /// Findings that are absent, but not often enough.
    pub(crate) absent: u64,
    /// Findings that nothing is proven about.
    pub(crate) unproven: Unproven,
}

impl Judge {
    /// What becomes of a finding. `at_ms`: the time of the scan that `seen` is of.
    pub(super) fn judge<P: Ports>(&self, ledger: &Ledger<P>, slot: &Slot, seen: Seen, at_ms: i64) -> Judgment {
        // What was found archived after an aborted run was archived by it, unless the scan shows otherwise.
        let is_ours = slot.is_live() || ledger.is_unattributed(slot);
        if !is_ours || slot.is_expired(self.now_ms) {
            return Judgment::Stays;
        }
        // An archive that no report tells of, or that had no answer, is judged as if it had not been done yet: its time, which
        // may be this scan's, is none at which a scan had the finding.
        let is_undone = ledger.is_unattributed(slot) || slot.is_unarchived();
        let spoken_ms = if is_undone { i64::MIN } else { ledger.spoken_ms(slot) };
        let resolved = |class| match () {
            () if !self.verdicts.proof.is_complete() => Judgment::Stays,
            () if class == PendingClass::Moved && spoken_ms < at_ms.saturating_add(SCANS_APART_MS) => {
                Judgment::Resolved(class)
            }
            // Of two files of one scan the worse result counts; and what was sent since, as by a user who undid an archive.
            () if spoken_ms < at_ms => Judgment::Resolved(class),
            () => Judgment::Stays,
        };
        // A Region that failed may have had a worse result of the same time, which it could not pass on.
        let is_unheard = slot.foreign && self.heard.is_nothing;
        match seen {
            Seen::Passed | Seen::Muted if is_unheard => Judgment::Stays,
            Seen::Passed => resolved(PendingClass::Passed),
            Seen::Muted => resolved(PendingClass::Muted),
            Seen::Moved => resolved(PendingClass::Moved),
            Seen::Filtered | Seen::Manual | Seen::Wanted => Judgment::Stays,
            Seen::Not => self.judge_absent(ledger, slot, spoken_ms),
        }
    }

    fn judge_absent<P: Ports>(&self, ledger: &Ledger<P>, slot: &Slot, spoken_ms: i64) -> Judgment {
        let Verdicts { proof, coverage, scanned_at, dated, .. } = &self.verdicts;
        // The same scan, in another file, or a newer one had it.
        if spoken_ms >= scanned_at.as_millisecond() {
            return Judgment::Stays;
        }
        let home = if slot.foreign { self.homes.get(&slot.key).copied() } else { Some(ledger.header.region) };
        let (Some(home), check) = (home, ledger.check(slot.check).unwrap_or_default()) else { return Judgment::Stays };
        if (slot.foreign && !self.heard.has(home)) || coverage.has_newer_verdict(check, home, *scanned_at) {
            return Judgment::Stays;
        }
        match proof.judge(slot.check, service(check), home) {
            Absence::OutOfScope => Judgment::Stays,
            Absence::Proven => Judgment::Resolved(PendingClass::Proven),
            Absence::Unproven(_) if self.verdicts.approves_unproven => Judgment::Resolved(PendingClass::Unproven),
            Absence::Unproven(reason) => Judgment::Unproven(reason),
            Absence::Absent => {
                let is_it = |time: Option<Timestamp>| time == Some(*dated);
                let counted = ledger
                    .old
                    .as_ref()
                    .is_some_and(|old| is_it(old.tail.judged_at) && !(slot.foreign && is_it(old.tail.unheard_at)));
                let absent = if counted { slot.absent } else { (slot.absent + 1).min(ABSENT_MAX) };
                if absent >= self.verdicts.absent_scans || ledger.is_unattributed(slot) || slot.is_unarchived() {
                    Judgment::Resolved(PendingClass::Absent)
                } else {
                    Judgment::Absent(absent)
                }
            }
        }
    }
}

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
        let Some(ledger) = self.work.ledger.as_ref().filter(|_| self.work.error.is_none()) else { return Ok(homes) };
        let is_absent = |(slot, seen): (&Slot, Seen)| slot.foreign && slot.is_live() && seen == Seen::Not;
        if !ledger.index.iter().any(is_absent) {
            return Ok(homes);
        }
        let Some(mut entries) = ledger.entries().await? else { return Ok(homes) };
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
    pub(super) fn judge(&self, slot: &Slot, seen: Seen) -> Judgment {
        if !self.policy.archive {
            return Judgment::Stays;
        }
        let (Some(judge), Some(ledger)) = (&self.work.judging, &self.work.ledger) else { return Judgment::Stays };
        judge.judge(ledger, slot, seen, self.at_ms(slot.key))
    }

    /// The time of the scan that has the last word on a finding, in milliseconds since 1970.
    pub(super) fn at_ms(&self, key: Key) -> i64 {
        let first_ms = self.header.scanned_at.map_or(0, |first| first.as_millisecond());
        self.work.times.get(&key).copied().unwrap_or(first_ms)
    }

    /// Counts the Region's findings by what becomes of them.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        let (Some(judge), Some(ledger)) = (&self.work.judging, &self.work.ledger) else { return tally };
        if judge.verdicts.proof.is_complete() {
            tally.pending += self.work.resolved_late.len() as u64;
        }
        for (slot, seen) in ledger.index.iter() {
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
                    let home = judge.homes.get(&slot.key).copied().unwrap_or(ledger.header.region);
                    let service = service(ledger.check(slot.check).unwrap_or_default());
                    count(&mut tally.unproven, home, service, reason);
                }
                Judgment::Unproven(_) => {}
            }
        }
        tally
    }

    /// What changes in the next state about a finding that is not sent.
    pub(super) fn change(&self, slot: &Slot, seen: Seen, judgment: Judgment, full: bool) -> Change {
        let mut change = Change { absent: slot.absent, seen: SeenBy::Same };
        let Some(ledger) = &self.work.ledger else { return change };
        let (at_ms, spoken_ms) = (self.at_ms(slot.key), ledger.spoken_ms(slot));
        if ledger.is_unattributed(slot) {
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
                match ledger.full_before.map(Timestamp::as_millisecond) {
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
pub(super) struct Change {
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
    pub(super) fn is_any(self, slot: &Slot) -> bool {
        self.absent != slot.absent || self.seen != SeenBy::Same
    }

    /// The finding in the next state.
    pub(super) fn apply<P: Ports>(self, slot: &Slot, ledger: &mut Ledger<P>) -> Slot {
        let seen = match self.seen {
            SeenBy::Same => slot.seen,
            SeenBy::Newest => ScanCode::NEWEST,
            SeenBy::Scan(scan_ms) => ledger.code(scan_ms),
            SeenBy::Nobody => ScanCode::UNKNOWN,
        };
        Slot { absent: self.absent, seen, ..*slot }
    }
}

fn count(unproven: &mut Unproven, region: RegionName, service: &str, reason: &str) {
    let services: &mut BTreeMap<String, BTreeMap<String, u64>> = unproven.entry(region).or_default();
    *services.entry(service.to_owned()).or_default().entry(reason.to_owned()).or_default() += 1;
}

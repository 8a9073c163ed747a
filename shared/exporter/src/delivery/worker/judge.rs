//! What a scan, read to its end, means for each finding that the state knows.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use asff::RegionName;
use jiff::Timestamp;

use crate::coverage::Coverage;
use crate::evidence::{Absence, Proof, service};
use crate::integration::ArchiveScope;
use crate::ports::Ports;
use crate::report::{PendingClass, Unproven};
use crate::state::{ABSENT_MAX, FindingKey, FindingMeta, RegionState, SCANS_APART_MS, SeenInScan};

/// Whether findings that are resolved on this evidence count towards the limit: not those that a user approved by
/// themselves, nor copies of findings that stay active in their own Region.
pub(in crate::delivery) fn is_limited(class: PendingClass) -> bool {
    !matches!(class, PendingClass::Unproven | PendingClass::Moved)
}

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
    pub(crate) scan_time: Timestamp,
}

/// The same, for one Region.
#[derive(Clone)]
pub(crate) struct Judge {
    pub(in crate::delivery) verdicts: Verdicts,
    /// The Regions whose findings can be judged here: they have said what the scan has of them.
    pub(in crate::delivery) reporting: ReportingRegions,
    /// The Regions of foreign findings that are absent.
    pub(in crate::delivery) home_regions: HashMap<FindingKey, RegionName>,
    pub(in crate::delivery) now_ms: i64,
}

/// The Regions that told a Region what the scan has of their findings, copies of which may be there.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReportingRegions {
    /// A Region failed, or left findings to a later run; or this Region holds no copies.
    pub(crate) is_empty: bool,
    /// Only the findings of these come to a Region that tells, if so: those of the others come to none.
    pub(crate) only: Option<Arc<BTreeSet<RegionName>>>,
}

impl ReportingRegions {
    fn includes(&self, home_region: RegionName) -> bool {
        !self.is_empty && self.only.as_ref().is_none_or(|only| only.contains(&home_region))
    }
}

/// What becomes of a finding that the state knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::delivery) enum Judgment {
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
    /// Active findings that Security Hub holds, but for those that a setting filters.
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
    pub(in crate::delivery) fn judge<P: Ports>(
        &self,
        region_state: &RegionState<P>,
        meta: &FindingMeta,
        seen: SeenInScan,
        at_ms: i64,
    ) -> Judgment {
        // What was found archived after an aborted run was archived by it, unless the scan shows otherwise.
        let is_ours = meta.is_active() || region_state.is_unattributed(meta);
        if !is_ours || meta.is_expired(self.now_ms) {
            return Judgment::Stays;
        }
        // An archive that no report tells of, or that had no answer, is judged as if it had not been done yet: its time, which
        // may be this scan's, is none at which a scan had the finding.
        let is_undone = region_state.is_unattributed(meta) || meta.is_unarchived();
        let last_mentioned_ms = if is_undone { i64::MIN } else { region_state.last_mentioned_ms(meta) };
        let resolved = |class| match () {
            () if !self.verdicts.proof.is_complete() => Judgment::Stays,
            () if class == PendingClass::Moved && last_mentioned_ms < at_ms.saturating_add(SCANS_APART_MS) => {
                Judgment::Resolved(class)
            }
            // Of two files of one scan the worse result counts; and what was sent since, as by a user who undid an archive.
            () if last_mentioned_ms < at_ms => Judgment::Resolved(class),
            () => Judgment::Stays,
        };
        // A Region that failed may have had a worse result of the same time, which it could not pass on.
        let is_unheard = meta.foreign && self.reporting.is_empty;
        match seen {
            SeenInScan::Passed | SeenInScan::Muted if is_unheard => Judgment::Stays,
            SeenInScan::Passed => resolved(PendingClass::Passed),
            SeenInScan::Muted => resolved(PendingClass::Muted),
            SeenInScan::Moved => resolved(PendingClass::Moved),
            SeenInScan::Filtered | SeenInScan::Manual | SeenInScan::Wanted => Judgment::Stays,
            SeenInScan::Not => self.judge_absent(region_state, meta, last_mentioned_ms),
        }
    }

    fn judge_absent<P: Ports>(
        &self,
        region_state: &RegionState<P>,
        meta: &FindingMeta,
        last_mentioned_ms: i64,
    ) -> Judgment {
        let Verdicts { proof, coverage, scanned_at, scan_time, .. } = &self.verdicts;
        // The same scan, in another file, or a newer one had it.
        if last_mentioned_ms >= scanned_at.as_millisecond() {
            return Judgment::Stays;
        }
        let home_region =
            if meta.foreign { self.home_regions.get(&meta.key).copied() } else { Some(region_state.header.region) };
        let (Some(home_region), check) = (home_region, region_state.check(meta.check).unwrap_or_default()) else {
            return Judgment::Stays;
        };
        if (meta.foreign && !self.reporting.includes(home_region))
            || coverage.has_newer_verdict(check, home_region, *scanned_at)
        {
            return Judgment::Stays;
        }
        match proof.judge(meta.check, service(check), home_region) {
            Absence::OutOfScope => Judgment::Stays,
            Absence::Proven => Judgment::Resolved(PendingClass::Proven),
            Absence::Unproven(_) if self.verdicts.approves_unproven => Judgment::Resolved(PendingClass::Unproven),
            Absence::Unproven(reason) => Judgment::Unproven(reason),
            Absence::Absent => {
                let is_it = |time: Option<Timestamp>| time == Some(*scan_time);
                let counted = region_state
                    .old
                    .as_ref()
                    .is_some_and(|old| is_it(old.tail.judged_at) && !(meta.foreign && is_it(old.tail.unheard_at)));
                let absent = if counted { meta.absent } else { (meta.absent + 1).min(ABSENT_MAX) };
                if absent >= self.verdicts.absent_scans || region_state.is_unattributed(meta) || meta.is_unarchived() {
                    Judgment::Resolved(PendingClass::Absent)
                } else {
                    Judgment::Absent(absent)
                }
            }
        }
    }
}

//! What a scan that was read to its end proves about each finding of the state.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use asff::RegionName;
use jiff::Timestamp;

use crate::evidence::coverage::Coverage;
use crate::evidence::{Absence, Proof, service};
use crate::grouped::Grouped;
use crate::model::integration::ArchiveScope;
use crate::ports::Ports;
use crate::report::{PendingClass, PendingSums, Unproven};
use crate::state::{ABSENT_MAX, FindingKey, FindingMeta, RegionState, SCANS_APART_MS, SeenInScan};

/// Whether findings that are resolved on this evidence count toward the limit. Findings that a user approved
/// separately don't count, nor do copies of findings that stay active in their own Region.
pub(in crate::delivery) fn is_limited(class: PendingClass) -> bool {
    !matches!(class, PendingClass::Unproven | PendingClass::Moved)
}

/// The evidence of the account's scan, the same for all its Regions.
#[derive(Clone)]
pub(crate) struct Verdicts {
    pub(crate) proof: Arc<Proof>,
    pub(crate) coverage: Arc<Coverage>,
    pub(crate) scope: ArchiveScope,
    /// See `Integration::absent_scans`.
    pub(crate) absent_scans: u8,
    /// A user approved that unproven findings are archived.
    pub(crate) approves_unproven: bool,
    /// A user approved that resolved findings above the limit are archived.
    pub(crate) approves_pending: bool,
    /// The findings about which the user decided. `None` if there is no list.
    pub(crate) listed: Option<Arc<HashSet<FindingKey>>>,
    /// The scan time, never in the future. If the file has several scans, the time of the newest.
    pub(crate) scanned_at: Timestamp,
    /// The scan time by the scanner's clock, which may be ahead. It identifies the scan and is the same in each of its
    /// runs.
    pub(crate) scan_time: Timestamp,
}

impl Verdicts {
    /// Whether a user who approves knows of the finding.
    fn is_listed(&self, key: FindingKey) -> bool {
        self.listed.as_ref().is_none_or(|listed| listed.contains(&key))
    }

    /// A finding that the user did not see does not exceed the limit because of the approval: the next scan judges it.
    pub(in crate::delivery) fn restrict(&self, judgment: Judgment, key: FindingKey) -> Judgment {
        match judgment {
            Judgment::Resolved(class) if is_limited(class) && self.approves_pending && !self.is_listed(key) => {
                Judgment::Stays
            }
            judgment => judgment,
        }
    }
}

/// The evidence for one Region.
#[derive(Clone)]
pub(crate) struct Judge {
    pub(in crate::delivery) verdicts: Verdicts,
    /// The Regions whose findings can be judged here, since they reported how the scan shows their findings.
    pub(in crate::delivery) reporting: ReportingRegions,
    /// The home Regions of foreign findings that are absent.
    pub(in crate::delivery) home_regions: HashMap<FindingKey, RegionName>,
    pub(in crate::delivery) now_ms: i64,
}

/// The Regions that reported how the scan shows their findings, of which this Region may have copies.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReportingRegions {
    /// True if a Region failed or deferred findings to a later run, or if this Region has no copies.
    pub(crate) is_empty: bool,
    /// The Regions whose findings are reported. `None` if there is no restriction. The findings of other Regions are
    /// not exported.
    pub(crate) only: Option<Arc<BTreeSet<RegionName>>>,
}

impl ReportingRegions {
    fn includes(&self, home_region: RegionName) -> bool {
        !self.is_empty && self.only.as_ref().is_none_or(|only| only.contains(&home_region))
    }
}

/// The judgment of a finding of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::delivery) enum Judgment {
    /// The finding stays as it is.
    Stays,
    /// The finding is resolved on this evidence.
    Resolved(PendingClass),
    /// The finding is absent, now in this number of consecutive scans, which is not yet enough.
    Absent(u8),
    /// Its absence is unproven, for this reason.
    Unproven(&'static str),
}

/// A Region's findings, counted by their judgment.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Active findings in Security Hub, except those that a setting filters, and those of them that are resolved.
    pub(crate) sums: Grouped<PendingSums>,
    /// Active findings that are absent from the scan and stay active for now.
    pub(crate) open: Grouped<u64>,
    /// Findings that are absent, but not in enough consecutive scans.
    pub(crate) absent: u64,
    /// Findings whose absence is unproven.
    pub(crate) unproven: Unproven,
    /// Resolved findings that a run without a report archived.
    pub(crate) unattributed: u64,
}

impl Judge {
    /// Judges a finding. `at_ms`: the time of the scan to which `seen` refers.
    pub(in crate::delivery) fn judge<P: Ports>(
        &self,
        region_state: &RegionState<P>,
        meta: &FindingMeta,
        seen: SeenInScan,
        at_ms: i64,
    ) -> Judgment {
        // A finding that was found archived after an aborted run was archived by that run, unless the scan shows
        // otherwise.
        let is_ours = meta.is_active() || region_state.is_unattributed(meta);
        if !is_ours || meta.is_expired(self.now_ms) {
            return Judgment::Stays;
        }
        // If no report has the archiving of a finding, or if its call had no response, the finding is judged as if it
        // were not archived yet: the time of the archiving, which may be this scan's, does not prove that a scan had
        // the finding.
        let is_undone = region_state.is_unattributed(meta) || meta.is_unarchived();
        let last_mentioned_ms = if is_undone { i64::MIN } else { region_state.last_mentioned_ms(meta) };
        let resolved = |class| match () {
            () if !self.verdicts.proof.is_complete() => Judgment::Stays,
            () if class == PendingClass::Moved && last_mentioned_ms < at_ms.saturating_add(SCANS_APART_MS) => {
                Judgment::Resolved(class)
            }
            // If two files of one scan differ, the worse result counts. A finding that was sent since, for example
            // because a user undid an archive, stays.
            () if last_mentioned_ms < at_ms => Judgment::Resolved(class),
            () => Judgment::Stays,
        };
        // A Region that failed may have had a worse result of the same time that it could not report.
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
        // The same scan (in another file) or a newer scan had the finding.
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
            Absence::Unproven(_) if self.verdicts.approves_unproven && self.verdicts.is_listed(meta.key) => {
                Judgment::Resolved(PendingClass::Unproven)
            }
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

//! The evidence rule as a model of one account. It is written from the text of issue 11 and not from the exporter's code. The
//! model gets the same scans in the order in which they are exported, and decides which findings must be active.
//!
//! Interpretations where the text is ambiguous:
//! * A malformed entry makes a scan unproven only for findings to which the entry could belong. Such a scan is not a `last whole
//!   scan`, with which later scans are compared.
//! * Of several reasons, the first one in the order of the interface applies: truncated, several scan times, partial, malformed,
//!   MANUAL, Region, service.
//! * Passed and muted findings are archived by every file that was read to its end, even if it has malformed entries.
//! * A MANUAL entry of the finding itself counts as its presence: it stays active, and its count of absences is reset.
//! * The 20 findings that need no approval include those of the 7 days before.
//! * In a file of several scans, an entry that is older than the known state may count as presence or not: the finding stays
//!   active.
//! * If the newest scan is truncated and has no entry of a finding, an older entry in a file of several scans may resolve the
//!   finding or not, if the entry is newer than the known state.
//! * A scan time counts once as an absence, regardless of the number of its runs and files.
//! * If the unproven findings of a scan that looks partial are approved, later scans are compared with that scan. This doesn't
//!   apply if only its pending findings are approved.

use std::collections::{BTreeMap, BTreeSet};

use exporter::model::approval::Approval;
use exporter::model::integration::{ArchiveScope, Integration};
use exporter::report::PendingClass;
use jiff::{SignedDuration, Timestamp};

use crate::scan::{Expected, Scanned};
use crate::scan_evidence::{Place, Reading, Says};

/// Number of findings that are archived without approval, whatever their share.
const ARCHIVED_FREELY: u64 = 20;
const RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The known state of one finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Known {
    pub(crate) check: &'static str,
    pub(crate) active: bool,
    /// Number of consecutive whole scans from which the finding was absent.
    pub(crate) absent: u8,
    counted_at: Option<Timestamp>,
    /// Time of the newest scan that determined the state.
    pub(crate) known_at: Timestamp,
    /// Time of the newest scan that showed the finding as active.
    shown_at: Timestamp,
    what: (&'static str, String),
}

impl Known {
    /// This state after a scan archived the finding.
    pub(crate) fn archived(self, at: Timestamp) -> Self {
        Self { active: false, known_at: self.known_at.max(at), ..self }
    }

    /// The possible states after a user reactivated the finding at this time, or after its count of absences was reset.
    pub(crate) fn variants(&self, at: Timestamp) -> impl Iterator<Item = Self> {
        let was_sent = !self.what.0.is_empty();
        let fresh = Self { absent: 0, counted_at: None, ..self.clone() };
        let both = was_sent.then(|| Self { active: true, ..fresh.clone() });
        // A scan does not undo a later change by a user.
        let later = was_sent.then(|| Self { active: true, known_at: at, shown_at: at, ..fresh.clone() });
        both.into_iter().chain(later).chain([fresh])
    }
}

/// The effect of a scan on one finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Stays,
    Archive(PendingClass),
    Absent,
    Unproven(&'static str),
}

/// The last whole scan of an account, with which later scans are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Measure {
    pub(crate) at: Timestamp,
    pub(crate) verdicts: u64,
    pub(crate) checks: u64,
}

/// The decision of the rule for one export.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ruling {
    pub(crate) superseded: bool,
    pub(crate) archived: BTreeMap<Place, PendingClass>,
    /// If approval is required: the number of findings to archive, and the number of active findings.
    pub(crate) asks: Option<(u64, u64)>,
    pub(crate) pending: BTreeMap<Place, PendingClass>,
    pub(crate) absent: BTreeSet<Place>,
    pub(crate) unproven: BTreeMap<Place, &'static str>,
    pub(crate) partial: bool,
    pub(crate) times: usize,
    /// Number of findings that may be resolved by an older entry of the file.
    pub(crate) resolved_before: u64,
    /// Unproven findings of which the file only has entries that are older than their known state.
    pub(crate) open: BTreeSet<Place>,
}

/// The model of one account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rule {
    pub(crate) findings: BTreeMap<Place, Known>,
    pub(crate) newest: Option<Timestamp>,
    before_newest: Option<Timestamp>,
    pub(crate) measure: Option<Measure>,
    archived_freely: Vec<(Timestamp, u64)>,
    /// The time of the last verdict of each check in a Region, and of the last scan of scope `partial` that covered it
    /// completely.
    verdicts: BTreeMap<(&'static str, &'static str), Timestamp>,
    covered: BTreeMap<(&'static str, &'static str), Timestamp>,
    /// Findings of an older scan whose check and Region a newer scan covered incompletely: the text doesn't decide.
    pub(crate) undecided: BTreeSet<Place>,
}

/// Whether a scan looks partial compared with the last whole scan.
pub(crate) fn looks_partial(reading: &Reading, integration: &Integration, measure: Option<Measure>) -> bool {
    let percent = u64::from(integration.partial_scan_percent);
    let full = integration.archive_scope == ArchiveScope::Full;
    let fewer = |now: u64, last: u64| now * 100 < last * percent;
    let comparable = full && reading.to_end && reading.times.len() == 1;
    measure
        .filter(|_| comparable)
        .is_some_and(|last| fewer(reading.verdicts, last.verdicts) || fewer(reading.checks.len() as u64, last.checks))
}

/// The effect of a scan on a finding, and the state afterwards. The caller applies the archive.
pub(crate) fn step(
    known: Option<&Known>,
    place: &Place,
    reading: &Reading,
    integration: &Integration,
    partial: bool,
) -> (Option<Known>, Fate) {
    if let Some(entry) = reading.entries.get(place) {
        if known.is_some_and(|known| known.known_at > entry.at) {
            return (known.cloned(), Fate::Stays);
        }
        let fresh = Known {
            check: entry.result.check,
            active: false,
            absent: 0,
            counted_at: None,
            known_at: entry.at,
            shown_at: Timestamp::MIN,
            what: ("", String::new()),
        };
        let mut next = Known { absent: 0, counted_at: None, ..known.cloned().unwrap_or(fresh) };
        // A passed finding that isn't archived, because the file is truncated or the archive needs approval, is unchanged.
        if !next.active || matches!(entry.says, Says::Send(_) | Says::Manual) {
            next.known_at = entry.at;
        }
        // If two files have the same scan time, the worse status counts as well.
        let resolves = next.active && reading.to_end && entry.at > next.shown_at;
        let fate = match entry.says {
            Says::Send(what) => {
                (next.active, next.what, next.shown_at) = (true, (what, entry.result.description()), entry.at);
                Fate::Stays
            }
            Says::Passed if resolves => Fate::Archive(PendingClass::Passed),
            Says::Muted if resolves => Fate::Archive(PendingClass::Muted),
            Says::Manual => {
                next.shown_at = next.shown_at.max(entry.at);
                Fate::Stays
            }
            Says::Passed | Says::Muted => Fate::Stays,
        };
        return (Some(next), fate);
    }
    let Some(known) = known else { return (None, Fate::Stays) };
    let in_part = integration.archive_scope == ArchiveScope::Partial;
    let is_older = known.shown_at >= reading.at || (in_part && reading.superseded.contains(place));
    if !known.active || is_older || integration.archive_scope == ArchiveScope::Observed {
        return (Some(known.clone()), Fate::Stays);
    }
    let mut next = known.clone();
    let fate = match integration.archive_scope {
        ArchiveScope::Partial => match reading.evidence_partial(place, known.check) {
            Some(Ok(())) => Fate::Archive(PendingClass::Proven),
            Some(Err(reason)) => Fate::Unproven(reason),
            None => Fate::Stays,
        },
        _ => match reading.evidence(place, known.check, partial) {
            Err(reason) => Fate::Unproven(reason),
            Ok(PendingClass::Proven) => Fate::Archive(PendingClass::Proven),
            Ok(_) => {
                if next.counted_at != Some(reading.at) {
                    (next.absent, next.counted_at) = (next.absent.saturating_add(1), Some(reading.at));
                }
                let enough = next.absent >= integration.absent_scans;
                if enough { Fate::Archive(PendingClass::Absent) } else { Fate::Absent }
            }
        },
    };
    (Some(next), fate)
}

impl Rule {
    /// Exports a scan. `active`: the number of active findings in Security Hub before the export.
    pub(crate) fn export(
        &mut self,
        scanned: &Scanned,
        integration: &Integration,
        approval: Approval,
        active: u64,
    ) -> Ruling {
        let is_full = integration.archive_scope == ArchiveScope::Full;
        // A repeated file is not superseded by itself.
        let is_again = self.newest == Some(scanned.newest());
        let since = if is_again { self.before_newest } else { self.newest };
        let mut reading = Reading::of(scanned, integration, since.filter(|_| is_full));
        if reading.all_superseded() {
            return Ruling { superseded: true, ..Ruling::default() };
        }
        if self.newest < Some(reading.at) {
            (self.before_newest, self.newest) = (self.newest, Some(reading.at));
        }
        if integration.archive_scope == ArchiveScope::Partial {
            self.drop_covered(&mut reading);
        }
        let partial = looks_partial(&reading, integration, self.measure);
        let mut ruling = Ruling { partial, times: reading.times.len(), ..Ruling::default() };
        let places: BTreeSet<Place> = self.findings.keys().chain(reading.entries.keys()).cloned().collect();
        for place in places {
            let known = self.findings.get(&place);
            if let (Some(known), Some(entry)) = (known, reading.entries.get(&place)) {
                // A newer scan showed the finding as passed before it was ever sent.
                let is_unsent = known.what.0.is_empty();
                if known.known_at > entry.at && is_unsent && matches!(entry.says, Says::Send(_)) {
                    self.undecided.insert(place.clone());
                } else if known.known_at <= entry.at {
                    self.undecided.remove(&place);
                }
            }
            let resolved_at = reading.resolved_before.get(&place).filter(|_| !reading.entries.contains_key(&place));
            if known.is_some_and(|known| known.active && resolved_at.is_some_and(|&at| known.known_at < at)) {
                ruling.resolved_before += 1;
                self.undecided.insert(place.clone());
            }
            let (next, mut fate) = step(known, &place, &reading, integration, partial);
            let Some(next) = next else { continue };
            let is_absent = !reading.entries.contains_key(&place);
            if is_absent && self.is_older_of_check(&place, next.check, reading.at) {
                fate = Fate::Stays;
            }
            self.findings.insert(place.clone(), next);
            match fate {
                Fate::Stays => {}
                Fate::Archive(class) => drop(ruling.pending.insert(place, class)),
                Fate::Absent => drop(ruling.absent.insert(place)),
                Fate::Unproven(reason) => {
                    if reading.superseded.contains(&place) {
                        ruling.open.insert(place.clone());
                    }
                    ruling.unproven.insert(place, reason);
                }
            }
        }
        let count = ruling.pending.len() as u64;
        if !approval.pending && self.needs_approval(count, active, reading.at, integration.archive_limit_percent) {
            ruling.asks = Some((count, active));
        } else {
            ruling.archived = std::mem::take(&mut ruling.pending);
            if !approval.pending {
                self.archived_freely.push((reading.at, count));
            }
        }
        if approval.unproven {
            let unproven = std::mem::take(&mut ruling.unproven).into_keys();
            ruling.archived.extend(unproven.map(|place| (place, PendingClass::Unproven)));
        }
        for place in ruling.archived.keys() {
            if let Some(known) = self.findings.get_mut(place) {
                *known = known.clone().archived(reading.at);
            }
        }
        let whole = reading.to_end && reading.times.len() == 1 && reading.malformed.is_empty();
        if is_full && whole && (!partial || approval.unproven) && reading.verdicts > 0 {
            let measure = Measure { at: reading.at, verdicts: reading.verdicts, checks: reading.checks.len() as u64 };
            // Of two files with the same scan time, later scans are compared with the larger one.
            self.measure = self.measure.max(Some(measure));
        }
        self.note_coverage(&reading);
        ruling
    }

    /// Applies the archives of a run that did not complete.
    pub(crate) fn archived_in_part(&mut self, scanned: &Scanned, integration: &Integration, there: &Expected) {
        let mut dry = self.clone();
        let approval = Approval { pending: true, unproven: false };
        let archived = dry.export(scanned, integration, approval, 0).archived;
        for place in archived.into_keys().filter(|place| !there.contains_key(place)) {
            if let (Some(known), Some(then)) = (self.findings.get_mut(&place), dry.findings.get(&place)) {
                *known = then.clone();
                self.archived_freely.push((then.known_at, 1));
            }
        }
    }

    fn needs_approval(&self, pending: u64, active: u64, at: Timestamp, percent: u8) -> bool {
        if percent == 0 {
            return pending > 0;
        }
        // Those of newer scans count, too: scans of parts of the account arrive in any order.
        let recent = |(then, _): &&(Timestamp, u64)| *then >= at - RECENT;
        let recent: u64 = self.archived_freely.iter().filter(recent).map(|(_, count)| count).sum();
        let count = pending + recent;
        pending > 0 && count > ARCHIVED_FREELY && count * 100 > u64::from(percent) * (active + recent)
    }

    /// Drops the entries of checks and Regions that a newer scan covered.
    fn drop_covered(&mut self, reading: &mut Reading) {
        let (mut gone, mut in_doubt_regions) = (Vec::new(), Vec::new());
        for (place, entry) in &reading.entries {
            let pair = (entry.result.check, entry.result.region);
            if self.covered.get(&pair).is_some_and(|&at| at > entry.at) {
                gone.push(place.clone());
            } else if self.verdicts.get(&pair).is_some_and(|&at| at > entry.at) {
                in_doubt_regions.push(place.clone());
            }
        }
        self.undecided.extend(in_doubt_regions);
        for place in gone {
            reading.entries.remove(&place);
            reading.superseded.insert(place);
        }
    }

    /// Whether a newer scan of scope `partial` had verdicts of a check in the Region of a finding.
    fn is_older_of_check(&self, place: &Place, check: &'static str, at: Timestamp) -> bool {
        self.verdicts.iter().any(|((known, region), &then)| *known == check && *region == place.0 && then > at)
    }

    fn note_coverage(&mut self, reading: &Reading) {
        for &(check, region) in &reading.pairs {
            let known = self.verdicts.entry((check, region)).or_insert(reading.at);
            *known = (*known).max(reading.at);
            if reading.covers(check, region) {
                let known = self.covered.entry((check, region)).or_insert(reading.at);
                *known = (*known).max(reading.at);
            }
        }
    }

    /// Whether another file of the newest scan would count a finding as absent that an earlier file did not: the text doesn't say
    /// whether it does.
    pub(crate) fn is_open(&self, scanned: &Scanned, integration: &Integration) -> bool {
        let mut dry = self.clone();
        dry.export(scanned, integration, Approval::default(), 0);
        let counts = |(place, known): (&Place, &Known)| {
            let before = self.findings.get(place).and_then(|before| before.counted_at);
            known.counted_at == Some(scanned.at) && before != known.counted_at
        };
        self.newest == Some(scanned.at) && dry.findings.iter().any(counts)
    }

    /// The findings that must be active in Security Hub.
    pub(crate) fn expected(&self) -> Expected {
        let active = self.findings.iter().filter(|(_, known)| known.active);
        active.map(|(place, known)| (place.clone(), known.what.clone())).collect()
    }

    /// If an older entry counts as presence, an approval does not archive the finding.
    pub(crate) fn keep_open(&mut self, ruling: &mut Ruling, before: &Self, found: &Expected) {
        for place in ruling.open.iter().filter(|place| found.contains_key(*place)) {
            if ruling.archived.remove(place).is_some()
                && let Some(known) = before.findings.get(place)
            {
                self.findings.insert(place.clone(), known.clone());
            }
        }
    }

    /// Sets the findings that the text leaves undecided to their actual state.
    pub(crate) fn decide(&mut self, found: &Expected) {
        for place in &self.undecided {
            if let (Some(known), what) = (self.findings.get_mut(place), found.get(place)) {
                known.active = what.is_some();
                known.what = what.cloned().unwrap_or_else(|| known.what.clone());
            }
        }
    }
}

/// The number of unproven findings by Region, service, and reason, as in a report.
pub(crate) fn unproven_counts(
    unproven: &BTreeMap<Place, &'static str>,
    service: impl Fn(&Place) -> String,
) -> BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>> {
    let mut counts: BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>> = BTreeMap::new();
    for (place, reason) in unproven {
        let reasons = counts.entry(place.0.clone()).or_default().entry(service(place)).or_default();
        *reasons.entry((*reason).to_owned()).or_default() += 1;
    }
    counts
}

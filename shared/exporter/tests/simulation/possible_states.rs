//! The possible states of an account whose runs fail, are killed, and overlap: for each finding, all states that the model of the
//! rule allows.

use std::collections::{BTreeMap, BTreeSet};

use exporter::model::integration::Integration;
use jiff::Timestamp;

use crate::archive_rule::{Fate, Known, Measure, looks_partial, step};
use crate::scan::{Expected, Scanned};
use crate::scan_evidence::{Place, Reading};

/// The effect of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The run was completed, including its archives.
    Whole,
    /// The run was completed, but its archives need approval.
    Asked,
    /// The effect is unknown: each finding has its state of before or after the run.
    Unknown,
}

#[derive(Clone, Debug)]
pub(crate) struct Cloud {
    findings: BTreeMap<Place, BTreeSet<Option<Known>>>,
    measures: BTreeSet<Option<Measure>>,
    newest: BTreeSet<Option<Timestamp>>,
}

impl Default for Cloud {
    fn default() -> Self {
        Self { findings: BTreeMap::new(), measures: [None].into(), newest: [None].into() }
    }
}

impl Cloud {
    /// Applies the export of a scan.
    pub(crate) fn export(&mut self, scanned: &Scanned, integration: &Integration, effect: Effect) {
        let at = scanned.newest();
        let mut measures = BTreeSet::new();
        let mut readings = Vec::new();
        for since in self.sinces(scanned) {
            let reading = Reading::of(scanned, integration, since);
            let mut partials = BTreeSet::new();
            for measure in &self.measures {
                let partial = looks_partial(&reading, integration, *measure);
                partials.insert(partial);
                let whole = reading.to_end && reading.times.len() == 1 && reading.malformed.is_empty();
                let checks = reading.checks.len() as u64;
                let own = Measure { at, verdicts: reading.verdicts, checks };
                let counts = whole && !partial && reading.verdicts > 0;
                measures.insert(if counts { (*measure).max(Some(own)) } else { *measure });
            }
            readings.push((reading, partials));
        }
        let mut before = std::mem::take(&mut self.findings);
        for place in readings.iter().flat_map(|(reading, _)| reading.entries.keys()) {
            if !before.contains_key(place) {
                before.insert(place.clone(), [None].into());
            }
        }
        for (place, states) in before {
            let mut after = BTreeSet::new();
            for (reading, partials) in &readings {
                for (partial, known) in
                    partials.iter().flat_map(|partial| states.iter().map(move |known| (*partial, known)))
                {
                    after.extend(next_states(known.as_ref(), &place, reading, integration, partial, effect));
                }
            }
            if effect == Effect::Unknown {
                after.extend(states);
            }
            self.findings.insert(place, after);
        }
        if effect == Effect::Unknown {
            measures.extend(&self.measures);
            self.newest.insert(Some(at));
        } else {
            self.newest = [self.newest.last().copied().flatten().max(Some(at))].into();
        }
        self.measures = measures;
    }

    /// The possible times of the scan before this one, as the first time in the file that is not before it: all times with the
    /// same first time have the same effect.
    fn sinces(&self, scanned: &Scanned) -> BTreeSet<Option<Timestamp>> {
        let newest = scanned.newest();
        let times: BTreeSet<Timestamp> = scanned.results.iter().map(|one| one.at.unwrap_or(scanned.at)).collect();
        let first = |since: &Option<Timestamp>| times.range(since.unwrap_or(Timestamp::MIN)..).next().copied();
        let sinces: BTreeSet<_> = self.newest.iter().filter(|since| **since < Some(newest)).map(first).collect();
        // The same scan again: the time of the scan before it has no effect.
        if sinces.is_empty() { [None].into() } else { sinces }
    }

    /// Security Hub of a Region lost all its findings.
    pub(crate) fn lose(&mut self, region: &str) {
        for (place, states) in &mut self.findings {
            if place.0 == region {
                states.insert(None);
            }
        }
    }

    /// A user's job may have reactivated any archived finding, and may have reset any count of absences.
    pub(crate) fn loosen(&mut self, at: Timestamp) {
        for states in self.findings.values_mut() {
            let more: Vec<_> = states.iter().flatten().flat_map(|known| known.variants(at)).map(Some).collect();
            states.extend(more);
        }
    }

    /// The state of an earlier version has no last whole scan to compare with.
    pub(crate) fn forget_measure(&mut self) {
        self.measures.insert(None);
    }

    /// Whether a whole scan was certainly exported.
    pub(crate) fn has_measure(&self) -> bool {
        !self.measures.contains(&None)
    }

    /// The findings that are certainly active.
    pub(crate) fn certain(&self) -> BTreeSet<Place> {
        let active = |states: &BTreeSet<Option<Known>>| states.iter().all(|known| is_active(known.as_ref()));
        self.findings.iter().filter(|(_, states)| active(states)).map(|(place, _)| place.clone()).collect()
    }

    /// Compares the possible states with the findings in Security Hub, and removes the states that don't match.
    pub(crate) fn compare(&mut self, found: &Expected, context: &str) {
        for (place, states) in &mut self.findings {
            let is_there = found.contains_key(place);
            let before = states.clone();
            states.retain(|known| is_active(known.as_ref()) == is_there);
            assert!(!states.is_empty(), "{context}: {place:?} is active: {is_there}, but should be one of {before:?}");
        }
        for place in found.keys() {
            assert!(self.findings.contains_key(place), "{context}: {place:?} is active, and no scan had it");
        }
    }
}

/// The possible states of a finding after a run that found it in this state.
fn next_states(
    known: Option<&Known>,
    place: &Place,
    reading: &Reading,
    integration: &Integration,
    partial: bool,
    effect: Effect,
) -> impl Iterator<Item = Option<Known>> {
    let (next, fate) = step(known, place, reading, integration, partial);
    let archives = matches!(fate, Fate::Archive(_));
    let archived = (archives && effect != Effect::Asked).then(|| next.clone().map(|next| next.archived(reading.at)));
    let unchanged = (!archives || effect != Effect::Whole).then_some(next);
    archived.into_iter().chain(unchanged)
}

fn is_active(known: Option<&Known>) -> bool {
    known.is_some_and(|known| known.active)
}

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
        let mut after: BTreeMap<Place, BTreeSet<Option<Known>>> = BTreeMap::new();
        let mut measures = BTreeSet::new();
        let is_newer = |since: &&Option<Timestamp>| **since < Some(at);
        let mut sinces: BTreeSet<_> = self.newest.iter().filter(is_newer).copied().collect();
        if sinces.is_empty() {
            // The same scan again: the time of the scan before it has no effect.
            sinces.insert(None);
        }
        for since in sinces {
            let reading = Reading::of(scanned, integration, since);
            for measure in &self.measures {
                let partial = looks_partial(&reading, integration, *measure);
                self.each(&reading, integration, partial, effect, &mut after);
                let whole = reading.to_end && reading.times.len() == 1 && reading.malformed.is_empty();
                let checks = reading.checks.len() as u64;
                let own = Measure { at, verdicts: reading.verdicts, checks };
                let counts = whole && !partial && reading.verdicts > 0;
                measures.insert(if counts { (*measure).max(Some(own)) } else { *measure });
            }
        }
        if effect == Effect::Unknown {
            measures.extend(&self.measures);
            self.newest.insert(Some(at));
            for (place, states) in &mut after {
                states.extend(self.findings.get(place).cloned().unwrap_or_else(|| [None].into()));
            }
        } else {
            self.newest = [self.newest.last().copied().flatten().max(Some(at))].into();
        }
        (self.findings, self.measures) = (after, measures);
    }

    fn each(
        &self,
        reading: &Reading,
        integration: &Integration,
        partial: bool,
        effect: Effect,
        after: &mut BTreeMap<Place, BTreeSet<Option<Known>>>,
    ) {
        let unknown: BTreeSet<Option<Known>> = [None].into();
        let places: BTreeSet<&Place> = self.findings.keys().chain(reading.entries.keys()).collect();
        for place in places {
            for known in self.findings.get(place).unwrap_or(&unknown) {
                let (next, fate) = step(known.as_ref(), place, reading, integration, partial);
                let states = after.entry(place.clone()).or_default();
                if matches!(fate, Fate::Archive(_)) && effect != Effect::Asked {
                    states.insert(next.clone().map(|next| next.archived(reading.at)));
                }
                if !matches!(fate, Fate::Archive(_)) || effect != Effect::Whole {
                    states.insert(next);
                }
            }
        }
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

fn is_active(known: Option<&Known>) -> bool {
    known.is_some_and(|known| known.active)
}

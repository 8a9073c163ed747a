//! What may be true of an account where runs fail, die, and mix: for each finding all states that the rule's model allows.

use std::collections::{BTreeMap, BTreeSet};

use exporter::integration::Integration;
use jiff::Timestamp;

use crate::archive_rule::{Fate, Known, Measure, looks_partial, step};
use crate::scan::{Expected, Scanned};
use crate::scan_evidence::{Place, Reading};

/// How far a run came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// To its end, archives included.
    Whole,
    /// To its end, but what it would archive waits for approval.
    Asked,
    /// Nobody knows: each finding is as before or as after.
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
    /// A run exports a scan.
    pub(crate) fn export(&mut self, scanned: &Scanned, integration: &Integration, effect: Effect) {
        let at = scanned.newest();
        let mut after: BTreeMap<Place, BTreeSet<Option<Known>>> = BTreeMap::new();
        let mut measures = BTreeSet::new();
        let is_newer = |since: &&Option<Timestamp>| **since < Some(at);
        let mut sinces: BTreeSet<_> = self.newest.iter().filter(is_newer).copied().collect();
        if sinces.is_empty() {
            // The same scan again: how old what was before it is doesn't matter any more.
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

    /// A Region's Security Hub lost all it held.
    pub(crate) fn lose(&mut self, region: &str) {
        for (place, states) in &mut self.findings {
            if place.0 == region {
                states.insert(None);
            }
        }
    }

    /// A user's job may have made anything active again that was archived, and may have lost how often it was absent.
    pub(crate) fn loosen(&mut self, at: Timestamp) {
        for states in self.findings.values_mut() {
            let more: Vec<_> = states.iter().flatten().flat_map(|known| known.variants(at)).map(Some).collect();
            states.extend(more);
        }
    }

    /// The state of before the rule knows no measure.
    pub(crate) fn forget_measure(&mut self) {
        self.measures.insert(None);
    }

    /// Whether some whole scan was surely exported.
    pub(crate) fn has_measure(&self) -> bool {
        !self.measures.contains(&None)
    }

    /// What must be active.
    pub(crate) fn certain(&self) -> BTreeSet<Place> {
        let active = |states: &BTreeSet<Option<Known>>| states.iter().all(|known| is_active(known.as_ref()));
        self.findings.iter().filter(|(_, states)| active(states)).map(|(place, _)| place.clone()).collect()
    }

    /// Compares with what Security Hub holds, and takes from it what was open.
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

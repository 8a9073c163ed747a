//! Predicts the outcome of each finding of a scan with given filters, without exporting it.

use std::collections::BTreeMap;

use asff::{Identity, Mapped, Outcome, RegionName, SeverityLabel};
use exporter::model::integration::Integration;
use exporter::report::{Counts, Fate};
use exporter::selection::destination::{Destination, destination};
use exporter::selection::filter::FilterReason;
use serde::Serialize;

use crate::scan::pipeline::Item;

/// The expected outcomes of the findings.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Plan {
    /// The filters, as an integration's settings.
    pub(crate) filters: Integration,
    /// The counts as in a run's report; `sent` counts findings that would be sent.
    pub(crate) counts: Counts,
    /// Findings that would be sent, by receiving Region and by severity.
    pub(crate) sent: BTreeMap<RegionName, BTreeMap<SeverityLabel, u64>>,
}

impl Plan {
    /// An empty plan with the filters of an integration.
    pub(crate) fn new(filters: Integration) -> Self {
        Self { filters, counts: Counts::default(), sent: BTreeMap::new() }
    }

    /// Determines the outcome of an entry, in the same order as an export.
    pub(crate) fn take(&mut self, item: &Item) {
        self.counts.read += 1;
        let fate = match item {
            Item::Finding(mapped, identity, encoded) => self.decide(mapped, *identity, encoded.is_ok()),
            Item::Other(Outcome::Skipped(skip)) => Fate::Filtered(skip.as_str().to_owned()),
            Item::Other(Outcome::Quarantined(kept)) => Fate::Quarantined(kept.code.as_str().to_owned()),
            Item::Other(Outcome::Malformed(_) | Outcome::Finding(_)) => Fate::Malformed,
        };
        self.counts.add(fate, 1);
    }

    fn decide(&mut self, mapped: &Mapped, identity: Identity, fits: bool) -> Fate {
        // A local file is exported in its own format.
        let Destination { region, filtered: kept, redirected } =
            match destination(&self.filters, self.filters.format, mapped) {
                Ok(destination) => destination,
                Err(fate) => return fate,
            };
        self.counts.redirected += u64::from(redirected);
        let repeated = matches!(identity, Identity::Duplicate | Identity::Older).then_some(FilterReason::Duplicate);
        let older = (identity == Identity::Older).then_some(FilterReason::Duplicate);
        if let Some(kept) = older.or(kept).or(repeated) {
            return Fate::Filtered(kept.as_str().to_owned());
        }
        if !mapped.repairs.is_empty() {
            self.counts.repaired += 1;
        }
        if !fits {
            return Fate::Quarantined(asff::QuarantineCode::TooLarge.as_str().to_owned());
        }
        *self.sent.entry(region).or_default().entry(mapped.severity).or_default() += 1;
        Fate::Sent
    }
}

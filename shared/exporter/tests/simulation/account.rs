//! An account of the weeks of scans: its resources, its scans, and where Security Hub should hold its findings.

use std::collections::BTreeMap;

use exporter::integration::Integration;
use jiff::Timestamp;

use crate::scan::{Expected, Result, Scanned};

/// Where some accounts' Security Hub is never on, and where its findings go then.
pub(crate) const OFF: &str = "sa-east-1";
pub(crate) const FALLBACK: &str = "us-east-1";

/// An account and its history.
pub(crate) struct Account {
    pub(crate) integration: Integration,
    pub(crate) results: Vec<Result>,
    pub(crate) scans: Vec<Scanned>,
    /// When each finding was first in a scan.
    pub(crate) first_seen: BTreeMap<(String, String), Timestamp>,
    pub(crate) resources: u32,
}

impl Account {
    /// Whether what one Region never takes goes to another.
    pub(crate) fn falls_back(&self) -> bool {
        self.integration.fallback_region.is_some()
    }

    /// Where Security Hub should hold what is of these places.
    pub(crate) fn homes(&self, expected: Expected) -> Expected {
        let mut homes = Expected::new();
        for ((region, id), what) in expected {
            let is_away = self.falls_back() && region == OFF;
            homes.insert((if is_away { FALLBACK.to_owned() } else { region }, id), what);
        }
        homes
    }

    /// Where what was sent before stays as it is. Where a Region was off for a day, there may be one in the fallback too.
    pub(crate) fn left_alone(&self, scanned: &Scanned) -> Vec<(String, String)> {
        let mut places: Vec<_> = scanned.left_alone().collect();
        if self.falls_back() {
            places.extend(scanned.left_alone().map(|(_, id)| (FALLBACK.to_owned(), id)));
        }
        places
    }
}

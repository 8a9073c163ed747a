//! Values by service and by Region. Each finding counts once on either side, so the sums of both are the same.

use std::collections::BTreeMap;

use asff::RegionName;
use serde::{Deserialize, Serialize};

/// A value for each service, and for each Region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grouped<T> {
    pub(crate) services: BTreeMap<String, T>,
    pub(crate) regions: BTreeMap<RegionName, T>,
}

impl<T: Default> Grouped<T> {
    /// Changes the value of a service, and that of a Region.
    pub(crate) fn update(&mut self, service: &str, region: RegionName, change: impl Fn(&mut T)) {
        match self.services.get_mut(service) {
            Some(value) => change(value),
            None => change(self.services.entry(service.to_owned()).or_default()),
        }
        change(self.regions.entry(region).or_default());
    }

    /// Combines each value with that of another.
    pub(crate) fn merge<U>(&mut self, other: &Grouped<U>, add: impl Fn(&mut T, &U)) {
        for (service, value) in &other.services {
            add(self.services.entry(service.clone()).or_default(), value);
        }
        for (region, value) in &other.regions {
            add(self.regions.entry(*region).or_default(), value);
        }
    }

    /// Whether no service has a value.
    pub(crate) fn is_empty(&self) -> bool {
        self.services.is_empty() && self.regions.is_empty()
    }
}

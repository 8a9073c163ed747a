//! Which Regions there are, in which partition, and which must be enabled first.
//!
//! The table is a data file of this crate. AWS opens Regions faster than we release, so a caller that has asked AWS may add to it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Partition, RegionName};

/// The data file; a unit test reads it.
const TABLE: &str = include_str!("regions.json");

/// How an account gets a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Availability {
    /// Every account has it.
    Default,
    /// An account switches it on.
    OptIn,
    /// Named by AWS, not open yet; an account that has it enabled it.
    Announced,
}

/// What is known of a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The partition that it belongs to.
    pub partition: Partition,
    /// How an account gets it.
    pub availability: Availability,
}

/// The Regions known, by name.
#[derive(Clone, Debug)]
pub struct Regions {
    by_name: BTreeMap<RegionName, Region>,
}

#[derive(Deserialize)]
struct Table {
    partitions: BTreeMap<Partition, PartitionRegions>,
}

#[derive(Deserialize)]
struct PartitionRegions {
    default: Vec<RegionName>,
    opt_in: Vec<RegionName>,
    announced: Vec<RegionName>,
}

impl Regions {
    /// The Regions of this release's data file.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the file is compiled in and read by a test")]
    pub fn known() -> Self {
        let table: Table = serde_json::from_str(TABLE).expect("regions.json is well formed");
        let mut by_name = BTreeMap::new();
        for (partition, names) in table.partitions {
            let groups = [
                (Availability::Default, names.default),
                (Availability::OptIn, names.opt_in),
                (Availability::Announced, names.announced),
            ];
            for (availability, names) in groups {
                by_name.extend(names.into_iter().map(|name| (name, Region { partition, availability })));
            }
        }
        Self { by_name }
    }

    /// Adds a Region that AWS reported; one that is known already stays as it is.
    pub fn add(&mut self, name: RegionName, region: Region) {
        self.by_name.entry(name).or_insert(region);
    }

    /// What is known of `name`.
    #[must_use]
    pub fn get(&self, name: RegionName) -> Option<Region> {
        self.by_name.get(&name).copied()
    }

    /// The partition of `name`.
    #[must_use]
    pub fn partition_of(&self, name: RegionName) -> Option<Partition> {
        self.get(name).map(|region| region.partition)
    }

    /// The Regions of one partition, sorted by name.
    pub fn of_partition(&self, partition: Partition) -> impl Iterator<Item = (RegionName, Region)> + '_ {
        self.by_name
            .iter()
            .filter(move |(_, region)| region.partition == partition)
            .map(|(name, region)| (*name, *region))
    }
}

impl Default for Regions {
    fn default() -> Self {
        Self::known()
    }
}

impl Partition {
    /// The partition of a Region of this release's data file, by its name.
    #[must_use]
    pub fn of_region(regions: &Regions, name: RegionName) -> Option<Self> {
        regions.partition_of(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> RegionName {
        text.parse().unwrap()
    }

    #[test]
    fn the_data_file_holds_the_regions_of_the_contract() {
        let regions = Regions::known();
        let count = |partition, availability| {
            regions.of_partition(partition).filter(|(_, region)| region.availability == availability).count()
        };
        assert_eq!(count(Partition::Aws, Availability::Default), 17);
        assert_eq!(count(Partition::Aws, Availability::OptIn), 17);
        assert_eq!(count(Partition::Aws, Availability::Announced), 2);
        assert_eq!(regions.of_partition(Partition::AwsCn).count(), 2);
        assert_eq!(regions.of_partition(Partition::AwsUsGov).count(), 2);
        assert_eq!(regions.partition_of(name("eusc-de-east-1")), Some(Partition::AwsEusc));
        assert_eq!(regions.partition_of(name("mars-north-1")), None);
    }

    #[test]
    fn a_new_region_can_be_added_and_never_replaces_a_known_one() {
        let mut regions = Regions::known();
        let region = Region { partition: Partition::AwsCn, availability: Availability::OptIn };
        regions.add(name("cn-south-1"), region);
        regions.add(name("us-east-1"), region);
        assert_eq!(regions.partition_of(name("cn-south-1")), Some(Partition::AwsCn));
        assert_eq!(regions.partition_of(name("us-east-1")), Some(Partition::Aws));
    }
}

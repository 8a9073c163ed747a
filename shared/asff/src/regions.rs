//! The Regions, their partitions, and whether accounts must enable them.
//!
//! The table is a data file of this crate. AWS opens Regions more often than this crate is released, so callers can add Regions
//! that AWS reported.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Partition, RegionName};

/// The data file, which a unit test reads.
const TABLE: &str = include_str!("regions.json");

/// How a Region becomes available to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Availability {
    /// The Region is enabled in every account.
    Default,
    /// An account must enable the Region.
    OptIn,
    /// AWS announced the Region and has not opened it yet. An account that has it enabled it.
    Announced,
}

/// The properties of a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The partition of the Region.
    pub partition: Partition,
    /// How the Region becomes available to an account.
    pub availability: Availability,
}

/// The known Regions, by name.
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
    /// The Regions in this release's data file.
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

    /// Adds a Region that AWS reported. A known Region is not changed.
    pub fn add(&mut self, name: RegionName, region: Region) {
        self.by_name.entry(name).or_insert(region);
    }

    /// The Region named `name`. `None` if it is unknown.
    #[must_use]
    pub fn get(&self, name: RegionName) -> Option<Region> {
        self.by_name.get(&name).copied()
    }

    /// The partition of the Region named `name`. `None` if it is unknown.
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
    /// The partition of a Region in `regions`. `None` if it is unknown.
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
    fn the_data_file_has_the_regions_of_the_contract() {
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

//! Sets of Regions in 16 bytes.

use asff::RegionName;

/// Maximum number of Regions per account in a set: three times as many as AWS has. A file with more Regions proves
/// nothing about the others.
const REGIONS_MAX: usize = 128;

/// The Regions that an account's entries mention. The index of a Region is its bit in a set.
#[derive(Clone, Debug, Default)]
pub(super) struct RegionPlaces {
    names: Vec<RegionName>,
}

/// A subset of these Regions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RegionSet(u128);

impl RegionPlaces {
    /// The set of one Region, which is added if it is new. Empty if the maximum is reached.
    pub(super) fn add(&mut self, region: RegionName) -> RegionSet {
        if let Some(set) = self.set(region) {
            return set;
        }
        if self.names.len() == REGIONS_MAX {
            return RegionSet::default();
        }
        self.names.push(region);
        RegionSet(1 << (self.names.len() - 1))
    }

    /// The set of one Region. `None` if no entry mentioned it.
    pub(super) fn set(&self, region: RegionName) -> Option<RegionSet> {
        let place = self.names.iter().position(|name| *name == region)?;
        Some(RegionSet(1 << place))
    }

    /// The Regions, by their places.
    pub(super) fn iter(&self) -> impl Iterator<Item = RegionName> + '_ {
        self.names.iter().copied()
    }

    /// The Regions of a set.
    pub(super) fn names(&self, set: RegionSet) -> impl Iterator<Item = RegionName> + '_ {
        self.names.iter().enumerate().filter(move |(place, _)| set.0 & (1 << place) != 0).map(|(_, name)| *name)
    }
}

impl RegionSet {
    /// The place of the only Region of the set. `None` if the set is empty.
    pub(super) fn place(self) -> Option<usize> {
        (!self.is_empty()).then_some(self.0.trailing_zeros() as usize)
    }

    pub(super) fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(super) fn meets(self, other: Option<Self>) -> bool {
        other.is_some_and(|other| self.0 & other.0 != 0)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

//! Determines the partition of a finding: from the list of Regions, or from the finding itself if AWS opened its Region after
//! this release.

use super::draft::{Draft, Rejection};
use super::parts;
use crate::outcome::{QuarantineCode, Repair};
use crate::{Partition, RegionName, Regions};

impl Draft<'_> {
    /// The Region and its partition, if everything that the finding states about them is consistent.
    pub(super) fn home(
        &self,
        regions: &Regions,
        repairs: &mut Vec<Repair>,
    ) -> Result<(RegionName, Partition), Rejection> {
        if self.region.is_empty() {
            return Err(Rejection::missing("Region"));
        }
        let unknown_region = || {
            let message = format!("the partition of the Region {:?} is unknown", parts::brief(&self.region));
            Rejection::new(QuarantineCode::UnknownRegion, message)
        };
        let region: RegionName = self.region.parse().map_err(|_| unknown_region())?;
        let stated = self.partition.as_deref().filter(|name| !name.is_empty());
        let stated = stated.map(|name| {
            name.parse::<Partition>().map_err(|error| {
                let message = format!("the partition {:?} is {error}", parts::brief(name));
                Rejection::new(QuarantineCode::UnknownPartition, message)
            })
        });
        let stated = stated.transpose()?;
        let home = match regions.partition_of(region) {
            Some(home) => home,
            None => self.home_of_new(region, stated).ok_or_else(unknown_region)?,
        };
        if stated.is_none() {
            repairs.push(parts::repair("Resources.Partition", "derived from the Region"));
        }
        match stated.filter(|partition| *partition != home) {
            None => Ok((region, home)),
            Some(partition) => {
                let message =
                    format!("the finding states partition {partition}, but its Region {region} belongs to {home}");
                Err(Rejection::new(QuarantineCode::PartitionMismatch, message))
            }
        }
    }

    /// The partition of a Region that this release doesn't know: the one that the finding and its resource's ARN name, if the
    /// Region's name matches that partition's naming pattern and nothing contradicts it. Whether the Region exists is determined
    /// by calls to its Security Hub.
    fn home_of_new(&self, region: RegionName, stated: Option<Partition>) -> Option<Partition> {
        let mut arn = self.resource_uid.split(':');
        let of_arn = match (arn.next(), arn.next(), arn.next(), arn.next()) {
            (Some("arn"), Some(partition), Some(_), Some(place)) => {
                // The ARN of a global resource has no Region.
                if !place.is_empty() && place != region.as_str() {
                    return None;
                }
                Some(partition.parse::<Partition>().ok()?)
            }
            _ => None,
        };
        let partition = stated.or(of_arn)?;
        let agree = of_arn.is_none_or(|of_arn| of_arn == partition)
            && (self.resource_region.is_empty() || *self.resource_region == *region.as_str());
        (agree && partition.may_hold(region)).then_some(partition)
    }
}

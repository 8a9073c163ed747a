//! The partitions of AWS: separate clouds with separate names and credentials.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::RegionName;

/// A partition that Prowler scans and that has Security Hub (contract 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Partition {
    /// The commercial Regions.
    #[serde(rename = "aws")]
    Aws,
    /// The Regions in China.
    #[serde(rename = "aws-cn")]
    AwsCn,
    /// The AWS GovCloud (US) Regions.
    #[serde(rename = "aws-us-gov")]
    AwsUsGov,
    /// The AWS European Sovereign Cloud.
    #[serde(rename = "aws-eusc")]
    AwsEusc,
}

impl Partition {
    /// Every partition, in the order of the data file.
    pub const ALL: [Self; 4] = [Self::Aws, Self::AwsCn, Self::AwsUsGov, Self::AwsEusc];

    /// The name in ARNs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AwsCn => "aws-cn",
            Self::AwsUsGov => "aws-us-gov",
            Self::AwsEusc => "aws-eusc",
        }
    }

    /// Whether a finding's resource may name this partition. Security Hub's enum doesn't have `aws-eusc`, and the field is
    /// optional (contract 1.3, `Resources[].Partition`).
    #[must_use]
    pub const fn is_named_in_findings(self) -> bool {
        !matches!(self, Self::AwsEusc)
    }

    /// Whether a Region with this name can belong to this partition, even if the Region is unknown. Uses the patterns of AWS's
    /// own partition data (botocore 1.44.5, `partitions.json`, `regionRegex`), with which the SDK also finds the endpoints of new
    /// Regions.
    #[must_use]
    pub fn may_hold(self, region: RegionName) -> bool {
        let prefixes: &[&str] = match self {
            Self::Aws => &["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"],
            Self::AwsCn => &["cn"],
            Self::AwsUsGov => &["us-gov"],
            Self::AwsEusc => &["eusc-de"],
        };
        let parts = region.as_str().rsplitn(3, '-').collect::<Vec<_>>();
        let &[number, direction, prefix] = parts.as_slice() else { return false };
        prefixes.contains(&prefix)
            && !direction.is_empty()
            && direction.bytes().all(|letter| letter.is_ascii_lowercase())
            && (1..=2).contains(&number.len())
            && number.bytes().all(|digit| digit.is_ascii_digit())
    }

    /// The partition to which a Region with this name can belong, even if the Region is unknown. `None` if AWS has not published
    /// such names.
    #[must_use]
    pub fn that_may_hold(region: RegionName) -> Option<Self> {
        Self::ALL.into_iter().find(|partition| partition.may_hold(region))
    }

    /// The ARN of the Prowler product in a Region of this partition (contract 2.1). Its account is empty.
    #[must_use]
    pub fn product_arn(self, region: RegionName) -> String {
        format!("arn:{self}:securityhub:{region}::product/prowler/prowler")
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// The error for an unknown partition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a partition that findings can be sent to: aws, aws-cn, aws-us-gov, or aws-eusc")]
pub struct UnknownPartition;

impl FromStr for Partition {
    type Err = UnknownPartition;

    fn from_str(name: &str) -> Result<Self, UnknownPartition> {
        Self::ALL.into_iter().find(|partition| partition.as_str() == name).ok_or(UnknownPartition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_regions_match_the_pattern_of_exactly_their_partition() {
        let regions = crate::Regions::known();
        for partition in Partition::ALL {
            for (name, _) in regions.of_partition(partition) {
                for other in Partition::ALL {
                    assert_eq!(other.may_hold(name), other == partition, "{name} {other}");
                }
            }
        }
        for wrong in
            ["mars-north-1", "us-iso-east-1", "eu-isoe-west-1", "us-east-", "us--1", "xx-west-9", "us-east-100"]
        {
            let name = wrong.parse().unwrap();
            assert!(!Partition::ALL.iter().any(|partition| partition.may_hold(name)), "{wrong}");
        }
    }
}

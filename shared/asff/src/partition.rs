//! The partitions of AWS: separate clouds whose names and credentials never cross.

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
    /// China.
    #[serde(rename = "aws-cn")]
    AwsCn,
    /// The Regions of the United States' government.
    #[serde(rename = "aws-us-gov")]
    AwsUsGov,
    /// The European Sovereign Cloud.
    #[serde(rename = "aws-eusc")]
    AwsEusc,
}

impl Partition {
    /// Every partition, in the order of the data file.
    pub const ALL: [Self; 4] = [Self::Aws, Self::AwsCn, Self::AwsUsGov, Self::AwsEusc];

    /// The name as it stands in an ARN.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AwsCn => "aws-cn",
            Self::AwsUsGov => "aws-us-gov",
            Self::AwsEusc => "aws-eusc",
        }
    }

    /// Whether a finding's resource may name this partition: the service's enum does not know `aws-eusc`, and the
    /// field is optional (contract 1.3, `Resources[].Partition`).
    #[must_use]
    pub const fn is_named_in_findings(self) -> bool {
        !matches!(self, Self::AwsEusc)
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

/// A partition that is none of those we know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a partition that Security Hub findings can be sent to: aws, aws-cn, aws-us-gov or aws-eusc")]
pub struct UnknownPartition;

impl FromStr for Partition {
    type Err = UnknownPartition;

    fn from_str(name: &str) -> Result<Self, UnknownPartition> {
        Self::ALL.into_iter().find(|partition| partition.as_str() == name).ok_or(UnknownPartition)
    }
}

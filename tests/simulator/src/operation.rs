//! The operations that the simulator supports, with their names in SDKs and logs.

use serde::{Deserialize, Serialize};

/// An operation of Security Hub, or of the services around it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Operation {
    /// `POST /findings/import`
    BatchImportFindings,
    /// `PATCH /findings/batchupdate`
    BatchUpdateFindings,
    /// `POST /findings`
    GetFindings,
    /// `GET /accounts`
    DescribeHub,
    /// `POST /accounts`
    EnableSecurityHub,
    /// `DELETE /accounts`
    DisableSecurityHub,
    /// `GET /productSubscriptions`
    ListEnabledProductsForImport,
    /// `POST /productSubscriptions`
    EnableImportFindingsForProduct,
    /// `DELETE /productSubscriptions/{arn}`
    DisableImportFindingsForProduct,
    /// `GET /products`
    DescribeProducts,
    /// STS: the caller identity
    GetCallerIdentity,
    /// STS: temporary keys of a role
    AssumeRole,
    /// EC2: the Regions of the partition, and whether the account opted into them
    DescribeRegions,
    /// Organizations: the accounts
    ListAccounts,
}

impl Operation {
    /// Number of operations, for tables by operation.
    pub(crate) const COUNT: usize = 14;

    /// The operation's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BatchImportFindings => "BatchImportFindings",
            Self::BatchUpdateFindings => "BatchUpdateFindings",
            Self::GetFindings => "GetFindings",
            Self::DescribeHub => "DescribeHub",
            Self::EnableSecurityHub => "EnableSecurityHub",
            Self::DisableSecurityHub => "DisableSecurityHub",
            Self::ListEnabledProductsForImport => "ListEnabledProductsForImport",
            Self::EnableImportFindingsForProduct => "EnableImportFindingsForProduct",
            Self::DisableImportFindingsForProduct => "DisableImportFindingsForProduct",
            Self::DescribeProducts => "DescribeProducts",
            Self::GetCallerIdentity => "GetCallerIdentity",
            Self::AssumeRole => "AssumeRole",
            Self::DescribeRegions => "DescribeRegions",
            Self::ListAccounts => "ListAccounts",
        }
    }

    /// The service name in the credential scope of a signature.
    #[must_use]
    pub fn service(self) -> &'static str {
        match self {
            Self::GetCallerIdentity | Self::AssumeRole => "sts",
            Self::DescribeRegions => "ec2",
            Self::ListAccounts => "organizations",
            _ => "securityhub",
        }
    }

    /// The IAM action.
    #[must_use]
    pub fn action(self) -> String {
        format!("{}:{}", self.service(), self.name())
    }
}

//! The port: the API of Security Hub in one account.

use asff::RegionName;
use bytes::Bytes;
use futures::future::BoxFuture;

use crate::response::{NoResponse, ServiceResponse};

/// A call of Security Hub.
#[derive(Clone, Debug)]
pub enum Call {
    /// `BatchImportFindings` with this body.
    Import(Bytes),
    /// `GetFindings` with this body.
    Find(Bytes),
    /// `DescribeHub`.
    DescribeHub,
    /// A page of `ListEnabledProductsForImport`.
    ListProducts {
        /// The token of the page. `None` for the first page.
        next: Option<String>,
    },
}

impl Call {
    /// The IAM action that the call requires.
    pub(crate) const fn action(&self) -> &'static str {
        match self {
            Self::Import(_) => "securityhub:BatchImportFindings",
            Self::Find(_) => "securityhub:GetFindings",
            Self::DescribeHub => "securityhub:DescribeHub",
            Self::ListProducts { .. } => "securityhub:ListEnabledProductsForImport",
        }
    }
}

/// Security Hub in one account. An error of the service is a [`ServiceResponse`]. An implementation must not retry imports.
pub trait Service: Send + Sync {
    /// Makes a call in a Region.
    fn call(&self, region: RegionName, call: Call) -> BoxFuture<'_, Result<ServiceResponse, NoResponse>>;
}

//! The ports of a check, in addition to those of an export.

use std::future::Future;

use asff::{AccountId, Partition, RegionName};
use bytes::Bytes;
use jiff::Timestamp;

use super::Connection;
use crate::model::integration::Role;
use crate::ports::{CallError, Clock, Hubs, ImportOutcome, PortError};

/// All ports of a check.
pub trait CheckPorts: Hubs<Hub: Probe> + Connections + Clock + Send + Sync + 'static {}

impl<T: Hubs<Hub: Probe> + Connections + Clock + Send + Sync + 'static> CheckPorts for T {}

/// Stores the newest connection of each account.
pub trait Connections {
    /// The newest connection of an account, read consistently.
    fn connection(&self, account: AccountId) -> impl Future<Output = Result<Option<Connection>, PortError>> + Send;

    /// Replaces the connection that was checked at `before`, in one atomic step. If `before` is `None`, the account must
    /// have no connection. Returns false and changes nothing if another check was saved in the meantime.
    fn save(
        &self,
        connection: &Connection,
        before: Option<Timestamp>,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Deletes a saved connection if its provider no longer has an integration because it was deleted during the check.
    /// Returns whether that is the case.
    fn delete_orphaned(&self, connection: &Connection) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// Calls to an account's Security Hub that change nothing, and one that a check may use to change something
/// ([`Probe::accept_product`]). The implementation retries each call.
pub trait Probe {
    /// The ARN of the caller, as STS returned it.
    fn identity(&self) -> &str;

    /// The partition of the caller.
    fn partition(&self) -> Partition;

    /// The role with which the account was reached, with its External ID. `None` if no role was assumed, or it has no
    /// External ID.
    fn role_with_external_id(&self) -> Option<Role>;

    /// Whether that role can be assumed without its External ID too. False if it has none. CloudTrail records a denied
    /// attempt, so this is not called at each check.
    fn assumable_without_external_id(&self) -> impl Future<Output = Result<bool, CallError>> + Send;

    /// The Regions of the account's partition, including those that it has not enabled (`ec2:DescribeRegions`).
    fn account_regions(&self) -> impl Future<Output = Result<Vec<AccountRegion>, CallError>> + Send;

    /// Whether the Region's hub accepts findings of the Prowler product (`ListEnabledProductsForImport`, every page, the
    /// complete ARN).
    fn product_accepted(&self, region: &RegionName) -> impl Future<Output = Result<bool, CallError>> + Send;

    /// Whether findings can be read: requests one (`GetFindings`).
    fn read_one_finding(&self, region: &RegionName) -> impl Future<Output = Result<(), CallError>> + Send;

    /// Makes one `BatchImportFindings` call with a body that must not be stored. Unlike an import, it is retried.
    fn write_probe(
        &self,
        region: &RegionName,
        body: Bytes,
    ) -> impl Future<Output = Result<ImportOutcome, CallError>> + Send;

    /// Accepts the Prowler product (`EnableImportFindingsForProduct`). Succeeds if it is accepted already.
    fn accept_product(&self, region: &RegionName) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// A Region as `ec2:DescribeRegions` returns it for the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountRegion {
    /// Its name.
    pub name: RegionName,
    /// Whether the Region is enabled for the account.
    pub opted_in: bool,
}

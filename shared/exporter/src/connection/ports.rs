//! What a check needs of the world beside the ports of an export.

use std::future::Future;

use asff::{AccountId, Partition, RegionName};
use bytes::Bytes;
use jiff::Timestamp;

use super::Connection;
use crate::integration::Role;
use crate::ports::{CallError, Clock, Hubs, ImportOutcome, PortError};

/// All that a check needs.
pub trait CheckPorts: Hubs<Hub: Probe> + Connections + Clock + Send + Sync + 'static {}

impl<T: Hubs<Hub: Probe> + Connections + Clock + Send + Sync + 'static> CheckPorts for T {}

/// Keeps the newest connection of each account.
pub trait Connections {
    /// What the newest check of an account found, read consistently.
    fn connection(&self, account: AccountId) -> impl Future<Output = Result<Option<Connection>, PortError>> + Send;

    /// Puts a connection in the place of the one that was checked at `before`, in one atomic step; none: where there is
    /// none. False if another check was faster: then nothing is changed.
    fn save(
        &self,
        connection: &Connection,
        before: Option<Timestamp>,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Takes a connection back that was kept, if its provider has no integration any more: it was deleted while the check
    /// ran. Whether that is so.
    fn delete_orphaned(&self, connection: &Connection) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// Questions to an account's Security Hub that change nothing, and the one that a check may change. Each is retried by the
/// implementer.
pub trait Probe {
    /// The ARN of the caller, as STS gave it.
    fn identity(&self) -> &str;

    /// The partition of the caller.
    fn partition(&self) -> Partition;

    /// The role by which the account was reached, with its External ID. None if there is no role, or it has none.
    fn role_with_external_id(&self) -> Option<Role>;

    /// Whether that role can be assumed without its External ID as well. False if there is none to leave out. A role that
    /// denies it is recorded by CloudTrail, so it is not called at each check.
    fn assumable_without_external_id(&self) -> impl Future<Output = Result<bool, CallError>> + Send;

    /// The Regions of the account's partition, those included that it did not switch on (`ec2:DescribeRegions`).
    fn account_regions(&self) -> impl Future<Output = Result<Vec<AccountRegion>, CallError>> + Send;

    /// Whether the Region's hub accepts findings of the Prowler product (`ListEnabledProductsForImport`, every page, the
    /// whole ARN).
    fn product_accepted(&self, region: &RegionName) -> impl Future<Output = Result<bool, CallError>> + Send;

    /// Whether findings may be read: asks for one (`GetFindings`).
    fn read_one_finding(&self, region: &RegionName) -> impl Future<Output = Result<(), CallError>> + Send;

    /// One `BatchImportFindings` call with a body that must not be stored, retried unlike an import.
    fn write_probe(
        &self,
        region: &RegionName,
        body: Bytes,
    ) -> impl Future<Output = Result<ImportOutcome, CallError>> + Send;

    /// Accepts the Prowler product (`EnableImportFindingsForProduct`). That it is accepted already is no error.
    fn accept_product(&self, region: &RegionName) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// A Region as the account sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountRegion {
    /// Its name.
    pub name: RegionName,
    /// Whether the account has it.
    pub opted_in: bool,
}

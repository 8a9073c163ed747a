//! The data of a connection.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use asff::{AccountId, RegionName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::integration::Integration;
use crate::model::problem::Problem;
use crate::model::provider::ProviderId;

/// The reason of a check that failed for a transient reason before it reached the Regions.
pub(super) const NOT_CHECKED: &str = "not_checked";

/// The reason of a check to which no Region responded.
pub(super) const NO_REGION_RESPONDS: &str = "no_region_responds";

/// The result of the newest connection check of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Connection {
    /// The account.
    pub account: AccountId,
    /// The provider, and with it the integration, through which the account is reached.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = r"^([0-9]{12}|o-[a-z0-9]{10,32})$"))]
    pub provider: ProviderId,
    /// The verdict.
    pub status: ConnectionStatus,
    /// When the check ended.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub checked_at: Timestamp,
    /// When the Regions were checked, if that was an earlier check because later ones did not reach them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub stale_since: Option<Timestamp>,
    /// The ARN of the caller, as STS returned it for the credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Why the account is disconnected, or why the check did not reach the Regions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// Security risks: a role that doesn't require its External ID (`external_id_not_required`), or a service that stores a
    /// finding that it must reject (`write_probe_stored`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<Problem>,
    /// When an attempt was last made to assume the role without its External ID, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id_check: Option<ExternalIdCheck>,
    /// Each Region that was checked.
    pub regions: BTreeMap<RegionName, RegionConnection>,
}

impl Connection {
    /// Whether the account did not respond, or a Region that accepted findings before: then the verdict is partly that of an
    /// earlier check, and doesn't prove that findings are accepted now.
    pub fn is_unanswered(&self) -> bool {
        let is_transient = |problem: &Problem| [NOT_CHECKED, NO_REGION_RESPONDS].contains(&problem.reason.as_str());
        let stale = |region: &RegionConnection| region.status == RegionStatus::Enabled && region.stale_since.is_some();
        match self.status {
            ConnectionStatus::Disconnected => self.problem.as_ref().is_some_and(is_transient),
            _ => self.stale_since.is_some() || self.regions.values().any(stale),
        }
    }

    /// The Regions that don't accept findings and should: the integration names them, or they accepted findings within the
    /// last week.
    pub fn missing_regions(&self, integration: &Integration) -> BTreeSet<RegionName> {
        let accepts =
            |name: &RegionName| self.regions.get(name).is_some_and(|region| region.status == RegionStatus::Enabled);
        let named = integration.regions.iter().flatten().chain(&integration.fallback_region);
        let lost = self.regions.iter().filter(|(_, region)| region.unavailable_since.is_some()).map(|(name, _)| name);
        named.chain(lost).filter(|name| !accepts(name)).copied().collect()
    }
}

/// The connection status of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = AccountConnectionStatus))]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// Security Hub accepts findings in at least one Region, and in every one in which it did before.
    Connected,
    /// Security Hub accepts findings, but not in a Region that became unavailable within the last week
    /// ([`RegionConnection::unavailable_since`]), or in one that the integration names.
    Degraded,
    /// No Region accepts findings, or the credentials don't work.
    Disconnected,
}

/// One Region of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegionConnection {
    /// The status.
    pub status: RegionStatus,
    /// Since when the Region has this status.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// The problem and its fix. Absent if there is no problem. A Region that accepts findings has a problem if a read
    /// permission is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// When the Region stopped accepting findings, if that was within the last week. During that week, the connection is
    /// degraded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub unavailable_since: Option<Timestamp>,
    /// When this was found, if it was an earlier check. Since then, the Region has not responded for a transient reason,
    /// which is the problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub stale_since: Option<Timestamp>,
}

/// The status of a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RegionStatus {
    /// Security Hub is enabled, the product is accepted, and findings can be imported.
    Enabled,
    /// Security Hub is not enabled.
    HubNotEnabled,
    /// Security Hub is enabled, but the Prowler product is not accepted.
    ProductNotAccepted,
    /// The account has not enabled the Region.
    RegionNotOptedIn,
    /// A permission is missing, or a policy denies it: the problem names the action.
    AccessDenied,
    /// The endpoint does not respond.
    Unreachable,
}

/// The newest attempt to assume a role without its External ID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExternalIdCheck {
    /// When STS responded.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub checked_at: Timestamp,
    /// The ARN of the role.
    pub role: String,
    /// The External ID that was left out. Not a secret.
    pub external_id: String,
}

/// An account to check, and the integration that reaches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckTarget {
    /// The account.
    pub account: AccountId,
    /// Its integration, or that of its organization.
    pub integration: Arc<Integration>,
    /// Regions that rejected findings recently: the check sends the write probe there, regardless of the settings.
    pub rejecting_regions: BTreeSet<RegionName>,
}

impl CheckTarget {
    /// An account of which no Region is known to reject findings.
    pub fn new(account: AccountId, integration: Arc<Integration>) -> Self {
        Self { account, integration, rejecting_regions: BTreeSet::new() }
    }
}

//! What is known of the connection to an account.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use asff::{AccountId, RegionName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::integration::Integration;
use crate::problem::Problem;
use crate::provider::ProviderId;

/// The reason of a check that a transient failure kept from the Regions.
pub(super) const NOT_CHECKED: &str = "not_checked";

/// The reason of a check to which no Region answered.
pub(super) const NO_REGION_ANSWERS: &str = "no_region_answers";

/// What the newest check of an account found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Connection {
    /// The account.
    pub account: AccountId,
    /// The provider, and with it the integration, by which the account is reached.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = r"^([0-9]{12}|o-[a-z0-9]{10,32})$"))]
    pub provider: ProviderId,
    /// The verdict.
    pub status: ConnectionStatus,
    /// When the check ended.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub checked_at: Timestamp,
    /// When the Regions were checked, where that was an earlier check: later ones did not get as far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub stale_since: Option<Timestamp>,
    /// The ARN of the caller that the credentials gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Why there is no connection, where there is none, or why the check did not get as far as the Regions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// What works, and should not: a role that asks for no External ID (`external_id_not_required`), a service that stores
    /// what it must reject (`write_probe_stored`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<Problem>,
    /// When the role was last tried without its External ID, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id_check: Option<ExternalIdCheck>,
    /// Each Region that was checked.
    pub regions: BTreeMap<RegionName, RegionConnection>,
}

impl Connection {
    /// Whether the check got no answer, from the account or from a Region that accepted findings before: the verdict is then
    /// partly an earlier one, and no proof that findings are accepted now.
    pub fn is_unanswered(&self) -> bool {
        let is_transient = |problem: &Problem| [NOT_CHECKED, NO_REGION_ANSWERS].contains(&problem.reason.as_str());
        let stale = |region: &RegionConnection| region.status == RegionStatus::Enabled && region.stale_since.is_some();
        match self.status {
            ConnectionStatus::Disconnected => self.problem.as_ref().is_some_and(is_transient),
            _ => self.stale_since.is_some() || self.regions.values().any(stale),
        }
    }

    /// The Regions that accept no findings and should: the integration names them, or they accepted findings lately.
    pub fn missing_regions(&self, integration: &Integration) -> BTreeSet<RegionName> {
        let accepts =
            |name: &RegionName| self.regions.get(name).is_some_and(|region| region.status == RegionStatus::Enabled);
        let named = integration.regions.iter().flatten().chain(&integration.fallback_region);
        let lost = self.regions.iter().filter(|(_, region)| region.unavailable_since.is_some()).map(|(name, _)| name);
        named.chain(lost).filter(|name| !accepts(name)).copied().collect()
    }
}

/// How an account is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = AccountConnectionStatus))]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// Security Hub accepts findings in at least one Region, and in every one in which it did before.
    Connected,
    /// It accepts findings, but not in a Region that it was lost in lately ([`RegionConnection::unavailable_since`]), or in one that the
    /// integration names.
    Degraded,
    /// No Region accepts findings, or the credentials don't work.
    Disconnected,
}

/// One Region of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegionConnection {
    /// What was found.
    pub status: RegionStatus,
    /// Since when it is so.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// What was said, and how to fix it. None if there is no problem. A Region that accepts findings has one where a permission to
    /// read is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// When it stopped accepting findings, if that was within the last week: for so long its loss is worth a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub unavailable_since: Option<Timestamp>,
    /// When this was found, where it was an earlier check: the Region did not answer for a transient reason, which is the
    /// problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub stale_since: Option<Timestamp>,
}

/// The status of a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RegionStatus {
    /// Security Hub is on, the product accepted, and findings may be written.
    Enabled,
    /// Security Hub is off.
    HubNotEnabled,
    /// Security Hub is on; nobody accepted the Prowler product.
    ProductNotAccepted,
    /// The account has not enabled the Region.
    RegionNotOptedIn,
    /// A permission is missing, or a policy denies it: the problem names the action.
    AccessDenied,
    /// The endpoint does not answer.
    Unreachable,
}

/// The newest trial to assume a role without its External ID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExternalIdCheck {
    /// When STS answered.
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
    /// Regions that rejected findings lately: whether they may be written is tried there, whatever the settings say.
    pub rejecting_regions: BTreeSet<RegionName>,
}

impl CheckTarget {
    /// An account of which nothing is known.
    pub fn new(account: AccountId, integration: Arc<Integration>) -> Self {
        Self { account, integration, rejecting_regions: BTreeSet::new() }
    }
}

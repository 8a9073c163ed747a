//! Accounts with their Regions, access keys, roles, and denials.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::limits::CHAINED_SESSION_SECONDS_MAX;

/// One account.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccountConfig {
    /// Twelve digits.
    pub id: String,
    /// The account's name, which the service adds to findings as `AwsAccountName`.
    #[serde(default)]
    pub name: Option<String>,
    /// The Regions of the account. The account did not opt into a Region that is not listed.
    #[serde(default)]
    pub regions: BTreeMap<String, RegionConfig>,
    /// Long-lived access keys.
    #[serde(default)]
    pub access_keys: Vec<AccessKey>,
    /// Roles that can be assumed.
    #[serde(default)]
    pub roles: Vec<RoleConfig>,
    /// Actions that policies deny in this account.
    #[serde(default)]
    pub denies: Vec<Deny>,
}

/// One Region of an account. By default, Security Hub is enabled and the Prowler product is accepted.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegionConfig {
    /// Whether the account opted into the Region.
    pub opted_in: bool,
    /// Whether Security Hub is enabled.
    pub hub: bool,
    /// The time at which it was enabled.
    pub subscribed_at: Timestamp,
    /// Partner products accepted, as `company/product`; AWS's own are always accepted.
    pub products: Vec<String>,
    /// Partner products that the Region does not offer at all, as `company/product`.
    pub not_offered: Vec<String>,
}

impl Default for RegionConfig {
    fn default() -> Self {
        Self {
            opted_in: true,
            hub: true,
            subscribed_at: Timestamp::constant(1_735_689_600, 0), // 2025-01-01, well before any test
            products: vec!["prowler/prowler".to_owned()],
            not_offered: Vec::new(),
        }
    }
}

/// A long-lived access key and its principal.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// The access key ID, as in a signature.
    pub id: String,
    /// The ARN of its principal; by default, a user of the account. With an `assumed-role` ARN, assuming roles is role chaining.
    #[serde(default)]
    pub arn: Option<String>,
}

/// A role that can be assumed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RoleConfig {
    /// The role's name, without path.
    pub name: String,
    /// The trusted principals: `*`, an account ID, or an ARN, which may end in `*`.
    pub trusts: Vec<String>,
    /// The External ID that the trust policy requires.
    #[serde(default)]
    pub external_id: Option<String>,
    /// The role's maximum session duration, in seconds.
    #[serde(default = "session_seconds_default")]
    pub max_session_seconds: i64,
}

fn session_seconds_default() -> i64 {
    CHAINED_SESSION_SECONDS_MAX
}

/// A policy that denies an action in the account.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Deny {
    /// The action, such as `securityhub:BatchImportFindings`, or `securityhub:*`.
    pub action: String,
    /// Only in these Regions; empty for all.
    #[serde(default)]
    pub regions: Vec<String>,
    /// Only for callers whose ARN begins with this text.
    #[serde(default)]
    pub caller: Option<String>,
    /// Whether a policy denies the action explicitly (such as an SCP), instead of no policy allowing it.
    #[serde(default = "yes")]
    pub explicit: bool,
    /// The kind of policy that the message contains, such as `service control policy`.
    #[serde(default)]
    pub policy: Option<String>,
}

fn yes() -> bool {
    true
}

//! Accounts, their Regions, access keys, roles and denials.

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
    /// The account's name, which the service writes into findings as `AwsAccountName`.
    #[serde(default)]
    pub name: Option<String>,
    /// The Regions that the account knows; a Region not listed is one that it did not opt into.
    #[serde(default)]
    pub regions: BTreeMap<String, RegionConfig>,
    /// Long-lived access keys.
    #[serde(default)]
    pub access_keys: Vec<AccessKey>,
    /// Roles that can be assumed.
    #[serde(default)]
    pub roles: Vec<RoleConfig>,
    /// What policies forbid in this account.
    #[serde(default)]
    pub denies: Vec<Deny>,
}

/// One Region of an account; as it is, everything is on and Prowler is accepted.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegionConfig {
    /// Whether the account opted into the Region.
    pub opted_in: bool,
    /// Whether Security Hub is on.
    pub hub: bool,
    /// When it was enabled.
    pub subscribed_at: Timestamp,
    /// Partner products accepted, as `company/product`; AWS's own are always there.
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

/// A long-lived access key and who stands behind it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// The access key's id, as it is in a signature.
    pub id: String,
    /// The ARN behind it; without it, a user of the account. An `assumed-role` ARN makes further roles chained.
    #[serde(default)]
    pub arn: Option<String>,
}

/// A role that others may assume.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RoleConfig {
    /// The role's name, without path.
    pub name: String,
    /// Who may assume it: `*`, an account number, or an ARN, which may end in `*`.
    pub trusts: Vec<String>,
    /// The External ID that must come along.
    #[serde(default)]
    pub external_id: Option<String>,
    /// The role's own longest session, seconds.
    #[serde(default = "session_seconds_default")]
    pub max_session_seconds: i64,
}

fn session_seconds_default() -> i64 {
    CHAINED_SESSION_SECONDS_MAX
}

/// A policy that forbids an action in the account.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Deny {
    /// The action, such as `securityhub:BatchImportFindings`, or `securityhub:*`.
    pub action: String,
    /// Only in these Regions; none means all.
    #[serde(default)]
    pub regions: Vec<String>,
    /// Only for callers whose ARN starts with this.
    #[serde(default)]
    pub caller: Option<String>,
    /// Whether a policy says no (an SCP, say), rather than none says yes.
    #[serde(default = "yes")]
    pub explicit: bool,
    /// The kind of policy that the message names, such as `service control policy`.
    #[serde(default)]
    pub policy: Option<String>,
}

fn yes() -> bool {
    true
}

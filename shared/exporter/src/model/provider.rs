//! A provider: whose findings are exported, how its accounts are reached, and when its scans are due.
//!
//! Its ID is that of its account or organization, so each account has at most one provider. An integration has the ID of its
//! provider, so each provider has at most one integration.

use std::fmt;
use std::str::FromStr;

use asff::AccountId;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::credentials::Credentials;

/// Minimum number of letters of an organization's ID after `o-` (AWS Organizations API, `OrganizationId`).
const ORGANIZATION_LETTERS_MIN: usize = 10;
/// Maximum number of letters of an organization's ID after `o-`.
const ORGANIZATION_LETTERS_MAX: usize = 32;

/// An AWS account, or an organization with all its accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// The account or the organization.
    pub id: ProviderId,
    /// A display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The credentials for its accounts, unless the integration has its own. An organization needs a role whose ARN has the
    /// placeholder [`ANY_ACCOUNT`](crate::model::credentials::ANY_ACCOUNT) for the account.
    #[serde(default)]
    pub credentials: Credentials,
    /// When its scans are due: `rate(1 day)` or `cron(0 3 * * ? *)`, in UTC. `None` if scans have no schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan_schedule: Option<String>,
    /// Time at which these credentials were set. `None` if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_since: Option<Timestamp>,
    /// Time at which this schedule was set: a scan that was due earlier is not missing. `None` without a schedule, or if the
    /// time is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_since: Option<Timestamp>,
}

impl Provider {
    /// A provider that is called with the deployment's own identity.
    pub fn new(id: ProviderId) -> Self {
        Self {
            id,
            alias: None,
            credentials: Credentials::default(),
            scan_schedule: None,
            credentials_since: None,
            schedule_since: None,
        }
    }

    /// Sets the times of the credentials and of the schedule when this provider replaces `before` at `now`: unchanged if it had
    /// them before, otherwise `now`.
    #[must_use]
    pub fn put(self, before: Option<&Self>, now: Timestamp) -> Self {
        let credentials_since = match before.filter(|before| before.credentials == self.credentials) {
            Some(before) => before.credentials_since,
            None => Some(now),
        };
        let schedule_since = match before.filter(|before| before.scan_schedule == self.scan_schedule) {
            Some(before) => before.schedule_since,
            None => self.scan_schedule.as_ref().map(|_| now),
        };
        Self { credentials_since, schedule_since, ..self }
    }
}

/// The ID of a provider: an account's 12 digits, or an organization's `o-...`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProviderId {
    /// One account.
    Account(AccountId),
    /// All accounts of an organization that have no provider themselves.
    Organization(OrganizationId),
}

/// The ID of an organization in AWS Organizations, such as `o-a1b2c3d4e5`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganizationId(String);

/// The error for a string that is neither an account ID nor an organization ID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an account of 12 digits nor an organization such as o-a1b2c3d4e5")]
pub struct InvalidProviderId(String);

impl ProviderId {
    /// The account. `None` if the provider is an organization.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Account(account) => Some(*account),
            Self::Organization(_) => None,
        }
    }

    /// The ID as a string.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Account(account) => account.as_str(),
            Self::Organization(OrganizationId(id)) => id,
        }
    }
}

impl From<AccountId> for ProviderId {
    fn from(account: AccountId) -> Self {
        Self::Account(account)
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ProviderId {
    type Err = InvalidProviderId;

    fn from_str(text: &str) -> Result<Self, InvalidProviderId> {
        if let Ok(account) = text.parse() {
            return Ok(Self::Account(account));
        }
        let letters = text.strip_prefix("o-").unwrap_or_default();
        let known = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        let long_enough = (ORGANIZATION_LETTERS_MIN..=ORGANIZATION_LETTERS_MAX).contains(&letters.len());
        if long_enough && letters.bytes().all(known) {
            return Ok(Self::Organization(OrganizationId(text.to_owned())));
        }
        Err(InvalidProviderId(text.chars().take(ORGANIZATION_LETTERS_MAX * 2).collect()))
    }
}

impl Serialize for ProviderId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ProviderId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_an_account_or_an_organization() {
        let id = |text: &str| text.parse::<ProviderId>();
        assert_eq!(id("123456789012").unwrap().account(), Some("123456789012".parse().unwrap()));
        assert_eq!(id("o-a1b2c3d4e5").unwrap().as_str(), "o-a1b2c3d4e5");
        assert_eq!(id("o-a1b2c3d4e5").unwrap().account(), None);
        for wrong in ["", "o-", "o-short", "o-A1B2C3D4E5", "12345678901", "o-a1b2c3d4e5/../x", &"9".repeat(99)] {
            assert!(id(wrong).is_err(), "{wrong}");
        }
    }
}

//! The credentials that an account is called with.

use asff::AccountId;
use serde::{Deserialize, Serialize};

/// What stands in a role's ARN where each account of an organization is meant.
pub const ANY_ACCOUNT: &str = "::*:";

/// A role to assume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// The role's ARN; `arn:aws:iam::*:role/NAME` for the role of that name in every account of an organization.
    pub arn: String,
    /// The External ID that the role's trust policy asks for. Not a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The session's name, as `CloudTrail` shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_name: Option<String>,
    /// The session's length, 900 to 3600 seconds: a role that assumes a role gets no more (contract of STS). None: 3600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u16>,
}

/// As whom an account is called. Secrets are not here: only the place where they are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Credentials {
    /// The SDK's default chain: the function's own identity, or that of whoever calls from a workstation.
    Default {
        /// The role to assume from there. None: the identity must belong to the account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Role>,
    },
    /// An access key kept in Secrets Manager.
    Static {
        /// ARN or name of the secret. Its value is `{"access_key_id", "secret_access_key", "session_token"?}`.
        secret: String,
        /// The role to assume with that key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Role>,
    },
}

impl Default for Credentials {
    fn default() -> Self {
        Self::Default { role: None }
    }
}

impl Credentials {
    /// The role that is assumed, if one is.
    pub fn role(&self) -> Option<&Role> {
        match self {
            Self::Default { role } | Self::Static { role, .. } => role.as_ref(),
        }
    }

    /// Where the access key is kept, if there is one.
    pub fn secret(&self) -> Option<&str> {
        match self {
            Self::Default { .. } => None,
            Self::Static { secret, .. } => Some(secret),
        }
    }

    /// The same for one account: its number stands where the role's ARN has a star.
    #[must_use]
    pub fn in_account(&self, account: AccountId) -> Self {
        let mut own = self.clone();
        let (Self::Default { role } | Self::Static { role, .. }) = &mut own;
        if let Some(role) = role {
            role.arn = role.arn.replacen(ANY_ACCOUNT, &format!("::{account}:"), 1);
        }
        own
    }
}

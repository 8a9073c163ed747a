//! The credentials for calls to an account.

use asff::AccountId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The placeholder in a role's ARN for the ID of each account of an organization.
pub const ANY_ACCOUNT: &str = "::*:";

/// A role to assume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// The role's ARN; `arn:aws:iam::*:role/NAME` for the role of that name in every account of an organization.
    pub arn: String,
    /// The External ID that the role's trust policy requires. Not a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The role session name that `CloudTrail` records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_name: Option<String>,
    /// The length of the session, 900 to 3600 seconds: STS limits role chaining to one hour. `None`: 3600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u16>,
}

impl Role {
    /// A new External ID. It is random, because an External ID that other customers can guess doesn't protect the role (IAM User
    /// Guide, "The confused deputy problem").
    pub fn new_external_id() -> String {
        Uuid::new_v4().to_string()
    }
}

/// The credentials with which an account is called. They contain no secrets, only the name of the secret that stores them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Credentials {
    /// The SDK's default chain: the function's own identity, or the operator's on a workstation.
    Default {
        /// The role to assume with this identity. `None`: the identity must belong to the account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Role>,
    },
    /// An access key that is stored in Secrets Manager.
    Static {
        /// ARN or name of the secret. Its value is `{"access_key_id", "secret_access_key", "session_token"?}`.
        secret: String,
        /// The role to assume with this key.
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
    /// The role to assume. `None` if the credentials are used directly.
    pub fn role(&self) -> Option<&Role> {
        match self {
            Self::Default { role } | Self::Static { role, .. } => role.as_ref(),
        }
    }

    /// The secret in which the access key is stored. `None` if the credentials have no access key.
    pub fn secret(&self) -> Option<&str> {
        match self {
            Self::Default { .. } => None,
            Self::Static { secret, .. } => Some(secret),
        }
    }

    /// The credentials for one account: its ID replaces the placeholder in the role's ARN.
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

//! Credentials in requests, with a secret, and in responses, without one.

use exporter::model::integration::{Credentials, Integration, Role};
use exporter::model::provider::Provider;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::CredentialsKind;

/// A secret string. It deliberately doesn't implement `Debug` or `Serialize`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Password)]
pub struct SecretText(String);

impl SecretText {
    /// A secret string.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret value, to store it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Credentials, with an access key, if any. Omitted members of `static` are unchanged.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialsBody {
    /// `provider` (for integrations only), `default`, or `static`.
    #[schema(value_type = CredentialsKind)]
    pub kind: String,
    /// For `static`: the access key ID. The key is stored in AWS Secrets Manager and is never returned.
    #[schema(value_type = Option<String>, max_length = 128)]
    pub access_key_id: Option<SecretText>,
    /// For `static`: the secret access key.
    #[schema(value_type = Option<String>, write_only, max_length = 256)]
    pub secret_access_key: Option<SecretText>,
    /// For `static`: the session token of a temporary key.
    #[schema(value_type = Option<String>, write_only, max_length = 4096)]
    pub session_token: Option<SecretText>,
    /// For `static`, instead of a key: name or ARN of a secret that contains JSON with `access_key_id`, `secret_access_key`, and
    /// optionally `session_token`. Its name must begin with the deployment's prefix.
    #[schema(max_length = 2048)]
    pub secret: Option<String>,
    /// For `default` and `static`: the role to assume.
    pub role: Option<RoleBody>,
}

/// A role to assume.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleBody {
    /// `arn:aws:iam::123456789012:role/NAME`; for an organization `arn:aws:iam::*:role/NAME`, the role of that name in each of
    /// its accounts.
    #[schema(max_length = 2048)]
    pub arn: String,
    /// External ID that the role's trust policy requires. If omitted, it is unchanged, or generated for a new role. Not a secret.
    #[schema(min_length = 2, max_length = 1224)]
    pub external_id: Option<String>,
    /// Role session name, as `CloudTrail` shows it.
    #[schema(min_length = 2, max_length = 64)]
    pub session_name: Option<String>,
    /// Session duration in seconds. Default: 3600.
    #[schema(minimum = 900, maximum = 3600)]
    pub duration_seconds: Option<i64>,
}

/// Credentials, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CredentialsView {
    /// `provider`, `default`, or `static`.
    pub kind: CredentialsKind,
    /// For `static`: name of the secret with the access key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The role to assume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleView>,
    /// Since when these credentials are set. For an integration with `provider`: since when it uses the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
}

/// A role to assume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoleView {
    /// Its ARN.
    pub arn: String,
    /// External ID that its trust policy must require. Not a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Role session name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_name: Option<String>,
    /// Session duration in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u16>,
}

impl CredentialsView {
    /// Credentials that are set since then.
    pub fn of(credentials: &Credentials, since: Option<Timestamp>) -> Self {
        let kind = match credentials {
            Credentials::Default { .. } => CredentialsKind::Default,
            Credentials::Static { .. } => CredentialsKind::Static,
        };
        let role = credentials.role().map(RoleView::of);
        Self { kind, secret: credentials.secret().map(str::to_owned), role, since }
    }

    /// Of a provider.
    pub fn of_provider(provider: &Provider) -> Self {
        Self::of(&provider.credentials, provider.credentials_since)
    }

    /// The credentials of an integration. `None` means the provider's.
    pub fn of_integration(integration: &Integration) -> Self {
        let since = integration.credentials_since;
        match &integration.credentials {
            Some(credentials) => Self::of(credentials, since),
            None => Self { kind: CredentialsKind::Provider, secret: None, role: None, since },
        }
    }
}

impl RoleView {
    fn of(role: &Role) -> Self {
        Self {
            arn: role.arn.clone(),
            external_id: role.external_id.clone(),
            session_name: role.session_name.clone(),
            duration_seconds: role.duration_seconds,
        }
    }
}

impl CredentialsBody {
    /// Credentials of a kind, without any other field.
    pub fn of_kind(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            access_key_id: None,
            secret_access_key: None,
            session_token: None,
            secret: None,
            role: None,
        }
    }
}

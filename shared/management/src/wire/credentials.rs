//! Credentials as they come in, with a secret, and as they are shown, without one.

use exporter::integration::{Credentials, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::CredentialsKind;

/// A text that is kept and never shown: it has no debug text and can't be serialised, on purpose.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Password)]
pub struct SecretText(String);

impl SecretText {
    /// A text to keep.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for whoever keeps it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// As whom accounts are called, with the access key where there is one. What is left out of `static` stays as it is.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialsBody {
    /// `provider` (of integrations only), `default` or `static`.
    #[schema(value_type = CredentialsKind)]
    pub kind: String,
    /// Of `static`: the access key. It is kept in AWS Secrets Manager and can't be read back.
    #[schema(value_type = Option<String>, max_length = 128)]
    pub access_key_id: Option<SecretText>,
    /// Of `static`: its secret half.
    #[schema(value_type = Option<String>, write_only, max_length = 256)]
    pub secret_access_key: Option<SecretText>,
    /// Of `static`: of a temporary key.
    #[schema(value_type = Option<String>, write_only, max_length = 4096)]
    pub session_token: Option<SecretText>,
    /// Of `static`, instead of a key: the name or ARN of a secret that holds one, as JSON with `access_key_id`,
    /// `secret_access_key` and perhaps `session_token`. Its name must begin with the deployment's prefix.
    #[schema(max_length = 2048)]
    pub secret: Option<String>,
    /// Of `default` and `static`: the role to assume.
    pub role: Option<RoleBody>,
}

/// A role to assume.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleBody {
    /// `arn:aws:iam::123456789012:role/NAME`; of an organization `arn:aws:iam::*:role/NAME`, for the role of that name in
    /// each of its accounts.
    #[schema(max_length = 2048)]
    pub arn: String,
    /// What the role's trust policy asks for. Left out, it stays as it is, and a new role gets a new one. Not a secret.
    #[schema(min_length = 2, max_length = 1224)]
    pub external_id: Option<String>,
    /// The session's name, as `CloudTrail` shows it.
    #[schema(min_length = 2, max_length = 64)]
    pub session_name: Option<String>,
    /// The session's length in seconds. 3600, where it is left out.
    #[schema(minimum = 900, maximum = 3600)]
    pub duration_seconds: Option<i64>,
}

/// As whom accounts are called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CredentialsView {
    /// `provider`, `default` or `static`.
    pub kind: CredentialsKind,
    /// Of `static`: where the access key is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The role that is assumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleView>,
}

/// A role that is assumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoleView {
    /// Its ARN.
    pub arn: String,
    /// What its trust policy must ask for. Not a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The session's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_name: Option<String>,
    /// The session's length in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u16>,
}

impl CredentialsView {
    /// Of a provider.
    pub fn of(credentials: &Credentials) -> Self {
        let kind = match credentials {
            Credentials::Default { .. } => CredentialsKind::Default,
            Credentials::Static { .. } => CredentialsKind::Static,
        };
        let role = credentials.role().map(RoleView::of);
        Self { kind, secret: credentials.secret().map(str::to_owned), role }
    }

    /// Of an integration; none are the provider's.
    pub fn of_integration(credentials: Option<&Credentials>) -> Self {
        credentials.map_or(Self { kind: CredentialsKind::Provider, secret: None, role: None }, Self::of)
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
    /// Credentials of a kind, and nothing else.
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

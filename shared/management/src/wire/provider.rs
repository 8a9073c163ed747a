//! Providers as they travel.

use exporter::provider::Provider;
use exporter::registry::Stored;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::ProviderKind;
use super::{CredentialsBody, CredentialsView, Test};

/// A provider to be created.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderBody {
    /// The account's 12 digits, or the organization's id, such as `o-a1b2c3d4e5`.
    #[schema(pattern = r"^([0-9]{12}|o-[a-z0-9]{10,32})$")]
    pub id: String,
    /// A name for people.
    #[schema(min_length = 1, max_length = 128)]
    pub alias: Option<String>,
    /// When its scans come, in UTC: `rate(1 day)` or `cron(0 3 * * ? *)`.
    #[schema(max_length = 256)]
    pub scan_schedule: Option<String>,
    /// As whom its accounts are called. Left out: as the deployment itself.
    pub credentials: Option<CredentialsBody>,
}

/// What can be changed of a provider. Null takes a setting back to its default; what is left out stays as it is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderPatch {
    /// A name for people.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128)]
    pub alias: Option<String>,
    /// When its scans come.
    #[serde(default)]
    #[schema(max_length = 256)]
    pub scan_schedule: Option<String>,
}

impl ProviderPatch {
    /// What a patch is merged into.
    pub(crate) fn json(before: &Provider) -> Value {
        json!({ "alias": before.alias, "scan_schedule": before.scan_schedule })
    }
}

/// A provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderView {
    /// The account, or the organization.
    pub id: String,
    /// What it is.
    pub kind: ProviderKind,
    /// A name for people.
    pub alias: Option<String>,
    /// When its scans come.
    pub scan_schedule: Option<String>,
    /// As whom its accounts are called.
    pub credentials: CredentialsView,
    /// Counts its changes; 1 when it is new.
    pub version: u64,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Who changed it last.
    pub updated_by: String,
    /// The test of its integration with new credentials, in the answer to giving it some that it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
}

impl ProviderView {
    /// As it is kept.
    pub fn of(stored: &Stored<Provider>) -> Self {
        let Stored { value, version, created_at, updated_at, updated_by, .. } = stored;
        let kind = if value.id.account().is_some() { ProviderKind::Account } else { ProviderKind::Organization };
        Self {
            id: value.id.to_string(),
            kind,
            alias: value.alias.clone(),
            scan_schedule: value.scan_schedule.clone(),
            credentials: CredentialsView::of(&value.credentials),
            version: *version,
            created_at: *created_at,
            updated_at: *updated_at,
            updated_by: updated_by.clone(),
            test: None,
        }
    }
}

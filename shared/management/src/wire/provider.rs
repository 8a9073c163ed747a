//! Providers in requests and responses.

use exporter::model::provider::Provider;
use exporter::ports::settings_store::Stored;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::ProviderKind;
use super::{CredentialsBody, CredentialsView, Test};

/// A provider to create.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderBody {
    /// 12-digit account ID, or organization ID such as `o-a1b2c3d4e5`.
    #[schema(pattern = r"^([0-9]{12}|o-[a-z0-9]{10,32})$")]
    pub id: String,
    /// Display name.
    #[schema(min_length = 1, max_length = 128)]
    pub alias: Option<String>,
    /// Expected scan schedule, in UTC: `rate(1 day)` or `cron(0 3 * * ? *)`.
    #[schema(max_length = 256)]
    pub scan_schedule: Option<String>,
    /// Credentials for its accounts. Default: the deployment's own identity.
    pub credentials: Option<CredentialsBody>,
}

/// Changes of a provider. Null resets a setting to its default; omitted settings are unchanged.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderPatch {
    /// Display name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128)]
    pub alias: Option<String>,
    /// Expected scan schedule, in UTC.
    #[serde(default)]
    #[schema(max_length = 256)]
    pub scan_schedule: Option<String>,
}

impl ProviderPatch {
    /// The settings that a patch is merged into.
    pub(crate) fn json(before: &Provider) -> Value {
        json!({ "alias": before.alias, "scan_schedule": before.scan_schedule })
    }
}

/// A provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderView {
    /// Account or organization ID.
    pub id: String,
    /// Kind of provider.
    pub kind: ProviderKind,
    /// Display name.
    pub alias: Option<String>,
    /// Expected scan schedule, in UTC.
    pub scan_schedule: Option<String>,
    /// Credentials for its accounts.
    pub credentials: CredentialsView,
    /// Version, which increases with each change; initially 1.
    pub version: u64,
    /// Time of creation.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Time of the last change.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Principal that made the last change.
    pub updated_by: String,
    /// The test of its integration, in the response to a change of credentials that the integration uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
}

impl ProviderView {
    /// Converts the stored value.
    pub fn of(stored: &Stored<Provider>) -> Self {
        let Stored { value, version, created_at, updated_at, updated_by, .. } = stored;
        let kind = if value.id.account().is_some() { ProviderKind::Account } else { ProviderKind::Organization };
        Self {
            id: value.id.to_string(),
            kind,
            alias: value.alias.clone(),
            scan_schedule: value.scan_schedule.clone(),
            credentials: CredentialsView::of_provider(value),
            version: *version,
            created_at: *created_at,
            updated_at: *updated_at,
            updated_by: updated_by.clone(),
            test: None,
        }
    }
}

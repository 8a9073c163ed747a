//! Integrations in words and as JSON.

use aws::StoredIntegration;
use exporter::integration::{Credentials, Integration, Role};
use jiff::Timestamp;
use serde::Serialize;

use super::role::{TrustPolicy, trust_policy};
use crate::commands::choices::{archive_words, resend_words};
use crate::commands::filters::filter_words;
use crate::output::{Facts, Tone, text};

/// An integration for machines.
#[derive(Serialize)]
pub(super) struct Json<'a> {
    integration: &'a Integration,
    version: u64,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust_policy: Option<TrustPolicy<'a>>,
}

/// An integration as JSON; with the trust policy of its role, if it has one.
pub(super) fn json<'a>(stored: &'a StoredIntegration, trusted_arn: Option<&'a str>) -> Json<'a> {
    Json {
        integration: &stored.integration,
        version: stored.version,
        created_at: stored.created_at,
        updated_at: stored.updated_at,
        trust_policy: role(&stored.integration).map(|role| trust_policy(role, trusted_arn)),
    }
}

/// The role that an integration assumes.
pub(super) fn role(integration: &Integration) -> Option<&Role> {
    integration.credentials.as_ref()?.role()
}

/// All that is worth knowing of an integration.
pub(super) fn facts(stored: &StoredIntegration) -> Facts {
    let integration = &stored.integration;
    let mut facts = Facts::new();
    facts.add(Tone::Strong, "Provider", integration.provider.as_str());
    if let Some(alias) = &integration.alias {
        facts.add(Tone::Plain, "Alias", alias);
    }
    let (tone, enabled) = enabled(integration);
    facts.add(tone, "State", enabled);
    facts.add(Tone::Plain, "Sends", filter_words(integration));
    facts.add(Tone::Plain, "Format", integration.format.as_str());
    facts.add(Tone::Plain, "At each scan", resend_words(integration));
    facts.add(Tone::Plain, "Archives", archive_words(integration));
    facts.add(Tone::Plain, "Credentials", credentials(integration));
    if let Some(secret) = integration.credentials.as_ref().and_then(Credentials::secret) {
        facts.add(Tone::Plain, "Secret", secret);
    }
    if let Some(role) = role(integration) {
        facts.add(Tone::Plain, "Role", &role.arn);
        facts.add(Tone::Plain, "External ID", role.external_id.as_deref().unwrap_or("none"));
    }
    for (name, at) in [("Created", stored.created_at), ("Changed", stored.updated_at)] {
        if let Some(at) = at {
            facts.add(Tone::Plain, name, text::time(at));
        }
    }
    facts
}

/// Whether it works, with the tone for it.
pub(super) fn enabled(integration: &Integration) -> (Tone, &'static str) {
    if integration.enabled { (Tone::Good, "enabled") } else { (Tone::Warning, "disabled") }
}

/// As whom Security Hub is called.
pub(super) fn credentials(integration: &Integration) -> &'static str {
    match &integration.credentials {
        None => "the provider's",
        Some(Credentials::Default { role: None }) => "the deployment's own",
        Some(Credentials::Default { role: Some(_) }) => "role",
        Some(Credentials::Static { role: None, .. }) => "access key",
        Some(Credentials::Static { role: Some(_), .. }) => "access key and role",
    }
}

//! A provider as the API returns it, and its output.

use anyhow::Result;
use exporter::model::provider::ProviderId;
use management::wire::ProviderView;
use management::wire::{CredentialsKind, ProviderKind};
use serde_json::Value;

use crate::client::{ApiResponse, Management, read};
use crate::commands::integration::shown::{assumes, note_unknown_trust, provider_path, trust};
use crate::commands::integration::tested;
use crate::commands::integration::words::{changed, credential_facts};
use crate::config::Format;
use crate::exit::{Exit, Failure};
use crate::render::{Details, Output, TextStyle, text};

/// A provider, with the data that is required to show and to change it.
pub(super) struct Shown {
    pub(super) view: ProviderView,
    pub(super) etag: Option<String>,
    json: Value,
}

impl Shown {
    /// Reads a provider, which must exist.
    pub(super) async fn find(management: &Management, id: &ProviderId) -> Result<Self, Failure> {
        let Some(response) = management.find(provider_path(id)).await? else {
            return Err(Failure::new(Exit::Error, format!("provider {id} not found"))
                .hint(format!("to create it: hubctl provider create {id}; to list providers: hubctl provider list")));
        };
        Self::of(response)
    }

    /// The provider in a response.
    pub(super) fn of(response: ApiResponse) -> Result<Self, Failure> {
        Ok(Self { view: read(&response.body)?, etag: response.etag, json: response.body })
    }

    /// Exit code: that of the connection test. A test without a result is not a success.
    pub(super) fn exit(&self) -> Exit {
        self.view.test.as_ref().map_or(Exit::Success, tested::exit)
    }

    /// The command that prints the trust policy of its role.
    fn trust_command(&self) -> String {
        match self.view.credentials.kind {
            CredentialsKind::Static => format!("hubctl permissions print --integration {}", self.view.id),
            CredentialsKind::Default | CredentialsKind::Provider => format!("hubctl provider show {}", self.view.id),
        }
    }

    /// Shows the provider and its connection test; `with_role`: also the trust policy of its role.
    pub(super) fn write(mut self, management: &Management, with_role: bool, output: &mut Output) -> Result<()> {
        let role = self.view.credentials.role.as_ref();
        let trusted_arns = assumes(&self.view.credentials, std::iter::empty(), management);
        let policy = role.and_then(|role| trust(role, &trusted_arns));
        let unknown = role.filter(|_| policy.is_none() && with_role);
        match (output.format, &policy) {
            (Format::Json, policy) => {
                if let Some(policy) = policy {
                    self.json["trust_policy"] = serde_json::to_value(policy)?;
                }
                output.json(&self.json)?;
            }
            (Format::Table, policy) => {
                output.details(&details(&self.view))?;
                if let Some(test) = &self.view.test {
                    output.line("")?;
                    tested::write(test, output)?;
                }
                if let (Some(policy), Some(role), true) = (policy, role, with_role) {
                    output.line("")?;
                    output.line(format!("Trust policy for {}:", role.arn))?;
                    output.json(policy)?;
                }
            }
        }
        match unknown {
            Some(role) => note_unknown_trust(role, self.view.credentials.kind, &self.trust_command(), output),
            None => Ok(()),
        }
    }
}

fn details(view: &ProviderView) -> Details {
    let mut details = Details::new();
    details.add(TextStyle::Strong, "Provider", &view.id);
    details.add(TextStyle::Plain, "Kind", kind(view.kind));
    if let Some(alias) = &view.alias {
        details.add(TextStyle::Plain, "Alias", alias);
    }
    details.add(TextStyle::Plain, "Scan schedule", view.scan_schedule.as_deref().unwrap_or("none"));
    credential_facts(&mut details, &view.credentials, true);
    details.add(TextStyle::Plain, "Created", text::time(view.created_at));
    details.add(TextStyle::Plain, "Changed", changed(view.updated_at, &view.updated_by));
    details
}

/// Name of a kind of provider.
pub(super) fn kind(kind: ProviderKind) -> &'static str {
    match kind {
        ProviderKind::Account => "account",
        ProviderKind::Organization => "organization",
    }
}

//! An integration as the API returns it, and its output.

use anyhow::Result;
use exporter::connection::rejected_caller;
use exporter::model::provider::ProviderId;
use management::wire::CredentialsKind;
use management::wire::{CredentialsView, IntegrationView, ProviderView, RoleView};
use serde_json::Value;

use super::{tested, words};
use crate::client::{ApiResponse, Management, read};
use crate::commands::permissions::policy::Policy;
use crate::config::Format;
use crate::exit::{Exit, Failure};
use crate::render::Output;

/// An integration, with the data that is required to show and to change it.
pub(in crate::commands) struct Shown {
    pub(in crate::commands) view: IntegrationView,
    pub(in crate::commands) etag: Option<String>,
    json: Value,
    /// Its provider, if it uses the provider's credentials.
    provider: Option<ProviderView>,
}

/// The path of an integration.
pub(in crate::commands) fn path(id: &ProviderId) -> String {
    format!("/integrations/{id}")
}

/// The path of a provider.
pub(in crate::commands) fn provider_path(id: &ProviderId) -> String {
    format!("/providers/{id}")
}

impl Shown {
    /// Reads an integration, which must exist.
    pub(in crate::commands) async fn find(management: &Management, id: &ProviderId) -> Result<Self, Failure> {
        let Some(response) = management.find(path(id)).await? else {
            return Err(Failure::new(Exit::Error, format!("{id} has no integration"))
                .hint(format!("hubctl integration create --provider {id}")));
        };
        Self::of(management, response).await
    }

    /// The integration in a response.
    pub(in crate::commands) async fn of(management: &Management, response: ApiResponse) -> Result<Self, Failure> {
        let view: IntegrationView = read(&response.body)?;
        let provider = match view.credentials.kind {
            CredentialsKind::Provider => {
                let found = management.find(format!("/providers/{}", view.provider)).await?;
                found.map(|response| read(&response.body)).transpose()?
            }
            CredentialsKind::Default | CredentialsKind::Static => None,
        };
        Ok(Self { view, etag: response.etag, json: response.body, provider })
    }

    /// The credentials for the account.
    pub(in crate::commands) fn credentials(&self) -> &CredentialsView {
        self.provider.as_ref().map_or(&self.view.credentials, |provider| &provider.credentials)
    }

    /// The role to assume, if any.
    pub(in crate::commands) fn role(&self) -> Option<&RoleView> {
        self.credentials().role.as_ref()
    }

    /// Shows the integration and its connection test.
    pub(super) fn write(&mut self, management: &Management, output: &mut Output) -> Result<()> {
        match output.format {
            Format::Json => {
                if let Some(policy) = self.role().and_then(|role| trust(role, &self.trusted_arns(management))) {
                    self.json["trust_policy"] = serde_json::to_value(policy)?;
                }
                output.json(&self.json)?;
            }
            Format::Table => {
                output.details(&words::details(&self.view, self.provider.as_ref()))?;
                if let Some(test) = &self.view.test {
                    output.line("")?;
                    tested::write(test, output)?;
                }
            }
        }
        Ok(())
    }

    /// ARNs of the principals that assume the role. Empty if they are unknown: they are determined by the stack or by the access
    /// key.
    pub(in crate::commands) fn trusted_arns(&self, management: &Management) -> Vec<String> {
        let known = self.view.connection.problem.iter();
        let tested = self.view.test.iter().flat_map(|test| &test.connections).filter_map(|one| one.problem.as_ref());
        let said = known.map(|problem| problem.message.as_str()).chain(tested.map(|problem| problem.message.as_str()));
        assumes(self.credentials(), said, management)
    }

    /// Shows the role's trust policy, or the command that prints it. JSON output already contains the policy.
    pub(super) fn write_role(&self, management: &Management, output: &mut Output) -> Result<()> {
        let Some(role) = self.role() else { return Ok(()) };
        let command = format!("hubctl permissions print --integration {}", self.view.provider);
        match (trust(role, &self.trusted_arns(management)), output.format) {
            (None, _) => note_unknown_trust(role, self.credentials().kind, &command, output)?,
            (Some(_), Format::Json) => {}
            (Some(policy), Format::Table) => {
                output.line("")?;
                output.line(format!("Trust policy for {}:", role.arn))?;
                output.json(&policy)?;
                output.line(format!("Permissions and a template of the role: {command}"))?;
            }
        }
        Ok(())
    }

    /// Exit code: that of the connection test. A test without a result is not a success.
    pub(super) fn exit(&self) -> Exit {
        self.view.test.as_ref().map_or(Exit::Success, tested::exit)
    }
}

/// The trust policy of a role, if the trusted principals are known.
pub(in crate::commands) fn trust(role: &RoleView, trusted_arns: &[String]) -> Option<Policy> {
    Policy::of_trust(role.external_id.as_deref(), trusted_arns)
}

/// The principals that assume the role of these credentials: the deployment's roles, or the owner of the access key. `said`:
/// error messages of AWS, which may contain the owner's ARN.
pub(in crate::commands) fn assumes<'a>(
    credentials: &CredentialsView,
    mut said: impl Iterator<Item = &'a str>,
    management: &Management,
) -> Vec<String> {
    if credentials.kind != CredentialsKind::Static {
        return management.trusted_arns.clone();
    }
    said.find_map(rejected_caller).into_iter().collect()
}

/// Prints the command that prints the trust policy of a role, if the trusted principals are not known.
pub(in crate::commands) fn note_unknown_trust(
    role: &RoleView,
    kind: CredentialsKind,
    command: &str,
    output: &mut Output,
) -> Result<()> {
    let who = match kind {
        CredentialsKind::Static => "the owner of the access key (run `aws sts get-caller-identity` with the key)",
        CredentialsKind::Default | CredentialsKind::Provider => {
            "principals that are known only from the deployment's stack"
        }
    };
    let option = unknown_trust_option(kind);
    output.note(format!("{} must trust {who}. Its trust policy:", role.arn))?;
    Ok(output.note(format!("    {command} {option}"))?)
}

/// The option that determines the trusted principals.
pub(in crate::commands) fn unknown_trust_option(kind: CredentialsKind) -> &'static str {
    match kind {
        CredentialsKind::Static => "--trusted-arn ARN",
        CredentialsKind::Default | CredentialsKind::Provider => "--stack NAME",
    }
}

//! An integration as the API gives it, and how the commands show it.

use anyhow::Result;
use exporter::connection::refused_caller;
use exporter::provider::ProviderId;
use management::wire::CredentialsKind;
use management::wire::{CredentialsView, IntegrationView, ProviderView, RoleView};
use serde_json::Value;

use super::{tested, words};
use crate::client::{Answer, Management, read};
use crate::commands::permissions::policy::Policy;
use crate::config::Format;
use crate::exit::{Exit, Failure};
use crate::render::Output;

/// An integration with what it takes to show and to change it.
pub(in crate::commands) struct Shown {
    pub(in crate::commands) view: IntegrationView,
    pub(in crate::commands) etag: Option<String>,
    json: Value,
    /// Its provider, where the credentials are that one's.
    provider: Option<ProviderView>,
}

/// The address of an integration.
pub(in crate::commands) fn path(id: &ProviderId) -> String {
    format!("/integrations/{id}")
}

/// The address of a provider.
pub(in crate::commands) fn provider_path(id: &ProviderId) -> String {
    format!("/providers/{id}")
}

impl Shown {
    /// The integration of a provider that must have one.
    pub(in crate::commands) async fn find(management: &Management, id: &ProviderId) -> Result<Self, Failure> {
        let Some(answer) = management.find(path(id)).await? else {
            return Err(Failure::new(Exit::Error, format!("{id} has no integration"))
                .hint(format!("hubctl integration create --provider {id}")));
        };
        Self::of(management, answer).await
    }

    /// The integration that an answer holds.
    pub(in crate::commands) async fn of(management: &Management, answer: Answer) -> Result<Self, Failure> {
        let view: IntegrationView = read(&answer.body)?;
        let provider = match view.credentials.kind {
            CredentialsKind::Provider => {
                let found = management.find(format!("/providers/{}", view.provider)).await?;
                found.map(|answer| read(&answer.body)).transpose()?
            }
            CredentialsKind::Default | CredentialsKind::Static => None,
        };
        Ok(Self { view, etag: answer.etag, json: answer.body, provider })
    }

    /// As whom the account is called.
    pub(in crate::commands) fn credentials(&self) -> &CredentialsView {
        self.provider.as_ref().map_or(&self.view.credentials, |provider| &provider.credentials)
    }

    /// The role that is assumed.
    pub(in crate::commands) fn role(&self) -> Option<&RoleView> {
        self.credentials().role.as_ref()
    }

    /// Shows it, and the test that it was put to.
    pub(super) fn write(&mut self, management: &Management, output: &mut Output) -> Result<()> {
        match output.format {
            Format::Json => {
                if let Some(policy) = self.role().and_then(|role| trust(role, &self.trusted_arns(management))) {
                    self.json["trust_policy"] = serde_json::to_value(policy)?;
                }
                output.json(&self.json)?;
            }
            Format::Table => {
                output.facts(&words::facts(&self.view, self.provider.as_ref()))?;
                if let Some(test) = &self.view.test {
                    output.line("")?;
                    tested::write(test, output)?;
                }
            }
        }
        Ok(())
    }

    /// Who assumes the role. Empty, where only the stack, or whoever has the access key, would tell.
    pub(in crate::commands) fn trusted_arns(&self, management: &Management) -> Vec<String> {
        let known = self.view.connection.problem.iter();
        let tested = self.view.test.iter().flat_map(|test| &test.connections).filter_map(|one| one.problem.as_ref());
        let said = known.map(|problem| problem.message.as_str()).chain(tested.map(|problem| problem.message.as_str()));
        assumes(self.credentials(), said, management)
    }

    /// Shows what has to be put on the role, for people, or which command knows it. For machines, it is in the result.
    pub(super) fn write_role(&self, management: &Management, output: &mut Output) -> Result<()> {
        let Some(role) = self.role() else { return Ok(()) };
        let command = format!("hubctl permissions print --integration {}", self.view.provider);
        match (trust(role, &self.trusted_arns(management)), output.format) {
            (None, _) => note_unknown_trust(role, self.credentials().kind, &command, output)?,
            (Some(_), Format::Json) => {}
            (Some(policy), Format::Table) => {
                output.line("")?;
                output.line(format!("Trust policy to put on {}:", role.arn))?;
                output.json(&policy)?;
                output.line(format!("Permissions, and a template of the role: {command}"))?;
            }
        }
        Ok(())
    }

    /// How the command ends: as the test did that it caused. What a test could not tell is no success.
    pub(super) fn exit(&self) -> Exit {
        self.view.test.as_ref().map_or(Exit::Success, tested::exit)
    }
}

/// The policy that lets the deployment, or the owner of its access key, assume a role, where it is known who that is.
pub(in crate::commands) fn trust(role: &RoleView, trusted_arns: &[String]) -> Option<Policy> {
    Policy::of_trust(role.external_id.as_deref(), trusted_arns)
}

/// Who assumes the role of these credentials: the deployment's roles, or whose key it is. `said` is where AWS may have named
/// that one.
pub(in crate::commands) fn assumes<'a>(
    credentials: &CredentialsView,
    mut said: impl Iterator<Item = &'a str>,
    management: &Management,
) -> Vec<String> {
    if credentials.kind != CredentialsKind::Static {
        return management.trusted_arns.clone();
    }
    said.find_map(refused_caller).into_iter().collect()
}

/// Says which command prints the trust policy of a role, when it is not known here whom the role must trust.
pub(in crate::commands) fn note_unknown_trust(
    role: &RoleView,
    kind: CredentialsKind,
    command: &str,
    output: &mut Output,
) -> Result<()> {
    let who = match kind {
        CredentialsKind::Static => "the owner of the access key (`aws sts get-caller-identity` with the key names it)",
        CredentialsKind::Default | CredentialsKind::Provider => "what only the deployment's stack names",
    };
    let option = unknown_trust_option(kind);
    output.note(format!("{} must trust {who}. Its trust policy:", role.arn))?;
    Ok(output.note(format!("    {command} {option}"))?)
}

/// The option that tells whom a role must trust.
pub(in crate::commands) fn unknown_trust_option(kind: CredentialsKind) -> &'static str {
    match kind {
        CredentialsKind::Static => "--trusted-arn ARN",
        CredentialsKind::Default | CredentialsKind::Provider => "--stack NAME",
    }
}

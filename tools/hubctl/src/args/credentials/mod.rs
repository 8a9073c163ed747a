//! The credentials of a provider or an integration as options.

pub(crate) mod key;

use anyhow::Result;
use asff::Partition;
use clap::builder::NonEmptyStringValueParser;
use exporter::model::provider::ProviderId;
use serde_json::{Value, json};

use self::key::{AccessKey, KeySource};
use super::role::{ExternalId, RoleArn, RoleName};
use crate::exit::{Exit, Failure};
use crate::prompt::Prompt;
use crate::render::Output;

/// The credentials for an account.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct CredentialOptions {
    /// ARN of the IAM role to assume
    #[arg(long, value_name = "ARN", help_heading = "Credentials")]
    pub(crate) role_arn: Option<RoleArn>,

    /// Name of the IAM role to assume (the same name in each account of an organization)
    #[arg(long, value_name = "NAME", conflicts_with = "role_arn", help_heading = "Credentials")]
    pub(crate) role_name: Option<RoleName>,

    /// External ID that the role's trust policy requires [default: a new one]
    #[arg(long, value_name = "ID", help_heading = "Credentials")]
    pub(crate) external_id: Option<ExternalId>,

    /// Role session name, as CloudTrail shows it
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), help_heading = "Credentials")]
    pub(crate) session_name: Option<String>,

    /// Duration of the role sessions, 900 to 3600 seconds [default: 3600]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(900..=3600))]
    #[arg(help_heading = "Credentials")]
    pub(crate) duration: Option<u16>,

    /// Prompt for an access key
    #[arg(long, help_heading = "Credentials")]
    pub(crate) access_key: bool,

    /// Read the access key from a file, or from standard input (-)
    #[arg(long, value_name = "FILE", conflicts_with = "access_key", help_heading = "Credentials")]
    pub(crate) access_key_file: Option<String>,

    /// Use the access key in one of your secrets in AWS Secrets Manager
    #[arg(long, value_name = "ARN", conflicts_with_all = ["access_key", "access_key_file"])]
    #[arg(value_parser = NonEmptyStringValueParser::new(), help_heading = "Credentials")]
    pub(crate) secret: Option<String>,
}

impl CredentialOptions {
    /// Whether any credential option is given.
    pub(crate) fn any(&self) -> bool {
        self.has_role() || self.access_key || self.access_key_file.is_some() || self.secret.is_some()
    }

    /// Whether a role is given.
    pub(crate) fn has_role(&self) -> bool {
        self.role_arn.is_some() || self.role_name.is_some()
    }

    /// The credentials as the API's body. Prompts for an access key if requested.
    ///
    /// # Errors
    ///
    /// If the options contradict each other or the ID, or no access key can be read.
    pub(crate) fn body(
        &self,
        id: &ProviderId,
        partition: Partition,
        prompt: &mut Prompt,
        output: &mut Output,
    ) -> Result<Value> {
        let role = self.role(id, partition)?;
        let source = match &self.access_key_file {
            Some(name) => Some(KeySource::named(name)),
            None => self.access_key.then_some(KeySource::Prompt),
        };
        let mut body = match (source, &self.secret) {
            (Some(source), _) => {
                let mut body = AccessKey::obtain(&source, prompt, output)?.body();
                body["kind"] = "static".into();
                body
            }
            (None, Some(secret)) => json!({ "kind": "static", "secret": secret }),
            (None, None) => json!({ "kind": "default" }),
        };
        if let Some(role) = role {
            body["role"] = role;
        }
        Ok(body)
    }

    /// The role to assume. If no External ID is given, the API keeps the current one, or generates one.
    fn role(&self, id: &ProviderId, partition: Partition) -> Result<Option<Value>, Failure> {
        let Some(arn) = self.role_arn_in(id, partition)? else { return self.no_role() };
        let mut role = json!({ "arn": arn });
        if let Some(ExternalId(id)) = &self.external_id {
            role["external_id"] = Value::String(id.clone());
        }
        if let Some(name) = &self.session_name {
            role["session_name"] = Value::String(name.clone());
        }
        if let Some(seconds) = self.duration {
            role["duration_seconds"] = seconds.into();
        }
        Ok(Some(role))
    }

    /// ARN of the role, which must be in the account or the organization with the ID.
    pub(crate) fn role_arn_in(&self, id: &ProviderId, partition: Partition) -> Result<Option<String>, Failure> {
        let arn = match (&self.role_arn, &self.role_name) {
            (Some(arn), _) => arn.clone(),
            (None, Some(name)) => name.in_provider(id, partition),
            (None, None) => return Ok(None),
        };
        arn.must_be_of(id)?;
        Ok(Some(arn.text))
    }

    fn no_role(&self) -> Result<Option<Value>, Failure> {
        let of_a_role = [
            ("--external-id", self.external_id.is_some()),
            ("--session-name", self.session_name.is_some()),
            ("--duration", self.duration.is_some()),
        ];
        match of_a_role.iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(Failure::new(Exit::Usage, format!("{option} requires a role"))
                .hint("add --role-arn ARN or --role-name NAME")),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::OutputFormat;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: CredentialOptions,
    }

    fn body(id: &str, line: &str) -> Result<Value> {
        let options = Line::try_parse_from(["x"].into_iter().chain(line.split_whitespace()))?.options;
        let mut output = Output::of_process(OutputFormat::Table, true);
        options.body(&id.parse().unwrap(), Partition::Aws, &mut Prompt::at_terminal(), &mut output)
    }

    #[test]
    fn a_role_is_given_by_its_arn_or_by_its_name() {
        let role = |id: &str, line: &str| body(id, line).unwrap()["role"]["arn"].clone();
        assert_eq!(role("123456789012", "--role-name a/Exporter"), "arn:aws:iam::123456789012:role/a/Exporter");
        assert_eq!(role("o-a1b2c3d4e5", "--role-name Exporter"), "arn:aws:iam::*:role/Exporter");
        let whole =
            body("123456789012", "--role-arn arn:aws:iam::123456789012:role/X --external-id abc --duration 900");
        let role = json!({ "arn": "arn:aws:iam::123456789012:role/X", "external_id": "abc", "duration_seconds": 900 });
        assert_eq!(whole.unwrap(), json!({ "kind": "default", "role": role }));
    }

    #[test]
    fn contradictory_options_are_rejected() {
        for (id, line) in [
            ("123456789012", "--role-arn arn:aws:iam::210987654321:role/X"),
            ("123456789012", "--role-arn arn:aws:iam::*:role/X"),
            ("o-a1b2c3d4e5", "--role-arn arn:aws:iam::210987654321:role/X"),
            ("123456789012", "--external-id abc"),
            ("123456789012", "--duration 900"),
            ("123456789012", "--role-name X --duration 7200"),
            ("123456789012", "--secret a --access-key"),
            ("123456789012", "--access-key"),
        ] {
            assert!(body(id, line).is_err(), "{id} {line}");
        }
    }
}

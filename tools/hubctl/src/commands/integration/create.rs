//! `hubctl integration create`.

use anyhow::Result;
use asff::AccountId;
use aws::{CreateError, StoredIntegration};
use clap::builder::NonEmptyStringValueParser;
use exporter::integration::{Credentials, Integration, Role};

use super::role::{self, ExternalId, RoleArn};
use super::words;
use crate::commands::choices::Choices;
use crate::config::{Format, Global};
use crate::deployment::{self, port};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Create the integration of an account
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
From then on, scans of this account are exported into its own Security Hub.
Without credentials the deployment acts as itself, which works for its own
account. With a role, an External ID is made here and printed with the trust
policy. A secret holds a JSON object: access_key_id, secret_access_key and,
for temporary keys, session_token.

Examples:
  hubctl integration create --account 123456789012 --alias production
  hubctl integration create --account 210987654321 --severity-min medium \\
    --role-arn arn:aws:iam::210987654321:role/SecurityHubExporter
  hubctl integration create --account 123456789012 --only-failed=false \\
    --regions us-east-1,eu-west-1
  hubctl integration create --account 123456789012 --archive --resend always

JSON: integration (the settings), version, created_at, updated_at, and
trust_policy where a role is assumed.")]
pub(crate) struct Args {
    /// Account whose findings are exported
    #[arg(long, value_name = "ID")]
    account: AccountId,

    /// A name for people
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    alias: Option<String>,

    /// Role of the account to assume
    #[arg(long, value_name = "ARN", help_heading = "Credentials")]
    role_arn: Option<RoleArn>,

    /// External ID that the role's trust policy asks for [default: a new one]
    #[arg(long, value_name = "ID", requires = "role_arn", help_heading = "Credentials")]
    external_id: Option<ExternalId>,

    /// Secret that holds an access key; with --role-arn, the key assumes the role
    #[arg(long, value_name = "ARN", value_parser = NonEmptyStringValueParser::new(), help_heading = "Credentials")]
    secret: Option<String>,

    #[command(flatten)]
    choices: Choices,
}

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    let integration = integration(args)?;
    let created = deployment::block_on(async {
        let connected = deployment::connect(global).await?;
        let created = connected.cloud.create_integration(&integration).await.map_err(|error| refused(&error))?;
        Ok((created, connected.stack.map(|stack| stack.export_function_role_arn)))
    });
    let (created, trusted_arn) = created?;
    match output.format {
        Format::Json => output.json(&words::json(&created, trusted_arn.as_deref()))?,
        Format::Table => tell(&created, trusted_arn.as_deref(), output)?,
    }
    Ok(Exit::Success)
}

/// The settings that the options ask for.
fn integration(args: &Args) -> Result<Integration> {
    let role = match &args.role_arn {
        None => None,
        Some(arn) => Some(role(args, arn)?),
    };
    let credentials = match (&args.secret, role) {
        (Some(secret), role) => Some(Credentials::Static { secret: secret.clone(), role }),
        (None, Some(role)) => Some(Credentials::Default { role: Some(role) }),
        (None, None) => None,
    };
    let mut integration = Integration { alias: args.alias.clone(), credentials, ..Integration::new(args.account) };
    args.choices.apply(&mut integration).map_err(|message| Failure::new(Exit::Usage, message))?;
    Ok(integration)
}

fn role(args: &Args, arn: &RoleArn) -> Result<Role, Failure> {
    if arn.account != args.account {
        let message = format!("role {} is of account {}, the integration of {}", arn.text, arn.account, args.account);
        return Err(Failure::new(Exit::Usage, message)
            .hint("Security Hub takes an account's findings from that account only: name a role of it"));
    }
    let external_id = args.external_id.clone().unwrap_or_else(ExternalId::generate);
    Ok(Role { external_id: Some(external_id.0), ..Role::new(&arn.text) })
}

fn refused(error: &CreateError) -> Failure {
    match error {
        CreateError::Exists { provider } => {
            Failure::new(Exit::Error, error.to_string()).hint(format!("hubctl integration show {provider} shows it"))
        }
        CreateError::Failed(error) => port(error),
    }
}

fn tell(created: &StoredIntegration, trusted_arn: Option<&str>, output: &mut Output) -> Result<()> {
    output.facts(&words::facts(created))?;
    if let Some(role) = words::role(&created.integration) {
        output.line("")?;
        output.line(format!("Trust policy to put on {}:", role.arn))?;
        output.json(&role::trust_policy(role, trusted_arn))?;
        output.line(format!("It needs these permissions: {}", role::PERMISSIONS.join(", ")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use exporter::integration::ArchiveScope;
    use exporter::state::Resend;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn created(options: &str) -> Result<Integration> {
        integration(&Line::try_parse_from(["create"].into_iter().chain(options.split_whitespace()))?.args)
    }

    #[test]
    fn an_integration_without_options_is_one_with_every_setting_at_its_default() {
        let account: AccountId = "123456789012".parse().unwrap();
        assert_eq!(created("--account 123456789012").unwrap(), Integration::new(account));
    }

    #[test]
    fn only_failed_is_on_unless_it_is_switched_off() {
        for (options, only_failed) in
            [("--only-failed", true), ("--only-failed=true", true), ("--only-failed=false", false)]
        {
            assert_eq!(created(&format!("--account 123456789012 {options}")).unwrap().only_failed, only_failed);
        }
    }

    #[test]
    fn what_is_archived_and_sent_again_follows_the_options() {
        let options = "--archive --archive-scope partial --archive-limit-percent 10 --resend always";
        let integration = created(&format!("--account 123456789012 {options}")).unwrap();
        assert!(integration.archive_previous_findings);
        assert_eq!(integration.archive_scope, ArchiveScope::Partial);
        assert_eq!(integration.archive_limit_percent, 10);
        assert_eq!(integration.resend, Resend::Always);
        for wrong in ["--archive-limit-percent 101", "--archive-scope half", "--resend never"] {
            assert!(created(&format!("--account 123456789012 {wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_role_without_an_external_id_gets_one_that_nobody_else_has() {
        let options = "--account 123456789012 --role-arn arn:aws:iam::123456789012:role/SecurityHubExporter";
        let external_id = || match created(options).unwrap().credentials.unwrap() {
            Credentials::Default { role: Some(role) } => role.external_id.unwrap(),
            other => panic!("{other:?}"),
        };
        assert_ne!(external_id(), external_id());
        assert_eq!(external_id().len(), 36);
    }

    #[test]
    fn a_role_of_another_account_is_refused() {
        let error = created("--account 123456789012 --role-arn arn:aws:iam::210987654321:role/X").unwrap_err();
        assert_eq!(crate::exit::exit_of(&error), Exit::Usage);
        assert!(created("--account 123456789012 --external-id abc").is_err(), "an External ID is for a role");
        assert!(created("--account 1234").is_err());
    }
}

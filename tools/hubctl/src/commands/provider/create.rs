//! `hubctl provider create`.

use anyhow::Result;
use clap::builder::NonEmptyStringValueParser;
use exporter::model::provider::ProviderId;
use serde_json::{Value, json};

use super::shown::Shown;
use crate::args::credentials::CredentialOptions;
use crate::client::{ConnectionArgs, Request};
use crate::config::Global;
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::prompt::Prompt;
use crate::render::Output;

/// Create a provider: an AWS account, or an organization with its accounts
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
`hubctl integration create` also creates the provider. Use this command if the
integration is created later, or by another team. Without credentials, the
deployment's own identity is used.

Examples:
  hubctl provider create 123456789012 --alias production
  hubctl provider create o-a1b2c3d4e5 --role-name SecurityHubExporter \\
    --scan-schedule 'cron(0 3 * * ? *)'

JSON: id, kind, alias, scan_schedule, credentials (without any secret), version,
created_at, updated_at, updated_by, and trust_policy if a role is assumed and
--stack is given.")]
pub(crate) struct Args {
    /// 12-digit AWS account ID, or organization ID
    #[arg(value_name = "ID")]
    id: ProviderId,

    /// Display name
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    alias: Option<String>,

    /// Expected scan schedule, in UTC: rate(1 day) or cron(0 3 * * ? *)
    #[arg(long, value_name = "SCHEDULE", value_parser = NonEmptyStringValueParser::new())]
    scan_schedule: Option<String>,

    #[command(flatten)]
    credentials: CredentialOptions,
}

pub(super) fn run(args: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let mut prompt = Prompt::at_terminal();
    block_on(async {
        let management = connection_args.connect(global).await?;
        let mut body = json!({ "id": args.id });
        for (name, value) in [("alias", &args.alias), ("scan_schedule", &args.scan_schedule)] {
            if let Some(value) = value {
                body[name] = Value::String(value.clone());
            }
        }
        let credentials = args.credentials.body(&args.id, management.partition, &mut prompt, output)?;
        if args.credentials.any() {
            body["credentials"] = credentials;
        }
        let created = Shown::of(management.send(Request::create("/providers", body)).await?)?;
        created.write(&management, true, output)?;
        output.note(format!("To create its integration: hubctl integration create --provider {}", args.id))?;
        Ok(Exit::Success)
    })
}

//! `hubctl provider create`.

use anyhow::Result;
use clap::builder::NonEmptyStringValueParser;
use exporter::provider::ProviderId;
use serde_json::{Value, json};

use super::shown::Shown;
use crate::args::credentials::CredentialOptions;
use crate::client::{ConnectionArgs, Request};
use crate::config::Global;
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::prompt::Prompt;
use crate::render::Output;

/// Create a provider: an account, or an organization with all its accounts
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
`hubctl integration create` makes the provider as well; this is for one that is
to have its integration later, or to be shared with a team that writes the
integrations. Without credentials its accounts are called as the deployment.

Examples:
  hubctl provider create 123456789012 --alias production
  hubctl provider create o-a1b2c3d4e5 --role-name SecurityHubExporter \\
    --scan-schedule 'cron(0 3 * * ? *)'

JSON: id, kind, alias, scan_schedule, credentials (without any secret), version,
created_at, updated_at, updated_by, and, where a role is assumed and --stack is
named, trust_policy.")]
pub(crate) struct Args {
    /// The account's 12 digits, or the organization's id
    #[arg(value_name = "ID")]
    id: ProviderId,

    /// A name for people
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    alias: Option<String>,

    /// When its scans come, in UTC: rate(1 day) or cron(0 3 * * ? *)
    #[arg(long, value_name = "SCHEDULE", value_parser = NonEmptyStringValueParser::new())]
    scan_schedule: Option<String>,

    #[command(flatten)]
    credentials: CredentialOptions,
}

pub(super) fn run(args: &Args, reach: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let mut person = Prompt::at_terminal();
    block_on(async {
        let management = reach.connect(global).await?;
        let mut body = json!({ "id": args.id });
        for (name, value) in [("alias", &args.alias), ("scan_schedule", &args.scan_schedule)] {
            if let Some(value) = value {
                body[name] = Value::String(value.clone());
            }
        }
        let credentials = args.credentials.body(&args.id, management.partition, &mut person, output)?;
        if args.credentials.any() {
            body["credentials"] = credentials;
        }
        let created = Shown::of(management.send(Request::create("/providers", body)).await?)?;
        created.write(&management, true, output)?;
        output.note(format!("Its integration: hubctl integration create --provider {}", args.id))?;
        Ok(Exit::Success)
    })
}

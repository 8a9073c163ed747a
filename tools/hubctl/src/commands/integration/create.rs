//! `hubctl integration create`: also creates the provider if it doesn't exist.

use anyhow::Result;
use clap::builder::NonEmptyStringValueParser;
use exporter::model::provider::ProviderId;
use management::wire::TestOutcome;
use serde_json::{Map, Value};

use super::shown::{Shown, provider_path};
use crate::args::credentials::CredentialOptions;
use crate::args::filters::changes;
use crate::args::settings::Settings;
use crate::client::{ConnectionArgs, Management, Request};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::prompt::Prompt;
use crate::render::Output;

/// Create an integration and test its connection
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Scans of the account are then exported to Security Hub in that account. If the
provider doesn't exist, it is created with these credentials; otherwise they are
the integration's own. Without credentials, the deployment uses its own
identity, which works for its own account. For a role, hubctl generates an
External ID and prints the trust policy. Access keys are read from a file, from
standard input, or at a prompt, and are stored in AWS Secrets Manager.

The integration is created whatever the result of the test. The exit code is 0
if the test passed, 4 or 5 if it failed, and 1 if it could not be run. It is
also 0 if the External ID was just generated, since the role can't have it yet:
run hubctl integration test after you deploy the role.

Examples:
  hubctl integration create --provider 123456789012 --alias production
  hubctl integration create --provider 210987654321 \\
    --role-name SecurityHubExporter --severity-min medium --archive
  hubctl integration create --provider o-a1b2c3d4e5 \\
    --role-name SecurityHubExporter
  hubctl integration create --provider 123456789012 --only-failed=false \\
    --regions us-east-1,eu-west-1 --access-key-file key.json

JSON: the settings, connection, next_scan_at, version, test (outcome, message,
accounts, connections), and trust_policy if a role is assumed and --stack is
given.")]
pub(crate) struct Args {
    /// AWS account or organization ID
    #[arg(long, visible_alias = "account", value_name = "ID")]
    provider: ProviderId,

    /// Display name
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    alias: Option<String>,

    /// Expected scan schedule, in UTC: rate(1 day) or cron(0 3 * * ? *)
    #[arg(long, value_name = "SCHEDULE", value_parser = NonEmptyStringValueParser::new())]
    scan_schedule: Option<String>,

    /// Create the integration disabled
    #[arg(long)]
    disabled: bool,

    #[command(flatten)]
    credentials: CredentialOptions,

    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let mut prompt = Prompt::at_terminal();
    block_on(async {
        let management = connection_args.connect(global).await?;
        let partition = management.partition;
        // Called even if no credentials are given: options that require credentials are rejected.
        let credentials = args.credentials.body(&args.provider, partition, &mut prompt, output)?;
        let credentials = args.credentials.any().then_some(credentials);
        let settings = changes(&args.settings)?;
        let own = ensure_provider(&management, args, credentials).await?;
        let body = body(args, settings, own.credentials);
        let created = match management.send(Request::create("/integrations", body)).await {
            Ok(created) => created,
            Err(failure) => {
                // A provider that was created for the integration is deleted. If that fails as well, the first error is reported.
                if own.made {
                    let _ = management.send(Request::delete(provider_path(&args.provider)).at_version(own.etag)).await;
                }
                return Err(failure.into());
            }
        };
        write_created(Shown::of(&management, created).await?, args, &management, output)
    })
}

/// Whether the provider was created, and the credentials of the integration.
struct EnsuredProvider {
    made: bool,
    etag: Option<String>,
    credentials: Option<Value>,
}

/// Creates the provider if it doesn't exist. An existing one is unchanged.
async fn ensure_provider(
    management: &Management,
    args: &Args,
    credentials: Option<Value>,
) -> Result<EnsuredProvider, Failure> {
    let id = &args.provider;
    let mut body = Map::new();
    body.insert("id".to_owned(), id.as_str().into());
    let names = [("alias", &args.alias), ("scan_schedule", &args.scan_schedule)];
    for (name, value) in names {
        if let Some(value) = value {
            body.insert(name.to_owned(), value.as_str().into());
        }
    }
    let Some(found) = management.find(provider_path(id)).await? else {
        if let Some(credentials) = credentials {
            body.insert("credentials".to_owned(), credentials);
        }
        let made = management.send(Request::create("/providers", Value::Object(body))).await?;
        return Ok(EnsuredProvider { made: true, etag: made.etag, credentials: None });
    };
    for (name, value) in names {
        if value.as_deref().is_some_and(|value| found.body[name] != value) {
            let option = name.replace('_', "-");
            return Err(Failure::new(Exit::Usage, format!("provider {id} already exists, with another {option}"))
                .hint(format!("to change it: hubctl provider configure {id} --{option} ...")));
        }
    }
    Ok(EnsuredProvider { made: false, etag: None, credentials })
}

fn body(args: &Args, settings: Map<String, Value>, credentials: Option<Value>) -> Value {
    let mut body = settings;
    // Null is the default.
    body.retain(|_, value| !value.is_null());
    body.insert("provider".to_owned(), args.provider.as_str().into());
    if args.disabled {
        body.insert("enabled".to_owned(), false.into());
    }
    if let Some(credentials) = credentials {
        body.insert("credentials".to_owned(), credentials);
    }
    Value::Object(body)
}

fn write_created(mut shown: Shown, args: &Args, management: &Management, output: &mut Output) -> Result<Exit> {
    let passed = shown.view.test.as_ref().is_some_and(|test| test.outcome == TestOutcome::Passed);
    // The role can't require the External ID that was just generated.
    let is_new_to_role = shown.role().is_some() && args.credentials.external_id.is_none() && !passed;
    let exit = if is_new_to_role { Exit::Success } else { shown.exit() };
    let id = &args.provider;
    let is_table = output.format == Format::Table;
    shown.write(management, output)?;
    shown.write_role(management, output)?;
    if is_new_to_role {
        output.note(format!("After you deploy the role with this trust policy: hubctl integration test {id}"))?;
    } else if is_table && !passed {
        output.note(format!("After you fix it: hubctl integration test {id}"))?;
    }
    Ok(exit)
}

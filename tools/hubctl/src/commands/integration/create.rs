//! `hubctl integration create`: for the usual case the provider as well, so that one command does.

use anyhow::Result;
use clap::builder::NonEmptyStringValueParser;
use exporter::provider::ProviderId;
use management::wire::TestOutcome;
use serde_json::{Map, Value};

use super::shown::{Shown, provider_path};
use crate::args::credentials::CredentialOptions;
use crate::args::settings::Settings;
use crate::client::{ConnectionArgs, Management, Request};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::prompt::Prompt;
use crate::render::Output;

/// Create the integration of an account, and test its connection
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
From then on, scans of this account are exported into its own Security Hub. If
the account is no provider yet, it becomes one, with these credentials; if it
is, credentials given here are the integration's own. Without any the deployment
acts as itself, which works for its own account. A role gets an External ID and
is printed with its trust policy. Keys are read from a file, from standard input
or at a prompt, and are kept in AWS Secrets Manager.

The exit code is 0 if Security Hub takes findings, 4 or 5 if the test shows why
it does not, and 1 if the test could not tell; the integration is created in
every case. It is 0, too, where the role cannot trust the deployment yet,
because its External ID was made just now: test it when the role is there.

Examples:
  hubctl integration create --provider 123456789012 --alias production
  hubctl integration create --provider 210987654321 \\
    --role-name SecurityHubExporter --severity-min medium --archive
  hubctl integration create --provider o-a1b2c3d4e5 \\
    --role-name SecurityHubExporter
  hubctl integration create --provider 123456789012 --only-failed=false \\
    --regions us-east-1,eu-west-1 --access-key-file key.json

JSON: the settings, connection, next_scan_at, version, test (outcome, message,
accounts, connections), and, where a role is assumed and --stack is named,
trust_policy.")]
pub(crate) struct Args {
    /// Account, or organization, whose findings are exported
    #[arg(long, visible_alias = "account", value_name = "ID")]
    provider: ProviderId,

    /// A name for people
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    alias: Option<String>,

    /// When its scans come, in UTC: rate(1 day) or cron(0 3 * * ? *)
    #[arg(long, value_name = "SCHEDULE", value_parser = NonEmptyStringValueParser::new())]
    scan_schedule: Option<String>,

    /// Create it switched off
    #[arg(long)]
    disabled: bool,

    #[command(flatten)]
    credentials: CredentialOptions,

    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args, reach: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let mut person = Prompt::at_terminal();
    block_on(async {
        let management = reach.connect(global).await?;
        let partition = management.partition;
        // Also where there are none: it refuses what makes no sense by itself.
        let credentials = args.credentials.body(&args.provider, partition, &mut person, output)?;
        let credentials = args.credentials.any().then_some(credentials);
        let own = ensure_provider(&management, args, credentials).await?;
        let created = match management.send(Request::create("/integrations", body(args, own.credentials))).await {
            Ok(created) => created,
            Err(failure) => {
                // What was made for it alone goes with it. Where that fails, the error to tell is the first.
                if own.made {
                    let _ = management.send(Request::delete(provider_path(&args.provider)).at_version(own.etag)).await;
                }
                return Err(failure.into());
            }
        };
        tell(Shown::of(&management, created).await?, args, &management, output)
    })
}

/// What became of the provider, and what is left for the integration.
struct Own {
    made: bool,
    etag: Option<String>,
    credentials: Option<Value>,
}

/// Makes the provider, unless there is one. Of one that there is, nothing is changed.
async fn ensure_provider(management: &Management, args: &Args, credentials: Option<Value>) -> Result<Own, Failure> {
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
        return Ok(Own { made: true, etag: made.etag, credentials: None });
    };
    for (name, value) in names {
        if value.as_deref().is_some_and(|value| found.body[name] != value) {
            let option = name.replace('_', "-");
            return Err(Failure::new(Exit::Usage, format!("there is a provider {id} already, with another {option}"))
                .hint(format!("hubctl provider configure {id} --{option} ... changes it")));
        }
    }
    Ok(Own { made: false, etag: None, credentials })
}

fn body(args: &Args, credentials: Option<Value>) -> Value {
    let mut body = args.settings.patch();
    // Null stands for the default, and so does nothing.
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

fn tell(mut shown: Shown, args: &Args, management: &Management, output: &mut Output) -> Result<Exit> {
    let passed = shown.view.test.as_ref().is_some_and(|test| test.outcome == TestOutcome::Passed);
    // The role can't know yet what was made up a moment ago.
    let is_new_to_role = shown.role().is_some() && args.credentials.external_id.is_none() && !passed;
    let exit = if is_new_to_role { Exit::Success } else { shown.exit() };
    let id = &args.provider;
    let is_table = output.format == Format::Table;
    shown.write(management, output)?;
    shown.write_role(management, output)?;
    if is_new_to_role {
        output.note(format!("When the role has this trust policy: hubctl integration test {id}"))?;
    } else if is_table && !passed {
        output.note(format!("When that is fixed: hubctl integration test {id}"))?;
    }
    Ok(exit)
}

//! `hubctl provider credentials`.

use anyhow::Result;
use exporter::model::provider::ProviderId;

use super::shown::Shown;
use crate::args::credentials::CredentialOptions;
use crate::client::{ConnectionArgs, Request};
use crate::commands::integration::shown::provider_path;
use crate::config::Global;
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::prompt::Prompt;
use crate::render::Output;

/// Change a provider's credentials
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
The credentials are a role, an access key, an access key that assumes a role, or
the deployment's own identity (--sdk-default). A role keeps its External ID
unless you give another one. An integration that uses the provider's credentials
is tested with the new ones.

Examples:
  hubctl provider credentials 123456789012 --role-name SecurityHubExporter
  hubctl provider credentials 123456789012 --access-key-file key.json

JSON: the same as `hubctl provider show`, and test.")]
pub(crate) struct Args {
    /// AWS account or organization ID
    #[arg(value_name = "ID")]
    id: ProviderId,

    /// Use the deployment's own identity: the AWS SDK's default credentials
    #[arg(long, help_heading = "Credentials", conflicts_with_all = ["access_key", "access_key_file", "secret"])]
    sdk_default: bool,

    #[command(flatten)]
    credentials: CredentialOptions,
}

pub(super) fn run(args: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    if !args.sdk_default && !args.credentials.any() {
        return Err(Failure::new(Exit::Usage, "no credentials specified")
            .hint("to list the options: hubctl provider credentials --help")
            .into());
    }
    let mut prompt = Prompt::at_terminal();
    block_on(async {
        let management = connection_args.connect(global).await?;
        let found = Shown::find(&management, &args.id).await?;
        let body = args.credentials.body(&args.id, management.partition, &mut prompt, output)?;
        let request = Request::put(format!("{}/credentials", provider_path(&args.id)), body).at_version(found.etag);
        let changed = Shown::of(management.send(request).await?)?;
        let (exit, is_tested) = (changed.exit(), changed.view.test.is_some());
        changed.write(&management, true, output)?;
        if !is_tested {
            output.note("Not tested: unused by integrations.")?;
        }
        Ok(exit)
    })
}

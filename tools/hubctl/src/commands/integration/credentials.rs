//! `hubctl integration credentials`.

use anyhow::Result;
use exporter::model::provider::ProviderId;

use super::shown::{Shown, path};
use crate::args::credentials::CredentialOptions;
use crate::client::{ConnectionArgs, Request};
use crate::config::Global;
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::prompt::Prompt;
use crate::render::Output;

/// Change an integration's credentials and test the connection
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
The integration uses the provider's credentials (--use-provider, the default for
a new integration) or its own: a role, an access key, an access key that assumes
a role, or the deployment's own identity (--sdk-default). A role keeps its
External ID unless you give another one. A new access key replaces the old one
in AWS Secrets Manager and is never shown.

Examples:
  hubctl integration credentials 123456789012 --use-provider
  hubctl integration credentials 123456789012 --access-key
  hubctl integration credentials 123456789012 --role-name SecurityHubExporter
  aws iam create-access-key --user-name exporter | \\
    hubctl integration credentials 123456789012 --access-key-file -

JSON: the same as `hubctl integration show`, and test.")]
pub(crate) struct Args {
    /// AWS account or organization ID
    #[arg(value_name = "ID")]
    id: ProviderId,

    /// Use the provider's credentials and delete the integration's own
    #[arg(long, help_heading = "Credentials", conflicts_with_all = ["sdk_default", "role_arn", "role_name"])]
    #[arg(conflicts_with_all = ["access_key", "access_key_file", "secret", "external_id", "session_name", "duration"])]
    use_provider: bool,

    /// Use the deployment's own identity: the AWS SDK's default credentials
    #[arg(long, help_heading = "Credentials", conflicts_with_all = ["access_key", "access_key_file", "secret"])]
    sdk_default: bool,

    #[command(flatten)]
    credentials: CredentialOptions,
}

pub(super) fn run(args: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    if !args.use_provider && !args.sdk_default && !args.credentials.any() {
        return Err(Failure::new(Exit::Usage, "no credentials specified")
            .hint("to list the options: hubctl integration credentials --help")
            .into());
    }
    let mut prompt = Prompt::at_terminal();
    block_on(async {
        let management = connection_args.connect(global).await?;
        let found = Shown::find(&management, &args.id).await?;
        let address = format!("{}/credentials", path(&args.id));
        let request = if args.use_provider {
            Request::delete(address)
        } else {
            let body = args.credentials.body(&args.id, management.partition, &mut prompt, output)?;
            Request::put(address, body)
        };
        let answer = management.send(request.at_version(found.etag)).await?;
        let mut changed = Shown::of(&management, answer).await?;
        let exit = changed.exit();
        changed.write(&management, output)?;
        if args.credentials.has_role() {
            changed.write_role(&management, output)?;
        }
        Ok(exit)
    })
}

//! Finds the deployment that a command works on, and connects to it.

use std::sync::Arc;

use anyhow::Result;
use aws::{Cloud, Deployment, Names};
use exporter::ports::PortError;

use crate::config::Global;
use crate::exit::{Exit, Failure};

/// A deployment, ready to be asked.
pub(crate) struct Connected {
    /// AWS, as the exporter needs it.
    pub(crate) cloud: Arc<Cloud>,
    /// Where reports and quarantine lie.
    pub(crate) state_bucket: String,
    /// The stack's outputs, where the deployment was named by its stack.
    pub(crate) stack: Option<Deployment>,
}

/// Connects to the deployment that the options name.
pub(crate) async fn connect(global: &Global) -> Result<Connected> {
    let config = aws::sdk_config_of(global.profile.as_deref(), global.region.as_deref()).await;
    let (names, stack) = match (&global.table, &global.state_bucket, &global.stack) {
        (Some(table), Some(state_bucket), _) => {
            (Names { table: table.clone(), state_bucket: state_bucket.clone() }, None)
        }
        (table, state_bucket, Some(name)) => {
            let found = Deployment::of_stack(&config, name).await.map_err(|error| no_stack(name, &error))?;
            let names = Names {
                table: table.clone().unwrap_or_else(|| found.table.clone()),
                state_bucket: state_bucket.clone().unwrap_or_else(|| found.state_bucket.clone()),
            };
            (names, Some(found))
        }
        (_, _, None) => {
            return Err(Failure::new(Exit::Usage, "which deployment? no stack is named")
                .hint("add --stack NAME, or set HUBCTL_STACK; `sam list stack-outputs --stack-name NAME` shows one")
                .into());
        }
    };
    let state_bucket = names.state_bucket.clone();
    Ok(Connected { cloud: Arc::new(Cloud::new(&config, names)), state_bucket, stack })
}

fn no_stack(name: &str, error: &impl std::fmt::Display) -> Failure {
    let failure = called(&error.to_string());
    match failure.exit {
        Exit::Credentials => failure,
        _ => failure.hint(format!(
            "aws cloudformation describe-stacks --stack-name {name} says more; --region names its Region"
        )),
    }
}

/// What the service's answers say when the caller is not who it should be. [`PortError`] holds text only.
const CREDENTIALS_SIGNS: [&str; 10] = [
    "AccessDenied",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClient",
    "credentials provider",
    "no credentials",
    "session token",
];

/// The failure of a call to AWS, with its exit code.
pub(crate) fn called(message: &str) -> Failure {
    if CREDENTIALS_SIGNS.iter().any(|sign| message.contains(sign)) {
        return Failure::new(Exit::Credentials, message)
            .hint("`aws sts get-caller-identity` shows as whom you call; --profile NAME calls as another");
    }
    if message.contains("region must be set") || message.contains("Invalid Configuration: Missing Region") {
        return Failure::new(Exit::Error, message).hint("add --region REGION, or set AWS_REGION");
    }
    Failure::new(Exit::Error, message)
}

/// The failure of a port.
pub(crate) fn port(error: &PortError) -> Failure {
    called(&format!("failed to {error}"))
}

/// Runs what talks to AWS.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(work)
}

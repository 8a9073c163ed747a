//! Selects the deployment that a command works on, and connects to it.

use std::sync::Arc;

use anyhow::Result;
use aws::{Cloud, Deployment, DeploymentError, ResourceNames, SdkConfig};
use exporter::ports::PortError;
use exporter::report::RunReport;

use crate::config::Global;
use crate::exit::{Exit, Failure};

/// A connection to a deployment.
pub(crate) struct Connected {
    /// The AWS adapters of the exporter.
    pub(crate) cloud: Arc<Cloud>,
    /// Configuration of the AWS SDK.
    pub(crate) config: SdkConfig,
    state_bucket: String,
    /// The stack's outputs, if the deployment was selected by its stack.
    pub(crate) stack: Option<Deployment>,
}

impl Connected {
    /// URL of reports and quarantine.
    pub(crate) fn state(&self) -> String {
        format!("s3://{}", self.state_bucket)
    }

    /// Reads a run, which must exist.
    pub(crate) async fn find_run(&self, run_id: &str) -> Result<RunReport> {
        let found = self.cloud.run(run_id).await.map_err(|error| port(&error))?;
        let missing = || Failure::new(Exit::Error, format!("run {run_id} not found"));
        found.ok_or_else(|| missing().hint("to list runs: hubctl run list").into())
    }
}

/// Connects to the deployment that the options select.
pub(crate) async fn connect(global: &Global) -> Result<Connected> {
    let config = aws::sdk_config_of(global.profile.as_deref(), global.region.as_deref()).await;
    if config.region().is_none() {
        return Err(no_region().into());
    }
    let (names, stack) = match (&global.table, &global.state_bucket, &global.stack) {
        (Some(table), Some(state_bucket), _) => {
            (ResourceNames { table: table.clone(), state_bucket: state_bucket.clone(), queue_url: None }, None)
        }
        (table, state_bucket, Some(name)) => {
            let found = Deployment::of_stack(&config, name).await.map_err(|error| no_stack(name, &error))?;
            let names = ResourceNames {
                table: table.clone().unwrap_or_else(|| found.table.clone()),
                state_bucket: state_bucket.clone().unwrap_or_else(|| found.state_bucket.clone()),
                queue_url: Some(found.queue_url.clone()),
            };
            (names, Some(found))
        }
        (_, _, None) => {
            return Err(which_deployment().into());
        }
    };
    let state_bucket = names.state_bucket.clone();
    Ok(Connected { cloud: Arc::new(Cloud::new(&config, names)), config, state_bucket, stack })
}

/// No option selects a deployment.
pub(crate) fn which_deployment() -> Failure {
    Failure::new(Exit::Usage, "no deployment specified").hint(
        "add --stack NAME, or set HUBCTL_STACK; to see a stack's outputs: sam list stack-outputs --stack-name NAME",
    )
}

/// No Region is set.
pub(crate) fn no_region() -> Failure {
    Failure::new(Exit::Usage, "no Region specified")
        .hint("add --region REGION, or set AWS_REGION, or use a profile with a Region: --profile NAME")
}

/// The Region of the deployment.
pub(crate) fn region_of(config: &SdkConfig) -> Result<&str, Failure> {
    config.region().map(AsRef::as_ref).ok_or_else(no_region)
}

pub(crate) fn no_stack(name: &str, error: &DeploymentError) -> Failure {
    match error {
        DeploymentError::NoStack { .. } => Failure::new(Exit::Error, error.to_string()),
        DeploymentError::MissingOutput { .. } => Failure::new(Exit::Error, error.to_string())
            .hint(format!("to see its outputs: aws cloudformation describe-stacks --stack-name {name}")),
        DeploymentError::Failed(error) => port(error),
    }
}

/// Error codes of rejected credentials, found in the message: [`PortError`] has no separate code.
const CREDENTIALS_SIGNS: [&str; 10] = [
    "AccessDenied",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClient",
    "credentials provider",
    "no credentials found",
    "session token",
];

/// The failure for an error of a port.
pub(crate) fn port(error: &PortError) -> Failure {
    // The SDK lists in six lines where it searched; the hint has one line.
    let missing = error.message.contains("no credentials found");
    let message = if missing { "no credentials found" } else { error.message.as_str() };
    let message = format!("failed to {}: {message}", error.action);
    if CREDENTIALS_SIGNS.iter().any(|sign| message.contains(sign)) {
        return Failure::new(Exit::Credentials, message)
            .hint("to see your identity: aws sts get-caller-identity; to use another: --profile NAME");
    }
    let failure = Failure::new(Exit::Error, message);
    // The table or the bucket doesn't exist: its name is from an option, or from a partly deleted stack.
    if ["ResourceNotFoundException", "NoSuchBucket"].iter().any(|code| error.message.contains(code)) {
        return failure
            .hint("check that the deployment is in this Region: --region selects another, --stack reads the names");
    }
    failure
}

/// Stack size of a thread. The SDK's parser for findings, without optimization, requires more than the default of 2 MB.
const STACK_BYTES: usize = 8 << 20;

/// Runs a future that calls AWS.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_stack_size(STACK_BYTES).enable_all().build()?;
    runtime.block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(message: &str) -> Failure {
        port(&PortError { action: "list the runs".to_owned(), message: message.to_owned() })
    }

    #[test]
    fn credential_errors_have_their_own_exit_code_and_a_hint() {
        let missing = failure("dispatch failure: no credentials found in chain. Attempted:\n  Environment: ...");
        assert_eq!(missing.exit, Exit::Credentials);
        assert_eq!(missing.message, "failed to list the runs: no credentials found");
        assert_eq!(failure("AccessDeniedException: not authorized").exit, Exit::Credentials);
        assert!(failure("ExpiredTokenException: expired").hint.unwrap().contains("get-caller-identity"));
        assert_eq!(failure("ResourceNotFoundException: no table").exit, Exit::Error);
    }
}

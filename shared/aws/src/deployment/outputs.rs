//! Finds the resources of a deployment with the outputs of its stack.

use aws_config::SdkConfig;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use exporter::ports::PortError;

use crate::ResourceNames;
use crate::deployment::stacks;
use crate::errors::port_error;

/// Resources of a deployment, from the outputs of its stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Bucket for scans.
    pub scan_bucket: String,
    /// Bucket for reports and quarantined findings.
    pub state_bucket: String,
    /// Table of integrations and runs.
    pub table: String,
    /// URL of the export queue.
    pub queue_url: String,
    /// URL of the dead-letter queue of exports.
    pub dead_letter_queue_url: String,
    /// The export function.
    pub export_function_name: String,
    /// ARN of the export function's role, which the roles of other accounts must trust.
    pub export_function_role_arn: String,
    /// The check-connections function. None for older stacks.
    pub check_function_name: Option<String>,
    /// ARN of the check-connections function's role, which the roles of other accounts must trust as well. None for older stacks.
    pub check_function_role_arn: Option<String>,
    /// URL of the dead-letter queue of checks and notifications. None for older stacks.
    pub check_dead_letter_queue_url: Option<String>,
    /// Name prefix of the secrets that the functions may read. None for older stacks.
    pub secret_name_prefix: Option<String>,
    /// ARN of the deployment's customer managed KMS key, if any.
    pub kms_key_arn: Option<String>,
    /// The management function. None for older stacks.
    pub manage_function_name: Option<String>,
    /// Name pattern of the roles that the functions may assume. None for older stacks.
    pub member_role_name_pattern: Option<String>,
    /// ARN of the topic for email notifications. None without emails, or for older stacks.
    pub notification_topic_arn: Option<String>,
}

/// Why a deployment could not be found.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DeploymentError {
    /// The stack doesn't exist in this account and Region.
    #[error("stack {stack} not found in {region}; to list stacks: aws cloudformation list-stacks --region {region}")]
    NoStack {
        /// Name of the stack.
        stack: String,
        /// The Region.
        region: String,
    },
    /// The stack is not a securityhub-exporter stack, or is incomplete.
    #[error(
        "stack {stack} ({status}) has no output {output}: it is not a securityhub-exporter stack, or is incomplete"
    )]
    MissingOutput {
        /// Name of the stack.
        stack: String,
        /// Status of the stack.
        status: String,
        /// The missing output.
        output: &'static str,
    },
    /// The call failed.
    #[error(transparent)]
    Failed(#[from] PortError),
}

impl Deployment {
    /// Reads the outputs of a stack.
    ///
    /// # Errors
    ///
    /// If the stack doesn't exist, an output is missing, or the call fails.
    pub async fn of_stack(config: &SdkConfig, stack: &str) -> Result<Self, DeploymentError> {
        let no_stack = || DeploymentError::NoStack {
            stack: stack.to_owned(),
            region: config.region().map_or("this Region".to_owned(), ToString::to_string),
        };
        let found = match stacks::describe(config, stack).await {
            Ok(found) => found.ok_or_else(no_stack)?,
            Err(error) if error.message().is_some_and(|message| message.contains("does not exist")) => {
                return Err(no_stack());
            }
            Err(error) => return Err(port_error(format!("read the outputs of stack {stack}"), &error).into()),
        };
        let output = |name: &'static str| {
            found.output(name).ok_or_else(|| DeploymentError::MissingOutput {
                stack: stack.to_owned(),
                status: found.status.clone(),
                output: name,
            })
        };
        Ok(Self {
            scan_bucket: output("ScanBucketName")?,
            state_bucket: output("StateBucketName")?,
            table: output("TableName")?,
            queue_url: output("QueueUrl")?,
            dead_letter_queue_url: output("DeadLetterQueueUrl")?,
            export_function_name: output("ExportFunctionName")?,
            export_function_role_arn: output("ExportFunctionRoleArn")?,
            check_function_name: found.output("CheckFunctionName"),
            check_function_role_arn: found.output("CheckFunctionRoleArn"),
            check_dead_letter_queue_url: found.output("CheckDeadLetterQueueUrl"),
            secret_name_prefix: found.output("SecretNamePrefix"),
            kms_key_arn: found.output("KmsKeyArn"),
            manage_function_name: found.output("ManageFunctionName"),
            member_role_name_pattern: found.output("MemberRoleNamePattern"),
            notification_topic_arn: found.output("NotificationTopicArn"),
        })
    }

    /// ARNs of the roles that assume the roles of other accounts, which must trust them.
    pub fn trusted_arns(&self) -> Vec<&str> {
        [Some(self.export_function_role_arn.as_str()), self.check_function_role_arn.as_deref()]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The names for [`Cloud`](crate::Cloud).
    pub fn names(&self) -> ResourceNames {
        ResourceNames {
            table: self.table.clone(),
            state_bucket: self.state_bucket.clone(),
            queue_url: Some(self.queue_url.clone()),
        }
    }
}

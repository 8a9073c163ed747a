//! Finds what a deployment consists of, by the outputs of its stack.

use aws_config::SdkConfig;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use exporter::ports::PortError;

use crate::ResourceNames;
use crate::deployment::stacks;
use crate::errors::port_error;

/// What a deployment consists of, as its stack tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Where scans are uploaded to.
    pub scan_bucket: String,
    /// Where reports and quarantined findings are.
    pub state_bucket: String,
    /// The table of integrations and runs.
    pub table: String,
    /// The queue on which uploads wait.
    pub queue_url: String,
    /// The queue of uploads that could not be exported.
    pub dead_letter_queue_url: String,
    /// The function that exports.
    pub export_function_name: String,
    /// Its role, which the roles of other accounts trust.
    pub export_function_role_arn: String,
    /// The function that checks connections. None: the stack is older.
    pub check_function_name: Option<String>,
    /// Its role, which they trust as well. None: the stack is older.
    pub check_function_role_arn: Option<String>,
    /// The queue of checks and mails that could not be delivered. None: the stack is older.
    pub check_dead_letter_queue_url: Option<String>,
    /// How the names of the secrets begin that the functions may read. None: the stack is older.
    pub secret_name_prefix: Option<String>,
    /// ARN of the KMS key of what the deployment stores. None: it has none of its own.
    pub kms_key_arn: Option<String>,
    /// The function that manages integrations. None: the stack is older.
    pub manage_function_name: Option<String>,
    /// Pattern of the names of the roles that the functions may assume. None: the stack is older.
    pub member_role_name_pattern: Option<String>,
    /// The topic of the mails. None: nobody gets any, or the stack is older.
    pub notification_topic_arn: Option<String>,
}

/// Why a deployment could not be found.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DeploymentError {
    /// No such stack in this account and Region.
    #[error("stack {stack} not found in {region}; to list stacks: aws cloudformation list-stacks --region {region}")]
    NoStack {
        /// The stack's name.
        stack: String,
        /// The Region that was looked in.
        region: String,
    },
    /// The stack is another one, or of another version, or not complete.
    #[error(
        "stack {stack} ({status}) has no output {output}: it is not a securityhub-exporter stack, or is incomplete"
    )]
    MissingOutput {
        /// The stack's name.
        stack: String,
        /// The stack's status.
        status: String,
        /// The output that is missing.
        output: &'static str,
    },
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] PortError),
}

impl Deployment {
    /// Reads the outputs of a stack.
    ///
    /// # Errors
    ///
    /// When there is no such stack, when it lacks an output, or when `CloudFormation` does not answer.
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

    /// Who assumes the roles of other accounts, and so must be trusted by them.
    pub fn trusted_arns(&self) -> Vec<&str> {
        [Some(self.export_function_role_arn.as_str()), self.check_function_role_arn.as_deref()]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The names that [`Cloud`](crate::Cloud) needs.
    pub fn names(&self) -> ResourceNames {
        ResourceNames {
            table: self.table.clone(),
            state_bucket: self.state_bucket.clone(),
            queue_url: Some(self.queue_url.clone()),
        }
    }
}

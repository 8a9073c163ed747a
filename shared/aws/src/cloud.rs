//! The clients that every adapter uses: built once, sharing connections and credentials.

use std::sync::OnceLock;

use aws_config::SdkConfig;
use exporter::ports::Clock;
use jiff::Timestamp;

use crate::config::{dynamodb_client, s3_client};

/// Names of a deployment's resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceNames {
    /// Table of integrations, runs, accounts, and claims.
    pub table: String,
    /// Bucket of Region states, reports, and quarantined findings.
    pub state_bucket: String,
    /// URL of the export queue, to requeue uploads and submit jobs.
    pub queue_url: Option<String>,
}

/// Configuration for the management of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManagementConfig {
    /// Name prefix of the secrets that the exporter may read.
    pub secret_prefix: String,
    /// Built on first use, since commands that publish no events don't need it.
    pub secret_kms_key: Option<String>,
    /// Name of the check-connections function. None: connection tests are unavailable.
    pub check_function: Option<String>,
}

/// AWS clients that implement the exporter's ports.
#[derive(Clone, Debug)]
pub struct Cloud {
    pub(crate) config: SdkConfig,
    pub(crate) names: ResourceNames,
    pub(crate) management: ManagementConfig,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    /// Built on first use: commands that publish no events don't need it.
    pub(crate) eventbridge: OnceLock<aws_sdk_eventbridge::Client>,
}

impl Cloud {
    /// Builds the clients. Makes no call.
    pub fn new(config: &SdkConfig, names: ResourceNames) -> Self {
        Self {
            config: config.clone(),
            names,
            management: ManagementConfig::default(),
            s3: s3_client(config),
            dynamodb: dynamodb_client(config),
            sqs: aws_sdk_sqs::Client::new(config),
            eventbridge: OnceLock::new(),
        }
    }

    /// Adds the configuration for management.
    #[must_use]
    pub fn with_management(mut self, management: ManagementConfig) -> Self {
        self.management = management;
        self
    }
}

impl Clock for Cloud {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

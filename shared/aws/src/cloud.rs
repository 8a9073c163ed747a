//! The clients that every adapter uses: built once, sharing connections and credentials.

use std::sync::OnceLock;

use aws_config::SdkConfig;
use exporter::ports::Clock;
use jiff::Timestamp;

use crate::config::{dynamodb_client, s3_client};

/// The names of what a deployment keeps its things in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceNames {
    /// The table of integrations, runs, accounts and claims.
    pub table: String,
    /// The bucket of states, reports and quarantined findings.
    pub state_bucket: String,
    /// The queue of uploads, for those who put them back.
    pub queue_url: Option<String>,
}

/// What only those need who manage a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManagementConfig {
    /// How the names of the secrets begin that the exporter may read.
    pub secret_prefix: String,
    /// ARN of the KMS key that encrypts the secrets made here. None: the key of Secrets Manager.
    pub secret_kms_key: Option<String>,
    /// The function that checks connections. None: nobody checks.
    pub check_function: Option<String>,
}

/// AWS, as the exporter needs it.
#[derive(Clone, Debug)]
pub struct Cloud {
    pub(crate) config: SdkConfig,
    pub(crate) names: ResourceNames,
    pub(crate) managing: ManagementConfig,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    /// Built where it is first used: what never tells anything does not carry the client.
    pub(crate) eventbridge: OnceLock<aws_sdk_eventbridge::Client>,
}

impl Cloud {
    /// Builds the clients. Makes no call.
    pub fn new(config: &SdkConfig, names: ResourceNames) -> Self {
        Self {
            config: config.clone(),
            names,
            managing: ManagementConfig::default(),
            s3: s3_client(config),
            dynamodb: dynamodb_client(config),
            sqs: aws_sdk_sqs::Client::new(config),
            eventbridge: OnceLock::new(),
        }
    }

    /// The same, for those who manage the deployment.
    #[must_use]
    pub fn managing(mut self, managing: ManagementConfig) -> Self {
        self.managing = managing;
        self
    }
}

impl Clock for Cloud {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

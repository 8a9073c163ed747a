//! Reads access keys from Secrets Manager, for the SDK only.

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use exporter::connection::CredentialOwner;
use exporter::model::problem::Problem;
use exporter::ports::ConnectError;
use serde::Deserialize;

use crate::errors::{CallFailure, describe, port_error};

/// Reads an access key whenever the SDK requests credentials, so that a rotated key is used after the SDK's cache expires.
#[derive(Debug)]
pub(crate) struct SecretKeys {
    client: aws_sdk_secretsmanager::Client,
    secret: String,
    owner: Option<CredentialOwner>,
}

/// Value of the secret. It intentionally doesn't implement `Debug`.
#[derive(Deserialize)]
struct AccessKey {
    access_key_id: String,
    secret_access_key: String,
    #[serde(default)]
    session_token: Option<String>,
}

impl SecretKeys {
    pub(crate) fn new(config: &SdkConfig, secret: &str, owner: Option<&CredentialOwner>) -> Self {
        let client = aws_sdk_secretsmanager::Client::new(config);
        Self { client, secret: secret.to_owned(), owner: owner.cloned() }
    }

    async fn read(&self) -> Result<Credentials, ConnectError> {
        let response = self.client.get_secret_value().secret_id(&self.secret).send().await;
        let response = response.map_err(|error| self.connect_error(&error))?;
        let key: AccessKey = serde_json::from_str(response.secret_string().unwrap_or_default()).map_err(|error| {
            // Only the position is reported, since the parser's message repeats a part of the secret.
            self.invalid(format!(
                "the secret {} is not {{\"access_key_id\": ..., \"secret_access_key\": ...}} (line {}, column {})",
                self.secret,
                error.line(),
                error.column()
            ))
        })?;
        if key.access_key_id.is_empty() || key.secret_access_key.is_empty() {
            return Err(self.invalid(format!("the secret {} has an empty key", self.secret)));
        }
        let token = key.session_token.filter(|token| !token.is_empty());
        Ok(Credentials::new(key.access_key_id, key.secret_access_key, token, None, "securityhub-exporter secret"))
    }

    fn connect_error(&self, error: &CallFailure<GetSecretValueError>) -> ConnectError {
        let secret = &self.secret;
        let cause = || describe(error);
        match error.code() {
            Some("ResourceNotFoundException") => ConnectError::Rejected(Problem {
                reason: "secret_missing".to_owned(),
                message: format!(
                    "secret {secret}, which should contain the integration's access key, not found: {}",
                    cause()
                ),
                remediation: Some(self.new_key_remediation("create-secret --name")),
            }),
            Some("InvalidRequestException") => ConnectError::Rejected(Problem {
                reason: "secret_missing".to_owned(),
                message: format!("failed to read secret {secret}: {}", cause()),
                remediation: Some(format!(
                    "aws secretsmanager restore-secret --secret-id {secret}  # in the exporter's account, if it is marked for \
                     deletion"
                )),
            }),
            Some("AccessDeniedException" | "DecryptionFailure") => ConnectError::Rejected(Problem {
                reason: "secret_denied".to_owned(),
                message: format!("the caller has no permission to read secret {secret}: {}", cause()),
                remediation: Some(format!(
                    "allow the caller secretsmanager:GetSecretValue on {secret}, and kms:Decrypt on its KMS key, if it has one"
                )),
            }),
            _ => ConnectError::Failed(port_error(format!("read the secret {secret}"), error)),
        }
    }

    fn invalid(&self, message: String) -> ConnectError {
        ConnectError::Rejected(Problem {
            reason: "credentials_invalid".to_owned(),
            message,
            remediation: Some(self.new_key_remediation("put-secret-value --secret-id")),
        })
    }

    /// Remediation that provides a key: with the integration's command, or with the AWS CLI for an existing secret.
    fn new_key_remediation(&self, verb: &str) -> String {
        let secret = &self.secret;
        let own = format!(
            "aws secretsmanager {verb} {secret} --secret-string file://key.json  # in the exporter's account; key.json \
             contains {{\"access_key_id\": ..., \"secret_access_key\": ...}}"
        );
        let key = self.owner.as_ref().map(|owner| owner.new_key_command("the exporter then stores it"));
        key.into_iter().chain([own]).collect::<Vec<_>>().join("\n")
    }
}

impl ProvideCredentials for SecretKeys {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.read().await.map_err(CredentialsError::provider_error) })
    }
}

//! Connects to an account: obtains the integration's credentials and verifies their account.

use asff::{AccountId, Partition};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use exporter::connection::CredentialOwner;
use exporter::model::integration::{Credentials, Integration};
use exporter::model::problem::Problem;
use exporter::ports::{ConnectError, Hubs};

use crate::Cloud;
use crate::errors::{CallFailure, cause, causes, describe, failure, port_error};
use crate::security_hub::client::{Caller, SecurityHub};
use crate::security_hub::credentials::{INVALID_CALLER, account_config, key_remediation, role_with_external_id};

impl Hubs for Cloud {
    type Hub = SecurityHub;

    async fn connect(&self, account: AccountId, integration: &Integration) -> Result<SecurityHub, ConnectError> {
        let credentials = match &integration.credentials {
            Some(credentials) => credentials.clone(),
            None => self.provider_credentials(&integration.provider).await?,
        };
        let owner = CredentialOwner::new(integration, &credentials);
        self.connect_for(account, &credentials, Some(&owner)).await
    }
}

impl Cloud {
    /// Connects to an account with these credentials.
    ///
    /// # Errors
    ///
    /// As [`Hubs::connect`].
    pub async fn connect_as(&self, account: AccountId, credentials: &Credentials) -> Result<SecurityHub, ConnectError> {
        self.connect_for(account, credentials, None).await
    }

    /// Connects to the caller's own account. Returns the account as well.
    ///
    /// # Errors
    ///
    /// As [`Hubs::connect`].
    pub async fn connect_as_caller(&self) -> Result<(AccountId, SecurityHub), ConnectError> {
        const ACTION: &str = "get the caller identity";
        let identity = aws_sdk_sts::Client::new(&self.config).get_caller_identity().send().await;
        let identity = identity.map_err(|error| port_error(ACTION, &error))?;
        let account = identity.account().unwrap_or_default().parse::<AccountId>();
        let account = account.map_err(|error| failure(ACTION, error))?;
        Ok((account, self.connect_as(account, &Credentials::default()).await?))
    }

    async fn connect_for(
        &self,
        account: AccountId,
        credentials: &Credentials,
        owner: Option<&CredentialOwner>,
    ) -> Result<SecurityHub, ConnectError> {
        let config = account_config(&self.config, account, &credentials.in_account(account), owner);
        let sts = aws_sdk_sts::Client::new(&config);
        // This call requires no permission, and no policy can deny it (contract 6.1).
        let identity = sts.get_caller_identity().send().await.map_err(|error| connect_error(&error, account, owner))?;
        let arn = identity.arn().unwrap_or_default();
        if identity.account() != Some(account.as_str()) {
            return Err(ConnectError::Rejected(Problem {
                reason: "wrong_account".to_owned(),
                message: format!(
                    "the credentials belong to {arn}, but Security Hub accepts findings of account {account} only from \
                     callers of that account"
                ),
                remediation: Some(other_account(account, credentials, owner)),
            }));
        }
        let partition = arn.split(':').nth(1).unwrap_or_default().parse::<Partition>();
        let partition =
            partition.map_err(|error| failure(format!("connect to account {account}"), format!("{arn}: {error}")))?;
        let caller = Caller {
            arn: arn.to_owned(),
            partition,
            role_with_external_id: role_with_external_id(&self.config, account, credentials),
        };
        Ok(SecurityHub::new(config, account, caller))
    }
}

/// Remediation for credentials of another account: an access key or a role of the account.
fn other_account(account: AccountId, credentials: &Credentials, owner: Option<&CredentialOwner>) -> String {
    let Some(owner) = owner else { return format!("use credentials of account {account}") };
    let key = owner.new_key_command(&format!("a key of account {account}"));
    if credentials.secret().is_some() {
        return key;
    }
    let role = owner.new_role_command(&format!("a role in account {account}"));
    format!("{role}\n{key}, if a role isn't possible")
}

fn connect_error(
    error: &CallFailure<GetCallerIdentityError>,
    account: AccountId,
    owner: Option<&CredentialOwner>,
) -> ConnectError {
    if let Some(connect_error) = cause::<ConnectError>(error) {
        return connect_error.clone();
    }
    let remediation = || key_remediation(owner, &format!("a key of account {account}"));
    let invalid = |message| {
        ConnectError::Rejected(Problem {
            reason: "credentials_invalid".to_owned(),
            message,
            remediation: Some(remediation()),
        })
    };
    match (cause::<CredentialsError>(error), error.code()) {
        (Some(CredentialsError::CredentialsNotLoaded(_)), _) => {
            invalid(format!("no AWS credentials found: {}", causes(error)))
        }
        (Some(CredentialsError::InvalidConfiguration(_)), _) => {
            invalid(format!("the AWS credentials are misconfigured: {}", causes(error)))
        }
        (_, Some(code)) if INVALID_CALLER.contains(&code) => {
            invalid(format!("AWS does not accept the credentials: {}", describe(error)))
        }
        _ => ConnectError::Failed(port_error("get the caller identity", error)),
    }
}

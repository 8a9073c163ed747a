//! Credentials of an integration as a chain of providers: the initial identity, and the role that it assumes.
//!
//! Credentials are obtained with the first call; the SDK's cache renews them before a session ends, so that a run may be longer
//! than a session.

use std::time::{Duration, SystemTime};

use asff::AccountId;
use aws_config::SdkConfig;
use aws_config::identity::IdentityCache;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use exporter::connection::{CredentialOwner, assume_role_remediation};
use exporter::model::integration::{Credentials as Choice, Role};
use exporter::model::problem::Problem;
use exporter::ports::ConnectError;

use crate::errors::{CallFailure, describe, failure, port_error};
use crate::secrets_manager::secret::SecretKeys;

/// Duration of a session in seconds: the maximum for role chaining (contract 6.1), which a function's identity implies.
const SESSION_SECONDS: i32 = 3600;
/// Minimum duration of a session in seconds (contract 6.1).
const SESSION_SECONDS_MIN: u16 = 900;
/// Timeout to obtain credentials: the secret, the role, and the retries of both.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(60);
/// Maximum length of a session name (contract 6.1).
const SESSION_NAME_CHARS_MAX: usize = 64;
/// Minimum length of a session name (contract 6.1).
const SESSION_NAME_CHARS_MIN: usize = 2;

/// STS's codes for invalid credentials.
pub(crate) const INVALID_CALLER: [&str; 8] = [
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "ExpiredToken",
    "ExpiredTokenException",
];

/// Configuration for the account of an integration. Makes no call.
pub(crate) fn account_config(
    own: &SdkConfig,
    account: AccountId,
    choice: &Choice,
    owner: Option<&CredentialOwner>,
) -> SdkConfig {
    let caller = caller_config(own, choice, owner);
    match choice.role() {
        Some(role) => with_provider(&caller, AssumedRole::new(&caller, account, role, owner)),
        None => caller,
    }
}

/// The integration's role, and a credentials provider that assumes it without the External ID. `None` if the role has no External
/// ID.
pub(crate) fn role_with_external_id(
    own: &SdkConfig,
    account: AccountId,
    choice: &Choice,
) -> Option<(Role, AssumedRole)> {
    let choice = choice.in_account(account);
    let role = choice.role().filter(|role| role.external_id.is_some())?;
    let without_external_id = Role { external_id: None, duration_seconds: Some(SESSION_SECONDS_MIN), ..role.clone() };
    let without_external_id = AssumedRole::new(&caller_config(own, &choice, None), account, &without_external_id, None);
    Some((role.clone(), without_external_id))
}

/// Configuration of the identity that assumes the role.
fn caller_config(own: &SdkConfig, choice: &Choice, owner: Option<&CredentialOwner>) -> SdkConfig {
    match choice.secret() {
        Some(secret) => with_provider(own, SecretKeys::new(own, secret, owner)),
        None => own.clone(),
    }
}

fn with_provider(config: &SdkConfig, provider: impl ProvideCredentials + 'static) -> SdkConfig {
    fresh(&config.to_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build())
}

/// The configuration with an empty credentials cache.
pub(crate) fn fresh(config: &SdkConfig) -> SdkConfig {
    let cache = IdentityCache::lazy().load_timeout(CREDENTIALS_TIMEOUT).build();
    config.to_builder().identity_cache(cache).build()
}

/// Assumes a role at the Regional endpoint of STS: such sessions are valid in every Region (contract 6.1).
#[derive(Debug)]
pub(crate) struct AssumedRole {
    client: aws_sdk_sts::Client,
    account: AccountId,
    role: Role,
    owner: Option<CredentialOwner>,
}

impl AssumedRole {
    fn new(config: &SdkConfig, account: AccountId, role: &Role, owner: Option<&CredentialOwner>) -> Self {
        let client = aws_sdk_sts::Client::new(config);
        Self { client, account, role: role.clone(), owner: owner.cloned() }
    }

    pub(crate) async fn assume(&self) -> Result<Credentials, ConnectError> {
        let response = self
            .client
            .assume_role()
            .role_arn(&self.role.arn)
            .set_external_id(self.role.external_id.clone())
            .role_session_name(session_name(&self.role, self.account))
            .duration_seconds(self.role.duration_seconds.map_or(SESSION_SECONDS, i32::from))
            .send()
            .await
            .map_err(|error| self.connect_error(&error))?;
        let session = response
            .credentials()
            .ok_or_else(|| failure(format!("assume {}", self.role.arn), "the response has no credentials"))?;
        let ends = SystemTime::try_from(*session.expiration()).ok();
        let token = Some(session.session_token().to_owned());
        Ok(Credentials::new(session.access_key_id(), session.secret_access_key(), token, ends, "AssumeRole"))
    }

    fn connect_error(&self, error: &CallFailure<AssumeRoleError>) -> ConnectError {
        // If the initial credentials could not be obtained, that error is reported.
        if let Some(cause) = crate::errors::cause::<ConnectError>(error) {
            return cause.clone();
        }
        let arn = &self.role.arn;
        match error.code() {
            Some("AccessDenied" | "AccessDeniedException") => {
                let message = error.message().unwrap_or_default();
                ConnectError::Rejected(Problem {
                    reason: "assume_role_denied".to_owned(),
                    message: self.denied_remediation(&describe(error)),
                    remediation: Some(assume_role_remediation(&self.role, self.account, message, self.owner.as_ref())),
                })
            }
            Some("RegionDisabledException") => ConnectError::Rejected(Problem {
                reason: "assume_role_denied".to_owned(),
                message: format!("STS is not active in this Region for the account of {arn}: {}", describe(error)),
                remediation: Some(format!(
                    "activate STS in this Region for account {}: IAM console, Account settings, Security Token Service endpoints",
                    self.account
                )),
            }),
            Some("ValidationError" | "ValidationException") => ConnectError::Rejected(Problem {
                reason: "credentials_invalid".to_owned(),
                message: format!("STS rejected the integration's settings for {arn}: {}", describe(error)),
                remediation: Some(match &self.owner {
                    Some(owner) => owner.other_role_command(&self.role, "with a valid --session-name and --duration"),
                    None => "correct the role's ARN, External ID, session name, or duration".to_owned(),
                }),
            }),
            Some(code) if INVALID_CALLER.contains(&code) => ConnectError::Rejected(Problem {
                reason: "credentials_invalid".to_owned(),
                message: format!("the credentials to assume {arn} are invalid: {}", describe(error)),
                remediation: Some(key_remediation(self.owner.as_ref(), "a key of a user that may assume the role")),
            }),
            _ => ConnectError::Failed(port_error(format!("assume {arn}"), error)),
        }
    }

    /// STS's message, and all possible causes: STS doesn't distinguish them.
    fn denied_remediation(&self, message: &str) -> String {
        let Role { arn, external_id, .. } = &self.role;
        let external_id = match external_id {
            Some(_) => "with the integration's External ID",
            None => "without an External ID, since the integration has none",
        };
        format!(
            "failed to assume {arn} {external_id}: {message}. Check that the role exists, that its trust policy trusts \
             the caller and requires exactly this External ID, and that the caller is allowed sts:AssumeRole on it"
        )
    }
}

/// Remediation for invalid credentials: another access key; without one, the identity of this process.
pub(crate) fn key_remediation(owner: Option<&CredentialOwner>, what: &str) -> String {
    match owner.filter(|owner| owner.has_key()) {
        Some(owner) => owner.new_key_command(what),
        None => "aws sts get-caller-identity  # where the exporter runs: it uses its own credentials".to_owned(),
    }
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.assume().await.map_err(CredentialsError::provider_error) })
    }
}

/// The session name, with the characters and length that STS allows.
fn session_name(role: &Role, account: AccountId) -> String {
    let requested = role.session_name.as_deref().unwrap_or_default();
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter);
    let name: String = requested
        .chars()
        .map(|letter| if allowed(letter) { letter } else { '-' })
        .take(SESSION_NAME_CHARS_MAX)
        .collect();
    if name.len() < SESSION_NAME_CHARS_MIN { format!("securityhub-exporter-{account}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_name_is_valid_for_sts() {
        let account = "123456789012".parse().unwrap();
        let name = |requested: Option<&str>| {
            let role = Role { session_name: requested.map(str::to_owned), ..Role::new("") };
            session_name(&role, account)
        };
        assert_eq!(name(None), "securityhub-exporter-123456789012");
        assert_eq!(name(Some("")), "securityhub-exporter-123456789012");
        assert_eq!(name(Some("x")), "securityhub-exporter-123456789012");
        assert_eq!(name(Some("nightly scan/ü")), "nightly-scan--");
        assert_eq!(name(Some(&"n".repeat(100))).len(), 64);
    }
}

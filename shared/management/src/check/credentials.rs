//! Validates credentials: the kind, the access key or its secret, and the role.

use asff::{AccountId, Partition, RegionName};
use exporter::model::integration::{Credentials, Role};
use exporter::model::provider::ProviderId;
use exporter::ports::settings_store::{AccessKey, MANAGED};

use super::{Errors, Settings};
use crate::problem::ApiError;
use crate::wire::{CredentialsBody, RoleBody};

/// Length of an access key ID (IAM API, `AccessKey`).
const KEY_ID_CHARS: std::ops::RangeInclusive<usize> = 16..=128;
/// Maximum length of a secret access key. AWS generates 40 characters.
const KEY_CHARS_MAX: usize = 256;
/// Maximum length of a session token. AWS doesn't limit it; a secret can store 64 KB.
const TOKEN_CHARS_MAX: usize = 4096;
/// Prefix of the ID of a temporary key (IAM user guide, unique identifiers).
const TEMPORARY_KEY: &str = "ASIA";
/// Length of an External ID (STS, `AssumeRole`).
const EXTERNAL_ID_CHARS: std::ops::RangeInclusive<usize> = 2..=1224;
/// Length of a session name (STS, `AssumeRole`).
const SESSION_NAME_CHARS: std::ops::RangeInclusive<usize> = 2..=64;
/// Maximum length of a secret name (Secrets Manager API, `CreateSecret`: 512) with the suffix that its ARN adds.
const SECRET_CHARS_MAX: usize = 512 + 7;
/// Duration of a session in seconds: role chaining is limited to one hour (STS, `AssumeRole`).
const DURATION_SECONDS: std::ops::RangeInclusive<i64> = 900..=3600;
/// Length of a role's path and name (IAM API: 512 and 64).
const ROLE_CHARS: std::ops::RangeInclusive<usize> = 1..=576;
/// Maximum length of the name alone.
const ROLE_NAME_CHARS_MAX: usize = 64;
/// The account ID in a role ARN that stands for each account of an organization.
const EVERY_ACCOUNT: &str = "*";

/// Valid credentials.
pub enum ValidCredentials {
    /// An integration uses its provider's credentials.
    Inherited,
    /// Own credentials. With [`Key::New`], the name of the secret is not set yet.
    Own(Credentials, Key),
}

impl ValidCredentials {
    /// Splits off the access key. The credentials are `None` if they are inherited.
    pub fn own(self) -> (Option<Credentials>, Key) {
        match self {
            Self::Inherited => (None, Key::Unchanged),
            Self::Own(credentials, key) => (Some(credentials), key),
        }
    }
}

/// What a request does to the access key.
pub enum Key {
    /// The request has no access key: a stored one is unchanged.
    Unchanged,
    /// The request has a new access key.
    New(AccessKey),
}

/// Validates the credentials of a provider.
///
/// # Errors
///
/// Lists all invalid fields.
pub fn of_provider(
    id: &ProviderId,
    body: &CredentialsBody,
    before: Option<&Credentials>,
    deployment: &Settings,
) -> Result<(Credentials, Key), ApiError> {
    match validate(id, body, before, deployment)? {
        ValidCredentials::Own(credentials, key) => Ok((credentials, key)),
        ValidCredentials::Inherited => Err(ApiError::field("credentials.kind", "must be default or static")),
    }
}

/// Validates the credentials of an integration.
///
/// # Errors
///
/// Lists all invalid fields.
pub fn of_integration(
    id: &ProviderId,
    body: &CredentialsBody,
    before: Option<&Credentials>,
    deployment: &Settings,
) -> Result<ValidCredentials, ApiError> {
    validate(id, body, before, deployment)
}

/// Checks that an integration's credentials match the provider that the integration is moved to.
///
/// # Errors
///
/// Lists the fields that don't match.
pub fn for_provider(id: &ProviderId, credentials: &Credentials, deployment: &Settings) -> Result<(), ApiError> {
    let mut errors = Errors::default();
    check_role_account(id, credentials.role().map(|role| role.arn.as_str()), deployment, &mut errors);
    errors.into_result(())
}

fn validate(
    id: &ProviderId,
    body: &CredentialsBody,
    before: Option<&Credentials>,
    deployment: &Settings,
) -> Result<ValidCredentials, ApiError> {
    let mut errors = Errors::default();
    let has_key = body.access_key_id.is_some() || body.secret_access_key.is_some() || body.session_token.is_some();
    if body.kind != "static" && (has_key || body.secret.is_some()) {
        errors.add("credentials.kind", "must be `static` if there is an access key or a secret");
    }
    if body.kind == "provider" {
        if body.role.is_some() {
            errors.add("credentials.role", "must be omitted if the provider's credentials are used");
        }
        return errors.into_result(ValidCredentials::Inherited);
    }
    check_role_account(id, body.role.as_ref().map(|role| role.arn.as_str()), deployment, &mut errors);
    let role = body.role.as_ref().map(|role| validate_role(role, before.and_then(Credentials::role), &mut errors));
    match body.kind.as_str() {
        "default" => errors.into_result(ValidCredentials::Own(Credentials::Default { role }, Key::Unchanged)),
        "static" => {
            let (secret, key) = secret_and_key(body, before, deployment, &mut errors);
            errors.into_result(ValidCredentials::Own(Credentials::Static { secret, role }, key))
        }
        _ => {
            errors.add("credentials.kind", "must be provider, default, or static");
            errors.into_result(ValidCredentials::Inherited)
        }
    }
}

/// The secret and the access key. The request has a key or names a secret; otherwise, the stored secret is unchanged.
fn secret_and_key(
    body: &CredentialsBody,
    before: Option<&Credentials>,
    deployment: &Settings,
    errors: &mut Errors,
) -> (String, Key) {
    let has_key = body.access_key_id.is_some() || body.secret_access_key.is_some() || body.session_token.is_some();
    if let Some(secret) = &body.secret {
        if has_key {
            errors.add("credentials.secret", "must be omitted if there is an access key");
        }
        if let Some(message) = invalid_secret(secret, before, deployment) {
            errors.add("credentials.secret", message);
        }
        return (secret.clone(), Key::Unchanged);
    }
    if !has_key {
        let stored = before.and_then(Credentials::secret);
        if stored.is_none() {
            errors.add("credentials.access_key_id", "is required if secret is not given");
        }
        return (stored.unwrap_or_default().to_owned(), Key::Unchanged);
    }
    let id = body.access_key_id.as_ref().map_or("", |text| text.expose());
    if !KEY_ID_CHARS.contains(&id.len()) || !id.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'_') {
        errors.add("credentials.access_key_id", "must be an access key ID, such as AKIA followed by 16 characters");
    }
    let secret = body.secret_access_key.as_ref().map_or("", |text| text.expose());
    if secret.is_empty() || secret.len() > KEY_CHARS_MAX || !secret.bytes().all(|letter| letter.is_ascii_graphic()) {
        errors.add("credentials.secret_access_key", "must be the secret access key");
    }
    let token = body.session_token.as_ref().map(|text| text.expose());
    let token_fits = |token: &str| {
        !token.is_empty() && token.len() <= TOKEN_CHARS_MAX && token.bytes().all(|letter| letter.is_ascii_graphic())
    };
    if token.is_some_and(|token| !token_fits(token)) || (token.is_none() && id.starts_with(TEMPORARY_KEY)) {
        errors.add("credentials.session_token", "must be the session token of the temporary access key");
    }
    let key = AccessKey {
        access_key_id: id.to_owned(),
        secret_access_key: secret.to_owned(),
        session_token: token.map(str::to_owned),
    };
    (String::new(), Key::New(key))
}

/// Why the secret that a request names can't be used. `None` if it can.
fn invalid_secret(secret: &str, before: Option<&Credentials>, deployment: &Settings) -> Option<String> {
    if let Some([partition, region, account, _]) = secret_arn(secret) {
        let by_region = || deployment.region_mismatch(region.parse().ok()?);
        let by_account = || deployment.account_mismatch(account.parse().ok()?);
        let message = deployment.partition_mismatch(partition).or_else(by_region).or_else(by_account);
        if message.is_some() {
            return message;
        }
    }
    let prefix = deployment.secret_prefix.as_str();
    let rest = secret_name(secret).and_then(|name| name.strip_prefix(prefix)).filter(|rest| !rest.is_empty());
    let is_of_another_resource =
        |rest: &str| rest.starts_with(MANAGED) && before.and_then(Credentials::secret) != Some(secret);
    match rest {
        None => Some(format!("must be the name or ARN of a secret whose name begins with {prefix}")),
        // Such a secret is deleted together with the resource that it belongs to.
        Some(rest) if is_of_another_resource(rest) => {
            Some(format!("must not begin with {prefix}{MANAGED}: such a secret belongs to another resource"))
        }
        Some(_) => None,
    }
}

/// Partition, Region, account, and name in arn:partition:secretsmanager:region:account:secret:NAME-suffix.
fn secret_arn(text: &str) -> Option<[&str; 4]> {
    let parts: Vec<&str> = text.splitn(7, ':').collect();
    let ["arn", partition, "secretsmanager", region, account, "secret", name] = parts[..] else { return None };
    Some([partition, region, account, name])
}

/// The name of a secret, from its name or ARN.
fn secret_name(text: &str) -> Option<&str> {
    let name = if text.starts_with("arn:") {
        let [partition, region, account, name] = secret_arn(text)?;
        let partition: Partition = partition.parse().ok()?;
        let region: RegionName = region.parse().ok()?;
        account.parse::<AccountId>().ok()?;
        // A Region with an unknown name format can be in any partition.
        if Partition::that_may_hold(region).is_some_and(|other| other != partition) {
            return None;
        }
        name
    } else {
        text
    };
    let allowed = |letter: u8| letter.is_ascii_alphanumeric() || b"/_+=.@-".contains(&letter);
    (name.len() <= SECRET_CHARS_MAX && name.bytes().all(allowed)).then_some(name)
}

fn validate_role(body: &RoleBody, before: Option<&Role>, errors: &mut Errors) -> Role {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter);
    if let Some(text) = &body.external_id
        && !(EXTERNAL_ID_CHARS.contains(&text.len())
            && text.chars().all(|letter| allowed(letter) || ":/".contains(letter)))
    {
        errors.add("credentials.role.external_id", "must have 2 to 1224 letters, digits, and _+=,.@:/-");
    }
    if let Some(text) = &body.session_name
        && !(SESSION_NAME_CHARS.contains(&text.len()) && text.chars().all(allowed))
    {
        errors.add("credentials.role.session_name", "must have 2 to 64 letters, digits, and _+=,.@-");
    }
    if body.duration_seconds.is_some_and(|seconds| !DURATION_SECONDS.contains(&seconds)) {
        errors.add("credentials.role.duration_seconds", "must be 900 to 3600, the maximum for role chaining");
    }
    // The External ID is unchanged unless the request has another one, even if the role changes.
    let current = before.and_then(|role| role.external_id.clone());
    let external_id = body.external_id.clone().or(current).unwrap_or_else(Role::new_external_id);
    Role {
        arn: body.arn.clone(),
        external_id: Some(external_id),
        session_name: body.session_name.clone(),
        duration_seconds: body.duration_seconds.and_then(|seconds| u16::try_from(seconds).ok()),
    }
}

/// Checks that a role is in the provider's account, or in every
/// account of the organization, and in the deployment's partition.
fn check_role_account(id: &ProviderId, arn: Option<&str>, deployment: &Settings, errors: &mut Errors) {
    let Some(arn) = arn else {
        if id.account().is_none() {
            let message = "is required: an organization needs a role that each account has, arn:aws:iam::*:role/NAME";
            errors.add("credentials.role", message);
        }
        return;
    };
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let mismatch = match parts.as_slice() {
        ["arn", partition, "iam", ..] => deployment.partition_mismatch(partition),
        _ => None,
    };
    if let Some(message) = mismatch {
        errors.add("credentials.role.arn", message);
        return;
    }
    let account = match parts.as_slice() {
        ["arn", partition, "iam", "", account, role]
            if partition.parse::<Partition>().is_ok() && role.strip_prefix("role/").is_some_and(is_role_name) =>
        {
            Some(*account)
        }
        _ => None,
    };
    let message = match (account, id.account()) {
        (Some(role_account), Some(account)) if role_account == account.as_str() => return,
        (Some(EVERY_ACCOUNT), None) => return,
        (Some(_), Some(account)) => {
            format!(
                "must be a role in account {account}: Security Hub accepts an account's findings only from that account"
            )
        }
        (Some(_), None) => "must have `*` as the account ID: arn:aws:iam::*:role/NAME".to_owned(),
        (None, _) => "must be the ARN of a role, such as arn:aws:iam::123456789012:role/SecurityHubExporter".to_owned(),
    };
    errors.add("credentials.role.arn", message);
}

fn is_role_name(name: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-/".contains(letter);
    let parts = || name.split('/');
    let is_part = |part: &str| !part.is_empty() && !part.bytes().all(|letter| letter == b'.');
    let name_fits = parts().next_back().is_some_and(|last| last.len() <= ROLE_NAME_CHARS_MAX);
    ROLE_CHARS.contains(&name.len()) && name_fits && parts().all(is_part) && name.chars().all(allowed)
}

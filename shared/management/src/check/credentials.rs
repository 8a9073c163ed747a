//! Credentials: their kind, the access key or where it is, and the role.

use asff::{AccountId, Partition, RegionName};
use exporter::integration::{Credentials, Role};
use exporter::provider::ProviderId;
use exporter::registry::{AccessKey, MANAGED};
use uuid::Uuid;

use super::{Errors, Settings};
use crate::problem::ApiError;
use crate::wire::{CredentialsBody, RoleBody};

/// Characters of an access key's id (IAM API, `AccessKey`).
const KEY_ID_CHARS: std::ops::RangeInclusive<usize> = 16..=128;
/// Characters of its secret half at most. AWS's have 40.
const KEY_CHARS_MAX: usize = 256;
/// Characters of a session token at most: what fits a secret of 64 KB many times over. AWS sets no limit.
const TOKEN_CHARS_MAX: usize = 4096;
/// Prefix of the ID of a temporary key (IAM user guide, unique identifiers).
const TEMPORARY_KEY: &str = "ASIA";
/// Characters of an External ID (STS, `AssumeRole`).
const EXTERNAL_ID_CHARS: std::ops::RangeInclusive<usize> = 2..=1224;
/// Characters of a session's name (STS, `AssumeRole`).
const SESSION_NAME_CHARS: std::ops::RangeInclusive<usize> = 2..=64;
/// Characters of a secret's name (Secrets Manager API, `CreateSecret`: 512), and of the suffix that its ARN adds.
const SECRET_CHARS_MAX: usize = 512 + 7;
/// Seconds of a session: a role that assumes a role gets an hour at most (contract of STS).
const DURATION_SECONDS: std::ops::RangeInclusive<i64> = 900..=3600;
/// Characters of a role's path and name (IAM API: 512 and 64).
const ROLE_CHARS: std::ops::RangeInclusive<usize> = 1..=576;
/// Characters of its name alone.
const ROLE_NAME_CHARS_MAX: usize = 64;
/// Where an ARN has the account, for every account of an organization.
const EVERY_ACCOUNT: &str = "*";

/// Credentials that may be written.
pub enum Checked {
    /// An integration's: those of the provider.
    AsProvider,
    /// Its own. With [`Key::New`], the place of the secret is still to be filled in.
    Own(Credentials, Key),
}

impl Checked {
    /// Its own, if it has some.
    pub fn own(self) -> (Option<Credentials>, Key) {
        match self {
            Self::AsProvider => (None, Key::Kept),
            Self::Own(credentials, key) => (Some(credentials), key),
        }
    }
}

/// Where the access key is.
pub enum Key {
    /// No key, or the stored one.
    Kept,
    /// In the request.
    New(AccessKey),
}

/// The credentials of a provider.
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
    match checked(id, body, before, deployment)? {
        Checked::Own(credentials, key) => Ok((credentials, key)),
        Checked::AsProvider => Err(ApiError::field("credentials.kind", "must be default or static")),
    }
}

/// The credentials of an integration.
///
/// # Errors
///
/// Lists all invalid fields.
pub fn of_integration(
    id: &ProviderId,
    body: &CredentialsBody,
    before: Option<&Credentials>,
    deployment: &Settings,
) -> Result<Checked, ApiError> {
    checked(id, body, before, deployment)
}

/// Checks that credentials fit a provider: for one that an integration moves to.
///
/// # Errors
///
/// Lists the fields that don't match.
pub fn for_provider(id: &ProviderId, credentials: &Credentials, deployment: &Settings) -> Result<(), ApiError> {
    let mut errors = Errors::default();
    belongs(id, credentials.role().map(|role| role.arn.as_str()), deployment, &mut errors);
    errors.end(())
}

fn checked(
    id: &ProviderId,
    body: &CredentialsBody,
    before: Option<&Credentials>,
    deployment: &Settings,
) -> Result<Checked, ApiError> {
    let mut errors = Errors::default();
    let key_given = body.access_key_id.is_some() || body.secret_access_key.is_some() || body.session_token.is_some();
    if body.kind != "static" && (key_given || body.secret.is_some()) {
        errors.add("credentials.kind", "must be `static` if there is an access key or a secret");
    }
    if body.kind == "provider" {
        if body.role.is_some() {
            errors.add("credentials.role", "must be omitted if the provider's credentials are used");
        }
        return errors.end(Checked::AsProvider);
    }
    belongs(id, body.role.as_ref().map(|role| role.arn.as_str()), deployment, &mut errors);
    let role = body.role.as_ref().map(|role| checked_role(role, before.and_then(Credentials::role), &mut errors));
    match body.kind.as_str() {
        "default" => errors.end(Checked::Own(Credentials::Default { role }, Key::Kept)),
        "static" => {
            let (secret, key) = place(body, before, deployment, &mut errors);
            errors.end(Checked::Own(Credentials::Static { secret, role }, key))
        }
        _ => {
            errors.add("credentials.kind", "must be provider, default, or static");
            errors.end(Checked::AsProvider)
        }
    }
}

/// Where the access key is: in the request, in a secret that it names, or where it was.
fn place(
    body: &CredentialsBody,
    before: Option<&Credentials>,
    deployment: &Settings,
    errors: &mut Errors,
) -> (String, Key) {
    let given = body.access_key_id.is_some() || body.secret_access_key.is_some() || body.session_token.is_some();
    if let Some(secret) = &body.secret {
        if given {
            errors.add("credentials.secret", "must be omitted if there is an access key");
        }
        if let Some(message) = unusable(secret, before, deployment) {
            errors.add("credentials.secret", message);
        }
        return (secret.clone(), Key::Kept);
    }
    if !given {
        let kept = before.and_then(Credentials::secret);
        if kept.is_none() {
            errors.add("credentials.access_key_id", "is required if secret is not given");
        }
        return (kept.unwrap_or_default().to_owned(), Key::Kept);
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

/// Why the secret in a request can't be used.
fn unusable(secret: &str, before: Option<&Credentials>, deployment: &Settings) -> Option<String> {
    if let Some([partition, region, account, _]) = secret_arn(secret) {
        let by_region = || deployment.other_partition_of(region.parse().ok()?);
        let by_account = || deployment.other_account(account.parse().ok()?);
        let message = deployment.other_partition(partition).or_else(by_region).or_else(by_account);
        if message.is_some() {
            return message;
        }
    }
    let prefix = deployment.secret_prefix.as_str();
    let rest = secret_name(secret).and_then(|name| name.strip_prefix(prefix)).filter(|rest| !rest.is_empty());
    let is_theirs = |rest: &str| rest.starts_with(MANAGED) && before.and_then(Credentials::secret) != Some(secret);
    match rest {
        None => Some(format!("must be the name or ARN of a secret whose name begins with {prefix}")),
        // It goes with what it was made for, and would be missed here.
        Some(rest) if is_theirs(rest) => {
            Some(format!("must not begin with {prefix}{MANAGED}: such a secret belongs to another resource"))
        }
        Some(_) => None,
    }
}

/// The partition, the Region, the account and the name of arn:partition:secretsmanager:region:account:secret:NAME-suffix.
fn secret_arn(text: &str) -> Option<[&str; 4]> {
    let parts: Vec<&str> = text.splitn(7, ':').collect();
    let ["arn", partition, "secretsmanager", region, account, "secret", name] = parts[..] else { return None };
    Some([partition, region, account, name])
}

/// The name of a secret that is named by itself, or by its ARN.
fn secret_name(text: &str) -> Option<&str> {
    let name = if text.starts_with("arn:") {
        let [partition, region, account, name] = secret_arn(text)?;
        let partition: Partition = partition.parse().ok()?;
        let region: RegionName = region.parse().ok()?;
        account.parse::<AccountId>().ok()?;
        // A Region of a name that AWS has not told of yet may be of any partition.
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

fn checked_role(body: &RoleBody, before: Option<&Role>, errors: &mut Errors) -> Role {
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
    // A new role keeps the External ID unless another one is given.
    let same = before.and_then(|role| role.external_id.clone());
    let external_id = body.external_id.clone().or(same).unwrap_or_else(|| Uuid::now_v7().to_string());
    Role {
        arn: body.arn.clone(),
        external_id: Some(external_id),
        session_name: body.session_name.clone(),
        duration_seconds: body.duration_seconds.and_then(|seconds| u16::try_from(seconds).ok()),
    }
}

/// A role is one of the provider's account, or of every account of the organization; of another account than the deployment's
/// perhaps, but never of another partition.
fn belongs(id: &ProviderId, arn: Option<&str>, deployment: &Settings, errors: &mut Errors) {
    let Some(arn) = arn else {
        if id.account().is_none() {
            let message = "is required: an organization needs a role that each account has, arn:aws:iam::*:role/NAME";
            errors.add("credentials.role", message);
        }
        return;
    };
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let foreign = match parts.as_slice() {
        ["arn", partition, "iam", ..] => deployment.other_partition(partition),
        _ => None,
    };
    if let Some(message) = foreign {
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
        (Some(role_of), Some(account)) if role_of == account.as_str() => return,
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

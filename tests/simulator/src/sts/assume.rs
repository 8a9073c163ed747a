//! AssumeRole: trust, External ID, duration, chaining (contract 6.1).

use jiff::{SignedDuration, Timestamp};

use super::answer::{error, success};
use crate::config::RoleConfig;
use crate::context::denial;
use crate::identity::Caller;
use crate::limits::{CHAINED_SESSION_SECONDS_MAX, SESSION_SECONDS_MAX, SESSION_SECONDS_MIN};
use crate::lock;
use crate::operation::Operation;
use crate::response::Response;
use crate::world::World;

/// Responds to AssumeRole; `value` returns a parameter.
pub(super) fn assume<'v>(
    world: &World,
    now: Timestamp,
    caller: &Caller,
    region: &str,
    value: impl Fn(&str) -> Option<&'v str>,
) -> Response {
    let arn = value("RoleArn").unwrap_or_default();
    let session = value("RoleSessionName").unwrap_or_default();
    if !(20..=2048).contains(&arn.len()) {
        return invalid("roleArn", arn);
    }
    if !(2..=64).contains(&session.len()) || !session.chars().all(|char| is_word(char) || "=,.@-".contains(char)) {
        return invalid("roleSessionName", session);
    }
    let external_id = value("ExternalId");
    if let Some(id) = external_id
        && (!(2..=1224).contains(&id.len()) || !id.chars().all(|char| is_word(char) || "+=,.@:/-".contains(char)))
    {
        return invalid("externalId", id);
    }
    let requested = value("DurationSeconds").map_or(Ok(CHAINED_SESSION_SECONDS_MAX), str::parse::<i64>);
    let Ok(seconds @ SESSION_SECONDS_MIN..=SESSION_SECONDS_MAX) = requested else {
        return invalid("durationSeconds", value("DurationSeconds").unwrap_or_default());
    };

    let found = find(world, arn).filter(|(_, role)| role.trusts.iter().any(|principal| trusts(principal, caller)));
    let found = found.filter(|(_, role)| role.external_id.is_none() || role.external_id.as_deref() == external_id);
    let own = world.accounts.get(&caller.account);
    let denied = own.and_then(|account| {
        account.config.denies.iter().find_map(|deny| denial(deny, &Operation::AssumeRole.action(), region, &caller.arn))
    });
    let Some((account, role)) = found.filter(|_| denied.is_none()) else {
        let (who, ending) = (&caller.arn, denied.unwrap_or_default());
        let message = format!("User: {who} is not authorized to perform: sts:AssumeRole on resource: {arn}{ending}");
        return error(403, "AccessDenied", &message);
    };
    if caller.is_role() && seconds > CHAINED_SESSION_SECONDS_MAX {
        let message =
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
        return error(400, "ValidationError", message);
    }
    if seconds > role.max_session_seconds {
        let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return error(400, "ValidationError", message);
    }
    issue(world, now, arn, account, role, session, seconds)
}

fn issue(
    world: &World,
    now: Timestamp,
    role_arn: &str,
    account: &str,
    role: &RoleConfig,
    session: &str,
    seconds: i64,
) -> Response {
    let partition = role_arn.split(':').nth(1).unwrap_or("aws");
    let arn = format!("arn:{partition}:sts::{account}:assumed-role/{}/{session}", role.name);
    let expires_at = now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
    let keys = lock(&world.identities).issue(account, &arn, expires_at);
    success(
        Operation::AssumeRole,
        &[
            ("Credentials/AccessKeyId", &keys.access_key),
            ("Credentials/SecretAccessKey", &keys.secret_key),
            ("Credentials/SessionToken", &keys.token),
            ("Credentials/Expiration", &format!("{expires_at:.0}")),
            ("AssumedRoleUser/AssumedRoleId", &format!("AROASIMULATED:{session}")),
            ("AssumedRoleUser/Arn", &arn),
        ],
    )
}

/// The role with the ARN `arn:<partition>:iam::<account>:role/<path and name>`.
fn find<'w>(world: &'w World, arn: &str) -> Option<(&'w str, &'w RoleConfig)> {
    let mut parts = arn.splitn(6, ':');
    let account = parts.by_ref().nth(4)?;
    let name = parts.next()?.strip_prefix("role/")?.rsplit('/').next()?;
    let (id, account) = world.accounts.get_key_value(account)?;
    account.config.roles.iter().find(|role| role.name == name).map(|role| (id.as_str(), role))
}

/// Whether a principal of a trust policy includes the caller: everyone, its account, its ARN, or the role of its session.
fn trusts(principal: &str, caller: &Caller) -> bool {
    let account_root = principal.ends_with(":root") && principal.split(':').nth(4) == Some(&caller.account);
    let role = role_behind(&caller.arn);
    let fits = |arn: &str| match principal.strip_suffix('*') {
        Some(prefix) => arn.starts_with(prefix),
        None => arn == principal,
    };
    principal == caller.account || account_root || fits(&caller.arn) || role.is_some_and(|role| fits(&role))
}

/// `arn:aws:sts::1:assumed-role/Name/session` → `arn:aws:iam::1:role/Name`.
fn role_behind(arn: &str) -> Option<String> {
    let (head, tail) = arn.split_once(":assumed-role/")?;
    let name = tail.split('/').next()?;
    Some(format!("{}:role/{name}", head.replacen(":sts:", ":iam:", 1)))
}

fn is_word(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}

/// The error for a parameter outside its limits.
fn invalid(parameter: &str, value: &str) -> Response {
    let message = format!("1 validation error detected: Value '{value}' at '{parameter}' failed to satisfy constraint");
    error(400, "ValidationError", &message)
}

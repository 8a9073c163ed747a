//! The caller of a request: the access key of its signature, and the key's account and ARN.
//!
//! The signature itself is not verified; access key ID, Region, and service are read from its credential scope.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use crate::config::Config;

/// The caller of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account number.
    pub account: String,
    /// The ARN, which messages of AccessDenied contain.
    pub arn: String,
    /// The ID of the temporary key, if the caller uses one. Its expiration is checked.
    pub session_key: Option<String>,
}

impl Caller {
    /// A user of the account.
    #[must_use]
    pub fn user(account: &str) -> Self {
        Self { account: account.to_owned(), arn: format!("arn:aws:iam::{account}:user/simulated"), session_key: None }
    }

    /// Whether the caller's credentials are those of a role, so that assuming another one is role chaining (contract 6.1).
    pub(crate) fn is_role(&self) -> bool {
        self.arn.contains(":assumed-role/")
    }
}

/// The caller and the target of a call, from a SigV4 `Authorization` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scope<'a> {
    pub(crate) access_key: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

impl<'a> Scope<'a> {
    /// Parses `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, ...`.
    pub(crate) fn parse(header: &'a str) -> Option<Self> {
        let credential = header.strip_prefix("AWS4-HMAC-SHA256")?.split_once("Credential=")?.1;
        let credential = credential.split([',', ' ']).next()?;
        let mut parts = credential.split('/');
        let (access_key, _date) = (parts.next()?, parts.next()?);
        let (region, service) = (parts.next()?, parts.next()?);
        (parts.next()? == "aws4_request" && parts.next().is_none()).then_some(Self { access_key, region, service })
    }
}

/// The temporary keys that AssumeRole returned, and the long-lived ones of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    users: HashMap<String, Caller>,
    sessions: HashMap<String, Session>,
    accounts: HashSet<String>,
    default_account: Option<String>,
    issued: u64,
}

#[derive(Debug)]
struct Session {
    caller: Caller,
    token: String,
    expires_at: Timestamp,
}

/// Temporary keys as AssumeRole returns them.
pub(crate) struct TemporaryKeys {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) token: String,
}

impl Identities {
    pub(crate) fn new(config: &Config) -> Self {
        let keys = config.accounts.iter().flat_map(|account| account.access_keys.iter().map(move |key| (account, key)));
        let users = keys.map(|(account, key)| {
            let mut caller = Caller::user(&account.id);
            if let Some(arn) = &key.arn {
                caller.arn.clone_from(arn);
            }
            (key.id.clone(), caller)
        });
        Self {
            users: users.collect(),
            accounts: config.accounts.iter().map(|account| account.id.clone()).collect(),
            default_account: config.default_account.clone(),
            ..Self::default()
        }
    }

    /// The caller of a key, even if it has expired; `None` if the key is unknown or its session token is wrong.
    pub(crate) fn caller(&self, access_key: &str, token: Option<&str>) -> Option<Caller> {
        if let Some(caller) = self.users.get(access_key) {
            return Some(caller.clone());
        }
        if let Some(session) = self.sessions.get(access_key) {
            return (token == Some(&session.token)).then(|| session.caller.clone());
        }
        // As in other local stacks, an account ID is an access key of that account.
        let named = self.accounts.get(access_key).map(String::as_str);
        named.or(self.default_account.as_deref()).map(Caller::user)
    }

    /// Whether a caller's temporary keys have expired.
    pub(crate) fn is_expired(&self, caller: &Caller, now: Timestamp) -> bool {
        let session = caller.session_key.as_ref().and_then(|key| self.sessions.get(key));
        session.is_some_and(|session| session.expires_at <= now)
    }

    /// New temporary keys for an assumed role.
    pub(crate) fn issue(&mut self, account: &str, arn: &str, expires_at: Timestamp) -> TemporaryKeys {
        self.issued += 1;
        let keys = TemporaryKeys {
            access_key: format!("ASIASIMULATED{:07}", self.issued),
            secret_key: format!("simulated/secret/{:023}", self.issued),
            token: format!("simulated-session-token-{}-{account}", self.issued),
        };
        let caller =
            Caller { account: account.to_owned(), arn: arn.to_owned(), session_key: Some(keys.access_key.clone()) };
        let session = Session { caller, token: keys.token.clone(), expires_at };
        self.sessions.insert(keys.access_key.clone(), session);
        keys
    }

    /// Expires the temporary keys of an account, or of all accounts, now.
    pub(crate) fn expire(&mut self, account: Option<&str>, now: Timestamp) {
        for session in self.sessions.values_mut() {
            if account.is_none_or(|account| session.caller.account == account) {
                session.expires_at = session.expires_at.min(now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_has_key_region_and_service() {
        let header = "AWS4-HMAC-SHA256 Credential=AKIA1/20261123/eu-west-1/securityhub/aws4_request, \
                      SignedHeaders=host;x-amz-date, Signature=00";
        let scope = Scope::parse(header).unwrap();
        assert_eq!(scope, Scope { access_key: "AKIA1", region: "eu-west-1", service: "securityhub" });
    }

    #[test]
    fn an_invalid_signature_is_reported() {
        for header in ["", "Bearer x", "AWS4-HMAC-SHA256 Credential=a/b/c", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e/f"] {
            assert_eq!(Scope::parse(header), None, "{header}");
        }
    }

    #[test]
    fn temporary_keys_need_their_token_and_expire() {
        let mut identities = Identities::default();
        let expires_at: Timestamp = "2026-11-23T01:00:00Z".parse().unwrap();
        let keys = identities.issue("210987654321", "arn:aws:sts::210987654321:assumed-role/R/s", expires_at);
        assert_eq!(identities.caller(&keys.access_key, None), None);
        assert_eq!(identities.caller(&keys.access_key, Some("other")), None);
        let caller = identities.caller(&keys.access_key, Some(&keys.token)).unwrap();
        assert_eq!(caller.account, "210987654321");
        assert!(!identities.is_expired(&caller, expires_at - jiff::SignedDuration::from_secs(1)));
        assert!(identities.is_expired(&caller, expires_at));
    }
}

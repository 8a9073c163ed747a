//! The scope of a manual check: a check that could not examine an account proves nothing about the resources there.

use jiff::Timestamp;

use crate::location::Location;
use crate::{AccountId, CheckId, FindingId, Partition, RegionName, ResourceHash};

/// An entry with the status MANUAL: the check could not be completed, or requires a manual verdict.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Manual {
    /// The account, Region, and check of the entry, as far as they are known.
    pub location: Location,
    /// What the check left undecided.
    pub subject: ManualSubject,
    /// The finding that may have been sent while the check had a verdict. `None` if the entry doesn't identify it.
    pub unsent: Option<Unsent>,
}

/// A finding that is not sent, with the data that identifies it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unsent {
    /// The ID of the finding in Security Hub.
    pub id: FindingId,
    /// The check.
    pub check_id: CheckId,
    /// The account of the finding.
    pub account: AccountId,
    /// The partition of that account.
    pub partition: Partition,
    /// The Region whose Security Hub the finding belongs to.
    pub region: RegionName,
    /// The scan time.
    pub scanned_at: Timestamp,
    /// Distinguishes resources that have the same short hash in the ID.
    pub resource_hash: ResourceHash,
}

/// What a manual entry leaves undecided (contract 11.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManualSubject {
    /// The account: the check could not examine it, or not everywhere. Its earlier findings are absent without being
    /// resolved.
    Account,
    /// One Region whose resources could not be listed.
    Region,
    /// Only the resource that the entry names.
    Resource,
}

/// The name in Prowler's entries for a resource that could not be listed.
const PLACEHOLDER: &str = "unknown";
/// Services whose ARNs end with the resource's name, without a resource type before it.
const UNTYPED_SERVICES: [&str; 4] = ["sns", "sqs", "codecommit", "codepipeline"];
/// Digits of an account ID.
const ACCOUNT_ID_DIGITS: usize = 12;

impl ManualSubject {
    /// Derived from the UID of the entry's resource. An entry that doesn't name a resource may refer to the whole account.
    pub(crate) fn of(uid: &str) -> Self {
        let uid = uid.trim();
        if uid.rsplit(['/', ':']).next().is_some_and(|last| last.eq_ignore_ascii_case(PLACEHOLDER)) {
            return Self::Region;
        }
        let is_account = |text: &str| text.len() == ACCOUNT_ID_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
        if uid.is_empty() || is_account(uid) || uid.ends_with(":root") {
            return Self::Account;
        }
        let parts: Vec<&str> = uid.splitn(6, ':').collect();
        let &["arn", _, service, _, account, resource] = parts.as_slice() else { return Self::Resource };
        if !is_account(account) || UNTYPED_SERVICES.contains(&service) && !resource.is_empty() {
            return Self::Resource;
        }
        let name = resource.trim_start_matches('/').split_once([':', '/']).map(|(_, name)| name);
        match name {
            None | Some("" | "*") => Self::Account,
            Some(name) if resource.starts_with("account/") && name.rsplit('/').next().is_some_and(is_account) => {
                Self::Account
            }
            Some(_) => Self::Resource,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_check_is_about_the_account_a_region_or_a_resource() {
        for account in [
            "123456789012",
            "arn:aws:iam::123456789012:root",
            "arn:aws-cn:iam::123456789012:root",
            "arn:aws:logs:eu-west-1:123456789012:log-group",
            "arn:aws:logs:eu-west-1:123456789012:log-group:*",
            "arn:aws:logs:eu-west-1:123456789012:log-group:",
            "arn:aws:iam::123456789012:password-policy",
            "arn:aws:sns:eu-west-1:123456789012:",
            "arn:aws:organizations::123456789012:account/o-1/123456789012",
            "",
        ] {
            assert_eq!(ManualSubject::of(account), ManualSubject::Account, "{account}");
        }
        for region in
            ["arn:aws:bedrock:eu-west-1:123456789012:model-invocation-logging/unknown", "unknown", "agent/unknown"]
        {
            assert_eq!(ManualSubject::of(region), ManualSubject::Region, "{region}");
        }
        for resource in [
            "arn:aws:s3:::bucket",
            "arn:aws:sns:eu-west-1:123456789012:topic",
            "arn:aws:sqs:eu-west-1:123456789012:queue",
            "arn:aws:iam::123456789012:user/alice",
            "arn:aws:logs:eu-west-1:123456789012:log-group:app",
            "arn:aws:cassandra:eu-west-1:123456789012:/keyspace/one",
            "i-0123456789abcdef0",
            "1234567890123",
            "<root_account>",
        ] {
            assert_eq!(ManualSubject::of(resource), ManualSubject::Resource, "{resource}");
        }
    }
}

//! Roles to assume: their ARNs, External IDs and trust policies.

use std::str::FromStr;

use asff::{AccountId, Partition};
use exporter::integration::Role;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// What the role must be allowed to do in its account, in every Region.
pub(super) const PERMISSIONS: [&str; 4] = [
    "securityhub:BatchImportFindings",
    "securityhub:DescribeHub",
    "securityhub:GetFindings",
    "securityhub:ListEnabledProductsForImport",
];

/// What stands in for the function's role where the stack is not known.
const TRUSTED_ARN_UNKNOWN: &str = "<ExportFunctionRoleArn of the deployment's stack>";
/// Characters of an External ID (STS, `AssumeRole`).
const EXTERNAL_ID_CHARS: std::ops::RangeInclusive<usize> = 2..=1224;

/// The ARN of a role: `arn:<partition>:iam::<account>:role/<path and name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoleArn {
    pub(crate) text: String,
    pub(crate) account: AccountId,
}

impl FromStr for RoleArn {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let account = match parts.as_slice() {
            ["arn", partition, "iam", "", account, role]
                if partition.parse::<Partition>().is_ok() && role.strip_prefix("role/").is_some_and(is_name) =>
            {
                account.parse().ok()
            }
            _ => None,
        };
        let account =
            account.ok_or("not the ARN of a role, such as arn:aws:iam::123456789012:role/SecurityHubExporter")?;
        Ok(Self { text: text.to_owned(), account })
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.ends_with('/') && name.chars().all(|letter| letter.is_ascii_graphic())
}

/// What a role's trust policy asks of the caller, so that nobody else can make us act for them. Not a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExternalId(pub(crate) String);

impl ExternalId {
    /// One that no other integration has.
    pub(super) fn generate() -> Self {
        Self(Uuid::now_v7().to_string())
    }
}

impl FromStr for ExternalId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@:/-".contains(letter);
        if EXTERNAL_ID_CHARS.contains(&text.len()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err("an External ID has 2 to 1224 letters, digits and _+=,.@:/-")
        }
    }
}

/// A trust policy, with its fields in the order in which people write them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TrustPolicy<'a> {
    version: &'static str,
    statement: [Statement<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement<'a> {
    effect: &'static str,
    principal: Principal<'a>,
    action: &'static str,
    condition: Value,
}

#[derive(Serialize)]
struct Principal<'a> {
    #[serde(rename = "AWS")]
    arn: &'a str,
}

/// The policy that lets the deployment, and nobody else, assume a role.
pub(super) fn trust_policy<'a>(role: &Role, trusted_arn: Option<&'a str>) -> TrustPolicy<'a> {
    TrustPolicy {
        version: "2012-10-17",
        statement: [Statement {
            effect: "Allow",
            principal: Principal { arn: trusted_arn.unwrap_or(TRUSTED_ARN_UNKNOWN) },
            action: "sts:AssumeRole",
            condition: json!({ "StringEquals": { "sts:ExternalId": role.external_id } }),
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_named_by_its_arn_in_any_partition() {
        for right in ["arn:aws:iam::123456789012:role/a", "arn:aws-cn:iam::123456789012:role/path/to/a"] {
            assert_eq!(right.parse::<RoleArn>().unwrap().account.as_str(), "123456789012");
        }
        for wrong in [
            "",
            "SecurityHubExporter",
            "arn:aws:iam::123456789012:user/a",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::1234:role/a",
            "arn:azure:iam::123456789012:role/a",
            "arn:aws:iam::123456789012:role/a b",
        ] {
            assert!(wrong.parse::<RoleArn>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_external_id_has_the_form_that_sts_takes() {
        assert!(ExternalId::generate().0.parse::<ExternalId>().is_ok());
        for wrong in ["", "a", "a b", "ä1"] {
            assert!(wrong.parse::<ExternalId>().is_err(), "{wrong}");
        }
    }
}

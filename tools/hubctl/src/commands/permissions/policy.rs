//! The least-privilege policy and the trust policy that exporting requires (contract 2.2).

use std::str::FromStr;

use asff::{AccountId, Partition};
use serde::Serialize;
use serde_json::{Value, json};

/// The language's version (IAM, "IAM JSON policy elements: Version").
const VERSION: &str = "2012-10-17";

/// A policy, with its fields in the usual order.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

/// A statement of a policy.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'static str>,
    effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<Principal>,
    action: OneOrMore,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<OneOrMore>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Value>,
}

#[derive(Clone, Debug, Serialize)]
struct Principal {
    #[serde(rename = "AWS")]
    arn: OneOrMore,
}

/// A list; a single element is written without brackets.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn of<T: Into<String>>(all: impl IntoIterator<Item = T>) -> Self {
        let mut all: Vec<String> = all.into_iter().map(Into::into).collect();
        if all.len() == 1 { Self::One(all.remove(0)) } else { Self::More(all) }
    }
}

impl Policy {
    /// The trust policy of a role that only these principals can assume; `None` without principals.
    pub(crate) fn of_trust(external_id: Option<&str>, trusted_arns: &[String]) -> Option<Self> {
        if trusted_arns.is_empty() {
            return None;
        }
        let arn = OneOrMore::of(trusted_arns.iter().map(String::as_str));
        let condition = external_id.map(|id| json!({ "StringEquals": { "sts:ExternalId": id } }));
        let statement = Statement {
            sid: None,
            effect: "Allow",
            principal: Some(Principal { arn }),
            action: OneOrMore::of(["sts:AssumeRole"]),
            resource: None,
            condition,
        };
        Some(Self { version: VERSION, statement: vec![statement] })
    }

    /// The permissions policy for exporting to one account, or for a role of the same name in many accounts.
    pub(crate) fn of_export(partition: Partition, account: Option<AccountId>, accepts_product: bool) -> Self {
        let number = account.as_ref().map_or("*", AccountId::as_str);
        let statement = |sid, actions: &[&str], resources: Vec<String>, condition| Statement {
            sid: Some(sid),
            effect: "Allow",
            principal: None,
            action: OneOrMore::of(actions.iter().copied()),
            resource: Some(OneOrMore::of(resources)),
            condition,
        };
        // The ARN of a product has no account ID, and only a wildcard matches that.
        let products = vec![
            format!("arn:{partition}:securityhub:*:*:product/prowler/prowler"),
            format!("arn:{partition}:securityhub:*:{number}:product-subscription/prowler/prowler"),
        ];
        let own = account.map(|account| json!({ "StringEquals": { "securityhub:TargetAccount": account.as_str() } }));
        let hub = || vec![format!("arn:{partition}:securityhub:*:{number}:hub/default")];
        let mut all = vec![
            statement("SendFindings", &["securityhub:BatchImportFindings"], products, own),
            statement("ReadSecurityHub", &READS, hub(), None),
            statement("FindRegions", &["ec2:DescribeRegions"], vec!["*".to_owned()], None),
        ];
        if accepts_product {
            all.push(statement("AcceptProduct", &["securityhub:EnableImportFindingsForProduct"], hub(), None));
        }
        Self { version: VERSION, statement: all }
    }
}

/// Read actions: the hub, its findings, and the accepted products.
const READS: [&str; 3] =
    ["securityhub:DescribeHub", "securityhub:GetFindings", "securityhub:ListEnabledProductsForImport"];

/// The output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TemplateFormat {
    /// The policies.
    Policy,
    /// Only the trust policy, for a file.
    Trust,
    /// A CloudFormation template of the role.
    CloudFormation,
    /// A Terraform module of the role.
    Terraform,
}

impl TemplateFormat {
    /// Its value on the command line.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Trust => "trust-policy",
            Self::CloudFormation => "cloudformation",
            Self::Terraform => "terraform",
        }
    }
}

impl FromStr for TemplateFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "policy" => Ok(Self::Policy),
            "trust-policy" => Ok(Self::Trust),
            "cloudformation" => Ok(Self::CloudFormation),
            "terraform" => Ok(Self::Terraform),
            _ => Err("unknown format"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_allows_only_what_exporting_requires() {
        let account = "123456789012".parse().unwrap();
        let policy = serde_json::to_string_pretty(&Policy::of_export(Partition::Aws, Some(account), false)).unwrap();
        insta::assert_snapshot!(policy);
        assert!(!policy.contains("EnableImport"), "without the option, the policy doesn't allow accepting the product");
        let whole = serde_json::to_string(&Policy::of_export(Partition::AwsCn, None, true)).unwrap();
        assert!(
            whole.contains("EnableImportFindingsForProduct")
                && whole.contains("arn:aws-cn:securityhub:*:*:hub/default")
        );
    }

    #[test]
    fn a_role_trusts_the_deployment_and_requires_the_external_id() {
        let arns = ["arn:aws:iam::123456789012:role/Export".to_owned()];
        let policy = serde_json::to_value(Policy::of_trust(Some("abc"), &arns)).unwrap();
        let statement = &policy["Statement"][0];
        assert_eq!(statement["Principal"]["AWS"], arns[0]);
        assert_eq!(statement["Condition"]["StringEquals"]["sts:ExternalId"], "abc");
        let without = serde_json::to_string(&Policy::of_trust(None, &arns)).unwrap();
        assert!(!without.contains("Condition"), "{without}");
        assert!(Policy::of_trust(Some("abc"), &[]).is_none(), "without principals, there is no trust policy");
    }
}

//! Why a Region is unavailable, and how to fix it: the only list of reasons, for connection checks and exports, each with a
//! message and a command.
//!
//! Commands end with a comment that names the account, so that they can be copied unchanged.

use asff::{AccountId, Partition, RegionName};

use super::Problem;
use super::denial::{Denial, Principal, principal};
use super::probe::PROBE_ID;
use crate::report::reasons::unavailable;

/// The permissions that a caller needs in every Region. If an integration accepts the product automatically,
/// `securityhub:EnableImportFindingsForProduct` is needed too.
pub const PERMISSIONS: [&str; 5] = [
    "securityhub:BatchImportFindings",
    "securityhub:GetFindings",
    "securityhub:DescribeHub",
    "securityhub:ListEnabledProductsForImport",
    "ec2:DescribeRegions",
];
/// The name of the inline policy that the suggested command writes. It must be used for nothing else, since the command
/// replaces the policy.
const POLICY_NAME: &str = "securityhub-exporter-connection";

/// A Region of an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RegionContext {
    pub(crate) partition: Partition,
    pub(crate) account: AccountId,
    pub(crate) region: RegionName,
}

impl RegionContext {
    /// Security Hub is not enabled.
    pub(crate) fn hub_not_enabled(&self) -> Problem {
        let Self { account, region, .. } = self;
        Problem {
            reason: unavailable::HUB_NOT_ENABLED.to_owned(),
            message: format!("Security Hub is not enabled in {region} of account {account}"),
            // The default standards are not enabled, because their checks are billed.
            remediation: Some(format!(
                "aws securityhub enable-security-hub --no-enable-default-standards --region {region}  # in account {account}"
            )),
        }
    }

    /// The product is not accepted.
    pub(crate) fn product_not_accepted(&self) -> Problem {
        let Self { account, region, partition } = self;
        let product = partition.product_arn(*region);
        Problem {
            reason: unavailable::PRODUCT_NOT_ACCEPTED.to_owned(),
            message: format!(
                "Security Hub is enabled in {region} of account {account}, but does not accept the Prowler product yet"
            ),
            remediation: Some(format!(
                "aws securityhub enable-import-findings-for-product --product-arn {product} --region {region}  # in account \
                 {account}"
            )),
        }
    }

    /// The account has not enabled the Region. Enabling it takes minutes to hours.
    pub(crate) fn region_not_opted_in(&self) -> Problem {
        let Self { account, region, .. } = self;
        Problem {
            reason: unavailable::REGION_NOT_OPTED_IN.to_owned(),
            message: format!("{region} is not enabled for account {account}"),
            remediation: Some(format!("aws account enable-region --region-name {region}  # in account {account}")),
        }
    }

    /// The account has enabled the Region, but the Region does not recognize the session.
    pub(crate) fn session_not_known(&self, message: &str) -> Problem {
        let Self { account, region, .. } = self;
        Problem {
            reason: unavailable::SESSION_NOT_KNOWN.to_owned(),
            message: format!(
                "{region} is enabled for account {account}, but does not accept the session: {message}. Either the \
                 Region was enabled within the last hours and is not ready yet, or the session is from the global \
                 endpoint of STS, whose tokens are valid only in Regions that are enabled by default"
            ),
            remediation: Some(format!(
                "aws iam set-security-token-service-preferences --global-endpoint-token-version v2Token  # in account {account}"
            )),
        }
    }

    /// The Region belongs to another partition.
    pub(crate) fn wrong_partition(&self, theirs: Partition) -> Problem {
        let Self { account, region, partition } = self;
        Problem {
            reason: unavailable::WRONG_PARTITION.to_owned(),
            message: format!(
                "{region} belongs to partition {theirs}, and account {account} to {partition}; credentials are valid in \
                 one partition only"
            ),
            remediation: Some(format!(
                "remove {region} from the integration's Regions; findings of {theirs} require a deployment there"
            )),
        }
    }

    /// The endpoint does not respond.
    pub(crate) fn unreachable(&self, message: &str) -> Problem {
        let Self { region, partition, .. } = self;
        let suffix = dns_suffix(*partition);
        Problem {
            reason: unavailable::UNREACHABLE.to_owned(),
            message: format!("Security Hub in {region} does not respond: {message}"),
            remediation: Some(format!(
                "curl -sS -o /dev/null -w '%{{http_code}}\\n' https://securityhub.{region}.{suffix}/accounts  # from \
                 the exporter's network: 403 is a response; without a response, check the routes, DNS, and VPC endpoints"
            )),
        }
    }

    /// The Region did not respond for a transient reason.
    pub(crate) fn transient(&self, message: &str) -> Problem {
        let region = self.region;
        Problem {
            reason: "not_checked".to_owned(),
            message: format!("{region} could not be checked: {message}; the next check retries"),
            remediation: None,
        }
    }

    /// The endpoint stored the write probe, which Security Hub rejects.
    pub(super) fn write_probe_stored(&self) -> Problem {
        let Self { region, .. } = self;
        Problem {
            reason: unavailable::WRITE_PROBE_STORED.to_owned(),
            message: format!(
                "the endpoint of {region} stored the invalid finding {PROBE_ID} as archived: it does not behave like \
                 Security Hub, and may store findings differently"
            ),
            remediation: Some("check AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_SECURITYHUB of the exporter".to_owned()),
        }
    }

    /// Calls were denied. The message describes the first of them and lists the others.
    pub(super) fn access_denied(&self, denials: &[Denial], caller: &str) -> Option<Problem> {
        let Self { account, region, .. } = self;
        let first = denials.first()?;
        let others: Vec<&str> = denials[1..].iter().map(|denial| denial.action.as_str()).collect();
        let also = if others.is_empty() { String::new() } else { format!("; also denied: {}", others.join(", ")) };
        let caller = first.caller.as_deref().unwrap_or(caller);
        let (reason, who) = match (first.explicit, first.policy.as_deref()) {
            (true, Some(policy)) => (unavailable::DENIED_BY_POLICY, format!("a {policy} denies {}", first.action)),
            (true, None) => (unavailable::DENIED_BY_POLICY, format!("a policy denies {}", first.action)),
            (false, Some(policy)) => (unavailable::ACCESS_DENIED, format!("no {policy} allows {}", first.action)),
            (false, None) => (unavailable::ACCESS_DENIED, format!("{} is not allowed", first.action)),
        };
        Some(Problem {
            reason: reason.to_owned(),
            message: format!(
                "{who} in {region} to {caller} (account {account}){also}. AWS returned: {}",
                first.raw_message
            ),
            remediation: Some(self.grant(first, caller)),
        })
    }

    /// An import was denied. Security Hub returns the same error if the product is not accepted.
    pub(crate) fn import_denied(&self, message: &str, is_accepted: bool) -> Problem {
        let denial = Denial::parse(message, "securityhub:BatchImportFindings");
        let reason = if denial.explicit { unavailable::DENIED_BY_POLICY } else { unavailable::ACCESS_DENIED };
        let mut remediation = self.grant(&denial, denial.caller.as_deref().unwrap_or("the caller"));
        if let (false, Some(other)) = (is_accepted, self.product_not_accepted().remediation) {
            remediation += "\n";
            remediation += &other;
        }
        Problem::new(reason, message).fixed_by(remediation)
    }

    /// The command that fixes a denial, depending on the policy that caused it.
    fn grant(&self, denial: &Denial, caller: &str) -> String {
        let Self { account, region, .. } = self;
        let action = &denial.action;
        if denial.is_of_organization() {
            return format!(
                "aws organizations list-policies-for-target --target-id {account} --filter SERVICE_CONTROL_POLICY  # in the \
                 management account, also for the OUs above it; exempt {action} for {caller} in {region} in the policy"
            );
        }
        if denial.explicit {
            let show = match principal(caller) {
                Principal::Role(role) => format!(
                    "aws iam list-attached-role-policies --role-name {role}; aws iam list-role-policies --role-name {role}"
                ),
                Principal::User(user) => format!(
                    "aws iam list-attached-user-policies --user-name {user}; aws iam list-user-policies --user-name {user}"
                ),
                Principal::Other => "aws iam list-policies --scope Local --only-attached".to_owned(),
            };
            let or_scp = if denial.policy.is_none() {
                "; if it is in none of them, a service control policy denies it"
            } else {
                ""
            };
            return format!("{show}  # in account {account}: remove the Deny of {action} in {region}{or_scp}");
        }
        let mut actions = PERMISSIONS.to_vec();
        if !actions.contains(&action.as_str()) {
            actions.push(action);
        }
        grant_identity(caller, *account, &actions, "*")
    }
}

/// A command that grants a caller these actions, or a description of the change if a command can't make it.
pub(super) fn grant_identity(caller: &str, account: AccountId, actions: &[&str], resource: &str) -> String {
    let policy = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": resource }],
    });
    match principal(caller) {
        Principal::Role(role) if role.starts_with("AWSReservedSSO_") => {
            format!("allow {} in the permission set of {role} (IAM Identity Center)", actions.join(", "))
        }
        Principal::Role(role) => format!(
            "aws iam put-role-policy --role-name {role} --policy-name {POLICY_NAME} --policy-document '{policy}'  # in account \
             {account}"
        ),
        Principal::User(user) => format!(
            "aws iam put-user-policy --user-name {user} --policy-name {POLICY_NAME} --policy-document '{policy}'  # in account \
             {account}"
        ),
        Principal::Other => format!("allow {} to {caller} in account {account}", actions.join(", ")),
    }
}

/// The DNS suffix of a partition's endpoints (contract 4.2).
pub fn dns_suffix(partition: Partition) -> &'static str {
    match partition {
        Partition::Aws | Partition::AwsUsGov => "amazonaws.com",
        Partition::AwsCn => "amazonaws.com.cn",
        Partition::AwsEusc => "amazonaws.eu",
    }
}

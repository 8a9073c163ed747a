//! What is wrong with the credentials, and the statement that a role's trust policy should have.

use asff::AccountId;
use serde_json::json;

use super::Problem;
use super::denial::{Denial, trusted};
use super::words::grant_identity;
use crate::integration::{Integration, Role};

/// The action by which a role is assumed.
const ASSUME_ROLE: &str = "sts:AssumeRole";

/// The reason of a check that a passing failure kept from the Regions.
pub(super) const NOT_CHECKED: &str = "not_checked";
/// The reason of a role that opens without its External ID.
pub(super) const EXTERNAL_ID_NOT_REQUIRED: &str = "external_id_not_required";

/// The credentials don't work; what the adapter says of them is for people already.
pub(super) fn credentials_refused(reason: &str, message: String, mend: Option<String>) -> Problem {
    Problem { reason: reason.to_owned(), message, mend }
}

/// STS takes the credentials, and no Region does.
pub(super) fn credentials_unknown(account: AccountId, said: &str) -> Problem {
    Problem {
        reason: "credentials_invalid".to_owned(),
        message: format!(
            "no Region of account {account} accepts the credentials, those included that every account has: {said}. A key that \
             was deleted or made inactive is refused so, and so are the tokens of a session that was revoked"
        ),
        mend: Some(format!(
            "aws sts get-caller-identity  # with these credentials; then give the integration of {account} new ones"
        )),
    }
}

/// The check failed for a passing reason.
pub(super) fn not_checked(said: &str) -> Problem {
    Problem {
        reason: NOT_CHECKED.to_owned(),
        message: format!("the check did not get through this time: {said}; the next one asks again"),
        mend: None,
    }
}

/// The role can be assumed by whoever may assume roles in our account, for whatever customer.
pub(super) fn external_id_not_required(account: AccountId, integration: &Integration, caller: &str) -> Problem {
    let own = integration.credentials.as_ref().map(|credentials| credentials.in_account(account));
    let role = own.as_ref().and_then(|credentials| credentials.role()).cloned();
    // Where the credentials are the provider's, the session tells which role it is.
    let role =
        role.unwrap_or_else(|| Role { external_id: Some("EXTERNAL-ID".to_owned()), ..Role::new(trusted(caller)) });
    Problem {
        reason: EXTERNAL_ID_NOT_REQUIRED.to_owned(),
        message: format!(
            "{} can be assumed without its External ID: whoever gets the exporter to use that role's ARN uses it as we do",
            role.arn
        ),
        mend: Some(trust_mend(&role, account, None)),
    }
}

/// How a role comes to be assumed: `said` is what STS said to the caller that it refused.
pub fn assume_role_mend(role: &Role, account: AccountId, said: &str) -> String {
    let denial = Denial::parse(said, ASSUME_ROLE);
    let caller = denial.caller.as_deref();
    if denial.is_of_organization() {
        return format!(
            "aws organizations list-policies-for-target --target-id {account} --filter SERVICE_CONTROL_POLICY  # in the \
             management account; let the policy spare sts:AssumeRole on {}",
            role.arn
        );
    }
    let own = caller.and_then(|caller| caller.split(':').nth(4)).and_then(|own| own.parse().ok());
    match (denial.policy.as_deref(), caller, own) {
        (Some("identity-based policy"), Some(caller), Some(own)) if !denial.explicit => {
            grant_identity(caller, own, &[ASSUME_ROLE], &role.arn)
        }
        _ => trust_mend(role, account, caller),
    }
}

/// The statement that the role's trust policy needs, and the commands around it.
fn trust_mend(role: &Role, account: AccountId, caller: Option<&str>) -> String {
    let name = role.arn.rsplit('/').next().unwrap_or(&role.arn);
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": { "AWS": caller.map_or_else(|| "CALLER".to_owned(), trusted) },
        "Action": ASSUME_ROLE,
    });
    if let Some(external_id) = &role.external_id {
        statement["Condition"] = json!({ "StringEquals": { "sts:ExternalId": external_id } });
    }
    format!(
        "aws iam get-role --role-name {name} --query Role.AssumeRolePolicyDocument  # in account {account}; it needs the \
         statement {statement}; put it back with: aws iam update-assume-role-policy --role-name {name} --policy-document \
         file://trust.json"
    )
}

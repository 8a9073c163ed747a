//! Problems with credentials, and the commands that fix them.

use asff::AccountId;

use super::denial::{Denial, trusted_arn};
use super::model::NOT_CHECKED;
use super::remediation::grant_identity;
use crate::model::integration::{Credentials, Integration, Role};
use crate::model::problem::Problem;
use crate::model::provider::ProviderId;

/// The action by which a role is assumed.
const ASSUME_ROLE: &str = "sts:AssumeRole";
/// The name of the stack with which the suggested command creates the role.
const ROLE_STACK: &str = "securityhub-exporter-role";

/// The reason code of a role that can be assumed without its External ID.
pub(super) const EXTERNAL_ID_NOT_REQUIRED: &str = "external_id_not_required";

/// The owner of the credentials that are used, so that the command that fixes them can be named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialOwner {
    id: ProviderId,
    /// The kind of resource that has the credentials: `integration` or `provider`.
    kind: &'static str,
    /// The options that keep the role, if any, when the key is changed.
    role: String,
    /// The options that keep the key, if any, when the role is changed.
    key: String,
}

impl CredentialOwner {
    /// The owner of an integration's credentials: the integration, or its provider.
    pub fn new(integration: &Integration, credentials: &Credentials) -> Self {
        let kind = if integration.credentials.is_some() { "integration" } else { "provider" };
        let role = credentials.role().map(|role| {
            let external_id = role.external_id.as_ref().map(|id| format!(" --external-id {id}"));
            format!(" --role-name {}{}", role_name(role), external_id.unwrap_or_default())
        });
        let key = credentials.secret().map(|secret| format!(" --secret {secret}"));
        Self { id: integration.provider.clone(), kind, role: role.unwrap_or_default(), key: key.unwrap_or_default() }
    }

    /// The command that replaces the access key. `what` is its comment.
    pub fn new_key_command(&self, what: &str) -> String {
        let Self { id, kind, role, .. } = self;
        format!("hubctl {kind} credentials {id} --access-key-file FILE{role}  # {what}")
    }

    /// Whether the credentials have an access key, which may be the wrong one.
    pub fn has_key(&self) -> bool {
        !self.key.is_empty()
    }

    /// The command that sets a role. `what` is its comment.
    pub fn new_role_command(&self, what: &str) -> String {
        let Self { id, kind, .. } = self;
        format!("hubctl {kind} credentials {id} --role-name SecurityHubExporter  # {what}")
    }

    /// The command that corrects the settings of a role: ARN, name, or External ID. `what` is its comment.
    pub fn other_role_command(&self, role: &Role, what: &str) -> String {
        let Self { id, kind, key, .. } = self;
        let name = role_name(role);
        format!("hubctl {kind} credentials {id}{key} --role-name {name} --external-id EXTERNAL_ID  # {what}")
    }
}

/// STS accepts the credentials, but no Region does.
pub(super) fn credentials_unknown(account: AccountId, integration: &Integration, message: &str) -> Problem {
    let owner = CredentialOwner::new(integration, &integration.credentials.clone().unwrap_or_default());
    Problem {
        reason: "credentials_invalid".to_owned(),
        message: format!(
            "no Region of account {account} accepts the credentials, not even the Regions that are enabled by default: \
             {message}. The access key may be deleted or inactive, or the session revoked"
        ),
        remediation: Some(
            owner
                .new_key_command(&format!("a key of account {account}; for credentials without a key, check the role")),
        ),
    }
}

/// The problem of a check that failed for a transient reason.
pub(super) fn not_checked(message: &str) -> Problem {
    Problem {
        reason: NOT_CHECKED.to_owned(),
        message: format!("the check is incomplete: {message}; the next check retries"),
        remediation: None,
    }
}

/// The risk that the role can be assumed without its External ID: any customer whose integration names this role could use
/// it (confused deputy).
pub(super) fn external_id_not_required(account: AccountId, integration: &Integration, caller: &str) -> Problem {
    let own = integration.credentials.as_ref().map(|credentials| credentials.in_account(account));
    // If the provider has the credentials, the role is derived from the session's ARN.
    let role = own.as_ref().and_then(|credentials| credentials.role()).cloned();
    let role = role.unwrap_or_else(|| Role::new(trusted_arn(caller)));
    Problem {
        reason: EXTERNAL_ID_NOT_REQUIRED.to_owned(),
        message: format!(
            "{} can be assumed without its External ID: any principal that can make the exporter use this role's ARN \
             gets its permissions",
            role.arn
        ),
        remediation: Some(trust_command(&role, account, &integration.provider)),
    }
}

/// The ARN of the rejected caller as a trust policy names it, if AWS's message names the caller.
pub fn rejected_caller(message: &str) -> Option<String> {
    Denial::parse(message, ASSUME_ROLE).caller.as_deref().map(trusted_arn)
}

/// Commands that allow a role to be assumed, the most likely fix first, one per line. `message` is STS's message to the
/// rejected caller. STS returns the same message if the role doesn't exist, if it doesn't trust the caller, and if the
/// External ID is wrong.
pub fn assume_role_remediation(
    role: &Role,
    account: AccountId,
    message: &str,
    owner: Option<&CredentialOwner>,
) -> String {
    let denial = Denial::parse(message, ASSUME_ROLE);
    let caller = denial.caller.as_deref();
    if denial.is_of_organization() {
        return format!(
            "aws organizations list-policies-for-target --target-id {account} --filter SERVICE_CONTROL_POLICY  # in the \
             management account; exempt sts:AssumeRole on {} in the policy",
            role.arn
        );
    }
    let own = caller.and_then(|caller| caller.split(':').nth(4)).and_then(|own| own.parse().ok());
    if let (Some("identity-based policy"), Some(caller), Some(own)) = (denial.policy.as_deref(), caller, own)
        && !denial.explicit
    {
        return grant_identity(caller, own, &[ASSUME_ROLE], &role.arn);
    }
    let Some(owner) = owner else { return show_trust_command(role, account) };
    let name = role_name(role);
    let template = format!(
        "hubctl permissions print --integration {} --format cloudformation > role.yaml && aws cloudformation deploy \
         --template-file role.yaml --stack-name {ROLE_STACK} --capabilities CAPABILITY_NAMED_IAM  # or, if account {account} \
         has no role {name}",
        owner.id
    );
    let other = owner.other_role_command(role, "or, if the role is correct and requires another External ID");
    [trust_command(role, account, &owner.id), other, template].join("\n")
}

/// The command that replaces a role's trust policy with one that trusts all required principals.
fn trust_command(role: &Role, account: AccountId, id: &ProviderId) -> String {
    let name = role.arn.rsplit('/').next().unwrap_or(&role.arn);
    format!(
        "hubctl permissions print --integration {id} --format trust-policy > trust.json && aws iam update-assume-role-policy --role-name \
         {name} --policy-document file://trust.json  # with credentials of account {account}; replaces the role's trust policy"
    )
}

/// The command that shows a role's trust policy. Without the owner of the credentials, the other principals that the role
/// must trust are unknown.
fn show_trust_command(role: &Role, account: AccountId) -> String {
    let name = role.arn.rsplit('/').next().unwrap_or(&role.arn);
    format!(
        "aws iam get-role --role-name {name} --query Role.AssumeRolePolicyDocument  # with credentials of account {account}"
    )
}

/// The path and name of a role.
fn role_name(role: &Role) -> &str {
    role.arn.split_once(":role/").map_or(role.arn.as_str(), |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "User: arn:aws:sts::111122223333:assumed-role/ExportRole/run is not authorized to perform: sts:AssumeRole \
                        on resource: arn:aws:iam::123456789012:role/team/Exporter";

    fn role() -> Role {
        Role { external_id: Some("an-id".to_owned()), ..Role::new("arn:aws:iam::123456789012:role/team/Exporter") }
    }

    fn integration(credentials: Option<Credentials>) -> Integration {
        let account: AccountId = "123456789012".parse().unwrap();
        Integration { credentials, ..Integration::new(account) }
    }

    #[test]
    fn no_command_removes_other_trusted_principals() {
        let account = "123456789012".parse().unwrap();
        let credentials = Credentials::Default { role: Some(role()) };
        let owner = CredentialOwner::new(&integration(Some(credentials.clone())), &credentials);
        let remediation = assume_role_remediation(&role(), account, MESSAGE, Some(&owner));
        let commands: Vec<&str> = remediation.lines().collect();
        assert_eq!(
            commands,
            [
                "hubctl permissions print --integration 123456789012 --format trust-policy > trust.json && aws iam \
                 update-assume-role-policy --role-name Exporter --policy-document file://trust.json  # with credentials of \
                 account 123456789012; replaces the role's trust policy",
                "hubctl integration credentials 123456789012 --role-name team/Exporter --external-id EXTERNAL_ID  # or, \
                 if the role is correct and requires another External ID",
                "hubctl permissions print --integration 123456789012 --format cloudformation > role.yaml && aws \
                 cloudformation deploy --template-file role.yaml --stack-name securityhub-exporter-role --capabilities \
                 CAPABILITY_NAMED_IAM  # or, if account 123456789012 has no role team/Exporter",
            ]
        );
        let unknown = assume_role_remediation(&role(), account, MESSAGE, None);
        for remediation in [remediation, unknown] {
            assert!(!remediation.contains("ExportRole"), "{remediation}");
        }
        assert_eq!(rejected_caller(MESSAGE).as_deref(), Some("arn:aws:iam::111122223333:role/ExportRole"));
    }

    #[test]
    fn a_key_is_replaced_at_its_owner_and_the_role_is_unchanged() {
        let secret = "securityhub-exporter/key".to_owned();
        let credentials = Credentials::Static { secret, role: Some(role()) };
        let of_provider = CredentialOwner::new(&integration(None), &credentials);
        assert_eq!(
            of_provider.new_key_command("a key"),
            "hubctl provider credentials 123456789012 --access-key-file FILE --role-name team/Exporter --external-id an-id  # a key"
        );
        let own = CredentialOwner::new(&integration(Some(credentials.clone())), &credentials);
        assert_eq!(
            own.other_role_command(&role(), "another"),
            "hubctl integration credentials 123456789012 --secret securityhub-exporter/key --role-name team/Exporter \
             --external-id EXTERNAL_ID  # another"
        );
        let bare = Credentials::Static { secret: "s".to_owned(), role: None };
        assert_eq!(
            CredentialOwner::new(&integration(Some(bare.clone())), &bare).new_key_command("a key"),
            "hubctl integration credentials 123456789012 --access-key-file FILE  # a key"
        );
    }
}

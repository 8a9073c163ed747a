//! AWS's message when it denies a call: the denied action, the caller, and the kind of policy.
//!
//! `User: ARN is not authorized to perform: ACTION on resource: ARN`, followed by ` with an explicit deny in a KIND` or `
//! because no KIND allows the ACTION action`. If nothing follows, the kind is unknown and is not guessed.

/// A denied call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Denial {
    /// The action, such as `securityhub:BatchImportFindings`.
    pub(super) action: String,
    /// The denied caller, if the message names it.
    pub(super) caller: Option<String>,
    /// Whether a policy denies the action explicitly. Otherwise, no policy allows it.
    pub(super) explicit: bool,
    /// The kind of policy, such as `service control policy`, if the message names it.
    pub(super) policy: Option<String>,
    /// The complete message.
    pub(super) raw_message: String,
}

/// Maximum number of characters of a policy kind; "service control policy" has 22.
const POLICY_CHARS_MAX: usize = 40;

impl Denial {
    /// Parses a message. `action` is the action that was called, in case the message doesn't name it.
    pub(super) fn parse(message: &str, action: &str) -> Self {
        let after = |marker: &str| message.split_once(marker).map(|(_, rest)| rest);
        let word = |rest: &str| rest.split_whitespace().next().map(str::to_owned);
        let explicit = message.contains("with an explicit deny");
        let kind = after("with an explicit deny in a ")
            .or_else(|| after("with an explicit deny in an "))
            .or_else(|| after("because no ").and_then(|rest| rest.split_once(" allows ").map(|(kind, _)| kind)));
        let kind = kind.map(|kind| kind.split([':', ',', '.', '(']).next().unwrap_or(kind).trim());
        Self {
            action: after("not authorized to perform: ")
                .and_then(word)
                .filter(|named| named.contains(':'))
                .unwrap_or_else(|| action.to_owned()),
            caller: after("User: ").and_then(word).filter(|caller| caller.starts_with("arn:")),
            explicit,
            policy: kind.filter(|kind| !kind.is_empty() && kind.len() <= POLICY_CHARS_MAX).map(str::to_owned),
            raw_message: message.to_owned(),
        }
    }

    /// Whether a policy of the organization denies the action, not one of the account.
    pub(super) fn is_of_organization(&self) -> bool {
        let policy = self.policy.as_deref().unwrap_or_default();
        policy.starts_with("service control policy") || policy.starts_with("resource control policy")
    }
}

/// A caller, classified by how policies can be attached to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Principal<'a> {
    /// A role, by its name.
    Role(&'a str),
    /// A user, by its name.
    User(&'a str),
    /// The root user, a federated user, or an unknown kind.
    Other,
}

/// The role or user in the ARN of a caller.
pub(super) fn principal(arn: &str) -> Principal<'_> {
    let Some(resource) = arn.splitn(6, ':').nth(5) else { return Principal::Other };
    let mut parts = resource.split('/');
    match parts.next() {
        Some("assumed-role") => parts.next().map_or(Principal::Other, Principal::Role),
        Some("role") => parts.next_back().map_or(Principal::Other, Principal::Role),
        Some("user") => parts.next_back().map_or(Principal::Other, Principal::User),
        _ => Principal::Other,
    }
}

/// The ARN that a trust policy must name for a caller: for a session, its role's. The ARN of a session doesn't contain the
/// role's path, so this ARN is wrong for a role with a path.
pub(super) fn trusted_arn(arn: &str) -> String {
    match (arn.split_once(":assumed-role/"), principal(arn)) {
        (Some((head, _)), Principal::Role(name)) => format!("{}:role/{name}", head.replacen(":sts:", ":iam:", 1)),
        _ => arn.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "User: arn:aws:sts::123456789012:assumed-role/Exporter/run is not authorized to perform: \
                        securityhub:BatchImportFindings on resource: arn:aws:securityhub:eu-west-1::product/prowler/prowler";

    #[test]
    fn a_denial_names_the_caller_the_action_and_the_policy() {
        for (ending, explicit, policy) in [
            ("", false, None),
            (" with an explicit deny", true, None),
            (" with an explicit deny in a service control policy", true, Some("service control policy")),
            (" with an explicit deny in an identity-based policy", true, Some("identity-based policy")),
            (
                " with an explicit deny in a service control policy: arn:aws:organizations::1:policy/o-a/p-b",
                true,
                Some("service control policy"),
            ),
            (
                " because no identity-based policy allows the securityhub:BatchImportFindings action",
                false,
                Some("identity-based policy"),
            ),
            (
                " because no permissions boundary allows the securityhub:BatchImportFindings action",
                false,
                Some("permissions boundary"),
            ),
        ] {
            let denial = Denial::parse(&format!("{MESSAGE}{ending}"), "securityhub:Other");
            assert_eq!(denial.action, "securityhub:BatchImportFindings");
            assert_eq!(denial.caller.as_deref(), Some("arn:aws:sts::123456789012:assumed-role/Exporter/run"));
            assert_eq!((denial.explicit, denial.policy.as_deref()), (explicit, policy), "{ending}");
        }
    }

    #[test]
    fn an_unknown_denial_message_leaves_the_known_action() {
        for message in
            ["", "no", "User: is not authorized to perform: ", "because no ", "AccessDeniedException: Denied."]
        {
            let denial = Denial::parse(message, "securityhub:DescribeHub");
            assert_eq!((denial.action.as_str(), denial.policy), ("securityhub:DescribeHub", None), "{message}");
        }
    }

    #[test]
    fn a_caller_is_a_role_or_a_user() {
        assert_eq!(principal("arn:aws:sts::123456789012:assumed-role/Exporter/run"), Principal::Role("Exporter"));
        assert_eq!(principal("arn:aws-cn:iam::123456789012:role/a/path/Exporter"), Principal::Role("Exporter"));
        assert_eq!(principal("arn:aws:iam::123456789012:user/team/alice"), Principal::User("alice"));
        assert_eq!(principal("arn:aws:iam::123456789012:root"), Principal::Other);
        assert_eq!(principal("nonsense"), Principal::Other);
        let session = "arn:aws:sts::123456789012:assumed-role/Exporter/run";
        assert_eq!(trusted_arn(session), "arn:aws:iam::123456789012:role/Exporter");
    }
}

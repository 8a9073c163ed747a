//! Roles to assume: ARNs, names, and External IDs.

use std::str::FromStr;

use asff::{AccountId, Partition};
use exporter::model::integration::{ANY_ACCOUNT, Role};
use exporter::model::provider::ProviderId;

use crate::exit::{Exit, Failure};

/// Characters of an External ID (STS, `AssumeRole`).
const EXTERNAL_ID_CHARS: std::ops::RangeInclusive<usize> = 2..=1224;

/// The ARN of a role: `arn:<partition>:iam::<account>:role/<path and name>`. The account is `*` for a role that exists in every
/// account of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoleArn {
    pub(crate) text: String,
    account: Option<AccountId>,
}

impl RoleArn {
    /// The path and the name.
    pub(crate) fn name(&self) -> &str {
        self.text.split_once(":role/").map_or("", |(_, name)| name)
    }

    /// Security Hub accepts an account's findings only from callers in that account.
    pub(crate) fn must_be_of(&self, id: &ProviderId) -> Result<(), Failure> {
        let wrong = match (id, self.account) {
            (ProviderId::Account(id), Some(account)) => *id != account,
            (ProviderId::Organization(_), None) => false,
            _ => true,
        };
        if !wrong {
            return Ok(());
        }
        let owner = self.account.map_or("every account".to_owned(), |account| format!("account {account}"));
        let hint = match id {
            ProviderId::Account(_) => {
                "Security Hub accepts an account's findings only from that account: specify a role in it".to_owned()
            }
            ProviderId::Organization(_) => {
                format!("specify the role by name, which each account has: --role-name {}", self.name())
            }
        };
        Err(Failure::new(Exit::Usage, format!("role {} is in {owner}, but the integration is for {id}", self.text))
            .hint(hint))
    }
}

impl FromStr for RoleArn {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "not the ARN of a role, such as arn:aws:iam::123456789012:role/SecurityHubExporter";
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, role] = parts.as_slice() else { return Err(WRONG) };
        if partition.parse::<Partition>().is_err() || !role.strip_prefix("role/").is_some_and(is_name) {
            return Err(WRONG);
        }
        let account = if text.contains(ANY_ACCOUNT) { None } else { Some(account.parse().map_err(|_| WRONG)?) };
        Ok(Self { text: text.to_owned(), account })
    }
}

/// Whether a name matches a pattern of IAM, in which `*` matches any characters and `?` matches one character.
pub(crate) fn matches_pattern(pattern: &str, name: &str) -> bool {
    let mut pattern_chars = pattern.chars();
    match pattern_chars.next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = pattern_chars.as_str();
            name.char_indices().map(|(at, _)| at).chain([name.len()]).any(|at| matches_pattern(rest, &name[at..]))
        }
        Some(first) => {
            let mut name_chars = name.chars();
            name_chars.next().is_some_and(|one| first == '?' || first == one)
                && matches_pattern(pattern_chars.as_str(), name_chars.as_str())
        }
    }
}

/// The name of a role, with its path if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoleName(String);

impl RoleName {
    /// The role with this name in an account, or in every account of an organization.
    pub(crate) fn in_provider(&self, id: &ProviderId, partition: Partition) -> RoleArn {
        let account = id.account();
        let number = account.as_ref().map_or("*", AccountId::as_str);
        RoleArn { text: format!("arn:{partition}:iam::{number}:role/{}", self.0), account }
    }
}

impl FromStr for RoleName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim_start_matches('/');
        if is_name(name) && !name.contains(':') {
            Ok(Self(name.to_owned()))
        } else {
            Err("not the name of a role, such as SecurityHubExporter; for an ARN, use --role-arn")
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.ends_with('/') && name.chars().all(|letter| letter.is_ascii_graphic())
}

/// The External ID that a role's trust policy requires, against the confused deputy problem. It is not a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExternalId(pub(crate) String);

impl ExternalId {
    /// Generates a unique External ID.
    pub(crate) fn generate() -> Self {
        Self(Role::new_external_id())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_arn_is_accepted_in_any_partition() {
        for right in ["arn:aws:iam::123456789012:role/a", "arn:aws-cn:iam::123456789012:role/path/to/a"] {
            assert_eq!(right.parse::<RoleArn>().unwrap().account, "123456789012".parse().ok());
        }
        assert_eq!("arn:aws:iam::*:role/a".parse::<RoleArn>().unwrap().account, None);
        for wrong in [
            "",
            "SecurityHubExporter",
            "arn:aws:iam::123456789012:user/a",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::1234:role/a",
            "arn:aws:iam::12*:role/a",
            "arn:azure:iam::123456789012:role/a",
            "arn:aws:iam::123456789012:role/a b",
        ] {
            assert!(wrong.parse::<RoleArn>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_external_id_has_the_form_that_sts_accepts() {
        assert!(ExternalId::generate().0.parse::<ExternalId>().is_ok());
        for wrong in ["", "a", "a b", "ä1"] {
            assert!(wrong.parse::<ExternalId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_pattern_matches_as_iam_does() {
        for (pattern, name, matches) in [
            ("SecurityHubExporter*", "SecurityHubExporter", true),
            ("SecurityHubExporter*", "SecurityHubExporterEu", true),
            ("SecurityHubExporter*", "Foo", false),
            ("*", "any/thing", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b", "a-b-c", false),
            ("ab", "abc", false),
        ] {
            assert_eq!(matches_pattern(pattern, name), matches, "{pattern} {name}");
        }
    }
}

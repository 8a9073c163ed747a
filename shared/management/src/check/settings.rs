//! The deployment that settings are for. What is of another partition is refused, and so is a secret of another account: neither
//! can be used there, and each run would fail by it.

use asff::{AccountId, Partition, RegionName};

/// Partitions without Security Hub integrations of ours, by how the names of their Regions begin (botocore 1.44.5,
/// `partitions.json`, `regionRegex`).
const ISOLATED: [(&str, &str); 4] =
    [("us-iso-", "aws-iso"), ("us-isob-", "aws-iso-b"), ("eu-isoe-", "aws-iso-e"), ("us-isof-", "aws-iso-f")];

/// What a deployment is made of, as far as the verbs and the checks need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How the names of the secrets begin that the exporter may read.
    pub secret_prefix: String,
    /// The partition that it is in. None: it is not known here, and nothing is compared with it.
    pub partition: Option<Partition>,
    /// The account that it is in. None: it is not known here, and nothing is compared with it.
    pub account: Option<AccountId>,
}

impl Settings {
    /// What there is to say against something of a partition. None: it is the deployment's, or that is not known.
    pub(super) fn other_partition(&self, partition: &str) -> Option<String> {
        let own = self.partition.filter(|own| own.as_str() != partition && is_partition(partition))?;
        Some(format!(
            "must be in partition {own}, the deployment's, not in partition {partition}: credentials are not valid across \
             partitions"
        ))
    }

    /// The same for a Region, which a name that no release knows yet may be as well.
    pub(super) fn other_partition_of(&self, region: RegionName) -> Option<String> {
        self.other_partition(partition_of(region)?)
    }

    /// What there is to say against a secret of an account. None: it is the deployment's, or that is not known.
    pub(super) fn other_account(&self, account: AccountId) -> Option<String> {
        let own = self.account.filter(|own| *own != account)?;
        Some(format!(
            "must be in account {own}, the deployment's, not in account {account}: its functions can't read secrets of \
             another account"
        ))
    }

    /// A Region of the deployment's partition, as an example.
    pub(super) const fn some_region(&self) -> &'static str {
        match self.partition {
            None | Some(Partition::Aws) => "eu-west-1",
            Some(Partition::AwsCn) => "cn-north-1",
            Some(Partition::AwsUsGov) => "us-gov-west-1",
            Some(Partition::AwsEusc) => "eusc-de-east-1",
        }
    }
}

/// The name of the partition that a Region's name belongs to. None: AWS has not told of such names yet.
fn partition_of(region: RegionName) -> Option<&'static str> {
    let isolated =
        ISOLATED.iter().find(|(start, _)| region.as_str().starts_with(start)).map(|(_, partition)| *partition);
    isolated.or_else(|| Partition::that_may_hold(region).map(Partition::as_str))
}

/// Whether a text is the name of a partition, known or not: only that is repeated.
fn is_partition(text: &str) -> bool {
    let is_name =
        |rest: &str| rest.len() <= 16 && rest.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'-');
    text == "aws" || text.strip_prefix("aws-").is_some_and(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_region_belongs_to_the_partition_of_its_name() {
        for (region, partition) in [
            ("eu-west-1", Some("aws")),
            ("cn-north-1", Some("aws-cn")),
            ("cn-south-9", Some("aws-cn")),
            ("us-gov-west-1", Some("aws-us-gov")),
            ("us-gov-north-9", Some("aws-us-gov")),
            ("us-iso-east-1", Some("aws-iso")),
            ("us-isob-east-1", Some("aws-iso-b")),
            ("eu-isoe-west-1", Some("aws-iso-e")),
            ("us-isof-south-1", Some("aws-iso-f")),
            ("eusc-de-east-1", Some("aws-eusc")),
            ("mars-north-1", None),
        ] {
            assert_eq!(partition_of(region.parse().unwrap()), partition, "{region}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_compared() {
        let unknown = Settings::default();
        assert_eq!(unknown.other_partition("aws-cn"), None);
        assert_eq!(unknown.other_account("123456789012".parse().unwrap()), None);
    }

    #[test]
    fn only_a_name_of_a_partition_is_repeated() {
        let known = Settings { partition: Some(Partition::Aws), ..Settings::default() };
        assert_eq!(known.other_partition("aws"), None);
        assert!(known.other_partition("aws-iso").is_some_and(|message| message.contains("not in partition aws-iso:")));
        for text in ["mars", "aws-Secret", "aws-0123", ""] {
            assert_eq!(known.other_partition(text), None, "{text}");
        }
    }
}

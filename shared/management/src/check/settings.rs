//! The deployment's partition and account. Resources of another partition and secrets of another account are rejected, because
//! the deployment can't use them and each run would fail.

use asff::{AccountId, Partition, RegionName};

/// Partitions that the exporter doesn't support, by prefix of their Region names (botocore 1.44.5,
/// `partitions.json`, `regionRegex`).
const ISOLATED: [(&str, &str); 4] =
    [("us-iso-", "aws-iso"), ("us-isob-", "aws-iso-b"), ("eu-isoe-", "aws-iso-e"), ("us-isof-", "aws-iso-f")];

/// Properties of the deployment that operations and validations require.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Name prefix of the secrets that the exporter may read.
    pub secret_prefix: String,
    /// The deployment's partition. `None` if unknown; then partitions aren't compared.
    pub partition: Option<Partition>,
    /// The deployment's account. `None` if unknown; then accounts aren't compared.
    pub account: Option<AccountId>,
}

impl Settings {
    /// Error message for a partition other than the deployment's. `None`
    /// if the partitions are equal, or the deployment's is unknown.
    pub(super) fn partition_mismatch(&self, partition: &str) -> Option<String> {
        let own = self.partition.filter(|own| own.as_str() != partition && is_partition(partition))?;
        Some(format!(
            "must be in partition {own}, the deployment's, not in partition {partition}: credentials are not valid across \
             partitions"
        ))
    }

    /// Error message for a Region of another partition. The Region may be unknown.
    pub(super) fn region_mismatch(&self, region: RegionName) -> Option<String> {
        self.partition_mismatch(partition_of(region)?)
    }

    /// Error message for a secret of another account. `None` if the accounts are equal, or the deployment's is unknown.
    pub(super) fn account_mismatch(&self, account: AccountId) -> Option<String> {
        let own = self.account.filter(|own| *own != account)?;
        Some(format!(
            "must be in account {own}, the deployment's, not in account {account}: its functions can't read secrets of \
             another account"
        ))
    }

    /// A Region of the deployment's partition, for error messages.
    pub(super) const fn example_region(&self) -> &'static str {
        match self.partition {
            None | Some(Partition::Aws) => "eu-west-1",
            Some(Partition::AwsCn) => "cn-north-1",
            Some(Partition::AwsUsGov) => "us-gov-west-1",
            Some(Partition::AwsEusc) => "eusc-de-east-1",
        }
    }
}

/// Name of a Region's partition, from the prefix of its name. `None` if the prefix is unknown.
fn partition_of(region: RegionName) -> Option<&'static str> {
    let isolated =
        ISOLATED.iter().find(|(start, _)| region.as_str().starts_with(start)).map(|(_, partition)| *partition);
    isolated.or_else(|| Partition::that_may_hold(region).map(Partition::as_str))
}

/// Whether a string looks like the name of a partition. Error messages repeat only such strings.
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
    fn an_unknown_partition_or_account_is_not_compared() {
        let unknown = Settings::default();
        assert_eq!(unknown.partition_mismatch("aws-cn"), None);
        assert_eq!(unknown.account_mismatch("123456789012".parse().unwrap()), None);
    }

    #[test]
    fn messages_repeat_only_strings_that_look_like_partitions() {
        let known = Settings { partition: Some(Partition::Aws), ..Settings::default() };
        assert_eq!(known.partition_mismatch("aws"), None);
        assert!(
            known.partition_mismatch("aws-iso").is_some_and(|message| message.contains("not in partition aws-iso:"))
        );
        for text in ["mars", "aws-Secret", "aws-0123", ""] {
            assert_eq!(known.partition_mismatch(text), None, "{text}");
        }
    }
}

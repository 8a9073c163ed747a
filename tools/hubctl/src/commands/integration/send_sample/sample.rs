//! The sample finding: it is sent, read, and archived.
//!
//! It is marked as a sample and has a reserved Id. The exporter stores no state about it and never archives it.

use asff::{AccountId, Partition, RegionName};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

/// Prefix of the Ids of sample findings. The Ids of Prowler's findings begin with `prowler-`.
pub(super) const ID_PREFIX: &str = "securityhub-exporter-sample";
/// Time between the active and the archived version: Security Hub accepts only a later version (contract 1.5).
const LATER: SignedDuration = SignedDuration::from_secs(1);

/// A sample finding.
pub(super) struct Sample {
    pub(super) id: String,
    account: AccountId,
    region: RegionName,
    partition: Partition,
    at: Timestamp,
}

impl Sample {
    /// A new sample finding.
    pub(super) fn new(account: AccountId, region: RegionName, partition: Partition, now: Timestamp) -> Self {
        let id = format!("{ID_PREFIX}-{account}-{region}-{}", Uuid::now_v7());
        // One second ago, since the archived version must be later and must not be in the future.
        let at = now.saturating_sub(LATER).unwrap_or(now);
        Self { id, account, region, partition, at }
    }

    /// Body of the request that sends the finding, active or archived.
    pub(super) fn body(&self, archived: bool) -> Bytes {
        Bytes::from(json!({ "Findings": [self.finding(archived)] }).to_string())
    }

    fn finding(&self, archived: bool) -> Value {
        let later = self.at.saturating_add(LATER).unwrap_or(self.at);
        let time = |time: Timestamp| format!("{time:.3}");
        json!({
            "SchemaVersion": "2018-10-08",
            "Id": self.id,
            "ProductArn": self.partition.product_arn(self.region),
            "GeneratorId": ID_PREFIX,
            "AwsAccountId": self.account.as_str(),
            "CreatedAt": time(self.at),
            "FirstObservedAt": time(self.at),
            "UpdatedAt": time(if archived { later } else { self.at }),
            "Title": "Sample finding of securityhub-exporter",
            "Description": "Sample finding, safe to ignore: it verifies that findings arrive, and is archived when it is visible.",
            "FindingProviderFields": {
                "Severity": { "Label": "INFORMATIONAL" },
                "Types": ["Software and Configuration Checks"],
            },
            "Resources": [{
                "Type": "AwsAccount",
                "Id": format!("AWS::::Account:{}", self.account),
                "Region": self.region.as_str(),
            }],
            "RecordState": if archived { "ARCHIVED" } else { "ACTIVE" },
            "Sample": true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archived_version_is_later_and_not_in_the_future() {
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let account = "123456789012".parse().unwrap();
        let sample = Sample::new(account, "eu-west-1".parse().unwrap(), Partition::Aws, now);
        let (active, archived) = (sample.finding(false), sample.finding(true));
        assert_eq!(
            (active["Id"].as_str(), archived["Id"].as_str()),
            (Some(sample.id.as_str()), Some(sample.id.as_str()))
        );
        assert_eq!(active["UpdatedAt"], "2026-11-23T09:59:59.000Z");
        assert_eq!(archived["UpdatedAt"], "2026-11-23T10:00:00.000Z");
        assert_eq!((&active["CreatedAt"], &archived["RecordState"]), (&archived["CreatedAt"], &json!("ARCHIVED")));
        assert!(sample.id.len() <= 512 && !sample.id.starts_with("prowler-"));
    }
}

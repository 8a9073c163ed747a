//! Regions of an account: one operation of EC2.

use asff::{Partition, RegionName};
use aws_config::SdkConfig;
use aws_smithy_types::error::ErrorMetadata;
use exporter::connection::AccountRegion;

use crate::errors::CallFailure;
use crate::raw_call::signed::{Service, SignedCall, call};
use crate::raw_call::xml::{element, error};

const EC2: Service = Service { id: "EC2", name: "ec2", content_type: "application/x-www-form-urlencoded", error };

/// The Regions of the partition, including those that are not opted in by the account.
pub(crate) async fn account_regions(
    config: &SdkConfig,
    partition: Partition,
) -> Result<Vec<AccountRegion>, CallFailure<ErrorMetadata>> {
    let request = SignedCall {
        operation: "DescribeRegions",
        region: config.region().map(ToString::to_string).unwrap_or_default(),
        partition,
        headers: Vec::new(),
        body: "Action=DescribeRegions&Version=2016-11-15&AllRegions=true".to_owned(),
    };
    let response = call(config, EC2, request).await?;
    Ok(regions(&String::from_utf8_lossy(&response)))
}

/// Reads `<item><regionName>..</regionName><optInStatus>..</optInStatus></item>`. Neither value contains XML markup.
fn regions(response: &str) -> Vec<AccountRegion> {
    let read = |item: &str| {
        let name: RegionName = element(item, "regionName")?.parse().ok()?;
        // Without a status, the Region is enabled: if the request has no `AllRegions`, EC2 returns only enabled Regions.
        Some(AccountRegion { name, opted_in: element(item, "optInStatus").as_deref() != Some("not-opted-in") })
    };
    response.split("<item>").filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_has_each_region_and_its_opt_in_status() {
        let response = r#"<?xml version="1.0" encoding="UTF-8"?>
            <DescribeRegionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId><regionInfo>
            <item><optInStatus>not-opted-in</optInStatus><regionName>af-south-1</regionName>
              <regionEndpoint>ec2.af-south-1.amazonaws.com</regionEndpoint></item>
            <item><regionName>eu-west-1</regionName><optInStatus>opt-in-not-required</optInStatus></item>
            <item><regionName>me-west-1</regionName><optInStatus>opted-in</optInStatus></item>
            <item><regionName>sa-east-1</regionName></item>
            <item><regionName>NOT A REGION</regionName></item>
            </regionInfo></DescribeRegionsResponse>"#;
        let found = regions(response).into_iter().map(|region| (region.name.to_string(), region.opted_in));
        let named = |name: &str, opted_in| (name.to_owned(), opted_in);
        assert_eq!(
            found.collect::<Vec<_>>(),
            [named("af-south-1", false), named("eu-west-1", true), named("me-west-1", true), named("sa-east-1", true)]
        );
        assert!(regions("<html>a proxy's page</html>").is_empty());
    }
}

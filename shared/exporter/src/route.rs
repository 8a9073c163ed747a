//! Which Region's Security Hub gets a finding: the one that the scan gives it, if the integration allows it, otherwise
//! the fallback Region, if there is one.

use asff::RegionName;

use crate::integration::Integration;

/// Where a finding goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// To its own Region.
    Own,
    /// To the integration's fallback Region.
    Fallback(RegionName),
    /// Nowhere: the integration leaves its Region out.
    NotInIntegration,
}

/// Routes a finding of a Region.
pub fn route(integration: &Integration, region: RegionName) -> Route {
    let allowed = integration.regions.as_ref().is_none_or(|regions| regions.contains(&region));
    match integration.fallback_region {
        _ if allowed => Route::Own,
        Some(fallback) => Route::Fallback(fallback),
        None => Route::NotInIntegration,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(name: &str) -> RegionName {
        name.parse().unwrap()
    }

    #[test]
    fn a_finding_is_routed_to_its_region_if_the_integration_includes_it() {
        let mut integration = Integration::new("123456789012".parse::<asff::AccountId>().unwrap());
        assert_eq!(route(&integration, region("eu-west-1")), Route::Own);
        integration.regions = Some(vec![region("us-east-1")]);
        assert_eq!(route(&integration, region("us-east-1")), Route::Own);
        assert_eq!(route(&integration, region("eu-west-1")), Route::NotInIntegration);
        integration.fallback_region = Some(region("us-east-1"));
        assert_eq!(route(&integration, region("eu-west-1")), Route::Fallback(region("us-east-1")));
    }
}

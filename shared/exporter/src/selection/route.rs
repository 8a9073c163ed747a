//! Determines which Region's Security Hub gets a finding: the finding's own Region if the integration includes it, otherwise
//! the fallback Region if one is set.

use asff::RegionName;

use crate::model::integration::Integration;

/// The destination of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The finding's own Region.
    Own,
    /// The integration's fallback Region.
    Fallback(RegionName),
    /// No Region: the integration doesn't include the finding's Region, and has no fallback Region.
    NotInIntegration,
}

/// Routes a finding of this Region.
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

//! The configuration of the world: its accounts, the enabled services, and the behavior that AWS doesn't document.
//!
//! JSON in which every field is optional; an unknown field is an error, so that a misspelled setting is detected. README.md has a
//! complete document.

mod accounts;
mod builders;
mod check;
mod deviations;
mod rules;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use accounts::{AccessKey, AccountConfig, Deny, RegionConfig, RoleConfig};
pub use deviations::Deviation;
pub use rules::{HubOffImport, Rate, Rates, Rules, ThrottleError};

use crate::faults::Fault;

/// The whole world.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The accounts that exist.
    pub accounts: Vec<AccountConfig>,
    /// The account of every access key that is not configured. Without it, such keys are rejected.
    pub default_account: Option<String>,
    /// The organization, which determines who sees whose findings.
    pub organization: Option<Organization>,
    /// Finding aggregators: home Regions that show findings of other Regions.
    pub aggregators: Vec<Aggregator>,
    /// Rate limits of each operation, per account and Region.
    pub rates: Rates,
    /// Choices where the contract allows several behaviors.
    pub rules: Rules,
    /// Minimum duration of every HTTP call, in milliseconds.
    pub latency_ms: u64,
    /// Seed of faults that affect a share of the calls.
    pub seed: u64,
    /// The time at which the clock is stopped. Without it, the clock runs with the machine's.
    pub clock: Option<Timestamp>,
    /// Faults that are active from the start.
    pub faults: Vec<Fault>,
}

/// An administrator account sees its members' findings (contract 2.4).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Organization {
    /// The delegated administrator's account number.
    pub administrator: String,
    /// The members' account numbers.
    pub members: Vec<String>,
    /// The members that are suspended.
    #[serde(default)]
    pub suspended: Vec<String>,
}

/// A finding aggregator: reads in the home Region also return findings of the linked Regions (contract 2.4).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Aggregator {
    /// The account that aggregates; its members inherit the aggregator.
    pub account: String,
    /// The home Region.
    pub home: String,
    /// The linked Regions.
    pub linked: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_setting_is_an_error() {
        let error = serde_json::from_str::<Config>(r#"{"rules": {"partial_aut": true}}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `partial_aut`"), "{error}");
    }

    #[test]
    fn an_empty_region_has_everything_enabled() {
        let text = r#"{"accounts": [{"id": "123456789012", "regions": {"eu-west-1": {}}}]}"#;
        let config: Config = serde_json::from_str(text).unwrap();
        let region = &config.accounts[0].regions["eu-west-1"];
        assert!(region.opted_in && region.hub);
        assert_eq!(region.products, ["prowler/prowler"]);
    }

    /// The document in README.md is complete, and its values are the defaults.
    #[test]
    fn the_readme_shows_the_whole_document() {
        let readme = include_str!("../README.md");
        let shown = readme.split_once("```json").unwrap().1.split_once("```").unwrap().0;
        let shown: serde_json::Value = serde_json::from_str(shown).unwrap();
        let config: Config = serde_json::from_value(shown.clone()).unwrap();
        assert_eq!(config.check(), Ok(()));
        let defaults = Config::default();
        let same = |ours: String, theirs: String| assert_eq!(ours, theirs);
        same(format!("{:?}", config.rules), format!("{:?}", defaults.rules));
        same(format!("{:?}", config.rates), format!("{:?}", defaults.rates));
        let whole = serde_json::to_value(&config).unwrap();
        for part in ["rules", "rates"] {
            let names =
                |value: &serde_json::Value| value[part].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(&shown), names(&whole), "{part}");
        }
        let names = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&shown), names(&whole));
    }

    #[test]
    fn the_document_survives_a_round_trip() {
        let config = Config::one_account("123456789012", &["us-east-1", "eu-west-1"]);
        let text = serde_json::to_string(&config).unwrap();
        let again: Config = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), text);
    }
}

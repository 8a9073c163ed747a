//! Assertions about the findings in Security Hub, used after every step.

use std::collections::BTreeMap;

use asff::AccountId;
use serde_json::Value;

use crate::fake_aws::World;
use crate::scan::Expected;

/// A finding as Security Hub returns it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) status: String,
    pub(crate) description: String,
    pub(crate) first_observed_at: jiff::Timestamp,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The account's findings of one record state, by Region and Id.
pub(crate) fn held(world: &World, account: AccountId, state: &str) -> BTreeMap<(String, String), Held> {
    world.now();
    let mut all = BTreeMap::new();
    for region in crate::REGIONS {
        for finding in world.simulator.findings(account.as_str(), region) {
            if finding["RecordState"] == state {
                let place = (region.to_owned(), text(&finding["Id"]));
                let held = Held {
                    status: text(&finding["Compliance"]["Status"]),
                    description: text(&finding["Description"]),
                    first_observed_at: text(&finding["FirstObservedAt"]).parse().unwrap(),
                };
                all.insert(place, held);
            }
        }
    }
    all
}

/// The active findings of the account.
pub(crate) fn found(world: &World, account: AccountId) -> Expected {
    let active = held(world, account, "ACTIVE").into_iter();
    let what = active.map(|(place, held)| {
        let status = ["PASSED", "WARNING", "FAILED"].into_iter().find(|known| *known == held.status);
        (place, (status.unwrap_or("?"), held.description))
    });
    what.collect()
}

/// Asserts that exactly the expected findings are active, with the expected status and description.
pub(crate) fn assert_equal(world: &World, account: AccountId, expected: &Expected, context: &str) {
    let found = found(world, account);
    for (place, what) in expected {
        assert_eq!(found.get(place), Some(what), "{context}: {place:?} differs from the scan");
    }
    for place in found.keys() {
        assert!(expected.contains_key(place), "{context}: {place:?} is active and should not be");
    }
}

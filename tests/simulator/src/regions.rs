//! The Regions of AWS (contract 4.2), and those of an account.

use crate::arn::partition_of;
use crate::world::World;

/// Regions that are enabled in every account of their partition.
const DEFAULT: [&str; 22] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// Regions that require opt-in.
const OPT_IN: [&str; 17] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
];

/// Whether a Region requires opt-in.
pub(crate) fn needs_opt_in(region: &str) -> bool {
    OPT_IN.contains(&region)
}

/// Every Region of a partition, ordered by name, and whether the account opted into it. The account did not opt into a Region
/// that its configuration doesn't list. Regions that are unknown here, such as new ones of AWS, are included if the configuration
/// lists them.
pub(crate) fn account_regions(world: &World, account: &str, partition: &str) -> Vec<(String, bool)> {
    let own = world.accounts.get(account).map(|account| &account.regions);
    let listed = own.into_iter().flat_map(|regions| regions.keys().map(String::as_str));
    let mut names: Vec<&str> = DEFAULT.into_iter().chain(OPT_IN).chain(listed).collect();
    names.retain(|name| partition_of(name) == partition);
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| (name.to_owned(), world.region(account, name).is_some())).collect()
}

//! The checks, in the order in which they are made. Each check is a file.

mod archived_visible;
mod archiving;
mod batch_100;
mod batch_101;
mod body_size;
mod content_returned;
mod created_at;
mod default_order;
mod duplicate_ids;
mod empty_batch;
mod field_limits;
mod filters;
mod finding_size;
mod first_observed_at;
mod foreign_account;
mod foreign_region;
mod format_enforced;
mod hub_disabled;
mod hub_enabled_at;
mod ignored_update;
mod max_results;
mod next_token;
mod pages;
mod partial_batch;
mod product_not_accepted;
mod product_subscription;
mod reactivation;
mod record_state_filter;
mod resource_id;
mod update_replaces;
mod updated_at_equal;
mod updated_at_future;
mod updated_at_newer;
mod updated_at_older;
mod updated_at_past;
mod visibility;
mod workflow_kept;
mod workflow_reset;
mod write_probe;

use crate::check::Check;
pub(crate) use product_subscription::subscriptions;

/// All checks.
pub(crate) const ALL: [&Check; 39] = [
    &archived_visible::CHECK,
    &visibility::CHECK,
    &content_returned::CHECK,
    &write_probe::CHECK,
    &hub_enabled_at::CHECK,
    &product_subscription::CHECK,
    &updated_at_newer::CHECK,
    &updated_at_equal::CHECK,
    &updated_at_older::CHECK,
    &ignored_update::CHECK,
    &updated_at_future::CHECK,
    &updated_at_past::CHECK,
    &created_at::CHECK,
    &first_observed_at::CHECK,
    &update_replaces::CHECK,
    &workflow_kept::CHECK,
    &workflow_reset::CHECK,
    &filters::CHECK,
    &record_state_filter::CHECK,
    &reactivation::CHECK,
    &archiving::CHECK,
    &partial_batch::CHECK,
    &duplicate_ids::CHECK,
    &empty_batch::CHECK,
    &batch_100::CHECK,
    &batch_101::CHECK,
    &finding_size::CHECK,
    &body_size::CHECK,
    &resource_id::CHECK,
    &field_limits::CHECK,
    &format_enforced::CHECK,
    &pages::CHECK,
    &next_token::CHECK,
    &default_order::CHECK,
    &max_results::CHECK,
    &hub_disabled::CHECK,
    &product_not_accepted::CHECK,
    &foreign_account::CHECK,
    &foreign_region::CHECK,
];

/// Assumptions that no call of a run can check: name, assumption, reason.
pub(crate) const UNOBSERVABLE: [(&str, &str, &str); 7] = [
    (
        "billing-of-ignored-updates",
        "an update that is ignored is not billed",
        "no API returns ingestion events: compare the bill",
    ),
    ("next-token-lifetime", "a NextToken is valid for the time between two pages", "it may be valid for hours"),
    ("retention", "Security Hub deletes active findings after 90 days, archived ones after 30", "it takes weeks"),
    ("partition-eusc", "Security Hub in aws-eusc accepts findings of Prowler", "run hubctl verify in eusc-de-east-1"),
    (
        "customer-changes",
        "fields that a customer changed by BatchUpdateFindings are not overwritten",
        "the exporter has no permission for BatchUpdateFindings, and a run requires none",
    ),
    ("security-hub-v2", "findings of partners don't appear in AWS Security Hub (OCSF)", "it is another service"),
    (
        "throttling",
        "10 imports and 3 GetFindings calls per second are allowed",
        "a run must not use up the quota of others",
    ),
];

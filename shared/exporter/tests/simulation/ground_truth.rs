//! The real resources of an account, whatever its scans show.

use std::collections::BTreeSet;

use asff::AccountId;
use rand::RngExt;
use rand::rngs::StdRng;

use crate::REGIONS;
use crate::scan::Result;
use crate::scan_evidence::Place;

/// Checks of several services, some of which have several checks. The first check of a service isn't in every Region.
pub(crate) const CHECKS: [&str; 8] = [
    "s3_bucket_public_access",
    "s3_bucket_default_encryption",
    "ec2_instance_public_ip",
    "ec2_ebs_default_encryption",
    "iam_root_mfa_enabled",
    "rds_instance_backup_enabled",
    "cloudwatch_log_metric_filter_root_usage",
    "bedrock_model_invocation_logging_enabled",
];

/// An account's resources, each with the result of one check.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    pub(crate) resources: Vec<Result>,
    /// Resources that have passed or were muted at least once.
    changed: BTreeSet<String>,
    made: u32,
}

impl Truth {
    /// Changes the account by one day: resources are created, deleted, changed, fixed, or broken.
    pub(crate) fn change(&mut self, random: &mut StdRng, account: AccountId) {
        let stay = if random.random_bool(0.06) { random.random_range(0.2..0.8) } else { 0.96 };
        self.resources.retain(|_| random.random_bool(stay));
        for resource in &mut self.resources {
            match random.random_range(0..50) {
                0..3 => resource.failed = !resource.failed,
                3 => resource.muted = !resource.muted,
                4 => resource.detail += 1,
                _ => {}
            }
            if !resource.failed || resource.muted {
                self.changed.insert(resource.resource.clone());
            }
        }
        for _ in 0..random.random_range(0..16) {
            self.add(random, account);
        }
    }

    pub(crate) fn add(&mut self, random: &mut StdRng, account: AccountId) {
        self.made += 1;
        let check = CHECKS[random.random_range(0..CHECKS.len())];
        let region = REGIONS[random.random_range(0..REGIONS.len())];
        let root = format!("arn:aws:iam::{account}:root");
        let is_root = check.starts_with("iam_") && !self.resources.iter().any(|one| one.resource == root);
        let (region, resource) = match is_root {
            true => ("us-east-1", root),
            false => (region, format!("arn:aws:{}:::thing-{}", check.split('_').next().unwrap(), self.made)),
        };
        let (failed, muted) = (random.random_bool(0.7), random.random_bool(0.05));
        let result = Result { check, region, resource, failed, muted, manual: false, detail: 0, at: None };
        if !failed || muted {
            self.changed.insert(result.resource.clone());
        }
        self.resources.push(result);
    }

    /// Whether a finding's resource exists and fails.
    pub(crate) fn fails(&self, account: AccountId, (region, id): &Place) -> bool {
        self.resources.iter().any(|one| one.failed && !one.muted && one.region == region && one.id(account) == *id)
    }

    /// Whether a finding's resource exists and has always failed.
    pub(crate) fn is_steady(&self, account: AccountId, (region, id): &Place) -> bool {
        let is_of = |check: &str| id.strip_prefix("prowler-").is_some_and(|rest| rest.starts_with(check));
        let is_it = |one: &&Result| one.region == region && is_of(one.check) && one.id(account) == *id;
        let is_steady = |one: &Result| one.failed && !self.changed.contains(&one.resource);
        // The root user may be removed and added again.
        self.resources.iter().find(is_it).is_some_and(|one| is_steady(one) && !one.resource.ends_with(":root"))
    }
}

//! The findings of one account and Region, keyed by (ProductArn, Id) (contract 1.5).
//!
//! A finding is stored as the bytes of its last import, with the fields that rules and filters use, and the changes of customers.
//! They are combined only when the finding is read (`render`).

mod render;
mod states;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::limits::{ACTIVE_RETENTION_DAYS, ARCHIVED_RETENTION_DAYS, HOURS_PER_DAY};
pub(crate) use render::{CUSTOMER_ONLY, Place, SHARED, render};
pub(crate) use states::{Compliance, RecordState, Severity, Workflow};

/// The effect of an import on a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    /// The finding is new.
    Created,
    /// It replaced an older version.
    Updated,
    /// The finding is unchanged, since its UpdatedAt is not newer.
    Ignored,
}

/// One finding.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// The bytes of the last import.
    pub(crate) raw: Box<str>,
    /// Whether the finding was created with these bytes. The resolution of top-level fields is different for updates (contract
    /// 1.6).
    pub(crate) is_first: bool,
    /// The first version's CreatedAt, which no update changes (contract 1.4).
    pub(crate) created_at: Box<str>,
    pub(crate) updated_at: Timestamp,
    pub(crate) processed_at: Timestamp,
    pub(crate) record_state: RecordState,
    pub(crate) compliance: Option<Compliance>,
    /// The severity at the top level, after all rules.
    pub(crate) severity: Severity,
    pub(crate) workflow: Workflow,
    /// Top-level fields by name that only a customer may change after the creation.
    pub(crate) customer: Option<Box<Map<String, Value>>>,
    /// Until this time, reads return the previous version or nothing (contract 3.1).
    pub(crate) visible_at: Timestamp,
    pub(crate) previous: Option<Box<Stored>>,
}

impl Stored {
    /// Whether the retention of the finding has ended (contract 1.8).
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        let days = match self.record_state {
            RecordState::Active => ACTIVE_RETENTION_DAYS,
            RecordState::Archived => ARCHIVED_RETENTION_DAYS,
        };
        let touched = self.updated_at.max(self.processed_at);
        now.duration_since(touched) > SignedDuration::from_hours(days * HOURS_PER_DAY)
    }

    /// The version that a read returns now.
    pub(crate) fn visible(&self, now: Timestamp) -> Option<&Self> {
        let mut version = self;
        while version.visible_at > now {
            version = version.previous.as_deref()?;
        }
        Some(version)
    }

    /// The value that a customer set at the top level.
    pub(crate) fn customer_value(&self, name: &str) -> Option<&Value> {
        self.customer.as_ref()?.get(name)
    }
}

/// All findings of one account and Region.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    by_product: HashMap<Box<str>, BTreeMap<Box<str>, Stored>>,
}

impl Findings {
    pub(crate) fn get_mut(&mut self, product_arn: &str, id: &str) -> Option<&mut Stored> {
        self.by_product.get_mut(product_arn)?.get_mut(id)
    }

    pub(crate) fn insert(&mut self, product_arn: &str, id: &str, stored: Stored) {
        if !self.by_product.contains_key(product_arn) {
            self.by_product.insert(product_arn.into(), BTreeMap::new());
        }
        if let Some(findings) = self.by_product.get_mut(product_arn) {
            findings.insert(id.into(), stored);
        }
    }

    /// The findings that are not expired, ordered by (ProductArn, Id), after `after`.
    pub(crate) fn iter<'a>(
        &'a self,
        after: Option<(&'a str, &'a str)>,
        now: Timestamp,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a Stored)> {
        let mut products: Vec<&str> = self.by_product.keys().map(|arn| &**arn).collect();
        products.sort_unstable();
        let products = products.into_iter().filter(move |arn| after.is_none_or(|(product, _)| *arn >= product));
        products.flat_map(move |arn| {
            let start = match after {
                Some((product, id)) if product == arn => Bound::Excluded(id),
                _ => Bound::Unbounded,
            };
            let findings = self.by_product.get(arn).into_iter();
            let findings = findings.flat_map(move |findings| findings.range::<str, _>((start, Bound::Unbounded)));
            findings.filter(move |(_, stored)| !stored.is_expired(now)).map(move |(id, stored)| (arn, &**id, stored))
        })
    }
}

//! The request of GetFindings: its limits, and the hash that a NextToken is bound to.

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::attributes::{lookup, values};
use super::filters::Filters;
use crate::config::{Deviation, Rules};
use crate::limits::PAGE_RESULTS_MAX;

/// Filters without effect in a world that intentionally breaks a rule.
const IGNORED: [(Deviation, &str); 4] = [
    (Deviation::RecordStateFilterIgnored, "RecordState"),
    (Deviation::AccountFilterIgnored, "AwsAccountId"),
    (Deviation::RegionFilterIgnored, "Region"),
    (Deviation::ProductFilterIgnored, "ProductArn"),
];

/// A request within its limits.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) filters: Filters,
    pub(super) sort: Vec<Sort>,
    pub(super) max_results: usize,
    pub(super) next_token: Option<String>,
    canonical: String,
}

/// One criterion of the order.
#[derive(Debug)]
pub(super) struct Sort {
    path: &'static [&'static str],
    descending: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Wire {
    filters: Option<Map<String, Value>>,
    sort_criteria: Option<Vec<WireSort>>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct WireSort {
    field: Option<String>,
    sort_order: Option<String>,
}

impl Request {
    /// Parses the request. The error is the message of `InvalidInputException`.
    pub(super) fn parse(body: &[u8], rules: &Rules) -> Result<Self, String> {
        let body: &[u8] = if body.is_empty() { b"{}" } else { body };
        let wire: Wire = serde_json::from_slice(body).map_err(|_| "Invalid request body".to_owned())?;
        let max_results = wire.max_results.unwrap_or(PAGE_RESULTS_MAX);
        let max = if rules.deviates(Deviation::MaxResultsUnlimited) { usize::MAX - 1 } else { PAGE_RESULTS_MAX };
        if !(1..=max).contains(&max_results) {
            return Err("Invalid parameter 'MaxResults'".to_owned());
        }
        let max_results = if rules.deviates(Deviation::PageSizeIgnored) { PAGE_RESULTS_MAX } else { max_results };
        let mut filters = wire.filters.unwrap_or_default();
        for (deviation, name) in IGNORED {
            if rules.deviates(deviation) {
                filters.remove(name);
            }
        }
        let criteria = wire.sort_criteria.unwrap_or_default();
        let canonical = match rules.deviates(Deviation::NextTokenUnbound) {
            true => String::new(),
            false => format!("{} {criteria:?}", Value::Object(filters.clone())),
        };
        let sort = criteria.iter().map(Sort::parse).collect::<Option<Vec<_>>>();
        Ok(Self {
            filters: Filters::parse(&filters)?,
            sort: sort.ok_or_else(|| "Invalid parameter 'SortCriteria'".to_owned())?,
            max_results,
            next_token: wire.next_token,
            canonical,
        })
    }

    /// Hash of the values that must be the same on every page: account, Region, filters, and order.
    pub(super) fn query_hash(&self, account: &str, region: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        (account, region, &self.canonical).hash(&mut hasher);
        hasher.finish()
    }

    pub(super) fn compare(&self, left: &Value, right: &Value) -> Ordering {
        let orders = self.sort.iter().map(|sort| {
            let order = order(first(left, sort.path), first(right, sort.path));
            if sort.descending { order.reverse() } else { order }
        });
        orders.fold(Ordering::Equal, Ordering::then)
    }
}

impl Sort {
    fn parse(wire: &WireSort) -> Option<Self> {
        let (_, path) = lookup(wire.field.as_deref()?)?;
        let descending = match wire.sort_order.as_deref() {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => return None,
        };
        Some(Self { path, descending })
    }
}

fn first<'v>(finding: &'v Value, path: &[&str]) -> Option<&'v Value> {
    values(finding, path).into_iter().next()
}

fn order(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => {
            left.as_f64().partial_cmp(&right.as_f64()).unwrap_or(Ordering::Equal)
        }
        (left, right) => left.and_then(Value::as_str).cmp(&right.and_then(Value::as_str)),
    }
}

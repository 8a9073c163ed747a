//! Compares the filters of one attribute with a finding's values (contract 3.1: how values of one attribute are combined).

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::import::instant;
use crate::limits::HOURS_PER_DAY;

/// The comparison of a string filter. CONTAINS is only for automation rules.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Comparison {
    Equals,
    Prefix,
    NotEquals,
    PrefixNotEquals,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TextFilter {
    pub(super) value: String,
    pub(super) comparison: Comparison,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PairFilter {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) comparison: Comparison,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct NumberFilter {
    gte: Option<f64>,
    lte: Option<f64>,
    eq: Option<f64>,
    gt: Option<f64>,
    lt: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct FlagFilter {
    value: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DateFilter {
    start: Option<String>,
    end: Option<String>,
    date_range: Option<DateRange>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DateRange {
    value: i64,
    unit: String,
    #[serde(default)]
    comparison: Option<String>,
}

/// Whether one value passes all string filters: EQUALS and PREFIX are combined with OR, the negations with AND.
pub(super) fn text_fits<'f>(filters: impl Iterator<Item = (Comparison, &'f str)> + Clone, values: &[&str]) -> bool {
    let positive = |comparison| matches!(comparison, Comparison::Equals | Comparison::Prefix);
    let asks = filters.clone().any(|(comparison, _)| positive(comparison));
    let hit = |comparison: Comparison, wanted: &str| {
        values.iter().any(|value| match comparison {
            Comparison::Equals | Comparison::NotEquals => *value == wanted,
            Comparison::Prefix | Comparison::PrefixNotEquals => value.starts_with(wanted),
        })
    };
    let some = filters.clone().any(|(comparison, wanted)| positive(comparison) && hit(comparison, wanted));
    let none = !filters.into_iter().any(|(comparison, wanted)| !positive(comparison) && hit(comparison, wanted));
    (some || !asks) && none
}

impl NumberFilter {
    pub(super) fn fits(&self, number: f64) -> bool {
        self.gte.is_none_or(|bound| number >= bound)
            && self.lte.is_none_or(|bound| number <= bound)
            && self.gt.is_none_or(|bound| number > bound)
            && self.lt.is_none_or(|bound| number < bound)
            && self.eq.is_none_or(|bound| (number - bound).abs() < f64::EPSILON)
    }
}

impl FlagFilter {
    pub(super) fn fits(&self, value: &Value) -> bool {
        value.as_bool() == Some(self.value)
    }
}

impl DateFilter {
    /// Whether the filter is valid.
    pub(super) fn is_valid(&self) -> bool {
        let instant = |text: &Option<String>| text.as_deref().is_none_or(|text| instant::parse(text).is_some());
        let range = self.date_range.as_ref().is_none_or(|range| {
            let comparison = range.comparison.as_deref().is_none_or(|name| name == "WITHIN" || name == "OLDER_THAN");
            range.unit == "DAYS" && comparison && range.value >= 0
        });
        let says = self.start.is_some() || self.end.is_some() || self.date_range.is_some();
        instant(&self.start) && instant(&self.end) && range && says
    }

    /// Whether a time is within the range, bounds included (contract 3.1).
    pub(super) fn fits(&self, at: Timestamp, now: Timestamp) -> bool {
        let bound = |text: &Option<String>| text.as_deref().and_then(instant::parse);
        let in_range = self.date_range.as_ref().is_none_or(|range| {
            let span = SignedDuration::from_hours(range.value.saturating_mul(HOURS_PER_DAY).min(i64::from(i32::MAX)));
            let edge = now.saturating_sub(span).unwrap_or(Timestamp::MIN);
            if range.comparison.as_deref() == Some("OLDER_THAN") { at < edge } else { at >= edge && at <= now }
        });
        in_range && bound(&self.start).is_none_or(|start| at >= start) && bound(&self.end).is_none_or(|end| at <= end)
    }
}

//! The filters of a request: their limits, their evaluation, and a fast check that avoids rendering findings that can't match.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::attributes::{Kind, lookup, values};
use super::compare::{Comparison, DateFilter, FlagFilter, NumberFilter, PairFilter, TextFilter, text_fits};
use crate::findings::Stored;
use crate::import::instant;
use crate::limits::{FILTER_ATTRIBUTES_MAX, FILTER_VALUES_MAX};

/// The filters of one request; all attributes must match.
#[derive(Debug)]
pub(super) struct Filters {
    attributes: Vec<Attribute>,
}

#[derive(Debug)]
struct Attribute {
    name: String,
    path: &'static [&'static str],
    test: Test,
}

#[derive(Debug)]
enum Test {
    Text(Vec<TextFilter>),
    Pairs(Vec<PairFilter>),
    Dates(Vec<DateFilter>),
    Numbers(Vec<NumberFilter>),
    Flags(Vec<FlagFilter>),
}

impl Filters {
    /// Parses the filters. The error is the message of the service.
    pub(super) fn parse(filters: &Map<String, Value>) -> Result<Self, String> {
        if filters.len() > FILTER_ATTRIBUTES_MAX {
            return Err(format!("Invalid parameter 'Filters'. At most {FILTER_ATTRIBUTES_MAX} attributes are allowed"));
        }
        let attributes = filters.iter().map(|(name, values)| Attribute::parse(name, values));
        Ok(Self { attributes: attributes.collect::<Result<_, _>>()? })
    }

    /// False if the finding's key, or a field that is stored next to its bytes, excludes a match.
    pub(super) fn may_match(&self, stored: &Stored, product_arn: &str, id: &str, region: &str) -> bool {
        self.attributes.iter().all(|attribute| {
            let value = match attribute.name.as_str() {
                "ProductArn" => product_arn,
                "Id" => id,
                "Region" => region,
                "RecordState" => stored.record_state.name(),
                "WorkflowStatus" => stored.workflow.name(),
                "SeverityLabel" => stored.severity.name(),
                "ComplianceStatus" => match stored.compliance {
                    Some(status) => status.name(),
                    None => return true,
                },
                _ => return true,
            };
            attribute.text_fits(&[value])
        })
    }

    /// Whether a finding matches.
    pub(super) fn matches(&self, finding: &Value, now: Timestamp) -> bool {
        self.attributes.iter().all(|attribute| attribute.fits(&values(finding, attribute.path), now))
    }
}

impl Attribute {
    fn parse(name: &str, filters: &Value) -> Result<Self, String> {
        let invalid = || format!("Invalid parameter 'Filters.{name}'");
        let (kind, path) = lookup(name).ok_or_else(invalid)?;
        let count = filters.as_array().map(Vec::len).ok_or_else(invalid)?;
        if count > FILTER_VALUES_MAX {
            return Err(format!("{}. At most {FILTER_VALUES_MAX} values are allowed", invalid()));
        }
        let test = match kind {
            Kind::Text => Test::Text(read(filters).ok_or_else(invalid)?),
            Kind::Pairs => Test::Pairs(read(filters).ok_or_else(invalid)?),
            Kind::Date => Test::Dates(read(filters).ok_or_else(invalid)?),
            Kind::Number => Test::Numbers(read(filters).ok_or_else(invalid)?),
            Kind::Flag => Test::Flags(read(filters).ok_or_else(invalid)?),
        };
        let sound = match &test {
            Test::Text(filters) => is_mix_legal(filters.iter().map(|filter| filter.comparison)),
            Test::Pairs(filters) => filters.iter().all(|filter| {
                let prefix = matches!(filter.comparison, Comparison::Prefix | Comparison::PrefixNotEquals);
                let same_key = filters.iter().filter(|other| other.key == filter.key);
                !prefix && is_mix_legal(same_key.map(|other| other.comparison))
            }),
            Test::Dates(filters) => filters.iter().all(DateFilter::is_valid),
            Test::Numbers(_) | Test::Flags(_) => true,
        };
        if !sound {
            return Err(invalid());
        }
        Ok(Self { name: name.to_owned(), path, test })
    }

    fn fits(&self, values: &[&Value], now: Timestamp) -> bool {
        match &self.test {
            Test::Text(_) => self.text_fits(&values.iter().filter_map(|value| value.as_str()).collect::<Vec<_>>()),
            Test::Pairs(filters) => pairs_fit(filters, values),
            Test::Dates(filters) => {
                filters.is_empty()
                    || values.iter().any(|value| {
                        let at = value.as_str().and_then(instant::parse);
                        at.is_some_and(|at| filters.iter().any(|filter| filter.fits(at, now)))
                    })
            }
            Test::Numbers(filters) => {
                filters.is_empty()
                    || values.iter().any(|value| {
                        value.as_f64().is_some_and(|number| filters.iter().any(|filter| filter.fits(number)))
                    })
            }
            Test::Flags(filters) => {
                filters.is_empty() || values.iter().any(|value| filters.iter().any(|filter| filter.fits(value)))
            }
        }
    }

    fn text_fits(&self, values: &[&str]) -> bool {
        match &self.test {
            Test::Text(filters) => text_fits(filters.iter().map(|f| (f.comparison, f.value.as_str())), values),
            _ => true,
        }
    }
}

/// Filters with the same key are combined like those of one string attribute; filters with different keys must all match.
fn pairs_fit(filters: &[PairFilter], maps: &[&Value]) -> bool {
    filters.iter().all(|filter| {
        let same_key = filters.iter().filter(|other| other.key == filter.key);
        let values: Vec<&str> = maps.iter().filter_map(|map| map.get(&filter.key)?.as_str()).collect();
        text_fits(same_key.map(|other| (other.comparison, other.value.as_str())), &values)
    })
}

/// An attribute can't have both EQUALS and negations (contract 3.1).
fn is_mix_legal(comparisons: impl Iterator<Item = Comparison> + Clone) -> bool {
    let equals = comparisons.clone().any(|comparison| comparison == Comparison::Equals);
    let negated = comparisons
        .into_iter()
        .any(|comparison| matches!(comparison, Comparison::NotEquals | Comparison::PrefixNotEquals));
    !(equals && negated)
}

fn read<T: DeserializeOwned>(filters: &Value) -> Option<Vec<T>> {
    serde_json::from_value(filters.clone()).ok()
}

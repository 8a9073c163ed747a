//! Metrics as log lines in CloudWatch's embedded metric format: no call, no permission, no time.
//!
//! Each metric costs money for each combination of dimensions, so the caller says in which combinations it counts.

use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "SecurityHubExporter";
/// Values of one metric in one line (embedded metric format, specification).
const VALUES_MAX: usize = 100;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Time.
    Milliseconds,
}

impl Unit {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// A metric with the values that were seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// What was seen.
    pub values: Vec<f64>,
}

/// The lines of some metrics: each counted by each of `dimensions`, the sets of names of `properties`.
pub fn lines(at: SystemTime, properties: &[(&str, &str)], dimensions: &[&[&str]], metrics: &[Metric]) -> Vec<Value> {
    let millis = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let millis = u64::try_from(millis).unwrap_or(u64::MAX);
    let most = metrics.iter().map(|metric| metric.values.len()).max().unwrap_or_default();
    let mut lines = Vec::new();
    for start in (0..most).step_by(VALUES_MAX) {
        let mut line: Map<String, Value> =
            properties.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        let mut named = Vec::new();
        for metric in metrics {
            let values: Vec<_> = metric.values.iter().skip(start).take(VALUES_MAX).copied().collect();
            if !values.is_empty() {
                named.push(json!({ "Name": metric.name, "Unit": metric.unit.as_str() }));
                line.insert(metric.name.to_owned(), values.into());
            }
        }
        let directive = json!({ "Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": named });
        line.insert("_aws".to_owned(), json!({ "Timestamp": millis, "CloudWatchMetrics": [directive] }));
        lines.push(line.into());
    }
    lines
}

/// Writes them to standard output, where Lambda takes them to the log and CloudWatch finds them.
pub fn write(properties: &[(&str, &str)], dimensions: &[&[&str]], metrics: &[Metric]) {
    let mut out = std::io::stdout().lock();
    for line in lines(SystemTime::now(), properties, dimensions, metrics) {
        // A metric that can't be written is not worth a failure.
        let _ = writeln!(out, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_is_in_the_embedded_metric_format() {
        let metrics = [
            Metric { name: "Connected", unit: Unit::Count, values: vec![1.0] },
            Metric { name: "CheckDuration", unit: Unit::Milliseconds, values: vec![1500.0] },
        ];
        let at = UNIX_EPOCH + Duration::from_millis(1_795_392_000_000);
        let [line] =
            lines(at, &[("Integration", "123456789012")], &[&[], &["Integration"]], &metrics).try_into().unwrap();
        let expected = json!({
            "_aws": {
                "Timestamp": 1_795_392_000_000_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "SecurityHubExporter",
                    "Dimensions": [[], ["Integration"]],
                    "Metrics": [
                        { "Name": "Connected", "Unit": "Count" },
                        { "Name": "CheckDuration", "Unit": "Milliseconds" },
                    ],
                }],
            },
            "Integration": "123456789012",
            "Connected": [1.0],
            "CheckDuration": [1500.0],
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn no_value_is_lost_and_no_line_holds_more_than_cloudwatch_reads() {
        let values: Vec<f64> = (0..250).map(f64::from).collect();
        let all = lines(UNIX_EPOCH, &[], &[&[]], &[Metric { name: "RegionsUnavailable", unit: Unit::Count, values }]);
        let lengths: Vec<_> = all.iter().map(|line| line["RegionsUnavailable"].as_array().unwrap().len()).collect();
        assert_eq!(lengths, [100, 100, 50]);
        assert!(lines(UNIX_EPOCH, &[], &[&[]], &[]).is_empty());
    }
}

//! Metrics as log lines in CloudWatch's embedded metric format, which requires no API call and no permission.
//!
//! CloudWatch bills each metric per combination of dimensions, so that the caller selects the combinations.

use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "SecurityHubExporter";
/// Maximum number of values of a metric per line (embedded metric format, specification).
const VALUES_MAX: usize = 100;

/// Unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A count.
    Count,
    /// Milliseconds.
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

/// A metric and its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Name of the metric.
    pub name: &'static str,
    /// Unit of the metric.
    pub unit: Unit,
    /// The values; at least one.
    pub values: Vec<f64>,
}

impl Metric {
    /// A count with one value.
    pub fn count(name: &'static str, value: u64) -> Self {
        // Far below 2^53, above which a double can't represent all integers.
        Self { name, unit: Unit::Count, values: vec![value as f64] }
    }
}

/// Metrics that have the same dimensions and are measured together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// The values of the dimensions, and other fields that Logs Insights
    /// can query. A field that is not in `dimensions` costs nothing.
    pub properties: Vec<(&'static str, String)>,
    /// Sets of dimensions. CloudWatch counts each metric once per set, and bills each as a custom metric.
    pub dimensions: Vec<Vec<&'static str>>,
    /// The metrics.
    pub metrics: Vec<Metric>,
}

impl Sample {
    /// The log lines. A metric with more values than CloudWatch reads per line requires more than one line.
    pub fn lines(&self, at: SystemTime) -> Vec<Value> {
        let millis = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        let longest = self.metrics.iter().map(|metric| metric.values.len()).max().unwrap_or_default();
        (0..longest).step_by(VALUES_MAX).map(|start| self.line(millis, start)).collect()
    }

    /// The line with the values from `start` on.
    fn line(&self, millis: u64, start: usize) -> Value {
        let properties = self.properties.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())));
        let mut line: Map<String, Value> = properties.collect();
        let mut named = Vec::new();
        for metric in &self.metrics {
            let values: Vec<_> = metric.values.iter().skip(start).take(VALUES_MAX).copied().collect();
            let value = match *values.as_slice() {
                [] => continue,
                // Logs Insights can sum numbers, but not arrays.
                [value] => Value::from(value),
                _ => Value::from(values),
            };
            named.push(json!({ "Name": metric.name, "Unit": metric.unit.as_str() }));
            line.insert(metric.name.to_owned(), value);
        }
        let directive = json!({ "Namespace": NAMESPACE, "Dimensions": self.dimensions, "Metrics": named });
        line.insert("_aws".to_owned(), json!({ "Timestamp": millis, "CloudWatchMetrics": [directive] }));
        line.into()
    }

    /// Writes the lines to standard output, from which Lambda sends them to CloudWatch Logs.
    pub fn write(&self) {
        let mut out = std::io::stdout().lock();
        for line in self.lines(SystemTime::now()) {
            // A failure to write a metric must not fail the invocation.
            let _ = writeln!(out, "{line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_is_in_the_embedded_metric_format() {
        let sample = Sample {
            properties: vec![("Integration", "123456789012".to_owned()), ("RunId", "r1".to_owned())],
            dimensions: vec![vec![], vec!["Integration"]],
            metrics: vec![
                Metric::count("Connected", 1),
                Metric { name: "CheckDuration", unit: Unit::Milliseconds, values: vec![1500.0, 20.0] },
            ],
        };
        let at = UNIX_EPOCH + Duration::from_millis(1_795_392_000_000);
        let [line] = sample.lines(at).try_into().unwrap();
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
            "RunId": "r1",
            "Connected": 1.0,
            "CheckDuration": [1500.0, 20.0],
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn values_are_split_into_lines_that_cloudwatch_can_read() {
        let values: Vec<f64> = (0..250).map(f64::from).collect();
        let metrics = vec![Metric { name: "RegionsUnavailable", unit: Unit::Count, values }];
        let all = Sample { metrics, ..Sample::default() }.lines(UNIX_EPOCH);
        let lengths: Vec<_> = all.iter().map(|line| line["RegionsUnavailable"].as_array().unwrap().len()).collect();
        assert_eq!(lengths, [100, 100, 50]);
        assert!(Sample::default().lines(UNIX_EPOCH).is_empty());
    }
}

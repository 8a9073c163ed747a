//! Validates a finding against the format while it is read, without building it. All failures are listed, as by the service.

mod visit;
mod walk;

use serde::de::DeserializeSeed;

use super::facts::Facts;
use super::schema::Node;
use super::shapes::FINDING;
use crate::config::{Deviation, Rules};
use crate::limits::{FINDING_BYTES_MAX, STRING_CHARS_LIMIT};
use visit::Check;
use walk::Walk;

/// The result of validating one finding.
#[derive(Debug)]
pub(crate) struct Checked<'a> {
    pub(crate) facts: Facts<'a>,
    failures: Vec<String>,
    oversized: Option<&'static str>,
}

impl Checked<'_> {
    /// The message of a rejected finding (contract 1.10); `None` if it is valid.
    pub(crate) fn refusal(&self) -> Option<String> {
        if let Some(message) = self.oversized {
            return Some(message.to_owned());
        }
        let list = self.failures.join(", ");
        (!list.is_empty()).then(|| format!("Finding does not adhere to Amazon Finding Format. {list}."))
    }
}

/// Reads one finding.
pub(crate) fn check<'a>(raw: &'a str, rules: &'a Rules) -> Checked<'a> {
    static ROOT: Node = Node::Object(&FINDING);
    let mut walk = Walk::new(rules);
    let mut reader = serde_json::Deserializer::from_str(raw);
    if (Check { walk: &mut walk, node: &ROOT }).deserialize(&mut reader).is_err() {
        walk.failures.push("data should be object".to_owned());
    }
    if raw.trim_start().starts_with('{') {
        severity_and_types(&mut walk);
    }
    if rules.deviates(Deviation::FormatUnchecked) {
        walk.failures.clear();
    }
    let finding_bytes_max = match rules {
        _ if rules.deviates(Deviation::FindingLimitLower) => FINDING_BYTES_MAX / 24 * 23,
        _ if rules.deviates(Deviation::FindingSizeUnlimited) => usize::MAX,
        _ => FINDING_BYTES_MAX,
    };
    let oversized = if raw.len() > finding_bytes_max {
        Some("The maximum size of a finding should be less than 240 KB")
    } else if walk.longest_string >= STRING_CHARS_LIMIT {
        Some("The maximum size of an individual field should be less than 32768")
    } else {
        None
    };
    Checked { facts: walk.facts, failures: walk.failures, oversized }
}

/// Severity and Types must each be at the top level or in FindingProviderFields (contract 1.2).
fn severity_and_types(walk: &mut Walk<'_>) {
    let facts = &walk.facts;
    if facts.has_severity && facts.has_types {
        return;
    }
    let missing = match (facts.has_provider_fields, facts.has_severity) {
        (false, _) => "data should have required property 'FindingProviderFields'",
        (true, false) => "data.FindingProviderFields should have required property 'Severity'",
        (true, true) => "data.FindingProviderFields should have required property 'Types'",
    };
    walk.failures.push(missing.to_owned());
    walk.failures.push("data should match some schema in anyOf".to_owned());
}

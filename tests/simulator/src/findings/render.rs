//! A finding as GetFindings returns it: the imported bytes, the rules of contract 1.6 about who may change which field, and the
//! fields that the service sets (contract 3.1).

use serde_json::{Map, Value, json};

use super::{Severity, Stored};
use crate::arn::ProductArn;
use crate::clock::format_ms;
use crate::config::Deviation;

/// Fields of the provider that a customer may override at the top level.
pub(crate) const SHARED: [&str; 5] = ["Confidence", "Criticality", "RelatedFindings", "Severity", "Types"];

/// Fields that only a customer may change once the finding exists.
pub(crate) const CUSTOMER_ONLY: [&str; 3] = ["Note", "UserDefinedFields", "VerificationState"];

/// The location of a finding, for the fields that the service sets.
pub(crate) struct Place<'a> {
    pub(crate) account_name: Option<&'a str>,
    pub(crate) region: &'a str,
    /// Rules that the world breaks.
    pub(crate) deviations: &'a [Deviation],
}

/// The complete finding as a read returns it.
pub(crate) fn render(stored: &Stored, product_arn: &str, id: &str, place: &Place<'_>) -> Value {
    let mut finding = match serde_json::from_str(&stored.raw) {
        Ok(Value::Object(finding)) => finding,
        _ => Map::new(),
    };
    resolve_shared(&mut finding, stored);
    for name in CUSTOMER_ONLY {
        finding.remove(name);
        if let Some(value) = stored.customer_value(name) {
            finding.insert(name.to_owned(), value.clone());
        }
    }
    let state = &mut finding;
    let mut set = |name: &str, value: Value| state.insert(name.to_owned(), value);
    set("CreatedAt", Value::from(&*stored.created_at));
    set("ProcessedAt", Value::from(format_ms(stored.processed_at)));
    set("RecordState", Value::from(stored.record_state.name()));
    set("Workflow", json!({ "Status": stored.workflow.name() }));
    set("WorkflowState", Value::from("NEW"));
    set("Region", Value::from(place.region));
    if let Some(name) = place.account_name {
        set("AwsAccountName", Value::from(name));
    }
    product_names(&mut finding, product_arn, id);
    for (deviation, name) in
        [(Deviation::ProviderFieldsDropped, "FindingProviderFields"), (Deviation::SampleDropped, "Sample")]
    {
        if place.deviations.contains(&deviation) {
            finding.remove(name);
        }
    }
    Value::Object(finding)
}

/// Sets the provider's value and the top-level value of each shared field (contract 1.6, "FindingProviderFields resolution").
fn resolve_shared(finding: &mut Map<String, Value>, stored: &Stored) {
    let mut provider = match finding.remove("FindingProviderFields") {
        Some(Value::Object(provider)) => provider,
        _ => Map::new(),
    };
    for name in SHARED {
        let top = finding.remove(name);
        let provided = provider.get(name).cloned().or_else(|| top.clone());
        let effective = if let Some(customers) = stored.customer_value(name) {
            Some(customers.clone())
        } else if stored.is_first {
            provided.clone()
        } else {
            top.or_else(|| provided.clone())
        };
        if let Some(value) = provided {
            provider.insert(name.to_owned(), value);
        }
        if let Some(value) = effective {
            finding.insert(name.to_owned(), value);
        }
    }
    if let Some(Value::Object(severity)) = finding.get_mut("Severity") {
        complete_severity(severity);
    }
    if let Some(Value::Object(severity)) = provider.get_mut("Severity") {
        complete_severity(severity);
        severity.remove("Normalized");
        severity.remove("Product");
    }
    finding.insert("FindingProviderFields".to_owned(), Value::Object(provider));
}

/// Derives the label and the number from each other; the label has precedence.
fn complete_severity(severity: &mut Map<String, Value>) {
    let label = severity.get("Label").and_then(Value::as_str).and_then(Severity::parse);
    let number = severity.get("Normalized").and_then(Value::as_i64);
    match (label, number) {
        (Some(label), _) => severity.insert("Normalized".to_owned(), Value::from(label.normalized())),
        (None, Some(number)) => {
            severity.insert("Label".to_owned(), Value::from(Severity::of_normalized(number).name()))
        }
        (None, None) => None,
    };
}

fn product_names(finding: &mut Map<String, Value>, product_arn: &str, id: &str) {
    let slug = ProductArn::parse(product_arn).map_or("", |arn| arn.slug);
    let (company, product) = slug.split_once('/').unwrap_or_default();
    let own = |finding: &Map<String, Value>, name: &str, fallback: &str| {
        finding.get(name).and_then(Value::as_str).unwrap_or(fallback).to_owned()
    };
    // Custom names are possible only with the account's own default product (contract 1.3, 2.1).
    let (company, product) = if product == "default" {
        (own(finding, "CompanyName", "Personal"), own(finding, "ProductName", "Default"))
    } else {
        (capitalized(company), capitalized(product))
    };
    let fields = finding.entry("ProductFields").or_insert_with(|| json!({}));
    if let Value::Object(fields) = fields {
        fields.retain(|key, _| !key.starts_with("aws/"));
        fields.insert("aws/securityhub/FindingId".to_owned(), Value::from(format!("{product_arn}/{id}")));
        fields.insert("aws/securityhub/ProductName".to_owned(), Value::from(product.as_str()));
        fields.insert("aws/securityhub/CompanyName".to_owned(), Value::from(company.as_str()));
    }
    finding.insert("ProductName".to_owned(), Value::from(product));
    finding.insert("CompanyName".to_owned(), Value::from(company));
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

//! Creates or updates a finding: contract 1.5 (when), 1.6 (which fields an update may change), 1.7 (automatic changes of the
//! workflow status).

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::deviations;
use super::facts::Facts;
use crate::config::Rules;
use crate::findings::{CUSTOMER_ONLY, Compliance, Findings, RecordState, Severity, Stored, Workflow, Write};

/// Imports one valid finding.
pub(super) fn upsert(
    findings: &mut Findings,
    facts: &Facts<'_>,
    raw: &str,
    now: Timestamp,
    lag_ms: u64,
    rules: &Rules,
) -> Write {
    let product_arn = facts.product_arn.as_deref().unwrap_or_default();
    let lag = SignedDuration::from_millis(i64::try_from(lag_ms).unwrap_or(i64::MAX));
    let visible_at = now.saturating_add(lag).unwrap_or(Timestamp::MAX);
    let fresh = new_version(facts, raw, now, visible_at);
    match findings.get_mut(product_arn, facts.id()) {
        Some(existing) if !existing.is_expired(now) => update(existing, facts, &fresh, rules),
        _ => {
            let customer = if facts.has_customer_fields { customer_fields(raw) } else { None };
            findings.insert(product_arn, facts.id(), Stored { customer, ..fresh });
            Write::Created
        }
    }
}

/// The finding as if it were new.
fn new_version(facts: &Facts<'_>, raw: &str, now: Timestamp, visible_at: Timestamp) -> Stored {
    let record_state = facts.record_state.as_deref().and_then(RecordState::parse);
    Stored {
        raw: raw.into(),
        is_first: true,
        created_at: facts.created_at.as_deref().unwrap_or_default().into(),
        updated_at: facts.updated_at.unwrap_or(now),
        processed_at: now,
        record_state: record_state.unwrap_or(RecordState::Active),
        compliance: facts.compliance.as_deref().and_then(Compliance::parse),
        severity: severity(facts, true),
        workflow: facts.workflow.as_deref().and_then(Workflow::parse).unwrap_or(Workflow::New),
        customer: None,
        visible_at,
        previous: None,
    }
}

/// The severity label at the top level: for a new finding, the provider's has precedence; for an existing one, the top-level one
/// (contract 1.6).
fn severity(facts: &Facts<'_>, is_first: bool) -> Severity {
    let provider = facts.provider_severity_label.as_deref().and_then(Severity::parse);
    let top = facts.severity_label.as_deref().and_then(Severity::parse);
    let top = top.or_else(|| facts.severity_normalized.map(Severity::of_normalized));
    let chosen = if is_first { provider.or(top) } else { top.or(provider) };
    chosen.unwrap_or(Severity::Informational)
}

/// Replaces an existing finding, except for the fields that the rules preserve.
fn update(existing: &mut Stored, facts: &Facts<'_>, fresh: &Stored, rules: &Rules) -> Write {
    if deviations::is_ignored(existing, fresh, rules) {
        return Write::Ignored;
    }
    let now = fresh.processed_at;
    let customers_severity = existing.customer_value("Severity").is_some();
    let mut next = Stored {
        is_first: false,
        created_at: existing.created_at.clone(),
        severity: if customers_severity { existing.severity } else { severity(facts, false) },
        workflow: workflow_after(existing, fresh),
        customer: existing.customer.clone(),
        ..fresh.clone()
    };
    deviations::distort(&mut next, existing, fresh, facts.created_at.as_deref(), rules);
    if next.visible_at > now {
        let mut previous = existing.clone();
        if previous.visible_at <= now {
            previous.previous = None;
        }
        next.previous = Some(Box::new(previous));
    }
    *existing = next;
    Write::Updated
}

/// The workflow status of a reactivated finding is reset, unless it was suppressed (contract 1.7).
fn workflow_after(existing: &Stored, fresh: &Stored) -> Workflow {
    let reactivated = existing.record_state == RecordState::Archived && fresh.record_state == RecordState::Active;
    let failed_again = existing.compliance == Some(Compliance::Passed)
        && fresh.compliance.is_some_and(|status| status != Compliance::Passed);
    match existing.workflow {
        Workflow::Notified | Workflow::Resolved if reactivated || failed_again => Workflow::New,
        kept => kept,
    }
}

/// The fields of a new finding that only the customer may change afterwards.
fn customer_fields(raw: &str) -> Option<Box<Map<String, Value>>> {
    let mut finding: Map<String, Value> = serde_json::from_str(raw).ok()?;
    finding.retain(|name, _| CUSTOMER_ONLY.contains(&name.as_str()));
    Some(Box::new(finding))
}

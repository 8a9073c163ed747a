//! BatchUpdateFindings: changes of customers, which later imports must not undo (contract 1.6, 3.2).
//!
//! It changes only top-level fields, never FindingProviderFields, RecordState, or UpdatedAt.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::clock::format_ms;
use crate::context::Context;
use crate::findings::{SHARED, Severity, Stored, Workflow};
use crate::limits::UPDATE_FINDINGS_MAX;
use crate::response::Response;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    finding_identifiers: Vec<Identifier>,
    #[serde(flatten)]
    changes: Map<String, Value>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "PascalCase")]
struct Identifier {
    id: String,
    product_arn: String,
}

/// Changes the given findings independently.
pub(crate) fn update(context: &Context<'_>, body: &[u8]) -> Response {
    if !context.is_hub_on() {
        return context.not_subscribed();
    }
    let Ok(request) = serde_json::from_slice::<Request>(body) else {
        return Response::invalid_input("Invalid request body");
    };
    let count = request.finding_identifiers.len();
    if count == 0 || count > UPDATE_FINDINGS_MAX {
        return Response::invalid_input("Invalid parameter 'FindingIdentifiers'");
    }
    if let Err(name) = check(&request.changes) {
        return Response::invalid_input(&format!("Invalid parameter '{name}'"));
    }
    let (mut processed, mut unprocessed) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for identifier in &request.finding_identifiers {
        let refused = if !seen.insert(identifier) {
            Some(("DuplicatedFindingIdentifier", "The same finding is named twice"))
        } else if !change(context, identifier, &request.changes) {
            Some(("FindingNotFound", "There is no such finding"))
        } else {
            None
        };
        match refused {
            None => processed.push(json!(identifier)),
            Some((code, message)) => {
                let entry = json!({ "FindingIdentifier": identifier, "ErrorCode": code, "ErrorMessage": message });
                unprocessed.push(entry);
            }
        }
    }
    Response::ok(&json!({ "ProcessedFindings": processed, "UnprocessedFindings": unprocessed }))
}

/// Checks that the values are valid in the format. The error is the parameter's name.
fn check(changes: &Map<String, Value>) -> Result<(), &str> {
    for (name, value) in changes {
        let fits = match name.as_str() {
            "Confidence" | "Criticality" => value.as_u64().is_some_and(|ratio| ratio <= 100),
            "Severity" => {
                let label = value["Label"].as_str().is_none_or(|label| Severity::parse(label).is_some());
                label && (value.get("Label").is_some() || value["Normalized"].as_u64().is_some_and(|n| n <= 100))
            }
            "Workflow" => value["Status"].as_str().is_some_and(|status| Workflow::parse(status).is_some()),
            "Note" => value["Text"].is_string() && value["UpdatedBy"].is_string(),
            "VerificationState" => value.as_str().is_some_and(|state| {
                ["UNKNOWN", "TRUE_POSITIVE", "FALSE_POSITIVE", "BENIGN_POSITIVE"].contains(&state)
            }),
            "Types" | "RelatedFindings" => value.is_array(),
            "UserDefinedFields" => value.is_object(),
            _ => false,
        };
        if !fits {
            return Err(name);
        }
    }
    Ok(())
}

/// Changes a finding, which is searched for in the caller's own account and then in its members'. Returns false if it is not
/// found.
fn change(context: &Context<'_>, identifier: &Identifier, changes: &Map<String, Value>) -> bool {
    let accounts = std::iter::once(&context.caller.account).chain(context.world.members(&context.caller.account));
    for account in accounts {
        let Some(region) = context.world.region(account, context.region) else {
            continue;
        };
        let mut state = region.state();
        let found = state.findings.get_mut(&identifier.product_arn, &identifier.id);
        if let Some(stored) = found.filter(|stored| !stored.is_expired(context.now)) {
            apply(stored, changes, &format_ms(context.now));
            return true;
        }
    }
    false
}

/// Applies the changes at the top level. From now on, these fields are the customer's.
fn apply(stored: &mut Stored, changes: &Map<String, Value>, now: &str) {
    for (name, value) in changes {
        let mut value = value.clone();
        match name.as_str() {
            "Workflow" => {
                let status = value["Status"].as_str().and_then(Workflow::parse);
                stored.workflow = status.unwrap_or(stored.workflow);
                continue;
            }
            "Severity" => {
                let label = value["Label"].as_str().and_then(Severity::parse);
                let number = value["Normalized"].as_i64().map(Severity::of_normalized);
                stored.severity = label.or(number).unwrap_or(stored.severity);
            }
            "Note" => value["UpdatedAt"] = Value::from(now),
            _ => debug_assert!(
                SHARED.contains(&name.as_str()) || crate::findings::CUSTOMER_ONLY.contains(&name.as_str())
            ),
        }
        stored.customer.get_or_insert_default().insert(name.clone(), value);
    }
}

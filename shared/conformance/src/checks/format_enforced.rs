//! Findings that each violate the format in one field (contract 1.2, 1.3).

use asff::limits;
use serde_json::{Map, Value, json};

use crate::check::{Check, Checked, Observation};
use crate::draft::Draft;
use crate::session::Session;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "format-enforced",
    assumed: "a finding that exceeds a limit of the format, or lacks a required field, is rejected with InvalidInput",
    used_by: "rejected findings are quarantined, with the message of Security Hub",
    events_max: 9,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let drafts = broken(session);
    let imported = session.import(&drafts.iter().map(|(_, draft)| draft.clone()).collect::<Vec<_>>()).await?;
    let is_rejected = |draft: &Draft| {
        let code = imported.failure(draft.id()).and_then(|failure| failure["ErrorCode"].as_str());
        code.is_some_and(|code| code.starts_with("InvalidInput"))
    };
    let accepted: Vec<&str> = drafts.iter().filter(|(_, draft)| !is_rejected(draft)).map(|(name, _)| *name).collect();
    let observed = if accepted.is_empty() {
        format!("all {} were rejected", drafts.len())
    } else {
        format!("not rejected: {}; {}", accepted.join(", "), imported.text())
    };
    Ok(Observation::holds_if(imported.response.status == 200 && accepted.is_empty(), observed))
}

/// Findings that are valid except for one field, with a description of the violation.
fn broken(session: &Session<'_>) -> Vec<(&'static str, Draft)> {
    let draft = |name: &str| session.draft(&format!("format-enforced/{name}"));
    let long = |chars: usize| "x".repeat(chars + 1);
    let pairs: Map<String, Value> =
        (0..=limits::PRODUCT_FIELDS_MAX).map(|number| (number.to_string(), "x".into())).collect();
    let resource = json!({ "Type": "Other", "Id": "x" });
    vec![
        ("a title that is too long", draft("title").set("Title", long(limits::TITLE_CHARS_MAX))),
        (
            "a description that is too long",
            draft("description").set("Description", long(limits::DESCRIPTION_CHARS_MAX)),
        ),
        (
            "a generator ID that is too long",
            draft("generator").set("GeneratorId", long(limits::GENERATOR_ID_CHARS_MAX)),
        ),
        ("no severity and no type", draft("severity").without("FindingProviderFields")),
        ("no resource", draft("resource").set("Resources", json!([]))),
        ("33 resources", draft("resources").set("Resources", vec![resource; 33])),
        ("51 product fields", draft("fields").set("ProductFields", pairs)),
        ("an empty URL", draft("url").set("Remediation", json!({ "Recommendation": { "Url": "" } }))),
        ("a time without T", draft("time").set("FirstObservedAt", "2026-11-23 10:00:00Z")),
    ]
}

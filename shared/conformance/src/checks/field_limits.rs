//! The maximum lengths of fields, all in one finding (contract 1.3).

use asff::limits;
use serde_json::{Map, Value, json};

use crate::check::{Check, Checked, Observation};
use crate::session::Session;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "field-limits",
    assumed: "a finding whose fields are as long as the format allows is accepted",
    used_by: "the exporter truncates fields to these limits",
    events_max: 1,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let filled = |chars: usize| "x".repeat(chars);
    let many = |items: usize, item: &dyn Fn(usize) -> Value| (0..items).map(item).collect::<Vec<_>>();
    let requirement = |number: usize| format!("{number:0width$}", width = limits::RELATED_REQUIREMENT_CHARS_MAX).into();
    let id = session.draft("field-limits/").id().to_owned();
    let id = format!("{id:x<ID_CHARS_MAX$}");
    let draft = session
        .draft("field-limits")
        .set("Id", id)
        .set("Title", filled(limits::TITLE_CHARS_MAX))
        .set("Description", filled(limits::DESCRIPTION_CHARS_MAX))
        .set("GeneratorId", filled(limits::GENERATOR_ID_CHARS_MAX))
        .set("Remediation", json!({ "Recommendation": { "Text": filled(limits::RECOMMENDATION_CHARS_MAX) } }))
        .set("Compliance", json!({
            "Status": "PASSED",
            "RelatedRequirements": many(limits::RELATED_REQUIREMENTS_MAX, &requirement),
            "AssociatedStandards":
                many(limits::ASSOCIATED_STANDARDS_MAX, &|number| json!({ "StandardsId": format!("standard-{number}") })),
        }));
    let pairs: Map<String, Value> = (0..limits::PRODUCT_FIELDS_MAX)
        .map(|number| {
            (format!("{number:0width$}", width = limits::KEY_CHARS_MAX), filled(limits::PRODUCT_FIELD_CHARS_MAX).into())
        })
        .collect();
    let imported = session.import(&[draft.set("ProductFields", pairs)]).await?;
    Ok(Observation::holds_if(imported.is_accepted(1), imported.text()))
}

/// Maximum length of `Id`, in characters.
const ID_CHARS_MAX: usize = 512;

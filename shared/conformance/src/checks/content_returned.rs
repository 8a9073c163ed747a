//! Whether `GetFindings` returns fields as they were imported (contract 1.6, 3.1).

use serde_json::json;

use crate::check::{Check, Checked, Observation};
use crate::session::Session;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "content-returned",
    assumed: "GetFindings returns the fields of a provider as they were imported",
    used_by: "adoption and reconcile compare what Security Hub stores; samples are recognized by their field Sample",
    events_max: 1,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let draft = session.draft("content-returned").set("ProductFields", json!({ "ProwlerResourceName": "verify" }));
    let sent = draft.json();
    let read = session.put_and_watch(&draft).await?.finding;
    let mut different: Vec<String> = Vec::new();
    for path in PATHS {
        if read.pointer(path) != sent.pointer(path) {
            different.push(path[1..].replace('/', "."));
        }
    }
    if read.pointer("/Severity/Label") != sent.pointer("/FindingProviderFields/Severity/Label") {
        different.push("Severity.Label is not that of FindingProviderFields".to_owned());
    }
    let observed = if different.is_empty() {
        "every compared field is returned as sent".to_owned()
    } else {
        format!("not returned as sent: {}", different.join(", "))
    };
    Ok(Observation::holds_if(different.is_empty(), observed))
}

/// The fields that are compared.
const PATHS: [&str; 10] = [
    "/Id",
    "/ProductArn",
    "/AwsAccountId",
    "/GeneratorId",
    "/Title",
    "/Resources/0/Id",
    "/FindingProviderFields/Severity/Label",
    "/FindingProviderFields/Types",
    "/ProductFields/ProwlerResourceName",
    "/Sample",
];

//! `/integrations/{id}/role.yaml`, `.tf`, `trust.json`, `policy.json`: the output of `hubctl permissions print`.

use axum::extract::Path;
use axum::response::Response;

use super::download::attachment;
use super::open::not_found;
use crate::client::Failed;
use crate::form::encoded;
use crate::ports::Permissions;
use crate::visit::Visit;

/// The documents: name, form, type.
const DOCUMENTS: [(&str, &str, &str); 4] = [
    ("role.yaml", "cloudformation", "application/yaml"),
    ("role.tf", "terraform", "text/plain; charset=utf-8"),
    ("trust.json", "trust-policy", "application/json"),
    ("policy.json", "policy", "application/json"),
];

/// The links to the documents, if this console can make them. With an External ID, they are of a role that doesn't exist yet.
pub(super) fn links(visit: &Visit, provider: &str, external_id: Option<&str>) -> Vec<(&'static str, String)> {
    let query = external_id.map_or_else(String::new, |id| format!("?external_id={}", encoded(id)));
    let link = |name| format!("/integrations/{}/documents/{name}{query}", encoded(provider));
    let all = DOCUMENTS.iter().filter(|_| visit.app.workbench.is_some());
    all.map(|(name, _, _)| (*name, link(*name))).collect()
}

/// `GET /integrations/{id}/documents/{name}[?external_id]`
pub(crate) async fn document(visit: Visit, Path((id, name)): Path<(String, String)>) -> Response {
    let found = DOCUMENTS.iter().find(|(file, _, _)| *file == name);
    let (Some(workbench), Some((file, form, kind))) = (visit.app.workbench.clone(), found) else {
        return not_found(visit).await;
    };
    let external_id = visit.query.given("external_id").map(str::to_owned);
    match workbench.permissions(Permissions { provider: id, external_id, form }).await {
        Ok(text) => attachment(kind, file, text),
        Err(error) => visit.problem(&Failed::Unavailable(error)),
    }
}

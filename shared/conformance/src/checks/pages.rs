//! Pages of `GetFindings` (contract 3.1).

use serde_json::{Value, json};

use crate::check::{Check, Checked, Observation};
use crate::session::{Session, findings};
use crate::stop::Stop;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "pages",
    assumed: "pages of GetFindings contain at most MaxResults findings, and together return each finding that matches once",
    used_by: "adoption and reconcile read all pages",
    events_max: 5,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let ids = own_findings(session, "pages").await?;
    let mut request = request(session, "pages");
    let (mut read, mut sizes) = (Vec::new(), Vec::new());
    for _ in 0..PAGES_MAX {
        let response = session.page(&request).await?;
        if !response.is_ok() {
            return Ok(Observation::holds_if(false, response.text()));
        }
        let page = findings(&response);
        sizes.push(page.len());
        read.extend(page.iter().filter_map(|finding| finding["Id"].as_str().map(str::to_owned)));
        match response.body["NextToken"].as_str() {
            Some(next) => request["NextToken"] = next.into(),
            None => break,
        }
    }
    read.sort();
    let holds = read == ids && sizes.iter().all(|size| *size <= PAGE_FINDINGS);
    let observed = format!("{} findings, pages of {sizes:?}, returned {}", ids.len(), read.len());
    Ok(Observation::holds_if(holds, observed))
}

/// Maximum number of pages that are read.
const PAGES_MAX: usize = 10;
/// Maximum number of findings per page.
const PAGE_FINDINGS: usize = 2;
/// Number of findings that are imported and paged through.
const FINDINGS: usize = 5;

/// Imports findings, waits until all are visible, and returns their Ids in ascending order.
pub(super) async fn own_findings(session: &Session<'_>, name: &str) -> Result<Vec<String>, Stop> {
    let drafts: Vec<_> = (0..FINDINGS).map(|number| session.draft(&format!("{name}/{number}"))).collect();
    let imported = session.import(&drafts).await?;
    if !imported.is_accepted(FINDINGS as u64) {
        return Err(Stop::Rejected(imported.text()));
    }
    let mut ids = Vec::new();
    for draft in &drafts {
        session.watch(draft.id(), |_| true).await?;
        ids.push(draft.id().to_owned());
    }
    ids.sort();
    Ok(ids)
}

/// The request for the first page.
pub(super) fn request(session: &Session<'_>, name: &str) -> Value {
    let prefix = session.draft(&format!("{name}/")).id().to_owned();
    let filters = json!({ "Id": [{ "Value": prefix, "Comparison": "PREFIX" }] });
    json!({ "Filters": filters, "MaxResults": PAGE_FINDINGS })
}

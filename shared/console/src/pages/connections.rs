//! What `/doctor` and `/accounts` share: the connections of all integrations, and their list.

use super::download::csv;
use crate::client::Failed;
use crate::connections::{Connections, Named};
use crate::counts::Counted;
use crate::view::region::words;
use crate::visit::Visit;

/// The connections that a page shows. `?fresh=1` reads them again.
pub(super) async fn connections(visit: &Visit) -> Result<Connections, Failed> {
    let read = visit.app.connections.get(&visit.app.client, visit.now(), visit.query.has("fresh")).await?;
    visit.app.counts.note(Counted::Fixes, read.fixes, read.read_at);
    Ok(read)
}

/// Connections as CSV: a row for each Region.
pub(super) fn table(all: &[Named]) -> String {
    let mut rows = Vec::new();
    for (connection, name) in all {
        let problem = connection.problem.as_ref();
        let of_account = |text: Option<&String>| text.cloned().unwrap_or_default();
        rows.push([
            connection.account.to_string(),
            name.clone(),
            String::new(),
            format!("{:?}", connection.status).to_lowercase(),
            of_account(problem.map(|problem| &problem.message)),
            of_account(problem.and_then(|problem| problem.remediation.as_ref())),
        ]);
        rows.extend(connection.regions.iter().map(|(region, found)| {
            let problem = found.problem.as_ref();
            [
                connection.account.to_string(),
                name.clone(),
                region.to_string(),
                words(found.status).to_owned(),
                of_account(problem.map(|problem| &problem.message)),
                of_account(problem.and_then(|problem| problem.remediation.as_ref())),
            ]
        }));
    }
    let heading = vec!["account", "integration", "region", "status", "problem", "remediation"];
    let rows = rows.iter().map(|row| row.iter().map(String::as_str).collect());
    csv(std::iter::once(heading).chain(rows))
}

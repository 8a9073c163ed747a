//! What `/doctor` and `/accounts` read: the connections of all integrations.

use exporter::connection::Connection;
use futures::{StreamExt as _, stream};
use management::wire::IntegrationView;

use super::download::csv;
use crate::client::{Client, Failed};
use crate::form::encoded;
use crate::view::matrix::rank;
use crate::view::region::words;

/// Integrations that are read at most, and accounts of each.
const INTEGRATIONS_MAX: usize = 1_000;
const ACCOUNTS_MAX: usize = 10_000;
/// Integrations that are read at once.
const READS_AT_ONCE: usize = 8;

/// All connections, worst first, with the name of the integration.
pub(super) async fn all(client: &Client) -> Result<Vec<(Connection, String)>, Failed> {
    let (integrations, _) = client.list::<IntegrationView>("/integrations", INTEGRATIONS_MAX).await?;
    let reads = stream::iter(integrations).map(async |view: IntegrationView| {
        let path = format!("/integrations/{}/connections", encoded(&view.id));
        let (connections, _) = client.list::<Connection>(&path, ACCOUNTS_MAX).await?;
        let name = view.provider_alias.unwrap_or(view.id);
        Ok::<_, Failed>(connections.into_iter().map(|connection| (connection, name.clone())).collect::<Vec<_>>())
    });
    let parts: Vec<_> = reads.buffered(READS_AT_ONCE).collect().await;
    let mut all = Vec::new();
    for part in parts {
        all.extend(part?);
    }
    all.sort_by_key(|(connection, _)| (rank(connection), connection.account));
    Ok(all)
}

/// Connections as CSV: a row for each Region.
pub(super) fn table(all: &[(Connection, String)]) -> String {
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

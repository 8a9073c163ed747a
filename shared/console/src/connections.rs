//! The connections of all integrations, which several pages show. An organization of a thousand accounts takes ten requests, so
//! consecutive pages share the result.

use std::collections::BTreeMap;
use std::sync::Arc;

use exporter::connection::Connection;
use exporter::model::provider::ProviderId;
use futures::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use management::wire::{IntegrationView, ProviderView};
use tokio::sync::Mutex;

use crate::client::{Client, Failed};
use crate::form::encoded;
use crate::view::last_scan::Awaited;
use crate::view::matrix::{fixes, needs_action, rank};

/// Integrations that are read at most, and accounts of each.
const INTEGRATIONS_MAX: usize = 1_000;
const ACCOUNTS_MAX: usize = 10_000;
/// Integrations that are read at once.
const READS_AT_ONCE: usize = 8;
/// How long pages share the result.
const SHARED_MAX: SignedDuration = SignedDuration::from_secs(30);

/// A connection, and the name of its integration.
pub(crate) type Named = (Connection, String);

/// All connections, worst first, and when they were read.
#[derive(Clone)]
pub(crate) struct Connections {
    pub(crate) all: Arc<[Named]>,
    pub(crate) read_at: Timestamp,
    /// Number of fixes that they need.
    pub(crate) fixes: u64,
    /// The scans that are awaited, by integration. `None` if the schedules can't be read.
    pub(crate) awaited: Option<Arc<BTreeMap<ProviderId, Awaited>>>,
    /// [`Client::changes`] before they were read.
    changes: u64,
}

/// The connections that were read last.
#[derive(Default)]
pub(crate) struct Snapshot(Mutex<Option<Connections>>);

impl Snapshot {
    /// The connections that were read last, or new ones: when those are older than 30 seconds, the console has sent a change since,
    /// or `is_fresh` asks for them. Pages that are opened at the same time wait for one read.
    pub(crate) async fn get(&self, client: &Client, now: Timestamp, is_fresh: bool) -> Result<Connections, Failed> {
        let mut last = self.0.lock().await;
        let changes = client.changes();
        let is_shared = |last: &&Connections| {
            let age = now.duration_since(last.read_at);
            last.changes == changes && !age.is_negative() && age < SHARED_MAX
        };
        if let Some(last) = last.as_ref().filter(is_shared).filter(|_| !is_fresh) {
            return Ok(last.clone());
        }
        let (all, awaited) = read(client).await?;
        let (all, awaited): (Arc<[Named]>, _) = (all.into(), awaited.map(Arc::new));
        let wrong: Vec<&Connection> =
            all.iter().map(|(connection, _)| connection).filter(|connection| needs_action(connection)).collect();
        let fixes = fixes(&wrong, now).len() as u64;
        Ok(last.insert(Connections { all, read_at: now, fixes, awaited, changes }).clone())
    }
}

async fn read(client: &Client) -> Result<(Vec<Named>, Option<BTreeMap<ProviderId, Awaited>>), Failed> {
    let (integrations, providers) = futures::join!(
        client.list::<IntegrationView>("/integrations", INTEGRATIONS_MAX),
        client.list::<ProviderView>("/providers", INTEGRATIONS_MAX),
    );
    let (integrations, _) = integrations?;
    let awaited = providers.ok().map(|(providers, _)| {
        integrations.iter().filter_map(|integration| Awaited::of(integration, &providers)).collect()
    });
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
    Ok((all, awaited))
}

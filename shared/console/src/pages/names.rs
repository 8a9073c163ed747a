//! The names of accounts, which pages about runs show instead of their IDs.

use std::collections::BTreeMap;

use management::wire::ProviderView;

use crate::client::{Client, Failed};

/// Providers whose names are shown.
const PROVIDERS_MAX: usize = 1_000;

/// Names by account ID.
pub(super) type Names = BTreeMap<String, String>;

/// The names of accounts.
pub(super) async fn names(client: &Client) -> Result<Names, Failed> {
    let (providers, _) = client.list::<ProviderView>("/providers", PROVIDERS_MAX).await?;
    Ok(providers.into_iter().filter_map(|provider| Some((provider.id, provider.alias?))).collect())
}

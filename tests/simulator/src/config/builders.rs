//! Builders for worlds in tests.

use std::path::Path;

use super::{AccountConfig, Config, RegionConfig, RoleConfig};
use crate::limits::SESSION_SECONDS_MAX;

impl Config {
    /// One account with these Regions, in which Security Hub is enabled. Any access key belongs to this account.
    #[must_use]
    pub fn one_account(id: &str, regions: &[&str]) -> Self {
        Self { default_account: Some(id.to_owned()), ..Self::default() }.account(id, regions)
    }

    /// Adds an account with these Regions, in which Security Hub is enabled.
    #[must_use]
    pub fn account(mut self, id: &str, regions: &[&str]) -> Self {
        let regions = regions.iter().map(|&name| (name.to_owned(), RegionConfig::default())).collect();
        self.accounts.push(AccountConfig { id: id.to_owned(), regions, ..AccountConfig::default() });
        self
    }

    /// Changes one Region. The Region and the account are added if they don't exist.
    #[must_use]
    pub fn region(mut self, account: &str, region: &str, change: impl FnOnce(&mut RegionConfig)) -> Self {
        change(self.account_mut(account).regions.entry(region.to_owned()).or_default());
        self
    }

    /// Adds a role to the account that `trusts` can assume, with the External ID if one is given.
    #[must_use]
    pub fn role(mut self, account: &str, name: &str, trusts: &str, external_id: Option<&str>) -> Self {
        self.account_mut(account).roles.push(RoleConfig {
            name: name.to_owned(),
            trusts: vec![trusts.to_owned()],
            external_id: external_id.map(str::to_owned),
            max_session_seconds: SESSION_SECONDS_MAX,
        });
        self
    }

    /// Disables the token buckets.
    #[must_use]
    pub fn unlimited(mut self) -> Self {
        self.rates.enabled = false;
        self
    }

    /// The account's settings. The account is added if it doesn't exist.
    pub fn account_mut(&mut self, id: &str) -> &mut AccountConfig {
        let position = self.accounts.iter().position(|account| account.id == id);
        let position = position.unwrap_or_else(|| {
            self.accounts.push(AccountConfig { id: id.to_owned(), ..AccountConfig::default() });
            self.accounts.len() - 1
        });
        &mut self.accounts[position]
    }

    /// Reads the configuration from a file.
    ///
    /// # Errors
    ///
    /// If the file can't be read, is not valid (the message states where), or does not pass [`check`](Self::check).
    pub fn from_file(path: &Path) -> std::io::Result<Self> {
        let config: Self = serde_json::from_slice(&std::fs::read(path)?)?;
        config.check().map_err(std::io::Error::other)?;
        Ok(config)
    }
}

//! The whole state: accounts, their Regions, callers, faults, and records.
//!
//! Each Region of each account has its own lock, so that calls to different Regions do not wait for each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard};

use jiff::Timestamp;

use crate::bucket::TokenBucket;
use crate::config::{AccountConfig, Config, RegionConfig};
use crate::faults::Faults;
use crate::findings::Findings;
use crate::identity::Identities;
use crate::lock;
use crate::operation::Operation;
use crate::records::{Records, Tally};

/// The whole world.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) config: Config,
    /// Number of `GetFindings` calls, for a world whose order changes.
    pub(crate) reads: AtomicU64,
    pub(crate) accounts: BTreeMap<String, Account>,
    pub(crate) identities: Mutex<Identities>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) records: Mutex<Records>,
}

/// One account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) config: AccountConfig,
    pub(crate) regions: BTreeMap<String, Region>,
}

/// One Region of an account.
#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) opted_in: bool,
    pub(crate) not_offered: Vec<String>,
    state: Mutex<RegionState>,
}

/// The state of a Region that changes.
#[derive(Debug)]
pub(crate) struct RegionState {
    pub(crate) hub: Option<Hub>,
    /// When the hub was last disabled.
    pub(crate) disabled_at: Option<Timestamp>,
    /// Partner products accepted, as `company/product`.
    pub(crate) subscriptions: BTreeSet<String>,
    pub(crate) findings: Findings,
    /// Number of billed ingestion events (contract 7).
    pub(crate) billed_events: u64,
    pub(crate) totals: Tally,
    buckets: [Option<TokenBucket>; Operation::COUNT],
}

/// An enabled hub.
#[derive(Clone, Debug)]
pub(crate) struct Hub {
    pub(crate) subscribed_at: Timestamp,
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        let accounts = config.accounts.iter().map(|account| (account.id.clone(), Account::new(account))).collect();
        Self {
            accounts,
            reads: AtomicU64::new(0),
            identities: Mutex::new(Identities::new(&config)),
            faults: Mutex::new(Faults::new(config.seed, &config.faults)),
            records: Mutex::default(),
            config,
        }
    }

    /// A Region that an account opted into.
    pub(crate) fn region(&self, account: &str, region: &str) -> Option<&Region> {
        let region = self.accounts.get(account)?.regions.get(region)?;
        region.opted_in.then_some(region)
    }

    /// The members whose findings an account sees in addition to its own (contract 2.4).
    pub(crate) fn members(&self, account: &str) -> &[String] {
        match &self.config.organization {
            Some(organization) if organization.administrator == account => &organization.members,
            _ => &[],
        }
    }

    /// The Regions that a read includes in addition to its own: members inherit their administrator's aggregator (contract 2.4).
    pub(crate) fn linked_regions(&self, account: &str, region: &str) -> Vec<&str> {
        let administrator = self
            .config
            .organization
            .as_ref()
            .filter(|organization| organization.members.iter().any(|member| member == account));
        let owner = administrator.map_or(account, |organization| &organization.administrator);
        let homes = self.config.aggregators.iter().filter(|aggregator| aggregator.account == owner);
        let here = homes.filter(|aggregator| aggregator.home == region);
        here.flat_map(|aggregator| aggregator.linked.iter().map(String::as_str)).collect()
    }
}

impl Account {
    fn new(config: &AccountConfig) -> Self {
        let regions = config.regions.iter().map(|(name, region)| (name.clone(), Region::new(region)));
        Self { regions: regions.collect(), config: config.clone() }
    }
}

impl Region {
    fn new(config: &RegionConfig) -> Self {
        let state = RegionState {
            hub: config.hub.then_some(Hub { subscribed_at: config.subscribed_at }),
            disabled_at: None,
            subscriptions: config.products.iter().cloned().collect(),
            findings: Findings::default(),
            billed_events: 0,
            totals: Tally::default(),
            buckets: std::array::from_fn(|_| None),
        };
        Self { opted_in: config.opted_in, not_offered: config.not_offered.clone(), state: Mutex::new(state) }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, RegionState> {
        lock(&self.state)
    }
}

impl RegionState {
    /// Takes a token for a call of the operation. Returns false if the call is throttled (contract 1.9).
    pub(crate) fn take_token(&mut self, operation: Operation, config: &Config, now: Timestamp) -> bool {
        let rates = &config.rates;
        if !rates.enabled {
            return true;
        }
        let rate = match operation {
            Operation::BatchImportFindings => rates.batch_import_findings,
            Operation::BatchUpdateFindings => rates.batch_update_findings,
            Operation::GetFindings => rates.get_findings,
            _ => rates.other,
        };
        self.buckets[operation as usize].get_or_insert_with(|| TokenBucket::full(rate, now)).take(rate, now)
    }
}

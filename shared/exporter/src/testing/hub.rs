//! Security Hub in memory, and sessions with it. [`hub_rules`](super::hub_rules) lists which rules of the service it
//! implements; the crate `simulator` implements the complete contract, including the wire format.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use asff::{AccountId, Partition, RegionName};
use bytes::Bytes;

use super::hub_contents::{HubContents, ImportCall};
use crate::connection::{AccountRegion, Probe};
use crate::model::integration::{Integration, Role};
use crate::ports::{CallError, ConnectError, Hub, HubState, Hubs, ImportOutcome, Page};

/// Connects to hubs in memory. Clones share the contents of the hubs.
#[derive(Clone, Default)]
pub struct FakeHubs(Arc<Mutex<HubContents>>);

impl FakeHubs {
    /// Hubs that respond to an import with the result of a rule, unless the rule returns `None`.
    pub fn with_rule(
        rule: impl Fn(&ImportCall) -> Option<Result<ImportOutcome, CallError>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Mutex::new(HubContents { rule: Some(Arc::new(rule)), ..HubContents::default() })))
    }

    /// The contents of the hubs, and their responses.
    pub fn contents(&self) -> MutexGuard<'_, HubContents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hub of an account, without checking credentials.
    pub fn hub(&self, account: AccountId) -> FakeHub {
        FakeHub { hubs: self.clone(), account }
    }
}

impl Hubs for FakeHubs {
    type Hub = FakeHub;

    async fn connect(&self, account: AccountId, _: &Integration) -> Result<FakeHub, ConnectError> {
        let (latency, on_connect) = {
            let contents = self.contents();
            (contents.connect_latency, contents.on_connect)
        };
        tokio::time::sleep(latency).await;
        if let Some(on_connect) = on_connect {
            on_connect(account);
        }
        match self.contents().rejected.get(&account) {
            Some(problem) => Err(ConnectError::Rejected(problem.clone())),
            None => Ok(self.hub(account)),
        }
    }
}

/// The Security Hub of one account.
#[derive(Clone)]
pub struct FakeHub {
    hubs: FakeHubs,
    account: AccountId,
}

impl Hub for FakeHub {
    async fn import(&self, region: &RegionName, body: Bytes) -> Result<ImportOutcome, CallError> {
        let latency = self.hubs.contents().import_latency;
        tokio::time::sleep(latency).await;
        let (call, rule) = {
            let mut contents = self.hubs.contents();
            contents.imports += 1;
            let ids = super::hub_rules::ids(&body)?;
            (ImportCall { number: contents.imports, region: *region, ids }, contents.rule.clone())
        };
        match rule.and_then(|rule| rule(&call)) {
            Some(response) => response,
            None => self.hubs.contents().import(self.account, *region, &body),
        }
    }

    async fn enabled_at(&self, region: &RegionName) -> Result<Option<String>, CallError> {
        self.hubs.contents().ensure_enabled(self.account, *region)?;
        Ok(Some("2026-01-01T00:00:00Z".to_owned()))
    }

    async fn findings(&self, region: &RegionName, next: Option<String>) -> Result<Page, CallError> {
        self.hubs.contents().active_findings(self.account, *region, next.as_deref())
    }

    async fn finding(&self, region: &RegionName, id: &str) -> Result<Option<Bytes>, CallError> {
        let contents = self.hubs.contents();
        contents.ensure_enabled(self.account, *region)?;
        Ok(contents.findings.get(&(self.account, *region, id.to_owned())).cloned())
    }

    async fn state(&self, region: &RegionName) -> Result<HubState, CallError> {
        self.hubs.contents().ensure_enabled(self.account, *region)?;
        Ok(HubState { product_accepted: self.product_accepted(region).await? })
    }
}

/// The role has no External ID, and `ec2:DescribeRegions` returns no Region.
impl Probe for FakeHub {
    fn identity(&self) -> &str {
        "arn:aws:iam::123456789012:role/exporter"
    }

    fn partition(&self) -> Partition {
        Partition::Aws
    }

    fn role_with_external_id(&self) -> Option<Role> {
        None
    }

    async fn assumable_without_external_id(&self) -> Result<bool, CallError> {
        Ok(false)
    }

    async fn account_regions(&self) -> Result<Vec<AccountRegion>, CallError> {
        Ok(Vec::new())
    }

    async fn product_accepted(&self, region: &RegionName) -> Result<bool, CallError> {
        Ok(!self.hubs.contents().product_not_accepted.contains(region))
    }

    async fn read_one_finding(&self, region: &RegionName) -> Result<(), CallError> {
        self.hubs.contents().ensure_enabled(self.account, *region)
    }

    async fn write_probe(&self, region: &RegionName, body: Bytes) -> Result<ImportOutcome, CallError> {
        self.hubs.contents().import(self.account, *region, &body)
    }

    async fn accept_product(&self, region: &RegionName) -> Result<(), CallError> {
        let mut contents = self.hubs.contents();
        contents.ensure_enabled(self.account, *region)?;
        contents.product_not_accepted.remove(region);
        Ok(())
    }
}

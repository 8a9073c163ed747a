//! Delivers findings outside of an export, each to its account: with the settings of its integration, and never over a
//! newer scan.

use std::collections::btree_map::Entry as Place;
use std::collections::{BTreeMap, HashSet};

use asff::{AccountId, Mapped};

use super::context::{AccountResult, JobContext};
use super::locked_account::{LockedAccount, RequiredIntegration, report_problem};
use crate::account::{Selected, select};
use crate::delivery::AccountDelivery;
use crate::model::integration::ArchiveScope;
use crate::model::problem::Problem;
use crate::model::upload::UploadInfo;
use crate::ports::{PortError, Ports};
use crate::quarantine::EntryOutcome;
use crate::report::reasons::filtered::{NOT_AUTHORIZED_SOURCE, SUPERSEDED};
use crate::report::{AccountReport, Counts, Fate};
use crate::selection::destination::Destination;
use crate::state::{FindingKey, SCANS_APART_MS};

/// The accounts of the findings that are sent.
pub(super) struct Redelivery<P: Ports> {
    accounts: BTreeMap<AccountId, Account<P>>,
    /// The upload from which the findings came.
    upload: UploadInfo,
    /// The outcomes of findings that have no account, or that were not passed to their account's delivery.
    counts: BTreeMap<Option<AccountId>, Counts>,
}

enum Account<P: Ports> {
    Open(Box<LockedAccount<P>>, Box<AccountDelivery<P>>),
    Unavailable(Problem),
}

impl<P: Ports> Redelivery<P> {
    /// Creates the redelivery for findings of an upload.
    pub(super) fn new(upload: UploadInfo) -> Self {
        Self { accounts: BTreeMap::new(), upload, counts: BTreeMap::new() }
    }

    /// Counts a finding whose outcome does not depend on its account's delivery.
    pub(super) fn count(&mut self, account: Option<AccountId>, fate: Fate) {
        let counts = self.counts.entry(account).or_default();
        counts.read += 1;
        counts.add(fate, 1);
    }

    /// Sends a finding, or gives it its outcome.
    pub(super) async fn send(
        &mut self,
        context: &JobContext<P>,
        mut mapped: Box<Mapped>,
    ) -> Result<EntryOutcome, PortError> {
        let id = mapped.account;
        let account = match self.accounts.entry(id) {
            Place::Occupied(place) => place.into_mut(),
            Place::Vacant(place) => {
                place.insert(match LockedAccount::open(context, id, RequiredIntegration::Enabled).await? {
                    Ok(mut locked) => {
                        locked.partition = mapped.partition;
                        let delivery = locked.delivery(context, mapped.scanned_at);
                        Account::Open(locked, Box::new(delivery))
                    }
                    Err(problem) => Account::Unavailable(problem),
                })
            }
        };
        let (locked, delivery) = match account {
            Account::Open(locked, delivery) => (locked, delivery),
            Account::Unavailable(problem) => {
                let fate = Fate::Undelivered(problem.reason.clone());
                self.count(Some(id), fate);
                return Ok(EntryOutcome::Unchanged);
            }
        };
        if !locked.session.integration.accepts(id, &self.upload) {
            self.count(Some(id), Fate::Filtered(NOT_AUTHORIZED_SOURCE.to_owned()));
            return Ok(EntryOutcome::Unchanged);
        }
        let (integration, newest_ms) = (&locked.session.integration, locked.session.newest.as_millisecond());
        // A newer scan of the whole account has superseded every finding; a newer scan of a part has not.
        let is_older = newest_ms >= mapped.scanned_at.as_millisecond() + SCANS_APART_MS;
        if is_older && integration.archive_scope == ArchiveScope::Full {
            self.count(Some(id), Fate::Filtered(SUPERSEDED.to_owned()));
            return Ok(EntryOutcome::Completed);
        }
        let region = match select(integration, &locked.coverage, integration.format, &mut mapped) {
            Selected::Region(Destination { region, filtered: None, .. }) => region,
            Selected::Region(Destination { filtered: Some(reason), .. }) => {
                self.count(Some(id), Fate::Filtered(reason.as_str().to_owned()));
                return Ok(EntryOutcome::Completed);
            }
            Selected::Superseded => {
                self.count(Some(id), Fate::Filtered(SUPERSEDED.to_owned()));
                return Ok(EntryOutcome::Completed);
            }
            Selected::NoRegion(fate) => {
                let outcome = if matches!(fate, Fate::RegionUnavailable(..)) {
                    EntryOutcome::Unchanged
                } else {
                    EntryOutcome::Completed
                };
                self.count(Some(id), fate);
                return Ok(outcome);
            }
        };
        let keys = keys(&mapped);
        delivery.send(region, mapped, None).await?;
        self.counts.entry(Some(id)).or_default().read += 1;
        Ok(EntryOutcome::Attempted(keys))
    }

    /// Waits until every finding has its outcome. Also returns the keys of undelivered findings.
    pub(super) async fn finish(mut self) -> Result<(Vec<AccountResult>, HashSet<FindingKey>), PortError> {
        let mut left = HashSet::new();
        let mut done = Vec::new();
        for (id, account) in self.accounts {
            let counts = self.counts.remove(&Some(id)).unwrap_or_default();
            let mut part = match account {
                Account::Open(locked, delivery) => {
                    let mut delivered = delivery.finish(None).await;
                    left.extend(std::mem::take(&mut delivered.deferred));
                    let touched = delivered.regions.keys().copied().collect();
                    locked.release(delivered, &touched).await
                }
                Account::Unavailable(problem) => report_problem(id, &problem, 0),
            };
            part.report.counts.merge(&counts);
            done.push(part);
        }
        for (id, counts) in self.counts {
            let report = AccountReport { counts, ..AccountReport::default() };
            done.push(AccountResult { account: id, report, error: None });
        }
        Ok((done, left))
    }
}

/// The keys under which a finding may be deferred: that of its own ID, and that of the longer ID which it gets if
/// another resource has its ID.
fn keys(mapped: &Mapped) -> [FindingKey; 2] {
    let mut longer = mapped.clone();
    longer.use_longer_id();
    [FindingKey::from_id(mapped.finding.id.as_str()), FindingKey::from_id(longer.finding.id.as_str())]
}

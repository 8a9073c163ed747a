//! Routes every element of a scan to its account. An element that belongs to no account gets its outcome immediately.

use std::collections::btree_map::Entry as FindingMeta;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use asff::{AccountId, CheckId, Location, Manual, ManualSubject, Mapped, Outcome, RegionName, Skip, Unsent};
use futures::StreamExt;
use jiff::Timestamp;

use crate::account::{AccountExport, Context, Ending, Finished, First};
use crate::connection::CheckTarget;
use crate::evidence::{MalformedEntries, ManualFor};
use crate::ports::{PortError, Ports};
use crate::quarantine::Entry;
use crate::report::{Counts, Fate, RunReport};

/// Regions by which entries are counted that can't be read or mapped: three times as many as AWS has. A file may name any.
const ERROR_REGIONS_MAX: usize = 128;

/// The elements of one scan that are being processed.
pub(crate) struct AccountRouter<P: Ports> {
    pub(crate) context: Context<P>,
    accounts: BTreeMap<AccountId, AccountExport<P>>,
    /// The accounts that have running workers.
    active: AtWork,
    /// The accounts that are being suspended.
    suspending: VecDeque<AccountId>,
    /// The outcomes of elements that belong to no account.
    counts: Counts,
    /// Entries that can't be read or mapped, by the Region that they name.
    errors: BTreeMap<RegionName, u64>,
    scanned_at: Option<Timestamp>,
    /// The accounts, Regions, and checks of entries that can't be read or mapped, if they are known.
    malformed: MalformedEntries,
    /// Checks that could not be completed (MANUAL), by account.
    manual: BTreeMap<AccountId, Vec<(CheckId, ManualFor)>>,
}

impl<P: Ports> AccountRouter<P> {
    pub(crate) fn new(context: Context<P>) -> Self {
        Self {
            context,
            accounts: BTreeMap::new(),
            active: AtWork::default(),
            suspending: VecDeque::new(),
            counts: Counts::default(),
            errors: BTreeMap::new(),
            scanned_at: None,
            malformed: MalformedEntries::default(),
            manual: BTreeMap::new(),
        }
    }

    pub(crate) async fn route(&mut self, outcome: Outcome) -> Result<(), PortError> {
        match outcome {
            Outcome::Finding(mapped) => self.route_finding(mapped).await,
            Outcome::Skipped(skip) => self.skip(skip).await,
            Outcome::Malformed(malformed) => {
                self.counts.add(Fate::Malformed, 1);
                self.note_error(&malformed.location);
                self.context.run.shared.quarantine.put(Entry::malformed(&malformed)).await
            }
            Outcome::Quarantined(quarantined) => {
                self.counts.add(Fate::Quarantined(quarantined.code.as_str().to_owned()), 1);
                self.note_error(&quarantined.location());
                self.context.run.shared.quarantine.put(Entry::unmappable(*quarantined)).await
            }
        }
    }

    /// Records the account and Region that an entry names that can't be read or mapped.
    fn note_error(&mut self, location: &Location) {
        self.malformed.add(location);
        if let Some(region) = location.region
            && (self.errors.contains_key(&region) || self.errors.len() < ERROR_REGIONS_MAX)
        {
            *self.errors.entry(region).or_default() += 1;
        }
    }

    async fn skip(&mut self, skip: Skip) -> Result<(), PortError> {
        let word = skip.as_str();
        if let Skip::Manual(manual) = skip {
            self.note_manual(&manual);
            if let Some(unsent) = manual.unsent {
                return self.route_unsent(Box::new(unsent)).await;
            }
        }
        self.counts.add(Fate::Filtered(word.to_owned()), 1);
        Ok(())
    }

    /// A check that could not examine an account, or a Region of it, proves nothing about findings that are absent there.
    fn note_manual(&mut self, manual: &Manual) {
        let about = match (manual.subject, manual.location.region) {
            (ManualSubject::Resource, _) => return,
            (ManualSubject::Region, Some(region)) => ManualFor::Region(region),
            (ManualSubject::Region, None) | (ManualSubject::Account, _) => ManualFor::Account,
        };
        match (manual.location.account, &manual.location.check_id) {
            (Some(account), Some(check)) => self.manual.entry(account).or_default().push((check.clone(), about)),
            _ => self.malformed.add(&manual.location),
        }
    }

    async fn route_finding(&mut self, mapped: Box<Mapped>) -> Result<(), PortError> {
        self.scanned_at = self.scanned_at.max(Some(mapped.scanned_at));
        let first = First { account: mapped.account, partition: mapped.partition, scanned_at: mapped.scanned_at };
        let account = open_account(&mut self.accounts, &self.context, first).await?;
        account.receive(&self.context, mapped).await?;
        self.active.touch(first.account, account.open_workers());
        self.suspend_idle().await
    }

    /// Suspends the accounts that the file mentioned longest ago if too many workers are running.
    async fn suspend_idle(&mut self) -> Result<(), PortError> {
        let settings = &self.context.run.shared.settings;
        while let Some(idle) = self.active.next_to_suspend(settings.open_workers_max) {
            if let Some(account) = self.accounts.get_mut(&idle) {
                account.suspend();
                self.suspending.push_back(idle);
            }
        }
        while self.suspending.len() > settings.finishing_accounts_max
            && let Some(settling) = self.suspending.pop_front()
        {
            if let Some(account) = self.accounts.get_mut(&settling) {
                account.wait_suspended().await?;
            }
        }
        Ok(())
    }

    async fn route_unsent(&mut self, unsent: Box<Unsent>) -> Result<(), PortError> {
        self.scanned_at = self.scanned_at.max(Some(unsent.scanned_at));
        let first = First { account: unsent.account, partition: unsent.partition, scanned_at: unsent.scanned_at };
        let account = open_account(&mut self.accounts, &self.context, first).await?;
        account.receive_unsent(&self.context, unsent).await?;
        self.active.touch(first.account, account.open_workers());
        self.suspend_idle().await
    }

    /// Waits for every account, even after an error, so that requests in flight are completed. Adds the accounts whose
    /// connections must be checked again to `stale`.
    pub(crate) async fn finish(
        self,
        run: &mut RunReport,
        has_end: bool,
        stale: &mut Vec<CheckTarget>,
    ) -> Result<(), PortError> {
        run.scanned_at = self.scanned_at;
        run.counts.merge(&self.counts);
        run.errors = self.errors;
        let ending = Ending { end: run.read_status.clone(), has_end, malformed: Arc::new(self.malformed) };
        let mut manual = self.manual;
        let mut first_error = None;
        self.context.run.shared.progress.begin_plans(self.accounts.len());
        let (context, ending) = (&self.context, &ending);
        let finishing = self.accounts.into_iter().map(|(account, export)| {
            let manual = manual.remove(&account).unwrap_or_default();
            export.finish(context, ending, manual)
        });
        let accounts_max = context.run.shared.settings.finishing_accounts_max;
        let mut finished = futures::stream::iter(finishing).buffer_unordered(accounts_max);
        while let Some(Finished { account, report, error, stale: again }) = finished.next().await {
            first_error = first_error.or(error);
            stale.extend(again);
            let mut fates = report.counts.clone();
            fates.read = 0;
            run.counts.merge(&fates);
            run.accounts.insert(account, report);
        }
        first_error.map_or(Ok(()), Err)
    }
}

/// The accounts that have running workers, by when the file mentioned them last.
#[derive(Debug, Default)]
struct AtWork {
    /// For each account: the number of its workers, and its turn.
    accounts: HashMap<AccountId, (usize, u64)>,
    turns: BTreeMap<u64, AccountId>,
    workers: usize,
    turn: u64,
    /// The account that was mentioned last. It isn't suspended as long as others can be.
    last: Option<AccountId>,
}

impl AtWork {
    fn touch(&mut self, account: AccountId, workers: usize) {
        if self.last == Some(account) && self.accounts.get(&account).is_some_and(|(known, _)| *known == workers) {
            return;
        }
        self.remove(account);
        self.last = Some(account);
        if workers == 0 {
            return;
        }
        self.turn += 1;
        self.workers += workers;
        self.accounts.insert(account, (workers, self.turn));
        self.turns.insert(self.turn, account);
    }

    fn remove(&mut self, account: AccountId) {
        if let Some((workers, turn)) = self.accounts.remove(&account) {
            self.workers -= workers;
            self.turns.remove(&turn);
        }
    }

    /// The account to suspend if more than `most` workers are running. From then on, it counts as suspended.
    fn next_to_suspend(&mut self, most: usize) -> Option<AccountId> {
        if self.workers <= most {
            return None;
        }
        let others = self.turns.values().copied().find(|account| self.last != Some(*account));
        let idle = others.or(self.last.filter(|_| most == 0))?;
        self.remove(idle);
        self.last = self.last.filter(|last| *last != idle);
        Some(idle)
    }
}

/// The account of a finding. It is opened with its first finding.
async fn open_account<'a, P: Ports>(
    accounts: &'a mut BTreeMap<AccountId, AccountExport<P>>,
    context: &Context<P>,
    first: First,
) -> Result<&'a mut AccountExport<P>, PortError> {
    Ok(match accounts.entry(first.account) {
        FindingMeta::Occupied(meta) => meta.into_mut(),
        FindingMeta::Vacant(meta) => meta.insert(AccountExport::open(context, first).await?),
    })
}

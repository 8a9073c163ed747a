//! Gives every element of a scan to its account, or its fate at once where it belongs to none.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::sync::Arc;

use asff::{AccountId, CheckId, Manual, ManualSubject, Mapped, Outcome, Skip, Unsent};
use jiff::Timestamp;

use crate::account::{AccountExport, Context, Ending, First};
use crate::connection::Target;
use crate::evidence::{Malformed, ManualFor};
use crate::ports::{PortError, Ports};
use crate::quarantine::Entry;
use crate::report::{Counts, Fate, RunReport};

/// The elements of one scan on their way.
pub(crate) struct Sorter<P: Ports> {
    pub(crate) context: Context<P>,
    accounts: BTreeMap<AccountId, AccountExport<P>>,
    /// The fates of what belongs to no account.
    counts: Counts,
    scanned_at: Option<Timestamp>,
    /// Where entries could belong that can't be read or mapped.
    malformed: Malformed,
    /// Checks that could not look, by account.
    manual: BTreeMap<AccountId, Vec<(CheckId, ManualFor)>>,
}

impl<P: Ports> Sorter<P> {
    pub(crate) fn new(context: Context<P>) -> Self {
        Self {
            context,
            accounts: BTreeMap::new(),
            counts: Counts::default(),
            scanned_at: None,
            malformed: Malformed::default(),
            manual: BTreeMap::new(),
        }
    }

    pub(crate) async fn sort(&mut self, outcome: Outcome) -> Result<(), PortError> {
        match outcome {
            Outcome::Finding(mapped) => self.give_to_account(mapped).await,
            Outcome::Skipped(skip) => self.skip(skip).await,
            Outcome::Unreadable(unreadable) => {
                self.counts.add(Fate::Unreadable, 1);
                self.malformed.add(&unreadable.place);
                self.context.shared.quarantine.put(Entry::unreadable(&unreadable)).await
            }
            Outcome::Quarantined(quarantined) => {
                self.counts.add(Fate::Quarantined(quarantined.code.as_str().to_owned()), 1);
                self.malformed.add(&quarantined.place());
                self.context.shared.quarantine.put(Entry::unmappable(*quarantined)).await
            }
        }
    }

    async fn skip(&mut self, skip: Skip) -> Result<(), PortError> {
        let word = skip.as_str();
        if let Skip::Manual(manual) = skip {
            self.note_manual(&manual);
            if let Some(unsent) = manual.unsent {
                return self.note_for_account(Box::new(unsent)).await;
            }
        }
        self.counts.add(Fate::Filtered(word.to_owned()), 1);
        Ok(())
    }

    /// A check that could not look at an account, or a Region of it, proves nothing about what is absent there.
    fn note_manual(&mut self, manual: &Manual) {
        let about = match (manual.subject, manual.place.region) {
            (ManualSubject::Resource, _) => return,
            (ManualSubject::Region, Some(region)) => ManualFor::Region(region),
            (ManualSubject::Region, None) | (ManualSubject::Account, _) => ManualFor::Account,
        };
        match (manual.place.account, &manual.place.check_id) {
            (Some(account), Some(check)) => self.manual.entry(account).or_default().push((check.clone(), about)),
            _ => self.malformed.add(&manual.place),
        }
    }

    async fn give_to_account(&mut self, mapped: Box<Mapped>) -> Result<(), PortError> {
        self.scanned_at = self.scanned_at.max(Some(mapped.scanned_at));
        let first = First { account: mapped.account, partition: mapped.partition, scanned_at: mapped.scanned_at };
        account(&mut self.accounts, &self.context, first).await?.take(&self.context, mapped).await
    }

    async fn note_for_account(&mut self, unsent: Box<Unsent>) -> Result<(), PortError> {
        self.scanned_at = self.scanned_at.max(Some(unsent.scanned_at));
        let first = First { account: unsent.account, partition: unsent.partition, scanned_at: unsent.scanned_at };
        account(&mut self.accounts, &self.context, first).await?.note(&self.context, unsent).await
    }

    /// Waits for every account, also after an error: what is on its way is not cut off. Accounts whose connections are to be
    /// looked at anew are added to those that are `stale`.
    pub(crate) async fn finish(
        self,
        run: &mut RunReport,
        has_end: bool,
        stale: &mut Vec<Target>,
    ) -> Result<(), PortError> {
        run.scanned_at = self.scanned_at;
        run.counts.merge(&self.counts);
        let ending = Ending { end: run.file_end.clone(), has_end, malformed: Arc::new(self.malformed) };
        let mut manual = self.manual;
        let mut first_error = None;
        for (account, export) in self.accounts {
            let manual = manual.remove(&account).unwrap_or_default();
            let (account, report, error) = export.finish(&self.context, &ending, manual, stale).await;
            first_error = first_error.or(error);
            let mut fates = report.counts.clone();
            fates.read = 0;
            run.counts.merge(&fates);
            run.accounts.insert(account, report);
        }
        first_error.map_or(Ok(()), Err)
    }
}

/// The account of a finding, opened with the first one.
async fn account<'a, P: Ports>(
    accounts: &'a mut BTreeMap<AccountId, AccountExport<P>>,
    context: &Context<P>,
    first: First,
) -> Result<&'a mut AccountExport<P>, PortError> {
    Ok(match accounts.entry(first.account) {
        Slot::Occupied(slot) => slot.into_mut(),
        Slot::Vacant(slot) => slot.insert(AccountExport::open(context, first).await?),
    })
}

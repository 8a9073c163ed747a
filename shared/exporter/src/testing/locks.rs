//! Locks of uploads and accounts in the table. Each step is atomic, like DynamoDB's conditional writes.

use asff::AccountId;
use jiff::Timestamp;

use super::faults::Operation;
use super::memory::InMemory;
use super::stored::{AccountLock, UploadLock};
use crate::ports::{AccountLocks, Acquired, Claim, InDoubt, Newest, PortError, UploadLocks};

impl<H: Sync> UploadLocks for InMemory<H> {
    async fn claim(
        &self,
        identity: &str,
        run_id: &str,
        again: bool,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim, PortError> {
        self.call(Operation::ClaimUpload, identity, |contents| {
            match contents.upload_locks.get(identity) {
                Some(lock) if lock.is_completed && !again => {
                    return Ok(Claim::Completed { run_id: lock.run_id.clone() });
                }
                Some(lock) if !lock.is_completed && lock.until > now => {
                    return Ok(Claim::InProgress { run_id: lock.run_id.clone() });
                }
                _ => {}
            }
            let lock = UploadLock { run_id: run_id.to_owned(), until, is_completed: false };
            contents.upload_locks.insert(identity.to_owned(), lock);
            Ok(Claim::Granted)
        })
        .await
    }

    async fn renew_claim(&self, identity: &str, run_id: &str, until: Timestamp) -> Result<bool, PortError> {
        self.call(Operation::RenewClaim, identity, |contents| {
            let lock = contents.upload_locks.get_mut(identity);
            let own = lock.filter(|lock| lock.run_id == run_id && !lock.is_completed);
            Ok(own.map(|lock| lock.until = until).is_some())
        })
        .await
    }

    async fn finish_claim(&self, identity: &str, run_id: &str, done: bool) -> Result<(), PortError> {
        self.call(Operation::FinishClaim, identity, |contents| {
            match contents.upload_locks.get_mut(identity).filter(|lock| lock.run_id == run_id) {
                Some(lock) if done => lock.is_completed = true,
                Some(_) => drop(contents.upload_locks.remove(identity)),
                None => {}
            }
            Ok(())
        })
        .await
    }
}

impl<H: Sync> AccountLocks for InMemory<H> {
    async fn acquire(
        &self,
        account: AccountId,
        run_id: &str,
        content: &str,
        scanned_at: Timestamp,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Acquired, PortError> {
        self.call(Operation::AcquireAccount, account.as_str(), |contents| {
            let known = contents.account_locks.get(&account);
            let newest = Newest::with_scan(known.map(|known| known.newest.clone()), content, scanned_at);
            let newest = match newest {
                Ok(newest) => newest,
                Err(newest) => return Ok(Acquired::Superseded { newest }),
            };
            let other = known.and_then(|known| known.held_at(now)).filter(|holder| *holder != run_id);
            if let Some(other) = other {
                return Ok(Acquired::Locked { run_id: other.to_owned() });
            }
            let before = known.map(|known| known.in_doubt.clone()).unwrap_or_default();
            let holder = Some((run_id.to_owned(), until));
            // Everything is in doubt until the account is released.
            let in_doubt = InDoubt { everywhere: true, regions: before.regions.clone() };
            contents.account_locks.insert(account, AccountLock { newest, holder, in_doubt });
            Ok(Acquired::Granted { in_doubt: before })
        })
        .await
    }

    async fn renew(&self, account: AccountId, run_id: &str, until: Timestamp) -> Result<bool, PortError> {
        self.call(Operation::RenewAccount, account.as_str(), |contents| {
            let holder = contents.account_locks.get_mut(&account).and_then(|known| known.holder.as_mut());
            let own = holder.filter(|(holder, _)| holder == run_id);
            Ok(own.map(|(_, locked_until)| *locked_until = until).is_some())
        })
        .await
    }

    async fn lock_status(&self, account: AccountId) -> Result<Option<(Newest, InDoubt)>, PortError> {
        self.call(Operation::ReadAccountLock, account.as_str(), |contents| {
            let known = contents.account_locks.get(&account);
            Ok(known.map(|known| (known.newest.clone(), known.in_doubt.clone())))
        })
        .await
    }

    async fn locked_by(&self, account: AccountId, now: Timestamp) -> Result<Option<String>, PortError> {
        self.call(Operation::ReadAccountLock, account.as_str(), |contents| {
            Ok(contents.account_locks.get(&account).and_then(|known| known.held_at(now)).map(str::to_owned))
        })
        .await
    }

    async fn release(
        &self,
        account: AccountId,
        run_id: &str,
        in_doubt: InDoubt,
        exported_at: Option<Timestamp>,
    ) -> Result<(), PortError> {
        self.call(Operation::ReleaseAccount, account.as_str(), |contents| {
            let known = contents.account_locks.get_mut(&account);
            let is_ours = |known: &&mut AccountLock| known.holder.as_ref().is_some_and(|(holder, _)| holder == run_id);
            if let Some(known) = known.filter(is_ours) {
                known.holder = None;
                known.in_doubt = in_doubt;
                known.newest.exported_at = exported_at.or(known.newest.exported_at);
            }
            Ok(())
        })
        .await
    }
}

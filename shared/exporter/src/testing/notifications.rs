//! The event bus, and the notification state of each account.

use std::collections::BTreeSet;

use asff::AccountId;

use super::faults::{Operation, failure};
use super::memory::InMemory;
use crate::notifications::{Event, Notifications, Notified};
use crate::ports::PortError;

impl<H: Sync> Notifications for InMemory<H> {
    async fn notified(&self, account: AccountId) -> Result<(Notified, u64), PortError> {
        self.call(Operation::ReadNotified, account.as_str(), |contents| {
            Ok(contents.notified.get(&account).cloned().unwrap_or_default())
        })
        .await
    }

    async fn write_notified(&self, account: AccountId, notified: &Notified, number: u64) -> Result<bool, PortError> {
        self.call(Operation::WriteNotified, account.as_str(), |contents| {
            let known = contents.notified.entry(account).or_default();
            let is_current = known.1 == number;
            if is_current {
                *known = (notified.clone(), number + 1);
            }
            Ok(is_current)
        })
        .await
    }

    async fn publish(&self, events: &[Event]) -> Result<BTreeSet<usize>, PortError> {
        self.call(Operation::PublishEvents, "", |contents| {
            let accepted = contents.events_accepted_max.unwrap_or(events.len()).min(events.len());
            if accepted == 0 {
                return Err(failure(Operation::PublishEvents, "", "the event bus accepted no event".to_owned()));
            }
            contents.events.extend_from_slice(&events[..accepted]);
            Ok((0..accepted).collect())
        })
        .await
    }
}

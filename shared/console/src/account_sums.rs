//! Sums of the last 30 days by account, which the list of accounts shows. Days before yesterday are read once an hour.

use std::sync::Arc;

use exporter::report::history::day_of;
use jiff::{Span, Timestamp};
use management::wire::HistoryList;
use tokio::sync::Mutex;

use crate::client::{Client, Failed};
use crate::histories::{PAST_MAX, RECENT_DAYS, SHARED_MAX, is_young, read};

/// UTC days that are summed, today included.
pub(crate) const DAYS: u8 = 30;

/// Sums that were read.
struct Kept {
    /// The days before yesterday.
    past: HistoryList,
    /// All days.
    whole: Arc<HistoryList>,
    /// When the past days were read.
    read_at: Timestamp,
    /// When today and yesterday were read.
    recent_at: Timestamp,
    /// [`Client::changes`] before that.
    changes: u64,
}

/// The sums that were read last.
#[derive(Default)]
pub(crate) struct AccountSums(Mutex<Option<Kept>>);

impl AccountSums {
    /// The sums by account. Pages that are opened at the same time wait for one read.
    pub(crate) async fn get(
        &self,
        client: &Client,
        now: Timestamp,
        is_fresh: bool,
    ) -> Result<Arc<HistoryList>, Failed> {
        let mut last = self.0.lock().await;
        let (changes, today) = (client.changes(), day_of(now));
        drop(last.take_if(|kept| is_fresh || kept.whole.to != today || !is_young(kept.read_at, PAST_MAX, now)));
        if let Some(kept) = last.as_mut() {
            if kept.changes != changes || !is_young(kept.recent_at, SHARED_MAX, now) {
                let recent = read(client, "account", "", RECENT_DAYS, None).await?;
                kept.whole = Arc::new(joined(recent, &kept.past));
                (kept.recent_at, kept.changes) = (now, changes);
            }
            return Ok(kept.whole.clone());
        }
        let newest = today.saturating_sub(Span::new().days(i64::from(RECENT_DAYS)));
        let (recent, past) = futures::try_join!(
            read(client, "account", "", RECENT_DAYS, None),
            read(client, "account", "", DAYS, Some(newest)),
        )?;
        let whole = Arc::new(joined(recent, &past));
        *last = Some(Kept { past, whole: whole.clone(), read_at: now, recent_at: now, changes });
        Ok(whole)
    }
}

fn joined(mut recent: HistoryList, past: &HistoryList) -> HistoryList {
    recent.append(past.clone());
    recent
}

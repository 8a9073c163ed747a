//! Sums of runs by day, Region, or account.

use asff::AccountId;
use exporter::report::history::{HistoryBy, day_of};
use jiff::Span;
use jiff::civil::Date;

use super::Service;
use crate::ports::Ports;
use crate::problem::ApiError;
use crate::wire::HistoryList;

impl<P: Ports> Service<P> {
    /// The sums of the finished runs of the last `days` UTC days, today's included, of one account or of all. `after`: the newest
    /// day to read, where the page before ended.
    ///
    /// # Errors
    ///
    /// When the table does not answer, or has too many runs of one day to sum them in one response.
    pub async fn history(
        &self,
        by: HistoryBy,
        days: u8,
        account: Option<AccountId>,
        after: Option<Date>,
    ) -> Result<HistoryList, ApiError> {
        let today = day_of(self.ports.now());
        let to = after.map_or(today, |day| day.min(today));
        // The period may have moved on by a day since the page before; that page's next day is read all the same.
        let from = today.saturating_sub(Span::new().days(i64::from(days) - 1)).min(to);
        let page = self.ports.history(from, to).await?;
        Ok(HistoryList::of(&page, by, account, (from, to)))
    }
}

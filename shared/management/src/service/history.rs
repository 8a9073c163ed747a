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
    /// Sums the finished runs of the last `days` UTC days, including today, of one account or of all. `after` is the newest day
    /// to read: the `next` of the previous page.
    ///
    /// # Errors
    ///
    /// If the table is unavailable, or has too many runs of one day to sum them in one response.
    pub async fn history(
        &self,
        by: HistoryBy,
        days: u8,
        account: Option<AccountId>,
        after: Option<Date>,
    ) -> Result<HistoryList, ApiError> {
        let today = day_of(self.ports.now());
        let to = after.map_or(today, |day| day.min(today));
        // The period may have advanced by a day since the previous page was read. The day that its cursor names is read anyway.
        let from = today.saturating_sub(Span::new().days(i64::from(days) - 1)).min(to);
        let page = self.ports.history(from, to).await?;
        Ok(HistoryList::of(&page, by, account, (from, to)))
    }
}

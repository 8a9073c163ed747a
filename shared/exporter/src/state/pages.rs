//! All that Security Hub holds of our product in one Region, page by page, at the service's pace.

use asff::RegionName;
use bytes::Bytes;
use tokio::time::Instant;

use super::adopt::{PAGES_MAX, READINGS_MAX, READS_BURST, READS_PER_SECOND};
use crate::deliver::Pace;
use crate::ports::{CallError, Hub};

/// Reads a Region's findings. After a page token that went stale it begins again, so that a finding may come twice.
pub(crate) struct Pages<'a, H> {
    hub: &'a H,
    region: RegionName,
    until: Option<Instant>,
    pace: Pace,
    next: Next,
    readings: u32,
    pages: u32,
}

enum Next {
    First,
    Page(String),
    End,
}

impl<'a, H: Hub> Pages<'a, H> {
    /// A reading that ends at `until`.
    pub(crate) fn new(hub: &'a H, region: RegionName, until: Option<Instant>) -> Self {
        let pace = Pace::new(READS_PER_SECOND, READS_BURST);
        Self { hub, region, until, pace, next: Next::First, readings: 1, pages: 0 }
    }

    /// The findings of the next page; none after the last one.
    ///
    /// # Errors
    ///
    /// When the service does not show them, or the time is over: then they were not all read.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Bytes>>, CallError> {
        loop {
            let token = match &self.next {
                Next::First => None,
                Next::Page(token) => Some(token.clone()),
                Next::End => return Ok(None),
            };
            if self.until.is_some_and(|until| Instant::now() >= until) {
                return Err(CallError::Transient(
                    "the time was over before all findings of Security Hub were read".to_owned(),
                ));
            }
            if self.pages >= PAGES_MAX {
                return Err(CallError::Transient(format!("the service gave {PAGES_MAX} pages, and no end")));
            }
            self.pages += 1;
            self.pace.wait().await;
            match self.hub.findings(&self.region, token.clone()).await {
                Ok(page) => {
                    self.next = page.next.map_or(Next::End, Next::Page);
                    return Ok(Some(page.findings));
                }
                Err(CallError::Refused { .. }) if token.is_some() && self.readings < READINGS_MAX => {
                    self.readings += 1;
                    self.next = Next::First;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

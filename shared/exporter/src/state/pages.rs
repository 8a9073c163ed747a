//! All that Security Hub holds of our product in one Region, page by page, at the service's pace.

use asff::RegionName;
use bytes::Bytes;
use tokio::time::Instant;

use crate::delivery::CallRate;
use crate::ports::{CallError, Hub};

/// `GetFindings` calls per second and at once (quota of the service, per account and Region).
const READS_PER_SECOND: u32 = 3;
const READS_BURST: u32 = 6;
/// A page token is bound to its request and may go stale: then the reading begins again, this often at most.
const READINGS_MAX: u32 = 3;
/// Pages that one run reads at most: ten million findings, more than a Region holds. A service whose pages come to no end is not
/// followed further.
const PAGES_MAX: u32 = 100_000;

/// Reads a Region's findings. After a page token that went stale it begins again, so that a finding may come twice.
pub(crate) struct Pages<'a, H> {
    hub: &'a H,
    region: RegionName,
    until: Option<Instant>,
    pace: CallRate,
    next: Next,
    /// The reading began with the first page: what it does not show is not there.
    is_whole: bool,
    readings: u32,
    pages: u32,
}

enum Next {
    First,
    Page(String),
    End,
}

/// Why the findings were not all read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    #[error("the time was over before all findings of Security Hub were read")]
    DeadlineExceeded,
    #[error("the service gave {PAGES_MAX} pages, and no end")]
    PageLimit,
    #[error(transparent)]
    Call(CallError),
}

impl<'a, H: Hub> Pages<'a, H> {
    /// A reading that ends at `until`.
    pub(crate) fn new(hub: &'a H, region: RegionName, until: Option<Instant>) -> Self {
        Self::resume(hub, region, until, None)
    }

    /// A reading that continues with the page of a token, or begins where there is none.
    pub(crate) fn resume(hub: &'a H, region: RegionName, until: Option<Instant>, token: Option<String>) -> Self {
        let pace = CallRate::new(READS_PER_SECOND, READS_BURST);
        let (is_whole, next) = (token.is_none(), token.map_or(Next::First, Next::Page));
        Self { hub, region, until, pace, next, is_whole, readings: 1, pages: 0 }
    }

    /// Whether the reading began with the first page.
    pub(crate) fn is_from_first_page(&self) -> bool {
        self.is_whole
    }

    /// Whether no more pages are read, although the service has some.
    pub(crate) fn exceeds_page_limit(&self) -> bool {
        self.pages >= PAGES_MAX
    }

    /// The token by which a later reading continues.
    pub(crate) fn token(&self) -> Option<String> {
        match &self.next {
            Next::First | Next::End => None,
            Next::Page(token) => Some(token.clone()),
        }
    }

    /// The findings of the next page; none after the last one.
    ///
    /// # Errors
    ///
    /// When the service does not show them, or the time is over: then they were not all read.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Bytes>>, Unread> {
        loop {
            if matches!(self.next, Next::End) {
                return Ok(None);
            }
            if self.until.is_some_and(|until| Instant::now() >= until) {
                return Err(Unread::DeadlineExceeded);
            }
            if self.exceeds_page_limit() {
                return Err(Unread::PageLimit);
            }
            self.pages += 1;
            self.pace.wait().await;
            let token = self.token();
            match self.hub.findings(&self.region, token.clone()).await {
                Ok(page) => {
                    self.next = page.next.map_or(Next::End, Next::Page);
                    return Ok(Some(page.findings));
                }
                Err(CallError::Rejected { .. }) if token.is_some() && self.readings < READINGS_MAX => {
                    self.readings += 1;
                    (self.next, self.is_whole) = (Next::First, true);
                }
                Err(error) => return Err(Unread::Call(error)),
            }
        }
    }
}

//! Reads all findings of this product in one Region's Security Hub, page by page, at the rate of the service's quota.

use std::time::Duration;

use asff::RegionName;
use bytes::Bytes;
use tokio::time::Instant;

use crate::backoff::{longest_pause, pause};
use crate::delivery::CallRate;
use crate::ports::{CallError, Hub, Page};

/// `GetFindings` calls per second, and burst (quota of the service, per account and Region).
const READS_PER_SECOND: u32 = 3;
const READS_BURST: u32 = 6;
/// Maximum number of times that the reading starts. A page token is bound to its request and may expire: then it starts
/// again.
const READINGS_MAX: u32 = 3;
/// Attempts to read one page that is throttled, or fails for another transient reason. The port retries each of them a
/// few times within a second; other callers can use up the quota for longer.
const ATTEMPTS_MAX: u32 = 6;
/// The pause after the first attempt, and the longest one. It doubles with each attempt, and is reduced by up to half
/// at random: 31 s in total at most.
const PAUSE_BASE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(16);
/// Maximum number of pages that one run reads: ten million findings, more than a Region has. Protects against a service
/// whose pages never end.
const PAGES_MAX: u32 = 100_000;

/// Reads a Region's findings. If a page token expired, the reading starts again, so that a finding may be returned
/// twice.
pub(crate) struct Pages<'a, H> {
    hub: &'a H,
    region: RegionName,
    until: Option<Instant>,
    pace: CallRate,
    next: Next,
    /// The reading started with the first page: a finding that it does not return is not in the hub.
    is_whole: bool,
    readings: u32,
    pages: u32,
}

enum Next {
    First,
    Page(String),
    End,
}

/// Why not all findings were read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    #[error("deadline exceeded before all findings in Security Hub were read")]
    DeadlineExceeded,
    #[error("Security Hub returned {PAGES_MAX} pages without an end")]
    PageLimit,
    #[error(transparent)]
    Call(CallError),
}

impl<'a, H: Hub> Pages<'a, H> {
    /// A reading with the deadline `until`.
    pub(crate) fn new(hub: &'a H, region: RegionName, until: Option<Instant>) -> Self {
        Self::resume(hub, region, until, None)
    }

    /// A reading that continues with the page of a token. Without a token, it starts with the first page.
    pub(crate) fn resume(hub: &'a H, region: RegionName, until: Option<Instant>, token: Option<String>) -> Self {
        let pace = CallRate::new(READS_PER_SECOND, READS_BURST);
        let (is_whole, next) = (token.is_none(), token.map_or(Next::First, Next::Page));
        Self { hub, region, until, pace, next, is_whole, readings: 1, pages: 0 }
    }

    /// Whether the reading started with the first page.
    pub(crate) fn is_from_first_page(&self) -> bool {
        self.is_whole
    }

    /// Whether no more pages are read although the service has more.
    pub(crate) fn exceeds_page_limit(&self) -> bool {
        self.pages >= PAGES_MAX
    }

    /// The token with which a later reading continues.
    pub(crate) fn token(&self) -> Option<String> {
        match &self.next {
            Next::First | Next::End => None,
            Next::Page(token) => Some(token.clone()),
        }
    }

    /// The findings of the next page. `None` after the last one.
    ///
    /// # Errors
    ///
    /// When the service does not return them, or the deadline has passed: then not all findings were read.
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
            let token = self.token();
            match self.read(token.clone()).await {
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

    /// Reads a page, with several attempts if necessary.
    async fn read(&mut self, token: Option<String>) -> Result<Page, CallError> {
        let mut attempt = 1;
        loop {
            self.pace.wait().await;
            match self.hub.findings(&self.region, token.clone()).await {
                Err(CallError::Throttled(_) | CallError::Transient(_) | CallError::ExpiredToken(_))
                    if attempt < ATTEMPTS_MAX && self.has_time_for(longest_pause(PAUSE_BASE, PAUSE_MAX, attempt)) =>
                {
                    tokio::time::sleep(pause(PAUSE_BASE, PAUSE_MAX, attempt)).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    fn has_time_for(&self, pause: Duration) -> bool {
        self.until.is_none_or(|until| Instant::now() + pause < until)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::ports::{HubState, ImportOutcome};

    /// A fake hub whose `GetFindings` returns these responses.
    struct Scripted(Mutex<Vec<Result<Page, CallError>>>);

    impl Hub for Scripted {
        async fn import(&self, _: &RegionName, _: Bytes) -> Result<ImportOutcome, CallError> {
            unreachable!("only pages are read")
        }

        async fn enabled_at(&self, _: &RegionName) -> Result<Option<String>, CallError> {
            unreachable!("only pages are read")
        }

        async fn findings(&self, _: &RegionName, _: Option<String>) -> Result<Page, CallError> {
            self.0.lock().unwrap().pop().unwrap()
        }

        async fn finding(&self, _: &RegionName, _: &str) -> Result<Option<Bytes>, CallError> {
            unreachable!("only pages are read")
        }

        async fn state(&self, _: &RegionName) -> Result<HubState, CallError> {
            unreachable!("only pages are read")
        }
    }

    fn scripted(responses: impl IntoIterator<Item = Result<Page, CallError>>) -> Scripted {
        let mut responses: Vec<_> = responses.into_iter().collect();
        responses.reverse();
        Scripted(Mutex::new(responses))
    }

    fn page() -> Page {
        Page { findings: vec![Bytes::from_static(b"{}")], next: None }
    }

    fn throttled() -> Result<Page, CallError> {
        Err(CallError::Throttled("Rate exceeded".to_owned()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_temporarily_throttled_page_is_read() {
        let expired = Err(CallError::ExpiredToken("expired".to_owned()));
        let hub = scripted([throttled(), throttled(), expired, throttled(), throttled(), Ok(page())]);
        let start = Instant::now();
        let mut pages = Pages::new(&hub, "eu-west-1".parse().unwrap(), None);
        assert_eq!(pages.next().await.unwrap().unwrap().len(), 1);
        assert!(pages.next().await.unwrap().is_none());
        let waited = start.elapsed();
        assert!(waited > Duration::from_secs(15) && waited < Duration::from_secs(32), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn retries_end_after_the_limit_or_before_the_deadline() {
        let hub = scripted(std::iter::repeat_with(throttled).take(ATTEMPTS_MAX as usize));
        let mut pages = Pages::new(&hub, "eu-west-1".parse().unwrap(), None);
        assert!(matches!(pages.next().await, Err(Unread::Call(CallError::Throttled(_)))));
        assert!(hub.0.lock().unwrap().is_empty());

        let hub = scripted(std::iter::repeat_with(throttled).take(9));
        let until = Instant::now() + Duration::from_secs(4);
        let mut pages = Pages::new(&hub, "eu-west-1".parse().unwrap(), Some(until));
        assert!(matches!(pages.next().await, Err(Unread::Call(CallError::Throttled(_)))));
        assert!(Instant::now() < until);
    }

    #[tokio::test(start_paused = true)]
    async fn a_denied_page_is_requested_once() {
        let hub = scripted([Err(CallError::AccessDenied("no".to_owned()))]);
        let mut pages = Pages::new(&hub, "eu-west-1".parse().unwrap(), None);
        assert!(matches!(pages.next().await, Err(Unread::Call(CallError::AccessDenied(_)))));
    }
}

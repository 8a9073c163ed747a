//! Whether a finding must be sent: it is new, changed, back, or due for a refresh.

use serde::{Deserialize, Serialize};

use super::entry::{Slot, Stored};
use crate::report::Changes;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Days after which a finding is sent again at the latest. Security Hub drops what is not updated for 90 days.
const REFRESH_DAYS_MAX: i64 = 30;
/// Days over which refreshes are spread, by the finding's key, so that no day gets all of them.
const REFRESH_SPREAD_DAYS: u64 = 10;

/// Which findings are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resend {
    /// Those that are new, changed, back or due.
    #[default]
    Changed,
    /// All of them, at every scan.
    Always,
}

/// How a finding of the scan stands to what was last sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delta {
    /// Never sent.
    New,
    /// Its content, or whether it is live, differs. Also: nobody knows whether it arrived.
    Changed,
    /// It was archived and is back.
    Returned,
    /// It is as it was, but was not sent for long.
    Due,
    /// It is as it was.
    Same,
}

impl Changes {
    /// Counts a finding that has to be sent.
    pub(crate) fn count(&mut self, delta: Delta) {
        match delta {
            Delta::New => self.new += 1,
            Delta::Changed => self.changed += 1,
            Delta::Returned => self.returned += 1,
            Delta::Due | Delta::Same => self.due += 1,
        }
    }

    /// Takes one back that is not sent after all.
    pub(crate) fn uncount(&mut self, delta: Delta) {
        let count = match delta {
            Delta::New => &mut self.new,
            Delta::Changed => &mut self.changed,
            Delta::Returned => &mut self.returned,
            Delta::Due | Delta::Same => &mut self.due,
        };
        *count = count.saturating_sub(1);
    }
}

/// Compares a finding of the scan with what was last sent.
pub fn decide(last: Option<&Slot>, content: u64, now_ms: i64) -> Delta {
    let Some(last) = last.filter(|last| !last.is_tombstone()) else { return Delta::New };
    match last.stored {
        Stored::Archived(_) => Delta::Returned,
        Stored::Uncertain => Delta::Changed,
        Stored::Active(_) if last.content != content => Delta::Changed,
        Stored::Active(_) => {
            let spread = i64::try_from(last.key.0 % REFRESH_SPREAD_DAYS).unwrap_or(0);
            let due_ms = last.sent_ms.saturating_add((REFRESH_DAYS_MAX - spread) * DAY_MS);
            if now_ms >= due_ms { Delta::Due } else { Delta::Same }
        }
    }
}

//! Whether a finding must be sent: it is new, changed, back, or due for a refresh.

use serde::{Deserialize, Serialize};

use super::finding::{FindingMeta, Stored};
use crate::report::Changes;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Days after which a finding is sent again at the latest. Security Hub drops what is not updated for 90 days.
const REFRESH_DAYS_MAX: i64 = 30;
/// Days over which refreshes are spread, by the finding's key, so that no day gets all of them.
const REFRESH_SPREAD_DAYS: u64 = 10;

/// Which findings are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Resend {
    /// Those that are new, changed, back or due.
    #[default]
    Changed,
    /// All of them, at every scan.
    Always,
}

impl Resend {
    /// The words of all values.
    pub const WORDS: &[&str] = &["changed", "always"];
}

/// How a finding of the scan stands to what was last sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Never sent.
    New,
    /// Its content, or whether it is active, differs. Also: it is unknown whether it arrived.
    Changed,
    /// It was archived and is back.
    Reactivated,
    /// It is as it was, but was not sent for long.
    RefreshDue,
    /// It is as it was.
    Same,
}

impl Changes {
    /// Counts a finding that has to be sent.
    pub(crate) fn count(&mut self, delta: Comparison) {
        match delta {
            Comparison::New => self.new += 1,
            Comparison::Changed => self.changed += 1,
            Comparison::Reactivated => self.reactivated += 1,
            Comparison::RefreshDue | Comparison::Same => self.refresh_due += 1,
        }
    }

    /// Takes one back that is not sent after all.
    pub(crate) fn uncount(&mut self, delta: Comparison) {
        let count = match delta {
            Comparison::New => &mut self.new,
            Comparison::Changed => &mut self.changed,
            Comparison::Reactivated => &mut self.reactivated,
            Comparison::RefreshDue | Comparison::Same => &mut self.refresh_due,
        };
        *count = count.saturating_sub(1);
    }
}

/// Compares a finding of the scan with what was last sent.
pub fn compare(last: Option<&FindingMeta>, content: u64, now_ms: i64) -> Comparison {
    let Some(last) = last.filter(|last| !last.is_tombstone()) else { return Comparison::New };
    match last.stored {
        Stored::Archived(_) => Comparison::Reactivated,
        Stored::Uncertain => Comparison::Changed,
        Stored::Active(_) if last.content != content => Comparison::Changed,
        Stored::Active(_) => {
            let spread = i64::try_from(last.key.0 % REFRESH_SPREAD_DAYS).unwrap_or(0);
            let due_ms = last.sent_ms.saturating_add((REFRESH_DAYS_MAX - spread) * DAY_MS);
            if now_ms >= due_ms { Comparison::RefreshDue } else { Comparison::Same }
        }
    }
}

//! Whether a finding must be sent: it is new, changed, reactivated, or due for a refresh.

use serde::{Deserialize, Serialize};

use super::finding::{FindingMeta, Stored};
use crate::report::Changes;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Days after which an unchanged finding is resent at the latest. Security Hub deletes findings that are not updated
/// for 90 days.
const REFRESH_DAYS_MAX: i64 = 30;
/// Days over which refreshes are distributed, by the finding's key, so that they are not all due on the same day.
const REFRESH_SPREAD_DAYS: u64 = 10;

/// Which findings are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Resend {
    /// New, changed, or reactivated findings, and those that are due for a refresh.
    #[default]
    Changed,
    /// All findings, with every scan.
    Always,
}

impl Resend {
    /// The names of all values in JSON.
    pub const WORDS: &[&str] = &["changed", "always"];
}

/// How a finding of the scan differs from what was last sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The finding was never sent.
    New,
    /// The content of the finding differs, or it is unknown whether Security Hub stored it.
    Changed,
    /// The finding was archived.
    Reactivated,
    /// The finding is unchanged, but was last sent a long time ago.
    RefreshDue,
    /// The finding is unchanged.
    Same,
}

impl Changes {
    /// Counts a finding that must be sent.
    pub(crate) fn count(&mut self, delta: Comparison) {
        match delta {
            Comparison::New => self.new += 1,
            Comparison::Changed => self.changed += 1,
            Comparison::Reactivated => self.reactivated += 1,
            Comparison::RefreshDue | Comparison::Same => self.refresh_due += 1,
        }
    }

    /// Subtracts a finding that was counted and is not sent after all.
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

//! Counts on the tabs. They come from data that pages have read; the tabs cause no requests.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// How long a count is shown.
const SHOWN_MAX: SignedDuration = SignedDuration::from_mins(15);

/// A count and its tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Counted {
    /// Archives pending approval, on *Runs*.
    PendingArchives,
    /// Findings in quarantine, on *Quarantine*.
    QuarantinedFindings,
    /// Fixes, on *Doctor*.
    Fixes,
}

/// The counts that were read last.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<BTreeMap<Counted, (u64, Timestamp)>>);

impl Counts {
    /// Notes a count that a page has read, unless a newer one is known.
    pub(crate) fn note(&self, what: Counted, count: u64, read_at: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(&what).is_none_or(|(_, at)| *at <= read_at) {
            all.insert(what, (count, read_at));
        }
    }

    /// A count that isn't 0 and isn't old, and when it was read.
    pub(crate) fn get(&self, what: Counted, now: Timestamp) -> Option<(u64, Timestamp)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&what).copied().filter(|(count, at)| *count > 0 && now.duration_since(*at) < SHOWN_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_shown_until_it_is_old_and_never_0() {
        let (counts, minute) = (Counts::default(), SignedDuration::from_mins(1));
        let start = Timestamp::UNIX_EPOCH;
        counts.note(Counted::Fixes, 3, start);
        counts.note(Counted::Fixes, 9, start - minute);
        assert_eq!(counts.get(Counted::Fixes, start + minute * 14), Some((3, start)));
        assert_eq!(counts.get(Counted::Fixes, start + minute * 15), None);
        assert_eq!(counts.get(Counted::PendingArchives, start), None);
        counts.note(Counted::Fixes, 0, start + minute);
        assert_eq!(counts.get(Counted::Fixes, start + minute), None);
    }
}

//! The numbers of a check, each with its unit and its reason.

use std::time::Duration;

/// The settings of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSettings {
    /// Number of Regions of one account that are checked concurrently.
    pub regions_at_once: usize,
    /// Number of accounts that are checked concurrently. With 16 Regions each and pooled connections, a function has some
    /// 500 open files, of a maximum of 1,024.
    pub accounts_at_once: usize,
    /// Time to obtain the credentials and the caller identity, including retries.
    pub identity_timeout: Duration,
    /// Time for one call to a Region, including retries. Security Hub responds within a tenth of a second, so a Region that
    /// is blocked by the network can be distinguished from a slow one.
    pub call_timeout: Duration,
    /// Time for all Regions of one account. A Region that has not responded by then doesn't delay the verdict.
    pub regions_timeout: Duration,
    /// The Regions in which the write probe is sent.
    pub write_probe: WriteProbe,
    /// Minimum time for a check: with less time before the deadline, none is started.
    pub check_reserve: Duration,
}

/// Where a check sends the write probe: a call that imports one finding, which is never stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriteProbe {
    /// In each Region that is expected to accept findings.
    #[default]
    Everywhere,
    /// Only if writing was denied before, or if it is unknown whether the product is accepted. For exports, which notice
    /// denied imports themselves and should make no calls except for their findings.
    WhereInDoubt,
}

impl Default for CheckSettings {
    fn default() -> Self {
        Self {
            regions_at_once: 16,
            accounts_at_once: 8,
            identity_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(5),
            regions_timeout: Duration::from_secs(25),
            write_probe: WriteProbe::Everywhere,
            check_reserve: Duration::from_secs(10),
        }
    }
}

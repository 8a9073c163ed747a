//! The numbers of a check, each with its unit and its reason.

use std::time::Duration;

/// How a check behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSettings {
    /// Regions of one account that are checked at once.
    pub regions_at_once: usize,
    /// Accounts that are checked at once. With sixteen Regions each, and with the connections that are pooled, a
    /// function has some 500 files open, of the 1,024 that it may have.
    pub accounts_at_once: usize,
    /// Time to obtain the credentials and ask whose they are, retries included.
    pub identity_timeout: Duration,
    /// Time of one question to a Region, retries included. Security Hub answers in a tenth of a second; a Region that is walled
    /// off is told from one that is slow.
    pub call_timeout: Duration,
    /// Time of all Regions of one account. What has not answered by then does not hold the verdict up.
    pub regions_timeout: Duration,
    /// Where it is tried whether findings may be written.
    pub write_probe: WriteProbe,
    /// Time that a check wants at least: with less left, none is begun.
    pub check_reserve: Duration,
}

/// Where a check sends the write probe: a call to import one finding that is never stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriteProbe {
    /// In each Region that would accept findings.
    #[default]
    Everywhere,
    /// Only where writing was denied before, or where it can't be read whether the product is accepted. For an export, which
    /// tries by itself whether it may write, and should cost no calls beyond its findings.
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

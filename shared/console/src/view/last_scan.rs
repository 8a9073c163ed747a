//! The last scan of an account, and whether a scan is missing.

use exporter::model::provider::ProviderId;
use exporter::model::schedule::Schedule;
use jiff::Timestamp;
use management::wire::{HistoryItem, IntegrationView, ProviderView};

use super::text::time;

/// The scans that an enabled integration expects.
#[derive(Clone, Debug)]
pub(crate) struct Awaited {
    schedule: Schedule,
    since: Timestamp,
}

/// The last scan of an account in the period that was read. In order of time, with those of which none is known first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LastScan {
    /// It is unknown whether the account was scanned.
    Unknown,
    /// No scan was exported in the period.
    None,
    /// The time of the scan.
    At(Timestamp),
}

impl Awaited {
    /// What an integration expects. `None` if it expects no scans.
    pub(crate) fn of(integration: &IntegrationView, providers: &[ProviderView]) -> Option<(ProviderId, Self)> {
        let provider = providers.iter().find(|provider| provider.id == integration.provider)?;
        let schedule = provider.scan_schedule.as_ref()?.parse().ok()?;
        Some((integration.provider.parse().ok()?, Self { schedule, since: integration.scans_expected_since? }))
    }

    /// Whether the last scan is older than the schedule allows. Accounts of an organization may never be scanned, so that
    /// only those that were scanned can miss one. What is unknown is not missing.
    pub(crate) fn is_missing(&self, last: LastScan, provider: &ProviderId, now: Timestamp) -> bool {
        match last {
            LastScan::Unknown => false,
            LastScan::None => provider.account().is_some() && self.missing(None, now),
            LastScan::At(at) => self.missing(Some(at), now),
        }
    }

    fn missing(&self, last: Option<Timestamp>, now: Timestamp) -> bool {
        self.schedule.missing(last, self.since, now).is_some()
    }
}

impl LastScan {
    /// The last scan by the sums of an account. `None` as the sums: no run of the account ended in the period.
    pub(crate) fn of(sums: Option<&HistoryItem>) -> Self {
        match sums {
            None => Self::None,
            // Runs of earlier releases did not record it.
            Some(sums) => sums.last_scan_at.map_or(Self::Unknown, Self::At),
        }
    }

    /// The time in words. Empty: unknown.
    pub(crate) fn words(self, days: u8, now: Timestamp) -> String {
        match self {
            Self::Unknown => String::new(),
            Self::None => format!("none in {days} days"),
            Self::At(at) => time(at, now),
        }
    }
}

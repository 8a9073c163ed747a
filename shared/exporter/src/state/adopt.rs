//! Adopts the findings of this product in Security Hub: those that Prowler's own integration sent, or those of a lost
//! state.
//!
//! Guarantees: each finding of the service becomes one entry. An entry of the state is kept, since it has more
//! information, unless the service has a newer version of the finding. No entry is dropped because of a stale response.
//! The reading is limited to the service's quota for `GetFindings`. If a run does not have enough time, its part is
//! saved and the next run continues; no scan is compared with a part. The adoption ends: a run that restarts the
//! reading and finds nothing new is the last one, and the number of runs is limited.

use std::collections::HashSet;

use asff::Regions;
use bytes::Bytes;
use tokio::time::Instant;

use super::archive::status_of;
use super::finding::{Entry, FindingKey, FindingMeta, Stored, UNATTRIBUTED};
use super::header::{AdoptionProgress, Trust};
use super::hub_finding::read_hub_finding;
use super::pages::{Pages, Unread};
use super::region_state::RegionState;
use crate::ports::{CallError, Hub, Objects, PortError};
use crate::report::undelivered;

/// Maximum number of runs of one adoption. A run of 15 minutes reads a quarter of a million findings.
const RUNS_MAX: u32 = 100;
/// How long a finding that was sent may be missing from the service's responses, which lag behind (contract 3.1).
pub(crate) const LAG_MS: i64 = 60 * 60 * 1000;

/// Why nothing was adopted.
pub(crate) enum AdoptError {
    /// The service denied access to its findings, or failed.
    Hub(CallError),
    /// The state could not be written.
    Port(PortError),
}

impl From<PortError> for AdoptError {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

/// The differences that were found by reading the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Drift {
    /// Findings of the service that the state did not have.
    pub(crate) unknown: u64,
    /// Active findings of the state that the service does not have.
    pub(crate) missing: u64,
    /// Why not all findings of the service were read; then no entry was dropped. `None` if all were read.
    pub(crate) unread: Option<String>,
    /// Why this run did not finish and a later one continues. `None` if it finished.
    pub(crate) paused: Option<&'static str>,
    /// The number of pages read from the service.
    pub(crate) pages: u64,
}

/// Merges the service's findings into the state, and saves it. If they can't be read to the end, all entries of an
/// existing state are kept, but each of these findings is resent when a scan has it.
pub(crate) async fn adopt<P: Objects, H: Hub>(
    mut region_state: RegionState<P>,
    hub: &H,
    regions: &Regions,
    trust: Trust,
    missing: Missing,
    now_ms: i64,
    until: Option<Instant>,
) -> Result<Drift, AdoptError> {
    let begun = unfinished_adoption(&region_state);
    let runs = begun.as_ref().map_or(0, |begun| begun.runs) + 1;
    let is_resumed = begun.is_some();
    let pages = Pages::resume(hub, region_state.header.region, until, begun.and_then(|begun| begun.next));
    region_state.start_next().await?;
    let (found, drift) = (HashSet::new(), Drift::default());
    let mut adoption = Adoption { region_state, pages, regions, trust, now_ms, found, drift, is_resumed, runs };
    let is_denied = adoption.read().await?;
    adoption.record_progress(is_denied);
    adoption.copy_state(missing).await?;
    adoption.region_state.save().await?;
    Ok(adoption.drift)
}

/// The adoption that an earlier run began. `None` if the hub is a different one by now.
fn unfinished_adoption<P: Objects>(region_state: &RegionState<P>) -> Option<AdoptionProgress> {
    let old = region_state.old.as_ref().filter(|old| old.is_same_hub(&region_state.header));
    old.and_then(|old| old.tail.adopting.clone()).filter(|begun| begun.given_up.is_none())
}

/// An adoption while it runs.
struct Adoption<'a, P: Objects, H> {
    region_state: RegionState<P>,
    pages: Pages<'a, H>,
    regions: &'a Regions,
    trust: Trust,
    now_ms: i64,
    /// The findings that the service returned.
    found: HashSet<FindingKey>,
    drift: Drift,
    /// An earlier run read a part.
    is_resumed: bool,
    runs: u32,
}

impl<P: Objects, H: Hub> Adoption<'_, P, H> {
    /// Adopts the findings that the service returns, until the last page or the first failure. Returns whether the
    /// service denied further pages and the state is used without them.
    async fn read(&mut self) -> Result<bool, AdoptError> {
        loop {
            let page = match self.pages.next().await {
                Ok(Some(page)) => page,
                Ok(None) => return Ok(false),
                Err(unread) => return self.stop_reading(unread),
            };
            self.drift.pages += 1;
            for finding in page {
                self.adopt_finding(&finding).await?;
            }
        }
    }

    async fn adopt_finding(&mut self, finding: &Bytes) -> Result<(), PortError> {
        let region_state = &mut self.region_state;
        let adopted = read_hub_finding(finding, region_state.header.region, self.regions, self.now_ms);
        let Some((meta, json)) = adopted.filter(|(meta, _)| self.found.insert(meta.key)) else { return Ok(()) };
        match region_state.index.get(meta.key).copied() {
            Some(known) if known.is_active() && known.updated_ms >= meta.updated_ms => Ok(()),
            known => {
                self.drift.unknown += 1;
                let first_seen_ms = known.map_or(meta.first_seen_ms, |known| known.first_seen_ms);
                region_state.record(&with_trust(FindingMeta { first_seen_ms, ..meta }, self.trust), &json).await
            }
        }
    }

    /// Handles a failure before the last page. The pages that were read are not read again.
    fn stop_reading(&mut self, unread: Unread) -> Result<bool, AdoptError> {
        let has_read = !self.found.is_empty();
        self.drift.paused = Some(match unread {
            Unread::DeadlineExceeded | Unread::Call(CallError::DeadlineExceeded) => undelivered::DEADLINE_EXCEEDED,
            Unread::PageLimit => undelivered::SERVICE_ERROR,
            // If nothing was read and the state stays trusted (`Trust::Content`), the error is returned below, and
            // nothing is written.
            Unread::Call(error @ (CallError::AccessDenied(_) | CallError::InvalidAccess(_)))
                if self.region_state.old.is_some() && (self.trust == Trust::Existence || has_read) =>
            {
                self.drift.unread = Some(denied_message(&error));
                return Ok(true);
            }
            Unread::Call(CallError::Throttled(_)) if has_read => undelivered::THROTTLED,
            Unread::Call(CallError::Transient(_) | CallError::ExpiredToken(_)) if has_read => {
                undelivered::SERVICE_ERROR
            }
            Unread::Call(error) => return Err(AdoptError::Hub(error)),
        });
        Ok(false)
    }

    /// Records in the state where a later run continues, or why none does.
    fn record_progress(&mut self, is_denied: bool) {
        let (runs, header) = (self.runs, &mut self.region_state.header);
        let given_up = (self.drift.paused.is_some() && is_futile(&self.pages, &self.drift, self.is_resumed, runs))
            .then(|| {
                let (account, region) = (header.account, header.region);
                format!(
                    "only some findings were read in {runs} runs; to read the rest: hubctl reconcile --account \
                     {account} --regions {region}"
                )
            });
        if given_up.is_some() {
            self.drift.paused = None;
            self.drift.unread.clone_from(&given_up);
        }
        header.tail.adopting = match is_denied {
            true => Some(AdoptionProgress::postponed()),
            false => (self.drift.paused.is_some() || given_up.is_some()).then(|| AdoptionProgress {
                next: self.pages.token(),
                trust: self.trust,
                runs,
                given_up,
            }),
        };
    }

    /// Copies the entries of the state. Findings that the service does not have count as archived if all pages were
    /// read.
    async fn copy_state(&mut self, missing: Missing) -> Result<(), PortError> {
        let drops = self.pages.is_from_first_page() && self.drift.paused.is_none() && self.drift.unread.is_none();
        let region_state = &mut self.region_state;
        if region_state.old.is_none() {
            return Ok(());
        }
        let Some(mut entries) = region_state.entries().await? else { return Ok(()) };
        while let Some(entry) = entries.next().await.map_err(|error| error.on_second_read("the state"))? {
            let known = self.found.contains(&entry.meta.key) || self.now_ms - entry.meta.sent_ms < LAG_MS;
            if !region_state.index.is_current(&entry.meta) {
                continue;
            }
            let meta = if known || !entry.meta.is_active() || !drops {
                with_trust(entry.meta, self.trust)
            } else {
                self.drift.missing += 1;
                archived(&entry, missing, self.regions)
            };
            region_state.copy(&meta, &entry.json).await?;
        }
        Ok(())
    }
}

/// Whether another run would get no further: this run restarted the reading, as the next one would, and found nothing
/// new.
fn is_futile<H: Hub>(pages: &Pages<'_, H>, drift: &Drift, is_resumed: bool, runs: u32) -> bool {
    runs >= RUNS_MAX
        || pages.exceeds_page_limit()
        || (is_resumed && pages.is_from_first_page() && drift.pages > 0 && drift.unknown == 0)
}

/// What it means that the service does not have an active finding of the state among its active findings. The entry is
/// retained, so that the first-seen time is known if the finding reappears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The finding was archived or deleted by someone else, or by the service.
    Archived,
    /// The finding was most likely archived by an aborted run: the next run whose scan agrees counts it as its own.
    ArchivedByUs,
}

fn archived(entry: &Entry, missing: Missing, regions: &Regions) -> FindingMeta {
    let stored = Stored::Archived(status_of(&entry.meta, &entry.json, regions));
    let absent = if missing == Missing::ArchivedByUs { UNATTRIBUTED } else { 0 };
    FindingMeta { stored, absent, ..entry.meta }
}

/// The message for a service that denies access to its findings.
pub(crate) fn denied_message(error: &CallError) -> String {
    format!("{error}. Allow the role securityhub:GetFindings; the next export reads the rest")
}

/// The metadata of a finding, reduced to what can be trusted.
fn with_trust(meta: FindingMeta, trust: Trust) -> FindingMeta {
    match trust {
        Trust::Existence if meta.is_active() => FindingMeta { stored: Stored::Uncertain, ..meta },
        Trust::Existence | Trust::Content => meta,
    }
}

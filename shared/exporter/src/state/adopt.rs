//! Takes over what Security Hub holds of our product: what Prowler's own integration sent, or what a lost state knew.
//!
//! Promises: one finding of the service becomes one entry; an entry that we have is kept, since it knows more, unless the
//! service has a newer version of the finding; nothing is dropped for a stale read. The read is paced to the service's quota for
//! `GetFindings`; where one run has not the time for it, what it read is saved and the next run continues, and nothing is
//! compared with the part. It ends: a run that begins again and finds nothing more is the last one, and there is a limit of runs.

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

/// Runs that a reading may take. One of 15 minutes reads a quarter of a million findings.
const RUNS_MAX: u32 = 100;
/// How long a finding that we sent may be missing from the service's answers: they lag behind (contract 3.1).
pub(crate) const LAG_MS: i64 = 60 * 60 * 1000;

/// Why nothing was taken over.
pub(crate) enum AdoptError {
    /// The service rejects to show its findings, or can't just now.
    Hub(CallError),
    /// The state could not be written.
    Port(PortError),
}

impl From<PortError> for AdoptError {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

/// What reading the service brought to light.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Drift {
    /// Findings of the service that the state did not know.
    pub(crate) unknown: u64,
    /// Active findings of the state that the service does not have.
    pub(crate) missing: u64,
    /// Why the service's findings were not all read, if so. Then nothing of the state was dropped.
    pub(crate) unread: Option<String>,
    /// Why this run did not come to the end, if a later one continues.
    pub(crate) paused: Option<&'static str>,
    /// Pages of the service that were read.
    pub(crate) pages: u64,
}

/// Merges what the service holds into the state, and saves it. Where it can't be read to its end, a state that there is is
/// kept whole, but each of its findings is resent when it is seen.
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

/// An adoption that an earlier run began, unless the hub is another one by now.
fn unfinished_adoption<P: Objects>(region_state: &RegionState<P>) -> Option<AdoptionProgress> {
    let old = region_state.old.as_ref().filter(|old| old.is_same_hub(&region_state.header));
    old.and_then(|old| old.tail.adopting.clone()).filter(|begun| begun.given_up.is_none())
}

/// An adoption while it works.
struct Adoption<'a, P: Objects, H> {
    region_state: RegionState<P>,
    pages: Pages<'a, H>,
    regions: &'a Regions,
    trust: Trust,
    now_ms: i64,
    /// What the service showed.
    found: HashSet<FindingKey>,
    drift: Drift,
    /// An earlier run read a part.
    is_resumed: bool,
    runs: u32,
}

impl<P: Objects, H: Hub> Adoption<'_, P, H> {
    /// Takes over what the service shows, until its end or as long as it shows anything. Whether it is denied, where the state is
    /// to be believed anyway.
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
        let taken = read_hub_finding(finding, region_state.header.region, self.regions, self.now_ms);
        let Some((meta, json)) = taken.filter(|(meta, _)| self.found.insert(meta.key)) else { return Ok(()) };
        match region_state.index.get(meta.key).copied() {
            Some(known) if known.is_active() && known.updated_ms >= meta.updated_ms => Ok(()),
            known => {
                self.drift.unknown += 1;
                let first_seen_ms = known.map_or(meta.first_seen_ms, |known| known.first_seen_ms);
                region_state.record(&with_trust(FindingMeta { first_seen_ms, ..meta }, self.trust), &json).await
            }
        }
    }

    /// What follows from the service not being read to its end. What was read until then is not read again.
    fn stop_reading(&mut self, unread: Unread) -> Result<bool, AdoptError> {
        let has_read = !self.found.is_empty();
        self.drift.paused = Some(match unread {
            Unread::DeadlineExceeded | Unread::Call(CallError::DeadlineExceeded) => undelivered::DEADLINE_EXCEEDED,
            Unread::PageLimit => undelivered::SERVICE_ERROR,
            // Where the state is to be believed anyway, nothing is written for it.
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

    /// Notes in the state where a later run continues, or why none does.
    fn record_progress(&mut self, is_denied: bool) {
        let (runs, header) = (self.runs, &mut self.region_state.header);
        let given_up = (self.drift.paused.is_some() && is_futile(&self.pages, &self.drift, self.is_resumed, runs)).then(|| {
            let (account, region) = (header.account, header.region);
            format!("only a part was read in {runs} runs; read the rest with: hubctl reconcile --account {account} --regions {region}")
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

    /// Copies what the state has. What the service does not show is archived, if all was read.
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

/// Whether continuing another time would come no further: this run began again, as the next one would, and found nothing more.
fn is_futile<H: Hub>(pages: &Pages<'_, H>, drift: &Drift, is_resumed: bool, runs: u32) -> bool {
    runs >= RUNS_MAX
        || pages.exceeds_page_limit()
        || (is_resumed && pages.is_from_first_page() && drift.pages > 0 && drift.unknown == 0)
}

/// What an active finding of the state is that the service does not show among the active ones. It is remembered, so that its
/// first-seen time is there when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Archived or deleted, by whomever.
    Archived,
    /// Archived by an aborted run of ours, most likely: the next run whose scan agrees counts it as its own.
    ArchivedByUs,
}

fn archived(entry: &Entry, missing: Missing, regions: &Regions) -> FindingMeta {
    let stored = Stored::Archived(status_of(&entry.meta, &entry.json, regions));
    let absent = if missing == Missing::ArchivedByUs { UNATTRIBUTED } else { 0 };
    FindingMeta { stored, absent, ..entry.meta }
}

/// What a user must know where the service does not show its findings.
pub(crate) fn denied_message(error: &CallError) -> String {
    format!("{error}. Allow the role securityhub:GetFindings; the next export reads the rest")
}

/// The facts of a finding, as far as they can be trusted.
fn with_trust(meta: FindingMeta, trust: Trust) -> FindingMeta {
    match trust {
        Trust::Existence if meta.is_active() => FindingMeta { stored: Stored::Uncertain, ..meta },
        Trust::Existence | Trust::Content => meta,
    }
}

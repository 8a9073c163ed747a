//! Takes over what Security Hub holds of our product: what Prowler's own integration sent, or what a lost state knew.
//!
//! Promises: one finding of the service becomes one entry; an entry that we have is kept, since it knows more, unless the
//! service has a newer version of the finding; nothing is dropped for a stale read. The read is paced to the service's quota for
//! `GetFindings`; where one run has not the time for it, what it read is saved and the next run goes on, and nothing is
//! compared with the part. It ends: a run that begins again and finds nothing more is the last one, and there is a limit of runs.

use std::collections::HashSet;

use asff::Regions;

use super::archive::status_of;
use super::entry::{Entry, Slot, Stored, UNATTRIBUTED};
use super::header::{Adopting, Trust};
use super::ledger::Ledger;
use super::taken_over::taken_over;
use tokio::time::Instant;

use crate::deliver::Pace;
use crate::ports::{CallError, Hub, Objects, PortError};
use crate::report::undelivered;

/// `GetFindings` calls a second and at once (quota of the service, per account and Region).
pub(super) const READS_PER_SECOND: u32 = 3;
pub(super) const READS_BURST: u32 = 6;
/// A page token is bound to its request and may go stale: then the reading begins again, this often at most.
pub(super) const READINGS_MAX: u32 = 3;
/// Runs that a reading may take. One of 15 minutes reads a quarter of a million findings.
const RUNS_MAX: u32 = 100;
/// Pages that one run reads at most: ten million findings, more than a Region holds. A service whose pages come to no end is not
/// followed further.
pub(super) const PAGES_MAX: u32 = 100_000;
/// How long a finding that we sent may be missing from the service's answers: they lag behind (contract 3.1).
pub(crate) const LAG_MS: i64 = 60 * 60 * 1000;

/// Why nothing was taken over.
pub(crate) enum Declined {
    /// The service refuses to show its findings, or can't just now.
    Hub(CallError),
    /// The state could not be written.
    Port(PortError),
}

impl From<PortError> for Declined {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

/// What reading the service brought to light.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Drift {
    /// Findings of the service that the state did not know.
    pub(crate) unknown: u64,
    /// Live findings of the state that the service does not have.
    pub(crate) missing: u64,
    /// Why the service's findings were not all read, if so. Then nothing of the state was dropped.
    pub(crate) unread: Option<String>,
    /// Why this run did not come to the end, if a later one goes on.
    pub(crate) paused: Option<&'static str>,
    /// Pages of the service that were read.
    pub(crate) pages: u64,
}

/// Merges what the service holds into the state, and saves it. Where it can't be read to its end, a state that there is is
/// kept whole, but each of its findings is resent when it is seen.
pub(crate) async fn adopt<P: Objects, H: Hub>(
    mut ledger: Ledger<P>,
    hub: &H,
    regions: &Regions,
    trust: Trust,
    missing: Missing,
    now_ms: i64,
    until: Option<Instant>,
) -> Result<Drift, Declined> {
    let region = ledger.header.region;
    let mut drift = Drift::default();
    let mut reading = Reading::of(&ledger);
    ledger.touch().await?;
    let mut found = HashSet::new();
    let mut is_denied = false;
    let pace = Pace::new(READS_PER_SECOND, READS_BURST);
    loop {
        if until.is_some_and(|until| Instant::now() >= until) {
            drift.paused = Some(undelivered::OUT_OF_TIME);
            break;
        }
        pace.wait().await;
        let page = match hub.findings(&region, reading.next.clone()).await {
            Ok(page) => page,
            Err(CallError::Refused { .. }) if reading.may_begin_anew() => {
                reading.begin_anew();
                continue;
            }
            // Where the state is to be believed anyway, nothing is written for it.
            Err(error @ (CallError::AccessDenied(_) | CallError::InvalidAccess(_)))
                if ledger.old.is_some() && (trust == Trust::Existence || !found.is_empty()) =>
            {
                drift.unread = Some(denied(&error));
                is_denied = true;
                break;
            }
            Err(CallError::OutOfTime) => {
                drift.paused = Some(undelivered::OUT_OF_TIME);
                break;
            }
            // What was read until then is not read again.
            Err(CallError::Throttled(_)) if !found.is_empty() => {
                drift.paused = Some(undelivered::THROTTLED);
                break;
            }
            Err(CallError::Transient(_) | CallError::ExpiredToken(_)) if !found.is_empty() => {
                drift.paused = Some(undelivered::SERVICE_ERROR);
                break;
            }
            Err(error) => return Err(Declined::Hub(error)),
        };
        drift.pages += 1;
        for finding in page.findings {
            let Some((slot, json)) = taken_over(&finding, region, regions, now_ms) else { continue };
            if !found.insert(slot.key) {
                continue;
            }
            match ledger.index.get(slot.key).copied() {
                Some(known) if known.is_live() && known.updated_ms >= slot.updated_ms => {}
                known => {
                    drift.unknown += 1;
                    let first_seen_ms = known.map_or(slot.first_seen_ms, |known| known.first_seen_ms);
                    ledger.record(&trusted(Slot { first_seen_ms, ..slot }, trust), &json).await?;
                }
            }
        }
        reading.next = page.next;
        if reading.next.is_none() {
            break;
        }
        reading.pages += 1;
        if reading.pages >= PAGES_MAX {
            drift.paused = Some(undelivered::SERVICE_ERROR);
            break;
        }
    }
    let given_up = (drift.paused.is_some() && reading.is_futile(&drift)).then(|| {
        let (account, runs) = (ledger.header.account, reading.runs);
        format!("only a part was read in {runs} runs; read the rest with: hubctl reconcile --account {account} --regions {region}")
    });
    if given_up.is_some() {
        drift.paused = None;
        drift.unread = given_up.clone();
    }
    let runs = reading.runs;
    ledger.header.tail.adopting = match is_denied {
        true => Some(Adopting::postponed()),
        false => (drift.paused.is_some() || given_up.is_some()).then(|| Adopting {
            next: reading.next.take(),
            trust,
            runs,
            given_up,
        }),
    };
    let drops = reading.is_whole && drift.paused.is_none() && drift.unread.is_none();
    if ledger.old.is_some()
        && let Some(mut entries) = ledger.entries().await?
    {
        while let Some(entry) = entries.next().await.map_err(|error| error.again("the state"))? {
            let known = found.contains(&entry.slot.key) || now_ms - entry.slot.sent_ms < LAG_MS;
            if !ledger.index.keeps(&entry.slot) {
                continue;
            }
            let slot = if known || !entry.slot.is_live() || !drops {
                trusted(entry.slot, trust)
            } else {
                drift.missing += 1;
                archived(&entry, missing, regions)
            };
            ledger.copy(&slot, &entry.json).await?;
        }
    }
    ledger.save().await?;
    Ok(drift)
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

fn archived(entry: &Entry, missing: Missing, regions: &Regions) -> Slot {
    let stored = Stored::Archived(status_of(&entry.slot, &entry.json, regions));
    let absent = if missing == Missing::ArchivedByUs { UNATTRIBUTED } else { 0 };
    Slot { stored, absent, ..entry.slot }
}

/// What somebody must know where the service does not show its findings.
pub(crate) fn denied(error: &CallError) -> String {
    format!("{error}. Allow the role securityhub:GetFindings; the next export reads the rest")
}

/// A walk through the service's pages, perhaps begun by an earlier run.
struct Reading {
    next: Option<String>,
    /// This run began with the first page: what it does not find is not there.
    is_whole: bool,
    /// An earlier run had a part in it.
    is_resumed: bool,
    runs: u32,
    readings: u32,
    pages: u32,
}

impl Reading {
    /// Goes on where the state says, unless the hub is another one by now.
    fn of<P: Objects>(ledger: &Ledger<P>) -> Self {
        let old = ledger.old.as_ref().filter(|old| old.is_of_this_hub(&ledger.header));
        let begun = old.and_then(|old| old.tail.adopting.clone()).filter(|begun| begun.given_up.is_none());
        let (is_resumed, runs) = (begun.is_some(), begun.as_ref().map_or(0, |begun| begun.runs));
        let next = begun.and_then(|begun| begun.next);
        Self { is_whole: next.is_none(), next, is_resumed, runs: runs + 1, readings: 1, pages: 0 }
    }

    fn may_begin_anew(&self) -> bool {
        self.next.is_some() && self.readings < READINGS_MAX
    }

    fn begin_anew(&mut self) {
        self.readings += 1;
        self.next = None;
        self.is_whole = true;
    }

    /// Whether going on another time would come no further: it began again, as it would again, and found nothing more.
    fn is_futile(&self, drift: &Drift) -> bool {
        self.runs >= RUNS_MAX
            || self.pages >= PAGES_MAX
            || (self.is_resumed && self.is_whole && drift.pages > 0 && drift.unknown == 0)
    }
}

/// The facts of a finding, as far as they can be trusted.
fn trusted(slot: Slot, trust: Trust) -> Slot {
    match trust {
        Trust::Existence if slot.is_live() => Slot { stored: Stored::Uncertain, ..slot },
        Trust::Existence | Trust::Content => slot,
    }
}

//! An account of the weeks of scans: what it really has, its scans, and where Security Hub should hold its findings.

use std::collections::{BTreeMap, BTreeSet};

use asff::AccountId;
use exporter::integration::Integration;
use exporter::report::{ArchiveSkipped, RunReport, RunStatus};
use jiff::Timestamp;

use crate::REGIONS;
use crate::fake_aws::World;
use crate::ground_truth::Truth;
use crate::hub_assertions::found;
use crate::possible_states::{Cloud, Effect};
use crate::scan::{Expected, Scanned};
use crate::scan_evidence::Place;

/// Where some accounts' Security Hub is never on, and where its findings go then.
pub(crate) const OFF: &str = "sa-east-1";
pub(crate) const FALLBACK: &str = "us-east-1";

/// An account and its history.
pub(crate) struct Account {
    pub(crate) integration: Integration,
    pub(crate) truth: Truth,
    pub(crate) scans: Vec<Scanned>,
    /// What may be true of its findings, as the rule's model says.
    pub(crate) cloud: Cloud,
    /// When each finding was first in a scan.
    pub(crate) first_seen: BTreeMap<Place, Timestamp>,
    /// Findings that were active in Security Hub, whose resources exist and have always failed.
    pub(crate) steady: BTreeSet<Place>,
    /// The newest scan of which a run began and may have left only a part.
    pub(crate) begun_at: Timestamp,
}

impl Account {
    pub(crate) fn new(integration: Integration) -> Self {
        Self {
            integration,
            truth: Truth::default(),
            scans: Vec::new(),
            cloud: Cloud::default(),
            first_seen: BTreeMap::new(),
            steady: BTreeSet::new(),
            begun_at: Timestamp::MIN,
        }
    }

    pub(crate) fn id(&self) -> AccountId {
        self.integration.provider.account().unwrap()
    }

    /// Whether what one Region never takes goes to another.
    pub(crate) fn falls_back(&self) -> bool {
        self.integration.fallback_region.is_some()
    }

    /// The Region whose Security Hub should hold a finding.
    pub(crate) fn home(&self, (region, id): Place) -> Place {
        let is_away = self.falls_back() && region == OFF;
        (if is_away { FALLBACK.to_owned() } else { region }, id)
    }

    /// What is active in Security Hub, wherever, by the Region of the resource.
    pub(crate) fn found(&self, world: &World) -> Expected {
        let of = |id: &str| {
            let mut regions = REGIONS.into_iter();
            regions.find(|region| id.contains(&format!("-{}-{region}-", self.id()))).unwrap().to_owned()
        };
        found(world, self.id()).into_iter().map(|((_, id), what)| ((of(&id), id), what)).collect()
    }

    /// What must not be archived while runs of these scans continue, in whatever order.
    pub(crate) fn alive(&self, scans: &[&Scanned]) -> Expected {
        let mut alive = self.steady.clone();
        let certain = |scans: &mut dyn Iterator<Item = &&Scanned>| {
            let mut cloud = self.cloud.clone();
            for scanned in scans {
                cloud.export(scanned, &self.integration, Effect::Unknown);
            }
            cloud.certain()
        };
        let one = certain(&mut scans.iter());
        let other = if scans.len() > 1 { certain(&mut scans.iter().rev()) } else { one.clone() };
        alive.extend(one.intersection(&other).cloned());
        alive.into_iter().map(|place| (self.home(place), Default::default())).collect()
    }

    /// A finding whose resource exists and fails, and which no scan showed otherwise, is active.
    pub(crate) fn check_steady(&mut self, world: &World, context: &str) {
        let (found, id) = (self.found(world), self.id());
        for place in &self.steady {
            assert!(found.contains_key(place), "{context}: {place:?} exists and fails, and is not active any more");
        }
        let steady = found.into_keys().filter(|place| self.truth.is_steady(id, place));
        self.steady.extend(steady);
    }

    /// What a run did about the account's findings, as far as its report tells. None: nothing.
    pub(crate) fn effect(&self, report: &RunReport) -> Option<Effect> {
        if matches!(report.status, RunStatus::Duplicate | RunStatus::Superseded) {
            return None;
        }
        let counts = &report.counts;
        if counts.undelivered.contains_key("account_locked") {
            return None;
        }
        let Some(account) = report.accounts.get(&self.id()) else { return Some(Effect::Unknown) };
        let filtered = |reason: &str| account.counts.filtered.get(reason).copied().unwrap_or_default();
        if account.counts.read == filtered("superseded") + filtered("manual") {
            return None;
        }
        let is_off = |region: &str| self.falls_back() && region == OFF;
        let is_bad = |(name, region): (&asff::RegionName, &exporter::report::RegionReport)| {
            (region.unavailable.is_some() && !is_off(name.as_str())) || region.adoption_skipped.is_some()
        };
        // A run that died finished the account, and was degraded: why, only that run knew.
        let is_of_dead_run = filtered("already_exported") > 0 && account.problem.is_some();
        let is_unknown = is_of_dead_run
            || report.status.should_retry()
            || account.regions.iter().any(is_bad)
            || counts.undelivered_total() + counts.archive_undelivered > 0;
        Some(match &account.archive {
            _ if is_unknown => Effect::Unknown,
            Some(ArchiveSkipped::ArchiveRequiresApproval { .. }) => Effect::Asked,
            _ => Effect::Whole,
        })
    }
}

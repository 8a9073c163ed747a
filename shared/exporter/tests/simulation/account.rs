//! An account in the simulation of weeks of scans: its real resources, its scans, and the Regions in which Security Hub should
//! have its findings.

use std::collections::{BTreeMap, BTreeSet};

use asff::AccountId;
use exporter::model::integration::Integration;
use exporter::report::{ArchiveSkipped, RunReport, RunStatus};
use jiff::Timestamp;

use crate::REGIONS;
use crate::fake_aws::World;
use crate::ground_truth::Truth;
use crate::hub_assertions::found;
use crate::possible_states::{Cloud, Effect};
use crate::scan::{Expected, Scanned};
use crate::scan_evidence::Place;

/// The Region in which Security Hub is never enabled in some accounts, and the fallback Region for its findings.
pub(crate) const OFF: &str = "sa-east-1";
pub(crate) const FALLBACK: &str = "us-east-1";

/// An account and its history.
pub(crate) struct Account {
    pub(crate) integration: Integration,
    pub(crate) truth: Truth,
    pub(crate) scans: Vec<Scanned>,
    /// The states in which the account's findings may be, according to the model of the rule.
    pub(crate) cloud: Cloud,
    /// The time of the first scan of each finding.
    pub(crate) first_seen: BTreeMap<Place, Timestamp>,
    /// Findings that were active in Security Hub, and whose resources exist and have always failed.
    pub(crate) steady: BTreeSet<Place>,
    /// The time of the newest scan whose run may have been incomplete.
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

    /// Whether findings of a Region in which Security Hub is never enabled are sent to the fallback Region.
    pub(crate) fn falls_back(&self) -> bool {
        self.integration.fallback_region.is_some()
    }

    /// The Region in which Security Hub should have a finding.
    pub(crate) fn home(&self, (region, id): Place) -> Place {
        let is_away = self.falls_back() && region == OFF;
        (if is_away { FALLBACK.to_owned() } else { region }, id)
    }

    /// The active findings of all Regions of Security Hub, by the Region of the resource.
    pub(crate) fn found(&self, world: &World) -> Expected {
        let of = |id: &str| {
            let mut regions = REGIONS.into_iter();
            regions.find(|region| id.contains(&format!("-{}-{region}-", self.id()))).unwrap().to_owned()
        };
        found(world, self.id()).into_iter().map(|((_, id), what)| ((of(&id), id), what)).collect()
    }

    /// Findings that must not be archived while runs of these scans continue, in any order.
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

    /// Asserts that findings are active whose resources exist and fail, unless a scan showed another status.
    pub(crate) fn check_steady(&mut self, world: &World, context: &str) {
        let (found, id) = (self.found(world), self.id());
        for place in &self.steady {
            assert!(found.contains_key(place), "{context}: {place:?} exists and fails, and is not active any more");
        }
        let steady = found.into_keys().filter(|place| self.truth.is_steady(id, place));
        self.steady.extend(steady);
    }

    /// The effect of a run on the account's findings, as far as its report shows. `None` if it had no effect.
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
        // A killed run completed the account in a degraded state; only that run knew the reason.
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

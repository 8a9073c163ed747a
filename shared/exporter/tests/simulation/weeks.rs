//! Weeks of scans with faults: resources are created, deleted, muted, pass, and fail; scans don't see everything; events are
//! duplicated, late, and concurrent; the service throttles, fails, loses responses, and is disabled and enabled; stores fail;
//! functions are killed; one day the product is upgraded. After every run, the promises hold, Security Hub matches the model of
//! the rule, and a finding is active if its resource exists and fails and no scan showed another status.
//!
//! `SEEDS=1000` runs this number of seeds, from `SEED` on (default: a few from 0). A failure reports its seed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use asff::AccountId;
use exporter::export::{ExportError, Options};
use exporter::model::approval::Approval;
use exporter::model::integration::MutedFindings;
use exporter::report::{RunReport, RunStatus};
use exporter::state::Resend;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::account::{Account, FALLBACK};
use crate::fake_aws::World;
use crate::hub_assertions::held;
use crate::partial_visibility::{Blindness, look};
use crate::possible_states::Effect;
use crate::scan::Scanned;
use crate::scan_evidence::Says;
use crate::upgrade::downgrade;
use crate::{ACCOUNT, OTHER, Run, integrate, seeds, world};
use exporter::testing::Lifetime;

/// Default number of seeds; `SEEDS` overrides it.
const SEEDS: u64 = 6;
/// Number of simulated days.
const DAYS: u32 = 21;
/// Maximum number of attempts of an event before the test fails. The faults of a day end with it.
const TRIES_MAX: u32 = 60;

pub(crate) struct Simulation {
    pub(crate) random: StdRng,
    pub(crate) world: World,
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    events: Vec<Event>,
    /// The time of the last action of a user whose effect the model doesn't track.
    loosened_at: Timestamp,
}

/// A pending event: the account, the number of the scan, and the number of attempts.
type Event = (AccountId, usize, u32);
type Outcome = Option<Result<RunReport, ExportError>>;

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let lag_ms = if random.random_bool(0.3) { 20_000 } else { 0 };
        let mut world = world(|mut config| {
            config.seed = seed;
            config.rules.consistency_lag_ms = lag_ms;
            config
        });
        world.come_to_rest(seed);
        let accounts = [ACCOUNT, OTHER].map(|name| {
            let muted = [MutedFindings::AsProwler, MutedFindings::Omit, MutedFindings::Send];
            let integration = integrate(&world, name, |integration| {
                integration.resend = if random.random_bool(0.2) { Resend::Always } else { Resend::Changed };
                integration.fallback_region = random.random_bool(0.25).then(|| FALLBACK.parse().unwrap());
                integration.only_failed = random.random_bool(0.6);
                integration.muted = muted[random.random_range(0..3)];
                integration.archive_limit_percent = [100, 50][random.random_range(0..2)];
                integration.absent_scans = [2, 2, 1][random.random_range(0..3)];
            });
            let mut account = Account::new(integration);
            let id = account.id();
            (0..20).for_each(|_| account.truth.add(&mut random, id));
            (id, account)
        });
        Self { random, world, accounts: accounts.into(), events: Vec::new(), loosened_at: Timestamp::MIN }
    }

    fn names(&self) -> Vec<AccountId> {
        self.accounts.keys().copied().collect()
    }

    async fn run(&mut self) {
        for day in 0..DAYS {
            self.weather();
            if self.events.is_empty() && self.random.random_bool(0.06) {
                // Until this day, the version before the rule was deployed.
                downgrade(&self.world);
                if std::env::var("DEBUG").is_ok() {
                    eprintln!("day {day}: downgraded");
                }
                self.loosen();
                self.accounts.values_mut().for_each(|account| account.cloud.forget_measure());
            }
            for account in self.names() {
                let blindness = self.blindness(account);
                self.scan(account, blindness);
            }
            self.analysts();
            let hours = self.random.random_range(1..5);
            for _ in 0..hours {
                self.world.sleep(3600).await;
                self.work(day).await;
            }
            self.job().await;
            self.world.sleep(3600 * (24 - hours)).await;
        }
        // At the end, all faults are removed and all pending events are processed, followed by one more scan of each account.
        self.clear();
        self.work_off(DAYS).await;
        for account in self.names() {
            let blindness = if self.random.random_bool(0.6) { Blindness::None } else { self.blindness(account) };
            self.scan(account, blindness);
        }
        self.work_off(DAYS + 1).await;
        self.world.sleep(3600).await;
        for (account, state) in &mut self.accounts {
            state.check_steady(&self.world, "at the end");
            state.cloud.compare(&state.found(&self.world), "at the end");
            for ((_, id), held) in held(&self.world, *account, "ACTIVE") {
                let first = state.first_seen.iter().find(|((_, known), _)| *known == id);
                assert!(first.is_none_or(|(_, first)| held.first_observed_at >= *first), "{id} was seen too early");
            }
        }
    }

    async fn work_off(&mut self, day: u32) {
        while !self.events.is_empty() {
            self.world.sleep(1200).await;
            self.work(day).await;
        }
    }

    /// The blindness of the next scan, one of those that the rule tolerates in the current state.
    fn blindness(&mut self, account: AccountId) -> Blindness {
        loop {
            let blindness = Blindness::any(&mut self.random);
            let state = &self.accounts[&account];
            let looks_partial = state.cloud.has_measure() && state.truth.resources.len() > 12;
            let is_few = matches!(blindness, Blindness::FewResults);
            if blindness.is_harmless(looks_partial && self.events.is_empty()) && !is_few {
                return blindness;
            }
        }
    }

    /// Changes the account, scans it, and adds one or two events for each upload.
    fn scan(&mut self, account: AccountId, blindness: Blindness) {
        let random = &mut self.random;
        let state = self.accounts.get_mut(&account).unwrap();
        state.truth.change(random, account);
        state.steady.retain(|place| state.truth.is_steady(account, place));
        let now = Timestamp::from_second(self.world.now().as_second()).unwrap();
        let ahead = if random.random_bool(0.05) { 300 } else { 0 };
        let at = now + SignedDuration::from_secs(ahead);
        if std::env::var("DEBUG").is_ok() {
            eprintln!("{at}: scan {} of {account} sees {blindness:?}", state.scans.len());
        }
        let repeats = random.random_bool(0.3);
        for mut scanned in look(random, &state.truth, account, at, blindness, state.scans.last()) {
            if repeats {
                scanned.repeat(random);
            }
            for result in scanned.results.iter().filter(|one| matches!(one.says(&state.integration), Says::Send(_))) {
                let place = (result.region.to_owned(), result.id(account));
                let at = result.at.unwrap_or(at).min(now);
                let first = state.first_seen.entry(place).or_insert(at);
                *first = (*first).min(at);
            }
            state.scans.push(scanned);
            for _ in 0..1 + u32::from(random.random_bool(0.3)) {
                self.events.push((account, state.scans.len() - 1, 0));
            }
        }
    }

    /// Security Hub is disabled in a Region, and its findings are lost.
    pub(crate) fn lost(&mut self, account: AccountId, region: &str) {
        let state = self.accounts.get_mut(&account).unwrap();
        state.cloud.lose(region);
        let fallback = state.falls_back() && region == FALLBACK;
        if fallback {
            state.cloud.lose(crate::account::OFF);
        }
        state.steady.retain(|place| place.0 != region && !(fallback && place.0 == crate::account::OFF));
    }

    pub(crate) fn loosen(&mut self) {
        let now = self.world.now();
        self.loosened_at = now;
        self.accounts.values_mut().for_each(|account| account.cloud.loosen(now));
    }

    /// Processes pending events in any order, sometimes two concurrently, and kills some of the runs.
    async fn work(&mut self, day: u32) {
        let mut waiting = std::mem::take(&mut self.events);
        while !waiting.is_empty() {
            let event = waiting.swap_remove(self.random.random_range(0..waiting.len()));
            let other = if !waiting.is_empty() && self.random.random_bool(0.3) {
                Some(waiting.swap_remove(self.random.random_range(0..waiting.len())))
            } else {
                None
            };
            let events: Vec<Event> = [event].into_iter().chain(other).collect();
            let runs: Vec<_> = events.iter().map(|event| self.prepare(*event, &events, day)).collect();
            let outcomes = futures::future::join_all(runs.into_iter().map(|(run, scan)| run.go(scan))).await;
            let mut done: Vec<(Event, Outcome)> = events.into_iter().zip(outcomes).collect();
            // If an older scan ends after a newer one, it is superseded.
            done.sort_by_key(|((_, number, _), _)| *number);
            let accounts: BTreeSet<AccountId> = done.iter().map(|((account, ..), _)| *account).collect();
            for (event, outcome) in done {
                self.ended(event, &outcome).await;
            }
            for account in accounts {
                let state = self.accounts.get_mut(&account).unwrap();
                state.check_steady(&self.world, &format!("day {day}"));
            }
        }
    }

    fn prepare(&mut self, event: Event, together: &[Event], day: u32) -> (Run, exporter::ports::Scan) {
        let (account, number, tries) = event;
        let state = &self.accounts[&account];
        let scans: Vec<_> = together.iter().filter(|(other, ..)| *other == account).collect();
        let scans: Vec<&Scanned> = scans.into_iter().map(|(_, number, _)| &state.scans[*number]).collect();
        let killed_at = (day < DAYS && self.random.random_bool(0.3)).then(|| self.random.random_range(0..60));
        let lifetime = Lifetime::until(killed_at, self.random.random_bool(0.5));
        let seconds = if day < DAYS && self.random.random_bool(0.1) { 6 } else { 900 };
        let deadline = Some(tokio::time::Instant::now() + Duration::from_secs(seconds));
        let options = Options { deadline, ..Options::default() };
        let run = Run { lifetime, options, alive: state.alive(&scans), ..Run::new(&self.world) };
        (run, state.scans[number].upload(&format!("{account}/{number}-{}", tries % 2)))
    }

    /// Applies a run to the model. If its effect is certain, Security Hub is compared with the model.
    async fn ended(&mut self, event: Event, outcome: &Outcome) {
        let (account, number, tries) = event;
        let effect = match outcome {
            Some(Ok(report)) => self.accounts[&account].effect(report),
            Some(Err(_)) | None => Some(Effect::Unknown),
        };
        if std::env::var("DEBUG").is_ok() {
            let outcome = outcome.as_ref().map(|outcome| outcome.as_ref().map(|run| (run.status, &run.counts)));
            eprintln!("scan {number} of {account}, try {tries}: {effect:?}, {outcome:?}");
        }
        if let Some(effect) = effect {
            self.exported(account, number, effect, &format!("after scan {number}, {effect:?}"));
        }
        let should_retry = |report: &RunReport| report.status.should_retry();
        if outcome.as_ref().is_none_or(|outcome| outcome.as_ref().map_or(true, should_retry)) {
            assert!(tries < TRIES_MAX, "scan {number} of {account} is not completed: {outcome:?}");
            self.events.push((account, number, tries + 1));
        } else if effect == Some(Effect::Asked) && self.random.random_bool(0.5) {
            self.approve(account, number).await;
        }
    }

    fn exported(&mut self, account: AccountId, number: usize, effect: Effect, context: &str) {
        let state = self.accounts.get_mut(&account).unwrap();
        let scanned = &state.scans[number];
        state.cloud.export(scanned, &state.integration, effect);
        if effect == Effect::Unknown {
            state.begun_at = state.begun_at.max(scanned.at);
            return;
        }
        let found = state.found(&self.world);
        state.cloud.compare(&found, context);
        let is_one = scanned.results.iter().all(|one| one.at.is_none());
        for (place, what) in scanned.wanted(&state.integration) {
            // A killed run of a newer scan may have sent some of its findings.
            let is_newest = scanned.at > self.loosened_at && scanned.at >= state.begun_at;
            let is_read = is_one && scanned.cut.is_none() && is_newest;
            assert!(!is_read || found.get(&place) == Some(&what), "{context}: {place:?} differs from the scan");
        }
    }

    /// A user approves the pending findings of the newest run.
    async fn approve(&mut self, account: AccountId, number: usize) {
        let state = &self.accounts[&account];
        let scanned = state.scans[number].clone();
        let approval = Approval { pending: true, unproven: false };
        let options = Options { reexport: true, approval, ..Options::default() };
        let run = Run { options, alive: state.alive(&[&scanned]), ..Run::new(&self.world) };
        let outcome = run.go(scanned.upload("approved")).await;
        let effect = match &outcome {
            Some(Ok(report)) if report.status != RunStatus::Superseded => state.effect(report),
            Some(Ok(_)) => None,
            Some(Err(_)) | None => Some(Effect::Unknown),
        };
        if let Some(effect) = effect {
            self.exported(account, number, effect, "after an approval");
        }
    }
}

#[test]
fn weeks_of_scans_with_faults_match_a_simple_model() {
    seeds("weeks", SEEDS, |seed| async move { Simulation::new(seed).run().await });
}

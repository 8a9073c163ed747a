//! The exporter against the simulator, with a paused clock: tests of each promise, and simulations of weeks of scans with faults.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test: it may fail, and says which seed did")]

mod account;
mod adoption;
mod approvals;
mod archive_rule;
mod chains;
mod checks;
mod connection_cache;
mod emptied_hub;
mod errors;
mod evidence;
mod explain;
mod external_ids;
mod fake_aws;
mod fake_probe;
mod fallback;
mod faults;
mod ground_truth;
mod histories;
mod hub;
mod hub_assertions;
mod job_reports;
mod job_runner;
mod jobs;
mod joined_files;
mod killed_archive;
mod leases;
mod limits;
mod manual;
mod many_accounts;
mod moving_fallbacks;
mod odd_files;
mod parallel;
mod partial_scans;
mod partial_visibility;
mod pending_archive;
mod possible_states;
mod progress;
mod promises;
mod reconciled_hubs;
mod redrive;
mod regions;
mod repeated;
mod run_reports;
mod scan;
mod scan_evidence;
mod scan_order;
mod sources;
mod transient;
mod unverified_hubs;
mod upgrade;
mod uploads;
mod verdicts;
mod weeks;

use std::iter::repeat_with;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use asff::AccountId;
use exporter::export::plan::Planning;
use exporter::export::{ExportError, Exporter, Options};
use exporter::jobs::JobRunner;
use exporter::model::integration::Integration;
use exporter::model::settings::Settings;
use exporter::ports::Scan;
use exporter::report::history::{HistoryBy, Totals, sums};
use exporter::report::{ArchiveSkipped, HistoryEntry, PendingSums, RunReport};
use simulator::{Config, Simulator};

use crate::fake_aws::{FakeAws, World};
use crate::scan::{Expected, Scanned};
use exporter::testing::Lifetime;

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const OTHER: &str = "210987654321";
pub(crate) const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "sa-east-1"];
pub(crate) const START: &str = "2026-03-01T06:00:00Z";

/// A world of two accounts in which Security Hub is enabled in all Regions.
pub(crate) fn world(change: impl FnOnce(Config) -> Config) -> World {
    let config = Config::one_account(ACCOUNT, &REGIONS).account(OTHER, &REGIONS);
    World::new(Simulator::new(change(config)), START.parse().unwrap())
}

/// An integration that archives findings, stored in the table of the world.
pub(crate) fn integrate(world: &World, account: &str, change: impl FnOnce(&mut Integration)) -> Integration {
    let account: AccountId = account.parse().unwrap();
    let mut integration = Integration::new(account);
    integration.archive_previous_findings = true;
    change(&mut integration);
    world.contents().put_integration(integration.clone());
    integration
}

/// The parameters of a run.
pub(crate) struct Run {
    pub(crate) world: World,
    pub(crate) lifetime: Lifetime,
    pub(crate) options: Options,
    /// The findings that the run must not archive.
    pub(crate) alive: Expected,
}

impl Run {
    pub(crate) fn new(world: &World) -> Self {
        Self {
            world: world.clone(),
            lifetime: Lifetime::unlimited(),
            options: Options::default(),
            alive: Expected::new(),
        }
    }

    pub(crate) fn of(mut self, scanned: &Scanned, integration: &Integration) -> Self {
        self.alive = scanned.wanted(integration);
        self.alive.extend(scanned.left_alone().map(|place| (place, Default::default())));
        self
    }

    /// The outcome, or `None` if the run was killed.
    pub(crate) async fn go(self, scan: Scan) -> Option<Result<RunReport, ExportError>> {
        let fake_aws = self.world.run(self.lifetime, self.alive);
        let lifetime = fake_aws.lifetime().clone();
        let exporter = Exporter::new(fake_aws, self.world.settings.clone());
        let outcome = tokio::select! {
            outcome = exporter.export(scan, self.options) => Some(outcome),
            () = lifetime.ended() => None,
        };
        self.world.assert_no_violation();
        if let Some(Ok(report)) = &outcome {
            assert!(report.counts.is_balanced(), "everything is counted: {:?}", report.counts);
            assert_history(report);
            assert_pending_archive(report);
        }
        outcome
    }
}

/// Asserts that the history of a run has the same totals as its counts, also by Region.
#[track_caller]
pub(crate) fn assert_history(run: &RunReport) {
    let by_region = sums(HistoryEntry::of(run).as_ref(), HistoryBy::Region, None);
    let mut total = Totals::default();
    by_region.values().for_each(|sum| total.add(&sum.totals));
    let expected = Totals { throttled: total.throttled, ..Totals::of(&run.counts) };
    assert_eq!(total, expected, "{by_region:?}");
}

/// The pending and active findings of an account are the sums of its services, and of its Regions.
#[track_caller]
pub(crate) fn assert_pending_archive(run: &RunReport) {
    for (account, report) in &run.accounts {
        let expected = match report.archive {
            Some(ArchiveSkipped::ArchiveRequiresApproval { pending, active }) => Some((pending, active)),
            _ => None,
        };
        let sums = report.pending_archive.as_ref().map(|archive| (&archive.services, &archive.regions));
        let total = |sums: Vec<&PendingSums>| {
            (sums.iter().map(|sums| sums.pending()).sum::<u64>(), sums.iter().map(|sums| sums.active).sum::<u64>())
        };
        assert_eq!(sums.map(|(services, _)| total(services.values().collect())), expected, "{account}, by service");
        assert_eq!(sums.map(|(_, regions)| total(regions.values().collect())), expected, "{account}, by Region");
    }
}

/// Plans the export of a scan.
pub(crate) async fn plan(world: &World, scan: Scan) -> RunReport {
    let fake_aws = world.ports();
    let planning = Planning::new(fake_aws);
    let exporter = Exporter::new(Arc::new(planning), world.settings.clone());
    exporter.export(scan, Options::default()).await.unwrap()
}

/// Exports a scan without faults.
pub(crate) async fn export(world: &World, scan: Scan) -> RunReport {
    Run::new(world).go(scan).await.unwrap().unwrap()
}

/// Runs the jobs of users without faults.
pub(crate) fn runner(world: &World) -> JobRunner<FakeAws> {
    let fake_aws = world.ports();
    JobRunner::new(fake_aws, Settings::default())
}

impl Run {
    /// Runs a user's job that is killed at its call number `killed_at`, if it makes that many calls.
    pub(crate) async fn until<F>(self, killed_at: u64, job: impl FnOnce(JobRunner<FakeAws>) -> F)
    where
        F: Future<Output = Result<(), exporter::jobs::RunnerError>>,
    {
        let fake_aws = self.world.run(Lifetime::until(Some(killed_at), killed_at.is_multiple_of(2)), self.alive);
        let lifetime = fake_aws.lifetime().clone();
        tokio::select! {
            outcome = job(JobRunner::new(fake_aws, Settings::default())) => outcome.unwrap(),
            () = lifetime.ended() => {}
        }
    }
}

/// Time between two lines of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(60);

/// Runs a simulation for each seed, on all cores: `SEEDS` seeds from `SEED` on, or by default `count` seeds from 0 on. A failure
/// reports its seed.
pub(crate) fn seeds<F: Future<Output = ()>>(name: &str, count: u64, simulation: impl Fn(u64) -> F + Sync) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let (first, count) = (number("SEED").unwrap_or(0), number("SEEDS").unwrap_or(count));
    let end = first + count;
    let (next, shown_at) = (AtomicU64::new(first), Mutex::new(Instant::now()));
    let work = || {
        for seed in repeat_with(|| next.fetch_add(1, Ordering::Relaxed)).take_while(|seed| *seed < end) {
            show_progress(&shown_at, || format!("{name}: seed {seed}, {} of {count}", seed - first));
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run_seed(simulation(seed)))) {
                eprintln!("seed {seed} fails; again with: SEED={seed} SEEDS=1 cargo nextest run -p exporter {name}");
                next.store(end, Ordering::Relaxed);
                resume_unwind(panic);
            }
        }
    };
    let cores = available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            worker.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
    });
}

/// Runs a simulation with tokio's clock paused.
fn run_seed(simulation: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(simulation);
}

/// Prints a line of progress if the last one is old.
fn show_progress(shown_at: &Mutex<Instant>, line: impl FnOnce() -> String) {
    let mut shown_at = shown_at.lock().unwrap();
    if shown_at.elapsed() >= PROGRESS_INTERVAL {
        eprintln!("{}", line());
        *shown_at = Instant::now();
    }
}

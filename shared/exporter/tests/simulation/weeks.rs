//! Weeks of scans in bad weather: resources come, go, pass, fail and are muted; events come twice, late and at once; the
//! service throttles, fails, loses answers and is switched off and on; functions are killed. After every run the promises
//! hold, and at the end Security Hub equals a simple model.
//!
//! `SEEDS=1000` runs so many seeds from `SEED` on (default: a few from 0). A failure names its seed.

use std::collections::BTreeMap;
use std::sync::Arc;

use asff::AccountId;
use exporter::export::Options;
use exporter::integration::MutedFindings;
use exporter::mend::{self, Mender, Reconcile, Redrive};
use exporter::report::{RunReport, RunStatus};
use exporter::settings::Settings;
use exporter::state::Resend;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use simulator::{Caller, Effect, Fault, Input, Operation};

use crate::account::{Account, FALLBACK, OFF};
use crate::life::Life;
use crate::memory::{Twin, World};
use crate::scan::{Expected, Result, Scanned};
use crate::watch::{assert_equal, found, held};
use crate::{ACCOUNT, OTHER, REGIONS, Run, integrate, world};

/// Seeds that every run of the tests tries; more by `SEEDS`.
const SEEDS: u64 = 30;
/// Days of a simulation.
const DAYS: u32 = 21;
const CHECKS: [&str; 3] = ["s3_bucket_public_access", "s3_bucket_default_encryption", "iam_root_mfa_enabled"];
/// How often an event is tried before the test calls it stuck. The weather of a day passes.
const TRIES_MAX: u32 = 60;

struct Simulation {
    random: StdRng,
    world: World,
    accounts: BTreeMap<AccountId, Account>,
    /// Events that wait: the account, the number of the scan, and how often it was tried.
    events: Vec<(AccountId, usize, u32)>,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let lag_ms = if random.random_bool(0.3) { 20_000 } else { 0 };
        let world = world(|mut config| {
            config.seed = seed;
            config.rules.consistency_lag_ms = lag_ms;
            config
        });
        let accounts = [ACCOUNT, OTHER].map(|name| {
            let only_failed = random.random_bool(0.6);
            let muted = [MutedFindings::AsProwler, MutedFindings::Omit, MutedFindings::Send][random.random_range(0..3)];
            let fallback_region = random.random_bool(0.25).then(|| FALLBACK.parse().unwrap());
            let resend = if random.random_bool(0.2) { Resend::Always } else { Resend::Changed };
            let integration = integrate(&world, name, |integration| {
                integration.resend = resend;
                integration.fallback_region = fallback_region;
                integration.only_failed = only_failed;
                integration.muted = muted;
                integration.archive_limit_percent = 100;
            });
            let (scans, first_seen) = (Vec::new(), BTreeMap::new());
            (
                integration.provider.account().unwrap(),
                Account { integration, results: Vec::new(), scans, first_seen, resources: 0 },
            )
        });
        Self { random, world, accounts: accounts.into(), events: Vec::new() }
    }

    async fn run(&mut self) {
        for day in 0..DAYS {
            self.weather();
            for account in self.accounts.keys().copied().collect::<Vec<_>>() {
                self.scan(account);
            }
            self.analysts();
            let hours = self.random.random_range(1..5);
            for _ in 0..hours {
                self.world.sleep(3600).await;
                self.work(day).await;
            }
            self.order().await;
            self.world.sleep(3600 * (24 - hours)).await;
        }
        // The sky clears, and everything that waits is worked off; then one more scan of each account.
        self.clear();
        while !self.events.is_empty() {
            self.world.sleep(1200).await;
            self.work(DAYS).await;
        }
        for account in self.accounts.keys().copied().collect::<Vec<_>>() {
            self.scan(account);
        }
        while !self.events.is_empty() {
            self.world.sleep(1200).await;
            self.work(DAYS + 1).await;
        }
        self.world.sleep(3600).await;
        for (account, state) in &self.accounts {
            let expected = self.expected(*account, state.scans.last().unwrap());
            assert_equal(&self.world, *account, &expected, "at the end");
            for (place, held) in held(&self.world, *account, "ACTIVE") {
                let first = state.first_seen.get(&place);
                assert!(first.is_none_or(|&first| held.first_observed_at >= first), "{place:?} was seen too early");
            }
        }
    }

    /// What goes wrong today.
    fn weather(&mut self) {
        self.clear();
        for _ in 0..self.random.random_range(0..3) {
            let status = [429, 500, 503][self.random.random_range(0..3)];
            let fault = match self.random.random_range(0..5) {
                0 => Fault::new(Effect::DropConnection { after_commit: true }).ratio(0.2),
                1 => {
                    Fault::new(Effect::Error { status, error_type: None, message: None, after_commit: true }).ratio(0.2)
                }
                2 => Fault::new(Effect::FailFindings {
                    id_contains: self.random.random_range(0..16).to_string(),
                    code: "InternalFailure".to_owned(),
                    message: "try again".to_owned(),
                })
                .ratio(0.3),
                3 => Fault::error(status).times(self.random.random_range(1..40)),
                _ => Fault::error(status).ratio(0.3),
            };
            self.world.simulator.inject(fault);
        }
        if self.random.random_bool(0.1) {
            let account = [ACCOUNT, OTHER][self.random.random_range(0..2)];
            let region = REGIONS[self.random.random_range(0..3)];
            self.call(account, region, Operation::DisableSecurityHub, b"");
        }
    }

    /// Everything is on and works.
    fn clear(&mut self) {
        self.world.now();
        self.world.simulator.clear_faults();
        for (account, state) in &self.accounts {
            let account = account.as_str();
            for region in REGIONS {
                if state.falls_back() && region == OFF {
                    self.call(account, region, Operation::DisableSecurityHub, b"");
                    continue;
                }
                self.call(account, region, Operation::EnableSecurityHub, b"{}");
                let product = json!({ "ProductArn": format!("arn:aws:securityhub:{region}::product/prowler/prowler") });
                let body = product.to_string();
                self.call(account, region, Operation::EnableImportFindingsForProduct, body.as_bytes());
            }
        }
    }

    fn call(&self, account: &str, region: &str, operation: Operation, body: &[u8]) {
        let input = Input { body, ..Input::default() };
        // In bad weather this may fail as well; tomorrow it is tried again.
        let _ = self.world.simulator.call(&Caller::user(account), region, operation, input);
    }

    /// The account changes, is scanned, and an event or two tell of it.
    fn scan(&mut self, account: AccountId) {
        let random = &mut self.random;
        let state = self.accounts.get_mut(&account).unwrap();
        state.results.retain(|_| random.random_bool(0.95));
        for result in &mut state.results {
            match random.random_range(0..40) {
                0..3 => result.failed = !result.failed,
                3 => result.muted = !result.muted,
                4 => result.detail += 1,
                5 => result.manual = !result.manual,
                _ => {}
            }
        }
        for _ in 0..random.random_range(0..30) {
            state.resources += 1;
            state.results.push(Result {
                check: CHECKS[random.random_range(0..3)],
                region: REGIONS[random.random_range(0..3)],
                resource: format!("arn:aws:s3:::bucket-{}", state.resources),
                failed: random.random_bool(0.6),
                muted: random.random_bool(0.1),
                manual: false,
                detail: 0,
                at: None,
            });
        }
        let at = Timestamp::from_second(self.world.now().as_second()).unwrap();
        let ahead = if random.random_bool(0.05) { 300 } else { 0 };
        let scanned = Scanned::new(account, at + SignedDuration::from_secs(ahead), state.results.clone());
        if scanned.results.is_empty() {
            return;
        }
        for place in state.homes(scanned.wanted(&state.integration)).into_keys() {
            state.first_seen.entry(place).or_insert(at);
        }
        state.scans.push(scanned);
        for _ in 0..1 + u32::from(random.random_bool(0.3)) {
            self.events.push((account, state.scans.len() - 1, 0));
        }
    }

    /// Analysts do their work on some findings.
    fn analysts(&mut self) {
        let region = REGIONS[self.random.random_range(0..3)];
        let findings = self.world.simulator.findings(ACCOUNT, region);
        if findings.is_empty() {
            return;
        }
        let finding = &findings[self.random.random_range(0..findings.len())];
        let update = json!({
            "FindingIdentifiers": [{ "Id": finding["Id"], "ProductArn": finding["ProductArn"] }],
            "Workflow": { "Status": "SUPPRESSED" },
        });
        let body = update.to_string();
        let _ = self.world.simulator.batch_update_findings(&Caller::user(ACCOUNT), region, body.as_bytes());
    }

    /// A person asks for something about what earlier runs did; it may be killed. The next scan decides anew.
    async fn order(&mut self) {
        if self.random.random_bool(0.6) {
            return;
        }
        let killed_at = self.random.random_bool(0.3).then(|| self.random.random_range(0..60));
        let life = Arc::new(Life::until(killed_at, self.random.random_bool(0.5)));
        let twin = Twin { world: self.world.clone(), life: life.clone(), alive: Arc::default() };
        let mender = Mender::new(Arc::new(twin), Settings::default());
        let deadline = Some(tokio::time::Instant::now() + std::time::Duration::from_secs(900));
        let options = mend::Options { deadline, ..mend::Options::default() };
        let account: AccountId = [ACCOUNT, OTHER][self.random.random_range(0..2)].parse().unwrap();
        let archived = |run: &&RunReport| run.counts.archived > 0;
        let archiving = self.world.stores.lock().unwrap().runs.values().rfind(archived).map(|run| run.run_id.clone());
        let what = self.random.random_range(0..3);
        let order = async {
            match (what, archiving) {
                (0, Some(run_id)) => vec![mender.undo_archive(&run_id, &options).await],
                (1, _) => match mender.redrive(&Redrive::default(), &options).await {
                    Ok(runs) => runs.into_iter().map(Ok).collect(),
                    Err(error) => vec![Err(error)],
                },
                _ => vec![mender.reconcile(account, &Reconcile::default(), &options).await],
            }
        };
        let outcome = tokio::select! {
            outcome = order => outcome,
            () = life.over() => Vec::new(),
        };
        self.world.assert_no_violation();
        for run in outcome.iter().flatten() {
            assert!(run.counts.balanced(), "everything is counted: {:?}", run.counts);
        }
    }

    /// Works off what waits, in any order, sometimes two at once, some of them killed.
    async fn work(&mut self, day: u32) {
        let mut waiting = std::mem::take(&mut self.events);
        while !waiting.is_empty() {
            let event = waiting.swap_remove(self.random.random_range(0..waiting.len()));
            let other = if !waiting.is_empty() && self.random.random_bool(0.3) {
                Some(waiting.swap_remove(self.random.random_range(0..waiting.len())))
            } else {
                None
            };
            let runs = [Some(self.prepare(event, day)), other.map(|event| self.prepare(event, day))];
            let [first, second] = runs;
            let run = async |run: Option<Prepared>| match run {
                Some(prepared) => prepared.run.go(prepared.scan).await,
                None => None,
            };
            let outcomes = tokio::join!(run(first), run(second));
            for (event, outcome) in [(Some(event), outcomes.0), (other, outcomes.1)] {
                let Some((account, number, tries)) = event else { continue };
                let settled = match &outcome {
                    Some(Ok(report)) => !report.status.wants_another_try(),
                    Some(Err(_)) | None => false,
                };
                if let Some(Ok(report)) = &outcome {
                    self.check(account, number, report.status, &report.reasons);
                }
                if !settled {
                    assert!(tries < TRIES_MAX, "scan {number} of {account} does not come through: {outcome:?}");
                    self.events.push((account, number, tries + 1));
                }
            }
        }
    }

    fn prepare(&mut self, event: (AccountId, usize, u32), day: u32) -> Prepared {
        let (account, number, tries) = event;
        let state = &self.accounts[&account];
        let scanned = &state.scans[number];
        let killed_at = (day < DAYS && self.random.random_bool(0.3)).then(|| self.random.random_range(0..60));
        let life = Life::until(killed_at, self.random.random_bool(0.5));
        let seconds = if day < DAYS && self.random.random_bool(0.1) { 6 } else { 900 };
        let deadline = Some(tokio::time::Instant::now() + std::time::Duration::from_secs(seconds));
        let options = Options { deadline, ..Options::default() };
        let key = format!("{account}/{number}-{}", tries % 2);
        let scan = scanned.upload(&key);
        let mut alive = state.homes(scanned.wanted(&state.integration));
        alive.extend(scanned.left_alone().map(|place| (place, Default::default())));
        let run = Run { life, options, alive, ..Run::new(&self.world) };
        Prepared { run, scan }
    }

    /// What the account's Security Hub should hold after a scan.
    fn expected(&self, account: AccountId, scanned: &Scanned) -> Expected {
        let state = &self.accounts[&account];
        let mut expected = state.homes(scanned.wanted(&state.integration));
        let there = found(&self.world, account);
        let left_alone = state.left_alone(scanned).into_iter();
        expected.extend(left_alone.filter_map(|place| Some((place.clone(), there.get(&place)?.clone()))));
        expected
    }

    /// After a run that exported the newest scan there is, Security Hub is as the scan says.
    fn check(&self, account: AccountId, number: usize, status: RunStatus, reasons: &[String]) {
        let state = &self.accounts[&account];
        // That a Region is never on is said every time.
        let is_off = |reason: &String| reason.contains(OFF) && reason.contains("hub_not_enabled");
        let well = status == RunStatus::Succeeded
            || (status == RunStatus::Degraded && state.falls_back() && reasons.iter().all(is_off));
        if well && number + 1 == state.scans.len() {
            let expected = self.expected(account, &state.scans[number]);
            assert_equal(&self.world, account, &expected, &format!("after scan {number}, {reasons:?}"));
        }
    }
}

struct Prepared {
    run: Run,
    scan: exporter::ports::Scan,
}

#[test]
fn weeks_of_scans_in_bad_weather_end_as_a_simple_model_says() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let (first, count) = (number("SEED").unwrap_or(0), number("SEEDS").unwrap_or(SEEDS));
    for seed in first..first + count {
        let outcome = std::panic::catch_unwind(|| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
            runtime.block_on(async { Simulation::new(seed).run().await });
        });
        if let Err(panic) = outcome {
            eprintln!("seed {seed} fails; again with: SEED={seed} SEEDS=1 cargo nextest run -p exporter weeks");
            std::panic::resume_unwind(panic);
        }
    }
}

//! Histories of partially blind scans, one after the other and mostly without faults. After each run, Security Hub, the report,
//! the list of pending findings, and the plan must match the model of the rule.
//!
//! `SEEDS=10000` runs this number of seeds, from `SEED` on. A failure reports its seed.

use asff::AccountId;
use exporter::export::Options;
use exporter::model::approval::Approval;
use exporter::model::integration::{ArchiveScope, Integration, MutedFindings};
use exporter::report::{ArchiveSkipped, PendingFinding, RunReport, RunStatus};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use simulator::Fault;

use crate::archive_rule::{Rule, Ruling, unproven_counts};
use crate::fake_aws::World;
use crate::ground_truth::Truth;
use crate::hub_assertions::{assert_equal, found};
use crate::partial_visibility::{Blindness, look};
use crate::scan::{Expected, Scanned};
use crate::scan_evidence::{Place, service};
use crate::{ACCOUNT, REGIONS, Run, integrate, plan, seeds, world};

/// Default number of seeds; `SEEDS` overrides it.
const SEEDS: u64 = 8;
/// Number of scans in a history.
const SCANS: u32 = 25;

pub(crate) struct History {
    pub(crate) random: StdRng,
    pub(crate) world: World,
    pub(crate) account: AccountId,
    pub(crate) integration: Integration,
    pub(crate) truth: Truth,
    pub(crate) rule: Rule,
    last: Option<Scanned>,
    keys: u32,
}

impl History {
    pub(crate) fn new(seed: u64, change: impl FnOnce(&mut StdRng, &mut Integration)) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut world = world(|config| config.unlimited());
        world.come_to_rest(seed);
        let mut settings = Integration::new(ACCOUNT.parse::<AccountId>().unwrap());
        change(&mut random, &mut settings);
        settings.archive_previous_findings = true;
        let integration = integrate(&world, ACCOUNT, |integration| *integration = settings);
        let account = ACCOUNT.parse().unwrap();
        let (truth, rule) = (Truth::default(), Rule::default());
        Self { random, world, account, integration, truth, rule, last: None, keys: 0 }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_second(self.world.now().as_second()).unwrap()
    }

    async fn run(&mut self) {
        for _ in 0..30 {
            self.truth.add(&mut self.random, self.account);
        }
        for number in 0..SCANS {
            self.truth.change(&mut self.random, self.account);
            let blindness = if number == 0 { Blindness::None } else { Blindness::any(&mut self.random) };
            let at = self.now();
            let (truth, last) = (&self.truth, self.last.as_ref());
            let scans = look(&mut self.random, truth, self.account, at, blindness, last);
            self.world.sleep(1800).await;
            for scanned in scans {
                if self.rule.is_open(&scanned, &self.integration) {
                    continue;
                }
                let context = format!("scan {number}, {blindness:?}");
                self.export(&scanned, blindness, &context).await;
                self.approve(&scanned, &context).await;
                self.late(&context).await;
                let whole = scanned.cut.is_none() && scanned.extra.is_empty();
                let is_one = scanned.results.iter().all(|one| one.at.is_none());
                if whole && is_one {
                    self.last = Some(scanned);
                }
            }
            let hours = if self.random.random_bool(0.1) { 9 * 24 } else { self.random.random_range(2..30) };
            self.world.sleep(hours * 3600 + u64::from(number)).await;
        }
    }

    fn held(&self) -> Expected {
        found(&self.world, self.account)
    }

    /// Findings that a run of this scan must not archive.
    fn alive(&self, ruled: &Rule, before: &Rule, is_harmless: bool) -> Expected {
        let mut alive = ruled.expected();
        alive.retain(|place, _| !ruled.undecided.contains(place));
        if is_harmless {
            let fails = |place: &Place| self.truth.fails(self.account, place);
            alive.extend(before.expected().into_iter().filter(|(place, _)| fails(place)));
        }
        alive
    }

    pub(crate) async fn export(&mut self, scanned: &Scanned, blindness: Blindness, context: &str) {
        self.keys += 1;
        let key = format!("scan-{}", self.keys);
        let mut held = self.held().len() as u64;
        let before = self.rule.clone();
        let may_plan = self.random.random_bool(0.3);
        let planned = if may_plan { Some(plan(&self.world, scanned.upload(&key)).await) } else { None };
        let is_disturbed = self.random.random_bool(0.12);
        if is_disturbed {
            let mut ruled = before.clone();
            let ruling = ruled.export(scanned, &self.integration, Approval::default(), held);
            let alive = self.alive(&ruled, &before, blindness.is_harmless(ruling.partial));
            if self.disturbed(scanned, &key, alive).await {
                // The findings that the run sent count as active.
                held = self.held().len() as u64;
            }
            let there = self.held();
            self.rule.archived_in_part(scanned, &self.integration, &there);
        }
        let ruling = self.rule.export(scanned, &self.integration, Approval::default(), held);
        let is_harmless = blindness.is_harmless(ruling.partial);
        if is_harmless {
            let wrong = ruling.archived.keys().find(|place| self.truth.fails(self.account, place));
            assert_eq!(wrong, None, "{context}: the rule itself archives a failing finding");
        }
        let alive = self.alive(&self.rule, &before, is_harmless);
        if std::env::var("DEBUG").is_ok() {
            eprintln!("{context}: {held} are active, {ruling:?}");
        }
        let run = Run { alive, ..Run::new(&self.world) };
        let report = run.go(scanned.upload(&key)).await.unwrap().unwrap();
        if std::env::var("DEBUG").is_ok() {
            self.show(scanned, &report, &ruling, &before, context);
        }
        if !is_disturbed {
            check(&report, &ruling, &self.integration, context);
            self.check_pending(&report, &ruling, context);
        }
        if let Some(planned) = planned.filter(|_| !is_disturbed) {
            assert_same(&planned, &report, self.account, context);
        }
        let expected = self.decided();
        assert_equal(&self.world, self.account, &expected, context);
    }

    pub(crate) fn decided(&mut self) -> Expected {
        let held = self.held();
        self.rule.decide(&held);
        self.rule.expected()
    }

    /// Runs an export during which the service or the store of one Region fails. Returns whether a retry is required.
    async fn disturbed(&mut self, scanned: &Scanned, key: &str, alive: Expected) -> bool {
        let region = REGIONS[self.random.random_range(0..REGIONS.len())];
        if self.random.random_bool(0.5) {
            self.world.simulator.inject(Fault::error(503).in_region(region));
        } else {
            self.world.fail_reads(&format!("{region}.zst"));
        }
        let run = Run { alive, ..Run::new(&self.world) };
        let outcome = run.go(scanned.upload(key)).await.unwrap();
        self.world.simulator.clear_faults();
        self.world.restore_stores();
        if std::env::var("DEBUG").is_ok() {
            let outcome = outcome.as_ref().map(|run| (run.status, &run.counts, &run.reasons));
            eprintln!("{region} disturbed: {outcome:?}");
        }
        self.world.sleep(7200).await;
        outcome.is_err() || outcome.is_ok_and(|report| report.status.should_retry())
    }

    /// An operator sometimes approves the pending or unproven findings of the newest run.
    async fn approve(&mut self, scanned: &Scanned, context: &str) {
        let held = self.held().len() as u64;
        let mut again = self.rule.clone();
        let ruling = again.export(scanned, &self.integration, Approval::default(), held);
        let pending = ruling.asks.is_some() && self.random.random_bool(0.5);
        let unproven = !ruling.unproven.is_empty() && self.random.random_bool(0.08);
        if !pending && !unproven || ruling.superseded {
            return;
        }
        let context = format!("{context}, approved {pending} {unproven}");
        let approval = Approval { pending, unproven };
        let before = self.rule.clone();
        let mut ruling = self.rule.export(scanned, &self.integration, approval, held);
        let options = Options { reexport: true, approval, ..Options::default() };
        let run = Run { options, alive: self.rule.expected(), ..Run::new(&self.world) };
        let report = run.go(scanned.upload("approved")).await.unwrap().unwrap();
        let found = self.held();
        self.rule.keep_open(&mut ruling, &before, &found);
        check(&report, &ruling, &self.integration, &context);
        let expected = self.decided();
        assert_equal(&self.world, self.account, &expected, &context);
    }

    /// Exports the newest scan again; nothing changes.
    async fn late(&mut self, context: &str) {
        let Some(last) = self.last.clone().filter(|_| self.random.random_bool(0.1)) else { return };
        let run = Run { alive: self.rule.expected(), ..Run::new(&self.world) };
        drop(run.go(last.upload("late")).await.unwrap().unwrap());
        let held = self.held().len() as u64;
        let ruling = self.rule.export(&last, &self.integration, Approval::default(), held);
        assert!(ruling.superseded || ruling.archived.is_empty(), "{context}: {ruling:?}");
        assert_equal(&self.world, self.account, &self.rule.expected(), &format!("{context}, an older scan again"));
    }

    /// Prints the details of a difference, for debugging.
    fn show(&self, scanned: &Scanned, report: &RunReport, ruling: &Ruling, before: &Rule, context: &str) {
        let counts = &report.counts;
        let did = (counts.archived, counts.absent, counts.unproven, counts.sent);
        eprintln!("{context}: {} entries, {:?} {did:?} {:?}", scanned.results.len(), report.status, scanned.layout);
        let listed = crate::evidence::listed(&self.world, report);
        let listed: Vec<_> = listed.iter().map(|one| (&one.finding_id, one.class, &one.reason)).collect();
        eprintln!("  listed {listed:?}");
        for (id, ..) in &listed {
            let entries = scanned.results.iter().filter(|one| one.id(self.account) == **id);
            let entries: Vec<_> = entries.map(|one| (one.at, one.failed, one.muted, one.manual)).collect();
            let known = before.findings.iter().find(|((_, known), _)| known == *id).map(|(_, known)| known);
            eprintln!("  listed {id}: {entries:?} {known:?}");
        }
        eprintln!("  pending {:?}\n  archived {:?}", ruling.pending, ruling.archived);
        eprintln!("  absent {:?}\n  unproven {}", ruling.absent, ruling.unproven.len());
        for place in ruling.pending.keys().chain(ruling.archived.keys()).chain(&ruling.absent) {
            eprintln!("  before {place:?} {:?}", before.findings.get(place));
        }
    }

    /// Asserts that the run's list of pending findings matches the rule.
    fn check_pending(&self, report: &RunReport, ruling: &Ruling, context: &str) {
        let mut expected: Vec<_> =
            ruling.pending.iter().map(|((_, id), class)| (id.clone(), class.as_str().to_owned())).collect();
        expected.extend(ruling.unproven.keys().map(|(_, id)| (id.clone(), "unproven".to_owned())));
        expected.sort();
        let contents = self.world.contents();
        let lines = report.pending.as_ref().map(|key| contents.objects[key].1.clone()).unwrap_or_default();
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let mut listed: Vec<_> = lines
            .map(|line| serde_json::from_slice::<PendingFinding>(line).unwrap())
            .map(|finding| (finding.finding_id, finding.class.as_str().to_owned()))
            .collect();
        listed.sort();
        if ruling.open.is_empty() {
            assert_eq!(listed, expected, "{context}: the list of pending findings");
        }
    }
}

/// Asserts that the report matches the rule.
fn check(report: &RunReport, ruling: &Ruling, integration: &Integration, context: &str) {
    let account: AccountId = ACCOUNT.parse().unwrap();
    let context = format!("{context}: {:?} {:?}", report.status, report.reasons);
    let is_full = integration.archive_scope == ArchiveScope::Full;
    assert!(!is_full || (report.status == RunStatus::Superseded) == ruling.superseded, "{context}");
    let counts = &report.counts;
    let archived = ruling.archived.len() as u64;
    let range = archived..=archived + ruling.resolved_before;
    assert!(range.contains(&counts.archived), "{range:?} archived, {context}\n{:?}", ruling.archived);
    let unproven = ruling.unproven.len() as u64;
    let range = unproven.saturating_sub(ruling.open.len() as u64)..=unproven;
    assert!(range.contains(&counts.unproven), "{range:?} unproven, {context}\n{:?}", ruling.unproven);
    assert_eq!(counts.absent, ruling.absent.len() as u64, "absent, {context}\n{:?}", ruling.absent);
    let Some(account) = report.accounts.get(&account) else { return };
    let reported: std::collections::BTreeMap<_, _> =
        account.unproven.iter().map(|(region, services)| (region.to_string(), services.clone())).collect();
    let expected = unproven_counts(&ruling.unproven, |(_, id)| service(id.strip_prefix("prowler-").unwrap()));
    assert!(!ruling.open.is_empty() || reported == expected, "{context}: {reported:?} {expected:?}");
    let asked = match &account.archive {
        Some(ArchiveSkipped::ArchiveRequiresApproval { pending, active }) => Some((*pending, *active)),
        _ => None,
    };
    assert!(
        ruling.resolved_before > 0 || asked == ruling.asks,
        "approval, {context}: {asked:?}, not {:?}",
        ruling.asks
    );
    assert_eq!(account.partial_scan.is_some(), ruling.partial, "looks partial, {context}");
    let times = if ruling.times > 1 { ruling.times } else { 0 };
    assert_eq!(account.scan_times.len(), times, "scan times, {context}");
    let needs_a_look = ruling.asks.is_some() || ruling.partial;
    assert!(!needs_a_look || report.status == RunStatus::Degraded, "{context}");
}

/// Asserts that the plan predicted the run.
pub(crate) fn assert_same(planned: &RunReport, done: &RunReport, account: AccountId, context: &str) {
    assert_eq!(planned.counts, done.counts, "{context}: the plan");
    let of = |report: &RunReport| {
        let account = report.accounts.get(&account)?;
        let partial = account.partial_scan;
        Some((account.unproven.clone(), account.archive.clone(), account.scan_times.clone(), partial))
    };
    assert_eq!(of(planned), of(done), "{context}: the plan");
}

#[test]
fn a_history_of_partially_blind_scans_follows_the_rule() {
    seeds("histories", SEEDS, |seed| async move {
        let mut history = History::new(seed, |random, integration| {
            integration.archive_limit_percent = [50, 50, 50, 100, 20, 0][random.random_range(0..6)];
            integration.partial_scan_percent = [50, 50, 50, 30, 0][random.random_range(0..5)];
            integration.absent_scans = [2, 2, 1, 3][random.random_range(0..4)];
            integration.only_failed = random.random_bool(0.7);
            integration.muted = [MutedFindings::AsProwler, MutedFindings::Send][random.random_range(0..2)];
        });
        history.run().await;
    });
}

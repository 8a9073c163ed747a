//! Scopes `partial` and `observed`: concurrent scans, each of a part of the account, end in any order, some of them days later.
//! After each export, Security Hub must match the model of the rule.

use exporter::model::integration::{ArchiveScope, MutedFindings};
use jiff::SignedDuration;
use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::REGIONS;
use crate::ground_truth::CHECKS;
use crate::histories::History;
use crate::partial_visibility::Blindness;
use crate::scan::{Extra, Layout, Result, Scanned, Where};
use crate::seeds;

const SEEDS: u64 = 6;
const ROUNDS: u32 = 12;

/// The results of one of several concurrent scans.
fn part(history: &mut History, scope: ArchiveScope) -> Vec<Result> {
    let random = &mut history.random;
    let (check, region) = (*CHECKS.choose(random).unwrap(), *REGIONS.choose(random).unwrap());
    let service = |check: &str| check.split('_').next().unwrap().to_owned();
    let all = history.truth.resources.clone();
    if scope == ArchiveScope::Observed && random.random_bool(0.6) {
        let count = random.random_range(1..4);
        return all.sample(random, count).cloned().collect();
    }
    match random.random_range(0..4) {
        0 => all.into_iter().filter(|one| one.region == region).collect(),
        1 => all.into_iter().filter(|one| one.check == check).collect(),
        2 => all.into_iter().filter(|one| one.check == check && one.region == region).collect(),
        _ => all.into_iter().filter(|one| service(one.check) == service(check)).collect(),
    }
}

/// Makes some scans partially blind.
fn spoil(history: &mut History, scanned: &mut Scanned) {
    let random = &mut history.random;
    let check = scanned.results[0].check;
    let region = scanned.results[0].region;
    match random.random_range(0..16) {
        0 => scanned.layout = Layout::Lines,
        1 if scanned.results.len() > 1 => scanned.cut = Some(random.random_range(1..scanned.results.len())),
        2 => {
            let resource = scanned.account.to_string();
            scanned.results.retain(|one| one.check != check || random.random_bool(0.5));
            let manual =
                Result { check, region, resource, failed: false, muted: false, manual: true, detail: 0, at: None };
            scanned.results.push(manual);
        }
        3 => {
            let mut entry = scanned.results[0].ocsf(scanned.account, scanned.at);
            entry["status_code"] = "PERHAPS".into();
            let some = |text: &str| Some(text.to_owned());
            let place = Where { account: some(scanned.account.as_str()), region: some(region), check: some(check) };
            scanned.extra.push(Extra { text: entry.to_string(), place, before: 0 });
        }
        4 => scanned.layout = Layout::Findings,
        _ => {}
    }
}

async fn run(seed: u64, scope: ArchiveScope) {
    let mut history = History::new(seed, |random, integration| {
        integration.archive_scope = scope;
        integration.archive_limit_percent = [100, 100, 50][random.random_range(0..3)];
        integration.only_failed = random.random_bool(0.7);
        integration.muted = [MutedFindings::AsProwler, MutedFindings::Send][random.random_range(0..2)];
    });
    for _ in 0..40 {
        history.truth.add(&mut history.random, history.account);
    }
    let mut waiting: Vec<Scanned> = Vec::new();
    for round in 0..ROUNDS {
        // Scans that begin within minutes of each other, while the account changes.
        for _ in 0..history.random.random_range(1..6) {
            history.truth.change(&mut history.random, history.account);
            let results = part(&mut history, scope);
            let at = history.now();
            history.world.sleep(history.random.random_range(0..3) * 47).await;
            if results.is_empty() {
                continue;
            }
            let mut scanned = Scanned::new(history.account, at, results);
            spoil(&mut history, &mut scanned);
            waiting.push(scanned);
        }
        history.world.sleep(SignedDuration::from_hours(1).as_secs().cast_unsigned()).await;
        let rest = if round + 1 < ROUNDS { history.random.random_range(0..3) } else { 0 };
        while waiting.len() > rest {
            let number = history.random.random_range(0..waiting.len());
            let scanned = waiting.swap_remove(number);
            let context = format!("round {round}, scan of {}", scanned.at);
            history.export(&scanned, Blindness::Halves, &context).await;
            history.world.sleep(600).await;
        }
        history.world.sleep(history.random.random_range(2..40) * 3600).await;
    }
}

#[test]
fn parallel_partial_scans_follow_the_rule_in_any_order() {
    seeds("parallel_scans_of_parts", SEEDS, |seed| run(seed, ArchiveScope::Partial));
}

#[test]
fn parallel_scans_of_single_resources_follow_the_rule_in_any_order() {
    seeds("parallel_scans_of_single", SEEDS, |seed| run(seed, ArchiveScope::Observed));
}

//! Fallback Regions are set, changed, and removed, Regions are excluded and included, and Security Hub is enabled. Whatever the
//! settings were, a failing finding stays active, it is in its own Region as soon as that is available, and no copy is left.

use std::collections::BTreeSet;

use asff::RegionName;
use exporter::model::integration::Integration;
use rand::RngExt;
use serde_json::json;
use simulator::{Caller, Fault, Input, Operation};

use crate::evidence::{ENCRYPTION, INSTANCE, PUBLIC, of};
use crate::histories::History;
use crate::promises::scan;
use crate::scan::{Result, Scanned};
use crate::{ACCOUNT, REGIONS, Run, integrate, seeds};

const SEEDS: u64 = 8;
const SCANS: u32 = 20;

fn settings(history: &mut History) -> Integration {
    let random = &mut history.random;
    let all: Vec<RegionName> = REGIONS.iter().map(|region| region.parse().unwrap()).collect();
    let fallback = random.random_bool(0.5).then(|| all[random.random_range(0..3)]);
    let left_out = random.random_range(0..6);
    integrate(&history.world, ACCOUNT, |integration| {
        integration.fallback_region = fallback;
        integration.archive_limit_percent = 100;
        integration.partial_scan_percent = 0;
        // Sometimes one Region is excluded, but not the fallback.
        let regions = all.iter().copied().enumerate().filter(|(number, _)| *number != left_out);
        let regions: Vec<_> = regions.map(|(_, region)| region).collect();
        let is_whole = regions.len() == 3 || fallback.is_some_and(|fallback| !regions.contains(&fallback));
        integration.regions = (!is_whole).then_some(regions);
    })
}

/// Enables Security Hub in a Region, if it is not enabled. `on`: the Regions in which it is.
fn switch(history: &mut History, on: &mut BTreeSet<&'static str>) {
    let region = REGIONS[history.random.random_range(0..3)];
    if on.contains(region) {
        return;
    }
    on.insert(region);
    let product = json!({ "ProductArn": format!("arn:aws:securityhub:{region}::product/prowler/prowler") }).to_string();
    for (operation, body) in
        [(Operation::EnableSecurityHub, "{}"), (Operation::EnableImportFindingsForProduct, product.as_str())]
    {
        let input = Input { body: body.as_bytes(), ..Input::default() };
        let _ = history.world.simulator.call(&Caller::user(ACCOUNT), region, operation, input);
    }
}

/// The Regions in which a finding is active.
fn places(history: &History, id: &str) -> Vec<&'static str> {
    let is_it = |finding: &serde_json::Value| finding["Id"] == id && finding["RecordState"] == "ACTIVE";
    let has = |region: &&str| history.world.simulator.findings(ACCOUNT, region).iter().any(is_it);
    REGIONS.into_iter().filter(has).collect()
}

async fn run(seed: u64) {
    let mut history = History::new(seed, |_, _| {});
    let mut on: BTreeSet<&'static str> = REGIONS.into_iter().collect();
    // Some histories begin with a Region in which Security Hub is not enabled.
    if history.random.random_bool(0.6) {
        let off = REGIONS[history.random.random_range(0..3)];
        on.remove(off);
        let input = Input { body: b"", ..Input::default() };
        let _ = history.world.simulator.call(&Caller::user(ACCOUNT), off, Operation::DisableSecurityHub, input);
    }
    let checks = [PUBLIC, ENCRYPTION, INSTANCE];
    let mut results: Vec<Result> = Vec::new();
    let mut integration = settings(&mut history);
    let (mut made, mut same) = (0, 0);
    for number in 0..SCANS {
        match history.random.random_range(0..4) {
            0 => (integration, same) = (settings(&mut history), 0),
            1 if !on.contains("us-east-1") || on.len() < 3 => {
                switch(&mut history, &mut on);
                same = 0;
            }
            _ => {}
        }
        let random = &mut history.random;
        results.retain(|_| random.random_bool(0.9));
        results.iter_mut().for_each(|one| one.failed ^= random.random_bool(0.08));
        for _ in 0..random.random_range(0..8) {
            made += 1;
            results.push(of(checks[random.random_range(0..3)], REGIONS[random.random_range(0..3)], made));
        }
        // Each check has a verdict in each Region, so that absent findings are proven to be resolved.
        let passed =
            checks.iter().flat_map(|check| REGIONS.map(|region| Result { failed: false, ..of(check, region, 0) }));
        let all: Vec<_> = results.iter().cloned().chain(passed).collect();
        let scanned = Scanned { at: history.now(), ..scan(0, all) };
        let account = scanned.account;
        let failing: Vec<_> = results.iter().filter(|one| one.failed).collect();
        let before: Vec<_> = failing.iter().filter(|one| !places(&history, &one.id(account)).is_empty()).collect();
        history.world.sleep(600).await;
        if history.random.random_bool(0.2) {
            let region = REGIONS[history.random.random_range(0..3)];
            history.world.simulator.inject(Fault::error(503).in_region(region));
            let _ = Run::new(&history.world).go(scanned.upload(&number.to_string())).await;
            history.world.simulator.clear_faults();
            for one in &before {
                assert!(!places(&history, &one.id(account)).is_empty(), "scan {number}: {one:?} is active nowhere");
            }
            history.world.sleep(7200).await;
        }
        let report = Run::new(&history.world).go(scanned.upload(&number.to_string())).await.unwrap().unwrap();
        let context =
            format!("scan {number}, {:?} {:?}: {:?}", integration.regions, integration.fallback_region, report.reasons);
        for one in &before {
            assert!(!places(&history, &one.id(account)).is_empty(), "{context}: {one:?} is active nowhere");
        }
        let takes = |region: &str| {
            let is_in = |regions: &Vec<RegionName>| regions.iter().any(|known| known.as_str() == region);
            on.contains(region) && integration.regions.as_ref().is_none_or(is_in)
        };
        for one in &failing {
            let there = places(&history, &one.id(account));
            if takes(one.region) {
                assert!(there.contains(&one.region), "{context}: {one:?} is in {there:?}, and not in its own Region");
                // After one more scan, no copy is left.
                let no_copy = there.len() == 1 || same == 0 || there.iter().any(|region| !takes(region));
                assert!(no_copy, "{context}: {one:?} is at {there:?}");
            } else if let Some(fallback) = integration.fallback_region.filter(|region| on.contains(region.as_str())) {
                assert!(there.iter().any(|region| *region == fallback.as_str()), "{context}: {one:?} is at {there:?}");
            }
        }
        // A resolved finding is not active in any Region that the integration includes.
        let ids: BTreeSet<String> = failing.iter().map(|one| one.id(account)).collect();
        for region in REGIONS.into_iter().filter(|region| takes(region)) {
            for finding in history.world.simulator.findings(ACCOUNT, region) {
                let (id, active) = (finding["Id"].as_str().unwrap(), finding["RecordState"] == "ACTIVE");
                let is_own = id.contains(&format!("-{ACCOUNT}-{region}-"));
                assert!(!active || ids.contains(id) || !is_own, "{context}: {id} is resolved and active in {region}");
            }
        }
        same += 1;
        history.world.sleep(12 * 3600).await;
    }
}

#[test]
fn a_failing_finding_stays_active_with_any_fallback_settings() {
    seeds("a_failing_finding_stays", SEEDS, run);
}

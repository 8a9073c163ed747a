use proptest::prelude::*;

use super::*;
use crate::model::upload::UploadInfo;
use crate::report::{Fate, RegionReport};

fn run(id: &str, started_at: &str) -> RunReport {
    let upload =
        UploadInfo { source: "s3://b/k".to_owned(), etag: String::new(), bytes: 0, modified_at: None, requester: None };
    let mut run = RunReport::new(id.to_owned(), upload, started_at.parse().unwrap());
    run.status = RunStatus::Succeeded;
    run
}

/// An account with one Region that accepts findings, and one that doesn't.
fn account(sent: u64, errors: u64, unavailable: u64) -> AccountReport {
    let mut part = AccountReport::default();
    let region = RegionReport { sent, unchanged: 10, archived: 2, throttled: 1, ..RegionReport::default() };
    part.regions.insert("eu-west-1".parse().unwrap(), region);
    part.counts.add(Fate::Sent, sent);
    part.counts.add(Fate::Unchanged, 10);
    part.counts.archived = 2;
    part.counts.add(Fate::Quarantined("InvalidInput".to_owned()), errors);
    part.counts.add(Fate::RegionUnavailable("sa-east-1".parse().unwrap(), "hub_not_enabled".to_owned()), unavailable);
    part
}

fn with(mut run: RunReport, id: &str, part: AccountReport) -> RunReport {
    run.counts.merge(&part.counts);
    run.accounts.insert(id.parse().unwrap(), part);
    run
}

const FIRST: &str = "123456789012";
const SECOND: &str = "210987654321";

#[test]
fn a_run_that_is_not_finished_has_no_entry() {
    let mut running = run("r", "2026-11-27T03:00:00Z");
    running.status = RunStatus::Running;
    assert_eq!(HistoryEntry::of(&running), None);
}

#[test]
fn an_entry_has_totals_by_region_and_the_rest() {
    let mut whole = with(run("r", "2026-11-27T23:59:59.999Z"), FIRST, account(5, 3, 7));
    whole.counts.malformed = 4;
    let entry = HistoryEntry::of(&whole).unwrap();
    assert_eq!(entry.day().to_string(), "2026-11-27");
    let regions = &entry.accounts[FIRST];
    assert_eq!(regions["eu-west-1"], Totals { sent: 5, unchanged: 10, archived: 2, throttled: 1, ..Totals::default() });
    assert_eq!(regions["sa-east-1"], Totals { unavailable: 7, ..Totals::default() });
    assert_eq!(regions[OTHER], Totals { errors: 7, ..Totals::default() }, "malformed entries are of the only account");
    let both = HistoryEntry::of(&with(whole, SECOND, account(0, 0, 0))).unwrap();
    assert_eq!(both.accounts[FIRST][OTHER], Totals { errors: 3, ..Totals::default() });
    assert_eq!(both.accounts[OTHER][OTHER], Totals { errors: 4, ..Totals::default() }, "of either account");
    assert!(serde_json::to_string(&entry).unwrap().len() < 450, "{}", serde_json::to_string(&entry).unwrap());
}

#[test]
fn one_account_of_a_run_is_summed_alone() {
    let both = with(with(run("r", "2026-11-27T03:00:00Z"), FIRST, account(5, 0, 7)), SECOND, account(40, 1, 0));
    let entries = [HistoryEntry::of(&both).unwrap(), HistoryEntry::of(&run("idle", "2026-11-27T04:00:00Z")).unwrap()];
    let of = |by, account: &str| sums(&entries, by, Some(account.parse().unwrap()));
    let days = of(HistoryBy::Day, SECOND);
    assert_eq!((days.len(), days["2026-11-27"].runs, days["2026-11-27"].totals.sent), (1, 1, 40));
    assert_eq!(of(HistoryBy::Region, FIRST).keys().collect::<Vec<_>>(), ["eu-west-1", "sa-east-1"]);
    assert_eq!(of(HistoryBy::Account, FIRST).keys().collect::<Vec<_>>(), [FIRST]);
    assert!(of(HistoryBy::Day, "000000000000").is_empty());
    assert_eq!(sums(&entries, HistoryBy::Account, None)[OTHER].runs, 1, "the run did nothing");
}

/// A run of one account that determined these active findings.
fn with_active(id: &str, started_at: &str, account: &str, regions: &[(&str, Option<u64>)]) -> HistoryEntry {
    let mut whole = with(run(id, started_at), account, AccountReport::default());
    whole.scanned_at = Some(whole.started_at - jiff::SignedDuration::from_mins(7));
    for (region, active) in regions {
        let report = RegionReport { unchanged: 1, active: *active, ..RegionReport::default() };
        whole.accounts.get_mut(&account.parse().unwrap()).unwrap().regions.insert(region.parse().unwrap(), report);
    }
    HistoryEntry::of(&whole).unwrap()
}

fn active(sums: &BTreeMap<String, HistorySum>, key: &str) -> Option<(u64, String)> {
    sums.get(key)?.active.clone().map(|active| (active.findings, active.run_id))
}

#[test]
fn active_findings_are_of_the_newest_run_that_determined_them() {
    let entries = [
        with_active("3", "2026-11-27T03:00:00Z", FIRST, &[("eu-west-1", Some(40)), ("us-east-1", None)]),
        with_active("2", "2026-11-26T03:00:00Z", FIRST, &[("eu-west-1", Some(70)), ("us-east-1", Some(5))]),
        with_active("1", "2026-11-25T03:00:00Z", SECOND, &[("eu-west-1", Some(0)), ("sa-east-1", None)]),
        HistoryEntry::of(&with(run("0", "2026-11-28T03:00:00Z"), FIRST, account(1, 0, 0))).unwrap(),
    ];
    let of = |findings: u64, run: &str| Some((findings, run.to_owned()));
    let accounts = sums(&entries, HistoryBy::Account, None);
    assert_eq!((active(&accounts, FIRST), active(&accounts, SECOND)), (of(45, "3"), of(0, "1")));
    assert_eq!(accounts[FIRST].active.as_ref().unwrap().at.to_string(), "2026-11-27T03:00:00Z");
    let regions = sums(&entries, HistoryBy::Region, Some(FIRST.parse().unwrap()));
    assert_eq!((active(&regions, "eu-west-1"), active(&regions, "us-east-1")), (of(40, "3"), of(5, "2")));
    let all = sums(&entries, HistoryBy::Region, None);
    assert_eq!((active(&all, "eu-west-1"), active(&all, "sa-east-1")), (of(40, "3"), None), "0 is not unknown");
    assert!(sums(&entries, HistoryBy::Day, None).values().all(|sum| sum.active.is_none()));
    // The order of the entries has no effect.
    let mut reversed = entries.to_vec();
    reversed.reverse();
    assert_eq!(sums(&reversed, HistoryBy::Account, None), accounts);
}

#[test]
fn a_region_without_results_is_listed_with_its_active_findings() {
    let mut entry = with_active("1", "2026-11-27T03:00:00Z", FIRST, &[("eu-west-1", Some(4)), ("us-east-1", Some(0))]);
    entry.accounts.get_mut(FIRST).unwrap().clear();
    let regions = sums([&entry], HistoryBy::Region, None);
    assert_eq!(regions.keys().collect::<Vec<_>>(), ["eu-west-1", OTHER], "the run counts for the other results");
    assert_eq!((regions["eu-west-1"].runs, active(&regions, "eu-west-1")), (0, Some((4, "1".to_owned()))));
    let one = sums([&entry], HistoryBy::Region, Some(FIRST.parse().unwrap()));
    assert_eq!(active(&one, "us-east-1"), Some((0, "1".to_owned())), "of one account, 0 is known");
}

#[test]
fn the_last_scan_of_an_account_is_that_of_an_export() {
    let mut redrive = with_active("2", "2026-11-27T05:00:00Z", FIRST, &[]);
    assert_eq!(redrive.scanned_at.unwrap().to_string(), "2026-11-27T04:53:00Z");
    let last = |entries: &[HistoryEntry]| sums(entries, HistoryBy::Account, None)[FIRST].last_scan_at;
    let scan = with_active("1", "2026-11-27T03:00:00Z", FIRST, &[]);
    assert_eq!(last(&[scan.clone(), redrive.clone()]), redrive.scanned_at);
    redrive.scanned_at = None;
    assert_eq!(last(&[redrive, scan.clone()]), scan.scanned_at);
    for (kind, status) in [
        (RunKind::Redrive, RunStatus::Succeeded),
        (RunKind::Export, RunStatus::Ignored),
        (RunKind::Export, RunStatus::Duplicate),
    ] {
        let mut other = run("3", "2026-11-27T06:00:00Z");
        (other.kind, other.status, other.scanned_at) = (kind, status, Some(other.started_at));
        assert_eq!(HistoryEntry::of(&other).unwrap().scanned_at, None, "{kind:?} {status:?}");
    }
    assert_eq!(sums([&scan], HistoryBy::Region, None)[OTHER].last_scan_at, None);
}

#[test]
fn a_large_run_has_the_active_findings_of_whole_accounts() {
    let mut large = run("2", "2026-11-27T03:00:00Z");
    for number in 0..600_u32 {
        let mut part = account(1, 0, 0);
        part.regions.insert("us-east-1".parse().unwrap(), RegionReport { active: Some(3), ..RegionReport::default() });
        part.regions.values_mut().next().unwrap().active = Some(4);
        large = with(large, &format!("{number:012}"), part);
    }
    let small = with_active("1", "2026-11-26T03:00:00Z", "000000000001", &[("eu-west-1", Some(90))]);
    let entries = [HistoryEntry::of(&large).unwrap(), small];
    let accounts = sums(&entries, HistoryBy::Account, None);
    assert_eq!(active(&accounts, "000000000001"), Some((7, "2".to_owned())));
    assert!(sums(&entries, HistoryBy::Region, None).values().all(|sum| sum.active.is_none()), "not known by Region");
    let one = sums(&entries, HistoryBy::Region, Some("000000000001".parse().unwrap()));
    assert_eq!((active(&one, "eu-west-1"), active(&one, OTHER)), (Some((90, "1".to_owned())), None));
}

#[test]
fn the_entry_of_a_large_run_is_bounded_and_its_sums_are_correct() {
    for accounts in [500, 5_000_u32] {
        let mut large = run("r", "2026-11-27T03:00:00Z");
        for number in 0..accounts {
            let mut part = account(u64::MAX / 100_000_000, 0, 7);
            part.regions.values_mut().for_each(|region| region.active = Some(1_000_000));
            large = with(large, &format!("{number:012}"), part);
        }
        let worst = with(large, "999999999999", account(1, 9, 0));
        let entry = HistoryEntry::of(&worst).unwrap();
        let totals = |by| sum(sums([&entry], by, None).values().map(|sum| &sum.totals));
        let all = Totals { throttled: u64::from(accounts) + 1, ..Totals::of(&worst.counts) };
        assert_eq!([HistoryBy::Day, HistoryBy::Region, HistoryBy::Account].map(totals), [all; 3]);
        assert_eq!(sums([&entry], HistoryBy::Region, None)["sa-east-1"].totals.unavailable, u64::from(accounts) * 7);
        assert_eq!(entry.accounts["999999999999"][OTHER].errors, 9, "an account with errors keeps its name");
        assert!(entry.accounts.len() <= ACCOUNTS_MAX);
        assert!(serde_json::to_vec(&entry).unwrap().len() < 390_000);
    }
}

fn any_part() -> impl Strategy<Value = AccountReport> {
    let region = (0..4_u64, 0..4_u64, 0..3_u64, 0..3_u64, 0..3_u64);
    (prop::collection::btree_map(0..5_u8, region, 0..4), 0..3_u64, 0..3_u64).prop_map(|(regions, quarantined, left)| {
        let mut part = AccountReport::default();
        for (number, (sent, unchanged, archived, throttled, unavailable)) in regions {
            let name: asff::RegionName = format!("eu-west-{number}").parse().unwrap();
            part.counts.add(Fate::Sent, sent);
            part.counts.add(Fate::Unchanged, unchanged);
            part.counts.archived += archived;
            part.counts.add(Fate::RegionUnavailable(name, "unreachable".to_owned()), unavailable);
            let active = (sent > 0).then_some(unchanged);
            let report = RegionReport { sent, unchanged, archived, throttled, active, ..RegionReport::default() };
            part.regions.insert(name, report);
        }
        part.counts.add(Fate::Quarantined("a".to_owned()), quarantined);
        part.counts.add(Fate::Undelivered("b".to_owned()), left);
        part
    })
}

fn any_run() -> impl Strategy<Value = RunReport> {
    let parts = prop::collection::btree_map(0..4_u8, any_part(), 0..4);
    (0..1_000_u32, 0..5_u8, 0..24_u8, 0..3_u64, parts).prop_map(|(id, day, hour, malformed, parts)| {
        let mut whole = run(&format!("run-{id}"), &format!("2026-11-{:02}T{hour:02}:00:00Z", day + 1));
        for (number, part) in parts {
            whole = with(whole, &format!("{number:012}"), part);
        }
        whole.counts.add(Fate::Malformed, malformed);
        whole
    })
}

proptest! {
    #[test]
    fn sums_match_the_runs_by_any_key_and_in_any_order(
        runs in prop::collection::btree_map(0..1_000_u32, any_run(), 0..12),
        duplicates in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut runs: Vec<RunReport> = runs.into_iter().map(|(id, run)| RunReport { run_id: id.to_string(), ..run }).collect();
        let mut expected = Totals::default();
        for run in &runs {
            let throttled = run.accounts.values().flat_map(|part| part.regions.values()).map(|region| region.throttled);
            expected.add(&Totals { throttled: throttled.sum(), ..Totals::of(&run.counts) });
        }
        let number = runs.len() as u64;
        let entries: Vec<HistoryEntry> = runs.iter().filter_map(HistoryEntry::of).collect();
        if !runs.is_empty() {
            let again: Vec<RunReport> = duplicates.iter().map(|index| index.get(&runs).clone()).collect();
            runs.extend(again);
        }
        runs.reverse();
        let shuffled: Vec<HistoryEntry> = runs.iter().filter_map(HistoryEntry::of).collect();
        for by in [HistoryBy::Day, HistoryBy::Region, HistoryBy::Account] {
            let found = sums(&entries, by, None);
            prop_assert_eq!(sum(found.values().map(|sum| &sum.totals)), expected);
            prop_assert_eq!(sum(found.values().flat_map(|sum| sum.days.values())), expected, "day by day");
            prop_assert_eq!(&found, &sums(&shuffled, by, None));
        }
        prop_assert_eq!(sums(&entries, HistoryBy::Day, None).values().map(|sum| sum.runs).sum::<u64>(), number);
    }

    #[test]
    fn an_entry_is_serialized_and_parsed_unchanged(run in any_run()) {
        let entry = HistoryEntry::of(&run).unwrap();
        let json = serde_json::to_string(&entry).unwrap();
        prop_assert_eq!(serde_json::from_str::<HistoryEntry>(&json).unwrap(), entry);
    }
}

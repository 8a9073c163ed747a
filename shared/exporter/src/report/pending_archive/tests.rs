use super::*;

/// Of a service: active, absent, and passed findings, results, and results of an earlier scan.
type Row<'a> = (&'a str, u64, u64, u64, u64, u64);

fn at(day: i8) -> Timestamp {
    format!("2026-11-{day:02}T03:00:00Z").parse().unwrap()
}

/// The archive of an account with these services, all of one Region.
fn archive(rows: &[Row<'_>], is_comparable: bool) -> PendingArchive {
    let (mut pending, mut results, mut earlier) =
        (Grouped::<PendingSums>::default(), Grouped::default(), Grouped::<EarlierResults>::default());
    let region: RegionName = "eu-west-1".parse().unwrap();
    for (service, active, absent, passed, found, before) in rows {
        let sums = PendingSums { active: *active, absent: *absent, passed: *passed, ..PendingSums::default() };
        pending.update(service, region, |all| all.add(&sums));
        results.update(service, region, |all| *all += found);
        if *before > 0 {
            earlier.update(service, region, |all| {
                (all.results, all.scanned_at) = (all.results + before, at(24));
            });
        }
    }
    PendingArchive::new(&pending, &results, &earlier, is_comparable)
}

const ROWS: [Row<'static>; 5] = [
    ("ec2", 3_120, 3_120, 0, 61, 5_902),
    ("rds", 1_010, 1_010, 0, 34, 1_911),
    ("vpc", 740, 740, 0, 23, 1_401),
    ("s3", 1_480, 0, 131, 4_102, 4_000),
    ("iam", 2_562, 0, 209, 20_596, 20_000),
];

#[test]
fn services_with_far_fewer_results_make_an_archive_unusual() {
    let archive = archive(&ROWS, true);
    let unusual = archive.unusual.clone().unwrap();
    assert_eq!((unusual.by, unusual.names.join(" ").as_str()), (UnusualGroup::Service, "ec2 rds vpc"));
    assert_eq!(
        (unusual.findings, unusual.results, unusual.active, unusual.earlier_results, unusual.earlier_scanned_at),
        (4_870, 118, 4_870, 9_214, Some(at(24)))
    );
    assert_eq!(archive.with_partial_scope, Some(340));
    for sums in [archive.services.values().collect::<Vec<_>>(), archive.regions.values().collect()] {
        let total = |of: fn(&PendingSums) -> u64| sums.iter().map(|sums| of(sums)).sum::<u64>();
        assert_eq!((total(PendingSums::pending), total(|sums| sums.active)), (5_210, 8_912));
        assert_eq!(total(|sums| sums.results), 24_816);
    }
    let [what, before] = unusual.explain(5_210, |number| number.to_string(), |at| at.strftime("%-d %b").to_string());
    assert_eq!(what, "4870 of the 5210 belong to 3 services of which this scan has only 118 results: ec2, rds, vpc.");
    assert_eq!(before, "The scan of 24 Nov had 9214.");
}

#[test]
fn only_absent_findings_and_considerable_shares_are_unusual() {
    let is_unusual = |row: Row<'_>| archive(&[row, ("s3", 900, 0, 900, 9_000, 9_000)], true).unusual.is_some();
    assert!(is_unusual(("ec2", 100, 100, 0, 49, 100)));
    assert!(!is_unusual(("ec2", 50, 100, 0, 50, 100)), "half of the results are not far fewer");
    assert!(!is_unusual(("ec2", 100, 0, 100, 49, 1_000)), "what passed was looked at");
    assert!(!is_unusual(("ec2", 99, 99, 0, 0, 1_000)), "99 of 999 explain less than a tenth of the archive");
    assert!(archive(&ROWS, false).unusual.is_none(), "a scan of a part has fewer results than the account");
}

#[test]
fn without_an_earlier_scan_the_active_findings_are_the_measure() {
    let unusual = archive(&[("ec2", 100, 80, 0, 20, 0)], true).unusual.unwrap();
    assert_eq!((unusual.earlier_results, unusual.earlier_scanned_at), (0, None));
    let [what, before] = unusual.explain(80, |number| number.to_string(), |at| at.to_string());
    assert_eq!(what, "80 of the 80 belong to 1 service of which this scan has only 20 results: ec2.");
    assert_eq!(before, "Before, 100 findings of them were active.");
    assert_eq!(archive(&[("ec2", 100, 80, 0, 50, 0)], true).unusual, None);
}

#[test]
fn rows_are_the_largest_groups_and_add_up_with_the_others() {
    let services = archive(&ROWS, true).services;
    let table = PendingRows::new(&services, 2);
    assert_eq!(table.rows.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["ec2", "rds"]);
    let (others, rest) = table.others;
    assert_eq!((others, rest.pending(), rest.results), (3, 1_080, 24_721));
    assert_eq!((table.total.pending(), table.total.active, table.total.results), (5_210, 8_912, 24_816));
    let with_none = BTreeMap::from([("s3", PendingSums::default()), ("ec2", services["ec2"])]);
    assert_eq!(PendingRows::new(&with_none, 9).rows.len(), 1);
}

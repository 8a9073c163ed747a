//! Reads and upgrades a state of the version before the evidence rule. The files in `upgrade/` were written by commit 3c2f996:
//! three scans of an account whose Region sa-east-1 has no Security Hub, with us-east-1 as the fallback.

use asff::Status;
use bytes::Bytes;
use exporter::report::{RunStatus, unproven};
use exporter::state::{Entry, StateReader, StateStep, Stored};
use serde_json::Value;
use simulator::{Caller, Config, Simulator};

use crate::evidence::{ENCRYPTION, INSTANCE, PUBLIC, active, evidence, of, unproven};
use crate::fake_aws::World;
use crate::hub_assertions::held;
use crate::promises::{imports, scan};
use crate::scan::Result;
use crate::{ACCOUNT, REGIONS, START, export, integrate};

const STATES: [(&str, &[u8]); 2] =
    [("us-east-1", include_bytes!("upgrade/us-east-1.zst")), ("eu-west-1", include_bytes!("upgrade/eu-west-1.zst"))];
/// The findings in Security Hub at that time, in the form in which a provider sends them.
const HUB: &[u8] = include_bytes!("upgrade/hub.json.zst");

/// The results of the third scan, two days after the first.
fn third() -> Vec<Result> {
    let mut all: Vec<_> = REGIONS
        .into_iter()
        .flat_map(|region| [of(PUBLIC, region, 0), of(PUBLIC, region, 1), of(INSTANCE, region, 0)])
        .chain([of(ENCRYPTION, "eu-west-1", 0), of(ENCRYPTION, "sa-east-1", 0), of(INSTANCE, "eu-west-1", 7)])
        .chain([of(PUBLIC, "us-east-1", 9)])
        .collect();
    all.retain(|one| {
        !(one.check == PUBLIC
            && ["arn:aws:x:::eu-west-1-1", "arn:aws:x:::sa-east-1-0"].contains(&one.resource.as_str()))
    });
    all.iter_mut().find(|one| one.check == INSTANCE && one.region == "us-east-1").unwrap().failed = false;
    all.iter_mut().find(|one| one.check == ENCRYPTION && one.region == "eu-west-1").unwrap().muted = true;
    all.iter_mut().find(|one| one.check == PUBLIC && one.region == "us-east-1").unwrap().detail = 3;
    all
}

/// The world as the earlier version left it, an hour after the third scan.
fn left_by_the_version_before() -> World {
    let config = Config::one_account(ACCOUNT, &REGIONS).region(ACCOUNT, "sa-east-1", |region| region.hub = false);
    let start = START.parse::<jiff::Timestamp>().unwrap() + jiff::SignedDuration::from_hours(49);
    let world = World::new(Simulator::new(config), start);
    integrate(&world, ACCOUNT, |integration| integration.fallback_region = Some("us-east-1".parse().unwrap()));
    let hub: Value = serde_json::from_slice(&zstd::decode_all(HUB).unwrap()).unwrap();
    for (region, findings) in hub.as_object().unwrap() {
        let body = serde_json::json!({ "Findings": findings }).to_string();
        let answer = world.simulator.batch_import_findings(&Caller::user(ACCOUNT), region, body.as_bytes());
        assert_eq!(answer.json()["FailedCount"], 0, "{:?}", answer.json());
    }
    let mut contents = world.contents();
    for (number, (region, bytes)) in (1..).zip(STATES) {
        contents.objects.insert(format!("state/{ACCOUNT}/{region}.zst"), (number, Bytes::from_static(bytes)));
    }
    drop(contents);
    assert_eq!(active(&world), 9);
    world
}

/// Writes the states in the format of the earlier version, and deletes what that version did not store.
pub(crate) fn downgrade(world: &World) {
    let mut contents = world.contents();
    contents.objects.retain(|key, _| !key.ends_with("coverage.json.zst"));
    for (key, (etag, bytes)) in &mut contents.objects {
        if key.starts_with("state/") {
            *bytes = as_before(bytes.clone()).into();
            *etag += 1_000_000;
        }
    }
}

/// A state file in the format of commit 3c2f996.
fn as_before(bytes: Bytes) -> Vec<u8> {
    let (mut reader, mut entries) = (StateReader::new().unwrap(), Vec::new());
    reader.feed(bytes);
    reader.end_of_input();
    while let StateStep::Entry(entry) = reader.step().unwrap() {
        entries.push(entry);
    }
    let header = reader.header().unwrap();
    let json = serde_json::to_vec(header).unwrap();
    let mut plain = b"shstate1".to_vec();
    plain.extend_from_slice(&u32::try_from(json.len()).unwrap().to_le_bytes());
    plain.extend_from_slice(&json);
    // That version did not store findings that were never sent.
    entries.retain(|entry| entry.meta.first_seen_ms != i64::MAX);
    for Entry { meta, json } in &entries {
        plain.extend_from_slice(&u32::try_from(json.len()).unwrap().to_le_bytes());
        plain.extend_from_slice(&meta.key.0.to_le_bytes());
        plain.extend_from_slice(&meta.content.to_le_bytes());
        plain.extend_from_slice(&meta.resource.to_le_bytes());
        plain.extend_from_slice(&meta.check.to_le_bytes());
        for time in [meta.first_seen_ms, meta.updated_ms, meta.sent_ms] {
            plain.extend_from_slice(&time.to_le_bytes());
        }
        let of = |status| match status {
            Status::Passed => 0,
            Status::Warning => 1,
            Status::Failed => 2,
        };
        plain.push(match meta.stored {
            Stored::Active(status) => of(status),
            Stored::Archived(status) => 5 + of(status),
            Stored::Uncertain => 4,
        });
        plain.extend_from_slice(json);
    }
    plain.extend_from_slice(&u32::MAX.to_le_bytes());
    plain.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    if let Some(adopting) = &header.tail.adopting {
        plain.extend_from_slice(&serde_json::to_vec(adopting).unwrap());
    }
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.window_log(18).unwrap();
    std::io::Write::write_all(&mut encoder, &plain).unwrap();
    encoder.finish().unwrap()
}

fn first_seen(world: &World, result: &Result) -> jiff::Timestamp {
    let id = result.id(ACCOUNT.parse().unwrap());
    let all = held(world, ACCOUNT.parse().unwrap(), "ACTIVE");
    all.iter().find(|((_, known), _)| *known == id).unwrap().1.first_observed_at
}

#[tokio::test(start_paused = true)]
async fn a_state_of_the_earlier_version_is_read_and_nothing_is_resent() {
    let world = left_by_the_version_before();
    let before = imports(&world);
    for hours in [49, 50] {
        let report = export(&world, scan(hours, third()).upload(&hours.to_string())).await;
        assert_eq!((report.counts.sent, report.counts.unchanged), (0, 9), "{:?}", report.reasons);
        assert_eq!(evidence(&report), (0, 0, 0), "{:?}", report.reasons);
        world.sleep(3600).await;
    }
    assert_eq!((imports(&world), active(&world)), (before, 9));
}

#[tokio::test(start_paused = true)]
async fn first_seen_times_of_all_findings_are_preserved() {
    let world = left_by_the_version_before();
    let mut results = third();
    results.iter_mut().for_each(|one| (one.failed, one.muted, one.detail) = (true, false, 20));
    results.push(of(PUBLIC, "eu-west-1", 1));
    results.push(of(PUBLIC, "sa-east-1", 0));
    let report = export(&world, scan(49, results).upload("1")).await;
    assert_eq!((report.counts.sent, active(&world)), (13, 13), "{:?}", report.reasons);
    let at = |hours| scan(hours, Vec::new()).at;
    for (result, seen) in [
        (of(PUBLIC, "us-east-1", 0), at(0)),
        (of(PUBLIC, "us-east-1", 9), at(48)),
        (of(INSTANCE, "eu-west-1", 7), at(24)),
        (of(PUBLIC, "eu-west-1", 1), at(0)),
        (of(INSTANCE, "us-east-1", 0), at(0)),
        (of(ENCRYPTION, "eu-west-1", 0), at(0)),
        (of(PUBLIC, "sa-east-1", 0), at(0)),
        (of(PUBLIC, "sa-east-1", 1), at(0)),
    ] {
        assert_eq!(first_seen(&world, &result), seen, "{result:?}");
    }
    let changes = report.accounts[&ACCOUNT.parse().unwrap()].regions.values().map(|region| region.changes);
    assert_eq!(changes.map(|changes| changes.reactivated).sum::<u64>(), 4, "archived findings are known as archived");
}

#[tokio::test(start_paused = true)]
async fn the_rule_applies_to_findings_of_the_earlier_version() {
    let world = left_by_the_version_before();
    // The service ec2 has no results, and sa-east-1, whose findings are in the fallback, has none either.
    let silent = |one: &Result| one.check == INSTANCE || one.region == "sa-east-1";
    let blind: Vec<_> = third().into_iter().filter(|one| !silent(one)).collect();
    for hours in 49..52 {
        let report = export(&world, scan(hours, blind.clone()).upload(&hours.to_string())).await;
        assert_eq!(evidence(&report), (0, 0, 5), "{:?}", report.reasons);
        assert_eq!(unproven(&report, "eu-west-1", "ec2", unproven::NO_SERVICE_RESULTS), 2);
        assert_eq!(unproven(&report, "sa-east-1", "ec2", unproven::NO_REGION_RESULTS), 1);
        assert_eq!(unproven(&report, "sa-east-1", "s3", unproven::NO_REGION_RESULTS), 2);
        world.sleep(3600).await;
    }
    // Proven findings are archived: one in the fallback, and one in its own Region.
    let resolved = |one: &Result| one.check == ENCRYPTION || one.resource.ends_with("us-east-1-1");
    let mut results: Vec<_> = third().into_iter().filter(|one| !resolved(one)).collect();
    results.push(Result { failed: false, ..of(ENCRYPTION, "sa-east-1", 50) });
    let report = export(&world, scan(52, results).upload("last")).await;
    assert_eq!((evidence(&report), active(&world)), ((2, 0, 0), 7), "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn copies_of_the_earlier_version_are_archived_once_their_region_has_them() {
    let world = left_by_the_version_before();
    let product = r#"{"ProductArn":"arn:aws:securityhub:sa-east-1::product/prowler/prowler"}"#;
    let caller = Caller::user(ACCOUNT);
    for (operation, body) in [
        (simulator::Operation::EnableSecurityHub, "{}"),
        (simulator::Operation::EnableImportFindingsForProduct, product),
    ] {
        let input = simulator::Input { body: body.as_bytes(), ..simulator::Input::default() };
        let _ = world.simulator.call(&caller, "sa-east-1", operation, input);
    }
    // The fallback is removed at the same time.
    integrate(&world, ACCOUNT, |_| {});
    let report = export(&world, scan(49, third()).upload("1")).await;
    assert_eq!((report.counts.sent, report.counts.archived, active(&world)), (3, 3, 9), "{:?}", report.reasons);
    assert_eq!(report.status, RunStatus::Succeeded, "{:?}", report.reasons);
    world.sleep(3600).await;
    let report = export(&world, scan(50, third()).upload("2")).await;
    assert_eq!((report.counts.sent, report.counts.archived, active(&world)), (0, 0, 9), "{:?}", report.reasons);
}

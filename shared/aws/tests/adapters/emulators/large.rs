//! Large accounts: a state and a quarantine of several parts.

use asff::{AccountId, RegionName, Status};
use bytes::Bytes;
use exporter::ports::settings_store::{Page, RunLog as _};
use exporter::ports::{ObjectWriter as _, Objects as _, PutMode};
use exporter::quarantine::{Entry, Stage};
use exporter::report::RunReport;
use exporter::state::{
    FindingKey, FindingMeta, ScanCode, StateHeader, StateReader, StateStep, StateWriter, Stored, Tail, fingerprint,
    state_key,
};
use futures::TryStreamExt as _;

use super::{Place, on_each_emulator};
use crate::ACCOUNT;

/// Findings of one account in one Region.
const FINDINGS: u64 = 60_000;
/// Entries of one run's quarantine.
const QUARANTINED: usize = 5_000;
/// Minimum size of a part in S3. Both objects are larger.
const PART: usize = 5 * 1024 * 1024;

on_each_emulator![a_state_of_60_000_findings_is_read_completely, a_quarantine_of_5_000_entries_is_read_page_by_page];

fn account() -> AccountId {
    ACCOUNT.parse().unwrap()
}

fn region() -> RegionName {
    "eu-west-1".parse().unwrap()
}

fn meta(number: u64) -> FindingMeta {
    let sent_ms = 1_795_392_060_000;
    FindingMeta {
        key: FindingKey(mixed(number)),
        content: mixed(!number),
        resource: mixed(number).to_le_bytes()[0].into(),
        check: fingerprint("s3_bucket_public_access"),
        first_seen_ms: sent_ms,
        updated_ms: sent_ms,
        sent_ms,
        stored: Stored::Active(Status::Failed),
        seen: ScanCode::NEWEST,
        absent: 0,
        foreign: false,
    }
}

/// A finding as JSON. Consecutive findings differ as much as real ones, so that a state has a realistic size
/// (docs/performance.md).
fn finding(number: u64) -> String {
    let names: String = (0..12).map(|part| format!("{:016x}", mixed(number << 8 | part))).collect();
    let text = "A bucket that blocks public access stays private, whatever its policy says. ".repeat(10);
    format!(r#"{{"SchemaVersion":"2018-10-08","Id":"{names}","AwsAccountId":"{ACCOUNT}","Description":"{text}"}}"#)
}

/// Maps each number to another one of 64 bits (the finalizer of `SplitMix64`).
fn mixed(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

async fn a_state_of_60_000_findings_is_read_completely(place: Place) {
    let key = state_key(account(), region());
    let header = StateHeader {
        account: account(),
        region: region(),
        hub_since: None,
        scanned_at: None,
        ahead: None,
        tail: Tail::default(),
    };
    let mut writer = place.cloud.create(&key, PutMode::Create).await.unwrap();
    let mut state = StateWriter::new(&header).unwrap();
    for number in 0..FINDINGS {
        state.push(&meta(number), finding(number).as_bytes()).unwrap();
        if state.pending_bytes() >= 256 * 1024 {
            writer.write(state.take_bytes()).await.unwrap();
        }
    }
    writer.write(state.finish().unwrap()).await.unwrap();
    writer.finish().await.unwrap();

    let (etag, content) = place.read(&key).await.unwrap();
    assert!(content.len() > PART && etag.contains('-'), "{} bytes with the ETag {etag}", content.len());
    let mut reader = StateReader::new().unwrap();
    reader.feed(content);
    reader.end_of_input();
    let mut read = 0;
    loop {
        match reader.step().unwrap() {
            StateStep::Entry(entry) => {
                assert!(entry.meta == meta(read) && entry.json == finding(read), "entry {read}: {entry:?}");
                read += 1;
            }
            StateStep::Done => break,
            StateStep::NeedInput => panic!("the reader has all input"),
        }
    }
    assert_eq!((read, reader.header()), (FINDINGS, Some(&header)));
}

async fn a_quarantine_of_5_000_entries_is_read_page_by_page(place: Place) {
    let entry = |number: usize| Entry {
        stage: Stage::Delivery,
        code: "InvalidInput".to_owned(),
        message: format!("entry {number}"),
        id: None,
        account: Some(account()),
        region: Some(region()),
        offset: None,
        finding: serde_json::from_str(&finding(number as u64)).unwrap(),
    };
    let key = RunReport::quarantine_key("run-1");
    let mut writer = place.cloud.create(&key, PutMode::Overwrite).await.unwrap();
    for number in 0..QUARANTINED {
        let mut line = serde_json::to_vec(&entry(number)).unwrap();
        line.push(b'\n');
        writer.write(Bytes::from(line)).await.unwrap();
    }
    writer.finish().await.unwrap();
    let object = place.cloud.object(&key).await.unwrap().unwrap();
    let bytes: usize = object.body.try_fold(0, |sum, chunk| std::future::ready(Ok(sum + chunk.len()))).await.unwrap();
    assert!(bytes > PART && object.etag.contains('-'), "{bytes} bytes with the ETag {}", object.etag);

    let (mut read, mut after) = (0, None);
    loop {
        let page = place.cloud.quarantined("run-1", &Page { limit: 1_000, after }).await.unwrap().unwrap();
        for value in page.entries {
            assert_eq!(serde_json::from_value::<Entry>(value).unwrap(), entry(read));
            read += 1;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(read, QUARANTINED);
}

//! Tests of the state file and of the decisions that depend on it.

use asff::Status;
use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn header() -> StateHeader {
    let (account, region) = ("123456789012".parse().unwrap(), "eu-west-1".parse().unwrap());
    StateHeader {
        account,
        region,
        hub_since: Some("2026-01-01T00:00:00Z".to_owned()),
        scanned_at: None,
        ahead: None,
        tail: Tail::default(),
    }
}

fn meta(number: u64) -> FindingMeta {
    FindingMeta {
        key: FindingKey::from_id(&number.to_string()),
        content: number * 7,
        resource: 5,
        check: 6,
        first_seen_ms: 1,
        updated_ms: 2,
        sent_ms: 3,
        stored: match number % 5 {
            0 => Stored::Archived(Status::Failed),
            1 => Stored::Uncertain,
            2 => Stored::Active(Status::Passed),
            3 => Stored::Active(Status::Warning),
            _ => Stored::Active(Status::Failed),
        },
        seen: ScanCode(u16::try_from(number % 65_536).unwrap()),
        absent: u8::try_from(number % 16).unwrap(),
        foreign: number.is_multiple_of(3),
    }
}

fn write(entries: &[(FindingMeta, Vec<u8>)]) -> Vec<u8> {
    let mut writer = StateWriter::new(&header()).unwrap();
    let mut file = Vec::new();
    for (meta, json) in entries {
        writer.push(meta, json).unwrap();
        file.extend_from_slice(&writer.take_bytes());
    }
    file.extend_from_slice(&writer.finish().unwrap());
    file
}

fn read(file: &[u8], chunk: usize) -> Result<Vec<Entry>, StateError> {
    let mut reader = StateReader::new().unwrap();
    let mut chunks = file.chunks(chunk.max(1));
    let mut entries = Vec::new();
    loop {
        match reader.step()? {
            StateStep::NeedInput => match chunks.next() {
                Some(chunk) => reader.feed(Bytes::copy_from_slice(chunk)),
                None => reader.end_of_input(),
            },
            StateStep::Entry(entry) => entries.push(entry),
            StateStep::Done => {
                assert_eq!(reader.header(), Some(&header()));
                return Ok(entries);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_state_reads_back_as_it_was_written(
        entries in prop::collection::vec((any::<u64>(), prop::collection::vec(any::<u8>(), 0..5000)), 0..200),
        chunk in 1usize..100_000,
    ) {
        let entries: Vec<_> = entries.into_iter().map(|(number, json)| (meta(number % 1000), json)).collect();
        let back = read(&write(&entries), chunk).unwrap();
        let back: Vec<_> = back.into_iter().map(|entry| (entry.meta, entry.json.to_vec())).collect();
        prop_assert_eq!(back, entries);
    }

    #[test]
    fn a_damaged_state_is_rejected(
        count in 1u64..300, at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<bool>(),
    ) {
        let entries: Vec<_> = (0..count).map(|number| (meta(number), vec![b'x'; 50])).collect();
        let mut file = write(&entries);
        let at = at.index(file.len());
        if cut { file.truncate(at) } else { file[at] ^= 1 << bit }
        // Some bits of zstd's format are unused; flipping one of them changes nothing that is read.
        let same = |read: Vec<Entry>| read.iter().map(|entry| entry.meta).eq(entries.iter().map(|(meta, _)| *meta));
        let harmless = !cut && read(&file, 4096).is_ok_and(same);
        prop_assert!(harmless || read(&file, 4096).is_err(), "byte {at}, cut {cut}");
    }
}

#[test]
fn a_partial_state_is_marked_as_such() {
    let adopting =
        AdoptionProgress { next: Some("page 7".to_owned()), trust: Trust::Existence, runs: 3, given_up: None };
    let mut writer = StateWriter::new(&header()).unwrap();
    writer.push(&meta(1), b"{}").unwrap();
    let tail = Tail { adopting: Some(adopting), scans: vec![5, 7], checks: vec!["s3_x".to_owned()], ..Tail::default() };
    writer.set_tail(&tail).unwrap();
    let file = writer.finish().unwrap();
    for chunk in [1, 7, file.len()] {
        let mut reader = StateReader::new().unwrap();
        let mut chunks = file.chunks(chunk);
        loop {
            match reader.step().unwrap() {
                StateStep::NeedInput => match chunks.next() {
                    Some(chunk) => reader.feed(Bytes::copy_from_slice(chunk)),
                    None => reader.end_of_input(),
                },
                StateStep::Entry(entry) => assert_eq!(entry.meta, meta(1)),
                StateStep::Done => break,
            }
        }
        assert_eq!(reader.header().unwrap().tail, tail);
    }
    assert!(read(&file[..file.len() - 1], 7).is_err());
}

#[test]
fn the_file_of_a_later_release_is_rejected_with_its_format() {
    let plain = zstd::decode_all(&write(&[(meta(1), b"{}".to_vec())])[..]).unwrap();
    let read_with = |at: usize, letter: u8, chunk: usize| {
        let mut plain = plain.clone();
        plain[at] = letter;
        read(&zstd::encode_all(&plain[..], 1).unwrap(), chunk).unwrap_err()
    };
    for chunk in [1, 4096] {
        let newer = read_with(7, b'3', chunk);
        assert!(matches!(newer, StateError::Newer { format: '3' }), "{newer:?}");
        assert!(newer.to_string().contains("has format 3, and this release reads formats 1 and 2"), "{newer}");
        assert!(matches!(read_with(0, b'x', chunk), StateError::Version));
    }
}

#[test]
fn the_later_of_two_entries_of_a_finding_counts() {
    let mut index = Index::default();
    index.push(FindingMeta { content: 1, ..meta(9) });
    index.push(meta(4));
    index.push(FindingMeta { content: 2, ..meta(9) });
    index.finish();
    assert_eq!(index.get(FindingKey::from_id("9")).unwrap().content, 2);
    assert_eq!(index.iter().count(), 2);
    index.mark(FindingKey::from_id("9"), SeenInScan::Wanted, false);
    index.mark(FindingKey::from_id("9"), SeenInScan::Passed, false);
    assert_eq!(index.seen(FindingKey::from_id("9")), Some(SeenInScan::Wanted));
    index.mark(FindingKey::from_id("9"), SeenInScan::Passed, true);
    assert_eq!(
        index.seen(FindingKey::from_id("9")),
        Some(SeenInScan::Passed),
        "a newer scan of the same file overrides it"
    );
    assert_eq!(index.seen(FindingKey::from_id("unknown")), None);
}

#[test]
fn the_version_with_the_latest_updated_at_counts() {
    let mut index = Index::default();
    index.push(FindingMeta { content: 2, updated_ms: 9, ..meta(9) });
    index.push(FindingMeta { content: 1, updated_ms: 7, ..meta(9) });
    index.finish();
    assert_eq!(index.get(FindingKey::from_id("9")).unwrap().content, 2);
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[test]
fn only_changes_are_sent_and_refreshes_are_spread_over_days() {
    let active = |number| FindingMeta { stored: Stored::Active(Status::Failed), sent_ms: 0, ..meta(number) };
    assert_eq!(compare(None, 1, 0), Comparison::New);
    assert_eq!(compare(Some(&active(4)), 28, DAY_MS), Comparison::Same);
    assert_eq!(compare(Some(&active(4)), 29, DAY_MS), Comparison::Changed);
    assert_eq!(
        compare(Some(&FindingMeta { stored: Stored::Archived(Status::Failed), ..active(4) }), 28, 0),
        Comparison::Reactivated
    );
    assert_eq!(compare(Some(&FindingMeta { stored: Stored::Uncertain, ..active(4) }), 28, 0), Comparison::Changed);
    let due_on = |day: i64| {
        let due = |number: &u64| compare(Some(&active(*number)), number * 7, day * DAY_MS) == Comparison::RefreshDue;
        (0..1000).filter(due).count()
    };
    assert_eq!((due_on(20), due_on(30)), (0, 1000), "none before day 21, all by day 30");
    for day in 21..=30 {
        let today = due_on(day) - due_on(day - 1);
        assert!((50..150).contains(&today), "{today} of 1000 are refreshed on day {day}");
    }
}

#[test]
fn an_archived_finding_equals_the_last_sent_one() {
    let sent = br#"{"Id":"a","RecordState":"ACTIVE","UpdatedAt":"x","Compliance":{"Status":"FAILED","RelatedRequirements":["r"]}}"#;
    let at = "2026-11-23T07:56:24Z".parse().unwrap();
    let status = |ended| {
        let json: serde_json::Value = serde_json::from_slice(&archived(sent, ended, at).unwrap()).unwrap();
        assert_eq!(json["RecordState"], "ARCHIVED");
        assert_eq!(json["UpdatedAt"], "2026-11-23T07:56:24.000Z");
        assert_eq!(json["Compliance"]["RelatedRequirements"][0], "r");
        json["Compliance"]["Status"].as_str().unwrap().to_owned()
    };
    assert_eq!([Resolution::Gone, Resolution::Passed, Resolution::Muted].map(status), ["FAILED", "PASSED", "WARNING"]);
}

#[test]
fn the_index_uses_58_bytes_per_finding() {
    assert_eq!(size_of::<FindingMeta>() + index::MARK_BYTES, 58);
}

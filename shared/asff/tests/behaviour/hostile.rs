//! Malicious files: memory is bounded, nothing panics, and the report is clear.

use std::io::Write;

use asff::{Ending, FileRejection, Outcome, ReadLimits, Regions, ScanReader, Step, map};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{outcome_of, outcomes, read, read_with, resident_bytes, sample};

/// Feeds `head`, then `chunk` this many times, then `tail`. Returns the outcomes, and checks the memory usage.
fn feed(head: &[u8], chunk: &Bytes, times: usize, tail: &[u8]) -> (Vec<Outcome>, Ending) {
    const MEMORY_BYTES_MAX: u64 = 64 << 20;
    let regions = Regions::known();
    let before = resident_bytes();
    let chunks = std::iter::once(Bytes::copy_from_slice(head))
        .chain(std::iter::repeat_n(chunk.clone(), times))
        .chain(std::iter::once(Bytes::copy_from_slice(tail)));
    let mut chunks = chunks.into_iter();
    let mut reader = ScanReader::new(ReadLimits::default());
    let mut outcomes = Vec::new();
    loop {
        match reader.next() {
            Step::NeedInput => match chunks.next() {
                Some(chunk) => reader.feed(chunk),
                None => reader.end_of_input(),
            },
            Step::Element(element) => outcomes.push(map(&element, &regions)),
            Step::Done(ending) => {
                let grown = resident_bytes().saturating_sub(before);
                assert!(grown < MEMORY_BYTES_MAX, "{grown} bytes more in memory");
                return (outcomes, ending);
            }
        }
    }
}

#[test]
fn memory_does_not_grow_with_a_string_of_300_megabytes() {
    let valid = serde_json::to_string(&sample()).unwrap();
    let head = format!("[{valid},{{\"message\":\"");
    let tail = format!("\"}},\n{valid}]");
    let (outcomes, ending) = feed(head.as_bytes(), &Bytes::from(vec![b'x'; 1 << 20]), 300, tail.as_bytes());
    assert_eq!(ending, Ending::Complete);
    assert!(matches!(&outcomes[..], [Outcome::Finding(_), Outcome::Malformed(_), Outcome::Finding(_)]));
    let Outcome::Malformed(malformed) = &outcomes[1] else { panic!() };
    assert_eq!(malformed.reason, "the entry is longer than 4194304 bytes");
    assert!(malformed.length > 300 << 20 && malformed.excerpt.len() <= 16 * 1024);
}

#[test]
fn memory_does_not_grow_with_an_endless_row() {
    let table = crate::support::plain("5.8.1-scan.csv.gz");
    let row_end = |rows: usize| memchr::memmem::find_iter(&table, b"\r\n").nth(rows).unwrap() + 2;
    let head = [&table[..row_end(1)], b"profile: None;\""].concat();
    let tail = [b"\r\n", &table[row_end(1)..row_end(2)]].concat();
    let (outcomes, ending) = feed(&head, &Bytes::from(vec![b'x'; 1 << 20]), 100, &tail);
    assert_eq!(ending, Ending::Complete);
    assert!(matches!(&outcomes[..], [Outcome::Finding(_), Outcome::Malformed(_), Outcome::Finding(_)]), "{outcomes:?}");
}

#[test]
fn a_million_empty_objects_after_a_finding_are_counted() {
    let valid = serde_json::to_string(&sample()).unwrap();
    let file = format!("[{valid}{}]", ",{}".repeat(1_000_000));
    let (elements, ending) = read(file);
    assert_eq!((elements.len(), ending), (1_000_001, Ending::Complete));
    let Outcome::Quarantined(entry) = map(&elements[7], &Regions::known()) else { panic!() };
    assert_eq!(entry.message, "the finding has no status (status_code)");
}

#[test]
fn ten_thousand_nested_brackets_are_one_malformed_entry() {
    let valid = serde_json::to_string(&sample()).unwrap();
    for (open, close) in [("[", "]"), ("{\"message\":", "}"), ("[{\"a\":", "}]")] {
        let deep = format!("{}{}", open.repeat(10_000), close.repeat(10_000));
        let file = format!("[{valid},{{\"message\":{deep}}},\n{valid}]");
        let (outcomes, ending) = outcomes(file);
        assert_eq!(ending, Ending::Complete, "{open}");
        let valid = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Finding(_))).count();
        assert!(valid >= 2 && outcomes.len() > valid, "{open}: {} outcomes, {valid} valid", outcomes.len());
    }
}

#[test]
fn a_decompression_bomb_is_rejected_early() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut zstd = zstd::Encoder::new(Vec::new(), 3).unwrap();
    for writer in [&mut gzip as &mut dyn Write, &mut zstd] {
        writer.write_all(b"[").unwrap();
        for _ in 0..16 {
            writer.write_all(&vec![b' '; 1 << 20]).unwrap();
        }
    }
    for file in [gzip.finish().unwrap(), zstd.finish().unwrap()] {
        let limits = ReadLimits { ratio_grace_bytes: 4 << 20, ..ReadLimits::default() };
        let (elements, ending, _) = read_with(limits, &file.into(), 4096);
        assert!(elements.is_empty());
        let Ending::Rejected(FileRejection::Bomb { decompressed_bytes, .. }) = ending else { panic!("{ending:?}") };
        assert!(decompressed_bytes < 5 << 20);
    }
}

#[test]
fn a_file_above_the_size_limit_is_rejected() {
    let limits = ReadLimits { decompressed_bytes_max: 1 << 20, ..ReadLimits::default() };
    let file = Bytes::from(format!("[{}", " ".repeat(2 << 20)));
    let (_, ending, _) = read_with(limits, &file, 4096);
    assert_eq!(ending, Ending::Rejected(FileRejection::TooLarge { bytes_max: 1 << 20 }));
}

#[test]
fn a_zstd_window_that_is_too_large_is_rejected() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.set_parameter(zstd::zstd_safe::CParameter::WindowLog(27)).unwrap();
    encoder.write_all(&vec![b'x'; 1 << 20]).unwrap();
    let (_, ending) = read(encoder.finish().unwrap());
    assert!(matches!(ending, Ending::Rejected(FileRejection::Window { .. })), "{ending:?}");
}

#[test]
fn wrong_types_anywhere_are_quarantined_or_ignored() {
    let sample = sample();
    let mut pointers = Vec::new();
    collect("", &sample, &mut pointers);
    for pointer in pointers {
        for wrong in [json!(null), json!(7), json!(-1.5), json!("x"), json!([]), json!({}), json!([[{}]]), json!(true)]
        {
            let mut entry = sample.clone();
            *entry.pointer_mut(&pointer).unwrap() = wrong;
            let _ = outcome_of(&entry);
        }
    }
}

fn collect(at: &str, value: &Value, pointers: &mut Vec<String>) {
    if !at.is_empty() && !at.contains("/data/") {
        pointers.push(at.to_owned());
    }
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            collect(&format!("{at}/{}", name.replace('/', "~1")), value, pointers);
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(place, value)| {
            collect(&format!("{at}/{place}"), value, pointers);
        }),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_of_any_kind_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), head in 0_usize..5, chunk in 1_usize..64) {
        let head: &[u8] = match head {
            0 => b"",
            1 => b"[{\"class_uid\":2004,",
            2 => b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
            3 => b"\x28\xb5\x2f\xfd",
            _ => b"CHECK_ID;ACCOUNT_UID;STATUS;RESOURCE_UID;REGION\n",
        };
        let file = Bytes::from([head, &bytes].concat());
        let (elements, _, _) = read_with(ReadLimits::default(), &file, chunk);
        let regions = Regions::known();
        for element in &elements {
            let _ = map(element, &regions);
        }
    }

    #[test]
    fn json_of_any_shape_never_panics(text in r#"[\[\]{}",:\\ a01\n]{0,200}"#) {
        let valid = serde_json::to_string(&sample()).unwrap();
        let (outcomes, _) = outcomes(format!("[{valid},{text},\n{valid}]"));
        prop_assert!(matches!(outcomes.first(), Some(Outcome::Finding(_))));
    }
}

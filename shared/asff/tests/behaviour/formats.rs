//! The same scan results in the same findings with every layout and compression.

use std::io::Write;

use asff::{Compression, Ending, ReadLimits, ScanFormat};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{encoded, findings, plain, read, read_with, stored};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

fn small() -> (Vec<Value>, Vec<Value>) {
    let entries: Vec<Value> = serde_json::from_slice(&plain("5.8.1-scan.ocsf.json.gz")).unwrap();
    let entries = entries[..30].to_vec();
    let expected = findings(serde_json::to_vec(&entries).unwrap());
    (entries, expected.iter().map(encoded).collect())
}

fn assert_same(file: impl Into<Bytes>, expected: &[Value], what: &str) {
    let found: Vec<Value> = findings(file).iter().map(encoded).collect();
    assert!(found == expected, "{what}");
}

#[test]
fn every_layout_results_in_the_same_findings() {
    let (entries, expected) = small();
    let pretty = serde_json::to_string_pretty(&entries).unwrap();
    let compact = serde_json::to_string(&entries).unwrap();
    let lines: Vec<String> = entries.iter().map(Value::to_string).collect();
    let halves = (serde_json::to_string(&entries[..10]).unwrap(), serde_json::to_string(&entries[10..]).unwrap());
    for (what, file) in [
        ("pretty", pretty.clone()),
        ("byte order mark", format!("\u{feff}\r\n{pretty}\n")),
        ("lines", lines.join("\n")),
        ("lines with CRLF", lines.join("\r\n") + "\r\n"),
        ("no separator", lines.concat()),
        ("extra commas", format!("[{},]", lines.join(",,"))),
        ("two lists", format!("{}\n{}", halves.0, halves.1)),
    ] {
        assert_same(file, &expected, what);
    }
    assert_same(compact, &expected, "compact");
}

#[test]
fn asff_is_read_as_a_list_or_from_the_findings_field() {
    let entries: Vec<Value> = serde_json::from_slice(&plain("5.8.1-scan.asff.json.gz")).unwrap();
    let expected: Vec<Value> = findings(serde_json::to_vec(&entries).unwrap()).iter().map(encoded).collect();
    let object = json!({ "Findings": entries });
    assert_same(object.to_string(), &expected, "compact");
    assert_same(serde_json::to_string_pretty(&object).unwrap(), &expected, "pretty");
    assert_same(format!("{{ \"Findings\" : {} , \"NextToken\": \"x\"}}", object["Findings"]), &expected, "page");
}

#[test]
fn every_compression_results_in_the_same_findings() {
    let (entries, expected) = small();
    let text = serde_json::to_vec(&entries).unwrap();
    let (one, other) = text.split_at(text.len() / 3);
    let padded = [gzip(&text), vec![0; 512]].concat();
    let skippable = [b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec(), zstd(&text)].concat();
    for (what, file, compression) in [
        ("gzip", gzip(&text), Compression::Gzip),
        ("two members", [gzip(one), gzip(other)].concat(), Compression::Gzip),
        ("an empty member", [gzip(b""), gzip(&text), gzip(b"")].concat(), Compression::Gzip),
        ("padded gzip", padded, Compression::Gzip),
        ("zstd", zstd(&text), Compression::Zstd),
        ("two frames", [zstd(one), zstd(other)].concat(), Compression::Zstd),
        ("skippable frame", skippable, Compression::Zstd),
        ("plain", text.clone(), Compression::Plain),
    ] {
        let file = Bytes::from(file);
        assert_same(file.clone(), &expected, what);
        let (_, ending, reader) = read_with(ReadLimits::default(), &file, 1000);
        assert_eq!((ending, reader.compression()), (Ending::Complete, Some(compression)), "{what}");
        assert_eq!(reader.bytes_used(), file.len() as u64, "{what}");
    }
}

#[test]
fn only_padding_may_follow_compressed_data() {
    let text = serde_json::to_vec(&small().0).unwrap();
    for whole in [gzip(&text), zstd(&text)] {
        for padding in [&b"\n"[..], b"\r\n", &[0; 512]] {
            let (_, ending) = read([&whole, padding].concat());
            assert_eq!(ending, Ending::Complete, "{padding:?}");
        }
        // Another part of the file that was not compressed, or a member that is damaged at its beginning.
        for rest in [&text[..], b"x", b"\n[]", b"\x1f\x8b\xff\xff\xff\xff\xff\xff\xff\xff\xff"] {
            let file = Bytes::from([&whole, rest].concat());
            for chunk in [1, 100, file.len()] {
                let (_, ending, _) = read_with(ReadLimits::default(), &file, chunk);
                assert!(matches!(ending, Ending::Truncated { .. }), "{:?}: {ending:?}", &rest[..rest.len().min(9)]);
            }
        }
    }
}

#[test]
fn only_one_array_or_one_object_of_findings_has_an_end() {
    let (entries, _) = small();
    let lines: Vec<String> = entries.iter().map(Value::to_string).collect();
    let list = format!("[{}]", lines.join(","));
    let page = format!("{{\"Findings\": {list}}}");
    for (file, expected) in [
        (list.clone(), true),
        (format!("{list}\n"), true),
        (page, true),
        (format!("{{\"Findings\": {list}, \"NextToken\": \"x\"}}"), false),
        (format!("{{\"NextToken\": \"x\", \"Findings\": {list}}}"), false),
        ("[]".to_owned(), true),
        (lines.join("\n"), false),
        (lines[0].clone(), false),
        (format!("{list}\n{list}"), false),
        (format!("{list}\n{}", lines[0]), false),
        ("a;b".to_owned(), false),
    ] {
        for file in [Bytes::from(file.clone()), gzip(file.as_bytes()).into()] {
            let (_, _, reader) = read_with(ReadLimits::default(), &file, 1000);
            assert_eq!(reader.has_end(), expected, "{}", String::from_utf8_lossy(&file[..file.len().min(80)]));
        }
    }
    let (_, _, reader) = read_with(ReadLimits::default(), &stored("5.8.1-scan.csv.gz"), 1000);
    assert!(!reader.has_end());
}

#[test]
fn the_format_is_detected_from_the_content() {
    for (file, format) in [
        ("5.8.1-scan.ocsf.json.gz", ScanFormat::Ocsf),
        ("5.8.1-scan.asff.json.gz", ScanFormat::Asff),
        ("5.8.1-scan.csv.gz", ScanFormat::Csv),
    ] {
        let (elements, _, reader) = read_with(ReadLimits::default(), &stored(file), 64);
        assert_eq!((elements.len(), reader.format()), (357, Some(format)));
    }
}

#[test]
fn offsets_are_those_of_elements_in_the_decompressed_file() {
    for file in ["5.8.1-scan.ocsf.json.gz", "5.8.1-scan.asff.json.gz"] {
        let text = plain(file);
        for element in read(stored(file)).0 {
            let at = usize::try_from(element.offset).unwrap();
            assert_eq!(text[at], b'{');
            assert!(matches!(text[at - 1], b'[' | b','));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chunks_of_any_size_result_in_the_same_elements(chunk in 1_usize..5000, which in 0_usize..4) {
        let (entries, _) = small();
        let text = serde_json::to_string_pretty(&entries[..5]).unwrap();
        let table = plain("5.8.1-scan.csv.gz");
        let file: Bytes = match which {
            0 => text.into(),
            1 => gzip(text.as_bytes()).into(),
            2 => zstd(text.as_bytes()).into(),
            _ => table[..40_000].to_vec().into(),
        };
        let (expected, ending, _) = read_with(ReadLimits::default(), &file, usize::MAX / 2);
        let (found, found_ending, _) = read_with(ReadLimits::default(), &file, chunk);
        prop_assert_eq!(format!("{found:?}"), format!("{expected:?}"));
        prop_assert_eq!(found_ending, ending);
    }
}

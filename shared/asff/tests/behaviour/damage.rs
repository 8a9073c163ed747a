//! A malformed finding doesn't affect other findings, and a truncated file is reported as truncated.

use asff::{Ending, Outcome};
use bytes::Bytes;
use serde_json::Value;

use crate::support::{outcomes, plain, read, sample, stored};

/// Three findings with different UIDs, pretty-printed like Prowler's.
fn three() -> [String; 3] {
    ["one", "two", "three"].map(|name| {
        let mut entry = sample();
        entry["resources"][0]["uid"] = name.into();
        entry["message"] = entry["message"].take();
        pretty(&entry)
    })
}

/// Pretty-prints an entry, with Prowler's first field first.
fn pretty(entry: &Value) -> String {
    let mut entry = entry.clone();
    let message = entry.as_object_mut().unwrap().remove("message").unwrap();
    let rest = serde_json::to_string_pretty(&entry).unwrap();
    format!("{{\n  \"message\": {message},{}", &rest[1..])
}

fn uids(outcomes: &[Outcome]) -> Vec<&str> {
    outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Finding(mapped) => Some(mapped.finding.resources[0].id.as_str()),
            _ => None,
        })
        .collect()
}

fn malformed(outcomes: &[Outcome]) -> Vec<&asff::Malformed> {
    outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Malformed(malformed) => Some(malformed),
            _ => None,
        })
        .collect()
}

#[test]
fn a_malformed_finding_affects_only_itself() {
    let [one, two, three] = three();
    let damages: Vec<(&str, Vec<u8>)> = vec![
        ("no closing bracket", two.trim_end_matches('}').into()),
        ("an open list", two.replace("\"labels\": [", "\"labels\": [[").into()),
        ("a list closed twice", two.replace("\"fn:1\"\n", "\"fn:1\"]\n").into()),
        ("an open text", two.replace("\"uid\": \"two\"", "\"uid\": \"two").into()),
        ("a quote in a text", two.replace("\"uid\": \"two\"", "\"uid\": \"t\"wo\"").into()),
        ("no colon", two.replace("\"cloud\":", "\"cloud\"").into()),
        ("no comma", two.replace("\"severity\": \"Medium\",", "\"severity\": \"Medium\"").into()),
        ("not UTF-8", [two.as_bytes(), b""].concat().replace(b"\"two\"", b"\"\xff\xfe\"")),
        ("a NUL", two.replace("\"two\"", "\"t\0o\"").into()),
        ("cut short", two.as_bytes()[..two.len() / 2].into()),
        ("only its head", two[..20].into()),
        ("prose", b"oops".to_vec()),
    ];
    for (layout, open, between, close) in [("list", "[", ",", "]"), ("lines", "", "\n", "\n")] {
        for (what, damaged) in &damages {
            let mut file = format!("{open}{one}{between}").into_bytes();
            let offset = file.len() as u64;
            file.extend_from_slice(damaged);
            file.extend_from_slice(format!("{between}{three}{close}").as_bytes());
            let (outcomes, ending) = outcomes(file);
            assert_eq!(uids(&outcomes), ["one", "three"], "{layout}, {what}: {outcomes:#?}");
            assert_eq!(ending, Ending::Complete, "{layout}, {what}");
            let lost = malformed(&outcomes);
            assert!(!lost.is_empty(), "{layout}, {what}");
            assert!(lost.iter().all(|lost| lost.offset >= offset), "{layout}, {what}: {lost:?}");
        }
    }
}

trait Replace {
    fn replace(&self, from: &[u8], to: &[u8]) -> Vec<u8>;
}

impl Replace for Vec<u8> {
    fn replace(&self, from: &[u8], to: &[u8]) -> Vec<u8> {
        let at = memchr::memmem::find(self, from).unwrap();
        [&self[..at], to, &self[at + from.len()..]].concat()
    }
}

#[test]
fn bytes_between_entries_are_reported_and_affect_no_entry() {
    let [one, two, three] = three();
    for stray in ["}", "]]]", "oops", "\"text\"", "7"] {
        let (outcomes, _) = outcomes(format!("[{one},{stray},{two},{three}]"));
        let after_list_end = stray.starts_with(']');
        assert_eq!(uids(&outcomes), ["one", "two", "three"], "{stray}");
        assert!(after_list_end || malformed(&outcomes).len() == 1, "{stray}");
    }
}

#[test]
fn damage_within_one_long_line_is_skipped() {
    let entries: Vec<String> = three().iter().map(|entry| entry.replace('\n', " ")).collect();
    for (what, damaged) in [
        ("an open text", entries[1].replace("\"uid\": \"two\"", "\"uid\": \"two")),
        ("an open list", entries[1].replace("\"labels\": [", "\"labels\": [[")),
    ] {
        let file = format!("[{},{damaged},{}]", entries[0], entries[2]);
        let (outcomes, ending) = outcomes(file);
        assert_eq!((uids(&outcomes), ending), (vec!["one", "three"], Ending::Complete), "{what}");
    }
}

#[test]
fn truncation_is_detected_even_if_the_last_entry_is_malformed() {
    let [one, two, _] = three();
    let damaged = two.replace("\"labels\": [", "\"labels\": [[");
    let (_, whole) = outcomes(format!("[{one},{damaged}]"));
    assert_eq!(whole, Ending::Complete);
    let (_, cut) = outcomes(format!("[{one},{}", &damaged[..damaged.len() - 40]));
    assert!(matches!(cut, Ending::Truncated { .. }), "{cut:?}");
}

#[test]
fn a_file_cut_at_any_byte_is_truncated_and_yields_whole_entries() {
    let [one, two, three] = three();
    let whole = format!("[{one},{two},{three}]");
    let ends: Vec<usize> = [1 + one.len(), 2 + one.len() + two.len(), whole.len() - 1].to_vec();
    for cut in 1..whole.len() {
        let (elements, ending) = read(whole.as_bytes()[..cut].to_vec());
        let expected = ends.iter().filter(|&&end| cut >= end).count();
        assert_eq!(elements.len(), expected, "{cut}");
        match ending {
            Ending::Truncated { offset, .. } => assert_eq!(offset, cut as u64),
            other => panic!("{cut}: {other:?}"),
        }
    }
}

#[test]
fn a_compressed_file_cut_at_any_byte_is_truncated() {
    for whole in [stored("5.8.1-scan.ocsf.json.gz"), zstd_of("5.8.1-scan.ocsf.json.gz"), stored("5.8.1-scan.csv.gz")] {
        // From the fifth byte on, the compression is detected.
        for cut in (5..whole.len()).step_by(4999).chain(whole.len() - 12..whole.len()) {
            let (elements, ending) = read(whole.slice(..cut));
            assert!(matches!(ending, Ending::Truncated { .. }), "{cut}: {ending:?}");
            assert!(elements.len() <= 357);
        }
    }
}

fn zstd_of(file: &str) -> Bytes {
    zstd::encode_all(&plain(file)[..], 3).unwrap().into()
}

#[test]
fn a_csv_file_cut_at_any_byte_loses_one_row_and_is_truncated() {
    let table = plain("5.8.1-scan.csv.gz");
    let table = &table[..12_000];
    let first = table.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    for cut in first + 1..table.len() {
        let (elements, ending) = read(table[..cut].to_vec());
        let at_row_end = table[..cut].ends_with(b"\r\n") && ending == Ending::Complete;
        assert!(at_row_end || matches!(ending, Ending::Truncated { .. }), "{cut}: {ending:?}");
        assert!(elements.len() <= 7, "{cut}");
    }
}

#[test]
fn a_malformed_row_affects_only_itself() {
    let table = String::from_utf8(plain("5.8.1-scan.csv.gz")).unwrap();
    let rows: Vec<&str> = table.split_inclusive("\r\n").collect();
    for (what, damaged) in
        [("too few cells", "profile: None;x;y\r\n".to_owned()), ("too many cells", rows[2].replacen(';', ";;", 1))]
    {
        let file = [rows[0], rows[1], &damaged, rows[3]].concat();
        let (outcomes, ending) = outcomes(file);
        assert_eq!((uids(&outcomes).len(), ending), (2, Ending::Complete), "{what}");
        assert_eq!(malformed(&outcomes).len(), 1, "{what}");
    }
}

#[test]
fn damaged_gzip_is_reported_as_truncated() {
    let mut file = stored("5.8.1-scan.ocsf.json.gz").to_vec();
    let middle = file.len() / 2;
    file[middle..middle + 64].fill(0x55);
    let (_, ending) = read(file);
    match ending {
        Ending::Truncated { reason, .. } => assert_eq!(reason, "the gzip stream is corrupt"),
        other => panic!("{other:?}"),
    }
}

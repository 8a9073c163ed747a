//! Files that are damaged or not scans: the report is clear, the exit code is right, and nothing panics.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::{Ended, run_in, scan};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn genuine() -> Vec<u8> {
    let mut json = Vec::new();
    GzDecoder::new(File::open(scan("5.8.1-scan.ocsf.json.gz")).unwrap()).read_to_end(&mut json).unwrap();
    json
}

/// Validates bytes as a file with this name.
fn validate(name: &str, bytes: &[u8]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    run_in(folder.path(), &format!("validate {name}"))
}

fn snapshot(ended: &Ended) -> String {
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    ended.text(Path::new("/none"))
}

#[test]
fn files_that_are_not_scans_are_rejected_with_a_reason() {
    // A gzip file may have several members, so that 80 MB can be made without compressing 80 MB.
    let bomb = gzip(&vec![b' '; 1 << 20]).repeat(80);
    let files: [(&str, Vec<u8>); 5] = [
        ("empty.json", Vec::new()),
        ("scan.html", b"<!DOCTYPE html><html><body>Prowler</body></html>".to_vec()),
        ("notes.txt", b"hello, this is no scan at all\n".to_vec()),
        ("bomb.json.gz", bomb),
        ("compliance.ocsf.json.gz", fs::read(scan("5.46.0-compliance-framework.ocsf.json.gz")).unwrap()),
    ];
    for (name, bytes) in files {
        let ended = validate(name, &bytes);
        assert_eq!(ended.exit, 1, "{name}: {}", ended.stderr);
        insta::assert_snapshot!(format!("refused_{name}"), snapshot(&ended));
    }
}

#[test]
fn a_truncated_scan_is_reported_at_any_position() {
    let whole = gzip(&genuine());
    for length in [whole.len() / 3, whole.len() - 9, whole.len() - 1] {
        let ended = validate("cut.json.gz", &whole[..length]);
        assert_eq!(ended.exit, 3, "{length}: {}", ended.stdout);
        assert!(ended.stdout.contains("truncated at byte"), "{}", ended.stdout);
    }
    let json = genuine();
    let ended = validate("cut.json", &json[..json.len() / 2]);
    assert_eq!(ended.exit, 3);
    insta::assert_snapshot!("truncated", snapshot(&ended));
}

/// An invalid finding does not affect the others.
#[test]
fn invalid_entries_are_reported_and_the_others_are_read() {
    let mut findings: Vec<Value> = serde_json::from_slice(&genuine()).unwrap();
    findings.truncate(8);
    findings[1]["cloud"]["region"] = "mars-north-1".into();
    findings[2]["cloud"]["account"]["uid"] = "12".into();
    findings[3] = Value::from("not a finding");
    findings[4]["finding_info"]["title"] = "x".repeat(400).into();
    findings[5] = findings[0].clone();
    findings[6]["cloud"]["region"] = "\u{1b}[2Jred".into();
    let ended = validate("mixed.json", &serde_json::to_vec(&findings).unwrap());
    assert_eq!(ended.exit, 3, "{}", ended.stdout);
    assert!(!ended.stdout.contains('\u{1b}'), "a scan can't control the terminal");
    insta::assert_snapshot!("mixed", snapshot(&ended));
}

#[test]
fn missing_files_are_reported_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let missing = run_in(folder.path(), "convert missing.json");
    assert_eq!(missing.exit, 1);
    assert!(missing.stderr.starts_with("error: failed to open missing.json: "), "{}", missing.stderr);
    let ended = run_in(folder.path(), "convert .");
    assert_eq!((ended.exit, ended.stderr.as_str()), (1, "error: . is a directory, not a scan file\n"));
}

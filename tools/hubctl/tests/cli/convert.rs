//! `hubctl convert` against Prowler's own ASFF of the same scan.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use serde_json::Value;

use super::{hubctl, run, run_in, scan};

/// The scans that are available as OCSF, ASFF, and CSV.
const SCANS: [&str; 3] = ["5.46.0-scan-1", "5.46.0-scan-2-after-fixes", "5.8.1-scan"];

/// The findings of Prowler's own ASFF output, by Id.
fn prowlers_own(scan_name: &str) -> BTreeMap<String, Value> {
    let mut json = String::new();
    let file = File::open(scan(&format!("{scan_name}.asff.json.gz"))).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut json).unwrap();
    let findings: Vec<Value> = serde_json::from_str(&json).unwrap();
    by_id(findings)
}

fn mapped(file: &str) -> BTreeMap<String, Value> {
    let ended = run(&format!("convert {}", scan(file).display()));
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    by_id(ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()))
}

fn by_id(findings: impl IntoIterator<Item = Value>) -> BTreeMap<String, Value> {
    findings.into_iter().map(|finding| (finding["Id"].as_str().unwrap().to_owned(), finding)).collect()
}

/// A migration from Prowler's own integration creates no duplicates: Ids and ProductArn are the same.
#[test]
fn every_format_has_the_ids_of_prowlers_own_asff() {
    for name in SCANS {
        let own = prowlers_own(name);
        for format in ["ocsf.json", "asff.json", "csv"] {
            let ours = mapped(&format!("{name}.{format}.gz"));
            assert!(ours.keys().eq(own.keys()), "{name}.{format}");
            for (id, finding) in &ours {
                for field in ["ProductArn", "AwsAccountId", "GeneratorId", "Title"] {
                    assert_eq!(finding[field], own[id][field], "{name}.{format}: {field} of {id}");
                }
            }
        }
    }
}

#[test]
fn the_order_of_the_file_is_preserved() {
    let ended = run(&format!("convert {}", scan("5.46.0-scan-1.ocsf.json.gz").display()));
    let ids = ended.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["Id"].take());
    let mut json = String::new();
    let file = File::open(scan("5.46.0-scan-1.asff.json.gz")).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut json).unwrap();
    let own: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert!(ids.eq(own.into_iter().map(|mut finding| finding["Id"].take())));
}

#[test]
fn the_counts_go_to_standard_error_and_into_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("counts.json");
    let file = scan("5.46.0-scan-1.ocsf.json.gz");
    let ended = run(&format!("convert {} --report {}", file.display(), report.display()));
    insta::assert_snapshot!(ended.stderr, @r"
    Entries          Count
    ----------------------
    mapped: PASSED     785
    mapped: FAILED     687
    skipped: manual      2
    read             1,474
    ");
    let mut counts: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    counts["source"] = "scan".into();
    insta::assert_json_snapshot!(counts);
}

#[test]
fn standard_input_is_read_like_a_file() {
    let file = File::open(scan("5.8.1-scan.ocsf.json.gz")).unwrap();
    let output = hubctl().args(["convert", "-"]).stdin(file).output().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout.lines().count(), prowlers_own("5.8.1-scan").len());
}

#[test]
fn a_closed_pipe_is_not_an_error_and_changes_no_count() {
    let file = scan("5.46.0-scan-1.ocsf.json.gz");
    let mut child = hubctl().arg("convert").arg(file).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"SchemaVersion\""));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr).lines().last(), Some("read             1,474"));
}

#[test]
fn an_object_is_not_read_offline() {
    let ended = run_in(&std::env::temp_dir(), "convert s3://scans/scan.ocsf.json");
    insta::assert_snapshot!(ended.text(std::path::Path::new("/none")));
}

//! Entries that can't be sent are stored with the known fields only, wherever damage moved the others.

use asff::{Outcome, Regions, ScanFormat, map_again};
use serde_json::{Value, json};

use crate::support::{case, encoded, outcomes, plain, quarantined, sample, set, with};

const SECRET: &str = "hunter2";

/// Everything that is stored or reported of entries that can't be sent.
fn stored_text(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        match outcome {
            Outcome::Quarantined(saved) => {
                text.push_str(&saved.message);
                text.push_str(&String::from_utf8_lossy(&saved.element));
            }
            Outcome::Malformed(malformed) => {
                text.push_str(&malformed.reason);
                text.push_str(&String::from_utf8_lossy(&malformed.excerpt));
            }
            Outcome::Skipped(skip) => text.push_str(&skip.to_string()),
            Outcome::Finding(_) => {}
        }
    }
    text
}

#[test]
fn field_case_no_secret_is_stored_if_a_block_of_the_file_is_lost() {
    let (outcomes, _) = outcomes(case("block-lost.ocsf.json"));
    assert!(outcomes.iter().any(|outcome| !matches!(outcome, Outcome::Finding(_))));
    assert!(!stored_text(&outcomes).contains(SECRET), "{}", stored_text(&outcomes));
}

#[test]
fn no_secret_is_stored_from_fields_of_any_name() {
    for (pointer, value) in [
        ("/environment", json!({"PASSWORD": SECRET})),
        ("/resources/0/data/metadata/environment", json!({"PASSWORD": SECRET})),
        ("/resources/0/data", json!(SECRET)),
        ("/resources/0/data/metadata/tags", json!([{"Key": "a", "Value": SECRET}, {"x": SECRET}])),
        ("/resources/0/details", json!(SECRET)),
        ("/resources/0/labels", json!({"a": SECRET})),
        ("/resources/0/labels", json!([{"a": SECRET}])),
        ("/finding_info/data", json!({"data": SECRET})),
        ("/unmapped/notes", json!(SECRET)),
        ("/cloud/account/name", json!({"x": [SECRET]})),
        ("/metadata/product", json!([SECRET])),
        ("/status_detail", json!({"data": SECRET})),
    ] {
        let mut entry = with("/severity", "Unknown");
        set(&mut entry, pointer, value);
        let saved = stored_text(&[Outcome::Quarantined(Box::new(quarantined(&entry)))]);
        assert!(!saved.contains(SECRET), "{pointer}: {saved}");
        let escaped = entry.to_string().replace("\"data\"", "\"d\\u0061ta\"");
        let (outcomes, _) = outcomes(format!("[{},{escaped}]", sample()));
        assert!(!stored_text(&outcomes).contains(SECRET), "{pointer}: {}", stored_text(&outcomes));
    }
}

#[test]
fn no_secret_is_stored_whichever_bytes_are_lost() {
    let mut entry = sample();
    let environment = json!({"PASSWORD": SECRET, "message": SECRET, "status": SECRET, "region": SECRET, "uid": SECRET});
    set(&mut entry, "/resources/0/data/metadata/environment", environment.clone());
    set(&mut entry, "/resources/0/data/metadata/data", json!({"title": SECRET, "environment": environment}));
    for text in [serde_json::to_string_pretty(&entry).unwrap(), entry.to_string()] {
        let file = format!("[{text},\n{text},\n{text}]").into_bytes();
        for lost in [7, 90, 400, text.len() - 300, text.len(), text.len() + 500] {
            for at in (0..file.len() - lost).step_by(61) {
                let damaged = [&file[..at], &file[at + lost..]].concat();
                let (outcomes, _) = outcomes(damaged);
                // If damage joined two strings, they are one field, of either of the two names.
                let values = stored_text(&outcomes);
                assert!(!values.contains(SECRET), "{lost} bytes from {at}: {values}");
            }
        }
    }
}

#[test]
fn no_secret_is_stored_from_unknown_cells_of_a_row() {
    let table = String::from_utf8(plain("5.8.1-scan.csv.gz")).unwrap();
    let rows: Vec<&str> = table.split_inclusive("\r\n").collect();
    let names: Vec<&str> = rows[0].trim_end().split(';').collect();
    let details = names.iter().position(|name| *name == "RESOURCE_DETAILS").unwrap();
    let severity = names.iter().position(|name| *name == "SEVERITY").unwrap();
    let mut cells: Vec<&str> = vec![""; names.len()];
    for (name, value) in [
        ("STATUS", "FAIL"),
        ("TIMESTAMP", "2026-11-23 07:56:24"),
        ("ACCOUNT_UID", "123456789012"),
        ("REGION", "eu-west-1"),
        ("CHECK_ID", "a_b"),
        ("RESOURCE_UID", "uid"),
        ("PROWLER_VERSION", "5.8.1"),
        ("PARTITION", "aws"),
    ] {
        cells[names.iter().position(|other| *other == name).unwrap()] = value;
    }
    (cells[details], cells[severity]) = (SECRET, "unknown");
    let short = format!("{SECRET};{SECRET};123456789012\r\n");
    let (outcomes, _) = outcomes([rows[0], rows[1], &cells.join(";"), "\r\n", &short].concat());
    assert_eq!(outcomes.len(), 3);
    assert!(!stored_text(&outcomes).contains(SECRET), "{}", stored_text(&outcomes));
    let Outcome::Quarantined(saved) = &outcomes[1] else { panic!("{outcomes:?}") };
    // The entry can be mapped again after the severity is replaced by a valid one.
    let known = String::from_utf8(saved.element.to_vec()).unwrap().replace("unknown", "high");
    let again = map_again(saved.offset, &known.into(), ScanFormat::Csv, &Regions::known());
    assert!(matches!(again, Outcome::Finding(_)), "{again:?}");
    let same = map_again(saved.offset, &saved.element, ScanFormat::Csv, &Regions::known());
    assert!(matches!(same, Outcome::Quarantined(again) if again == *saved));
}

#[test]
fn all_mapped_fields_are_stored() {
    for (file, format) in
        [("5.46.0-scan-1.ocsf.json.gz", ScanFormat::Ocsf), ("5.46.0-scan-1.asff.json.gz", ScanFormat::Asff)]
    {
        let entries: Vec<Value> = serde_json::from_slice(&plain(file)).unwrap();
        let (place, wrong) =
            if format == ScanFormat::Asff { ("/Severity/Label", "UNKNOWN") } else { ("/severity", "Unknown") };
        let mut damaged = entries.clone();
        damaged.iter_mut().skip(1).step_by(7).for_each(|entry| set(entry, place, wrong));
        let (outcomes, _) = outcomes(serde_json::to_vec(&damaged).unwrap());
        let mut quarantined_count = 0;
        for (outcome, entry) in outcomes.iter().zip(&entries) {
            let Outcome::Quarantined(saved) = outcome else { continue };
            quarantined_count += 1;
            let mut again: Value = serde_json::from_slice(&saved.element).unwrap();
            set(&mut again, place, entry.pointer(place).unwrap().clone());
            let mapped = map_again(0, &again.to_string().into(), format, &Regions::known());
            let expected = map_again(0, &entry.to_string().into(), format, &Regions::known());
            let (Outcome::Finding(mapped), Outcome::Finding(expected)) = (mapped, expected) else { panic!("{again}") };
            assert_eq!(encoded(&mapped), encoded(&expected));
        }
        assert!(quarantined_count > 150, "{quarantined_count}");
    }
}

#[test]
fn a_stored_entry_fails_again_for_the_same_reason() {
    for (pointer, value) in [
        ("/cloud/region", json!("")),
        ("/cloud/region", json!("mars-north-1")),
        ("/cloud/account/uid", json!("")),
        ("/cloud/account/uid", json!("1234")),
        ("/metadata/event_code", json!("")),
        ("/resources/0/uid", json!("")),
        ("/resources", json!([])),
        ("/resources/0/cloud_partition", json!("aws-iso")),
        ("/resources/0/cloud_partition", json!("aws-cn")),
        ("/severity", json!("Unknown")),
        ("/status_code", json!("")),
        ("/status_code", json!("MAYBE")),
        ("/status_detail", json!([1])),
        ("/class_uid", json!(2003)),
    ] {
        let saved = quarantined(&with(pointer, value.clone()));
        match map_again(saved.offset, &saved.element, ScanFormat::Ocsf, &Regions::known()) {
            Outcome::Quarantined(again) => {
                assert_eq!((again.code, again.message), (saved.code, saved.message), "{pointer}");
            }
            other => panic!("{pointer} {value}: {other:?}"),
        }
    }
}

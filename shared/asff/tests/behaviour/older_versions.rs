//! The formats of Prowler 4.1 to 4.4.

use serde_json::{Value, json};

use crate::support::{encoded, finding_of, findings, plain, sample, set};

/// A sample in the format of this version of Prowler (4.1 to 4.4).
fn older(version: &str) -> Value {
    let mut entry = sample();
    set(&mut entry, "/metadata/product/version", version);
    let info = entry["finding_info"].as_object_mut().unwrap();
    info.remove("types");
    info.remove("created_time_dt");
    info.insert("created_time".into(), json!("2024-06-03T14:15:16.789012"));
    entry.as_object_mut().unwrap().remove("time");
    entry.as_object_mut().unwrap().remove("time_dt");
    entry["event_time"] = json!("2024-06-03T14:15:16.789012");
    set(&mut entry, "/unmapped/check_type", "Software and Configuration Checks,Effects/Data Exposure");
    let org = entry["cloud"]["org"].as_object_mut().unwrap();
    org.remove("ou_uid");
    org.remove("ou_name");
    entry
}

#[test]
fn times_as_strings_and_joined_types_are_read() {
    let finding = encoded(&finding_of(&older("4.4.1")));
    assert_eq!(finding["CreatedAt"], "2024-06-03T14:15:16Z");
    let types = json!(["Software and Configuration Checks", "Effects/Data Exposure"]);
    assert_eq!(finding["FindingProviderFields"]["Types"], types);
    let fields: Vec<&String> = finding["ProductFields"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["ProviderName", "ProviderVersion", "ProwlerResourceName"]);
}

#[test]
fn migrating_from_prowler_ids_of_4_1_and_4_2_hash_the_resource_name() {
    let id = |version: &str| finding_of(&older(version)).finding.id.to_string();
    // The first nine digits of SHA-512("fn-1"), and of the SHA-512 of the ARN.
    assert!(id("4.2.4").ends_with("-ap-southeast-2-69f6bc683"), "{}", id("4.2.4"));
    assert!(id("4.3.0").ends_with("-ap-southeast-2-37abe5bfb"), "{}", id("4.3.0"));
}

#[test]
fn tags_that_were_joined_and_split_at_commas_are_reassembled() {
    let mut entry = older("4.2.4");
    set(&mut entry, "/resources/0/labels", json!(["Name=a", "b | cost:center=x:y | empty="]));
    let tags = encoded(&finding_of(&entry))["Resources"][0]["Tags"].clone();
    assert_eq!(tags, json!({"Name": "a,b", "cost:center": "x:y", "empty": ""}));
}

#[test]
fn joined_frameworks_are_read() {
    let mut entry = older("4.1.0");
    set(&mut entry, "/unmapped/compliance", "CIS-1.4: 1.1, 1.2 | ENS-RD2022: op.acc.1");
    let compliance = encoded(&finding_of(&entry))["Compliance"].clone();
    assert_eq!(compliance["RelatedRequirements"], json!(["CIS-1.4 1.1 1.2", "ENS-RD2022 op.acc.1"]));
}

#[test]
fn csv_files_with_unix_timestamps_and_of_4_4_are_read() {
    let table = String::from_utf8(plain("5.8.1-scan.csv.gz")).unwrap();
    let expected: Vec<Value> = findings(table.clone()).iter().map(encoded).collect();
    let numbers = table.replace("2026-11-23 08:22:29.435812", "1795422149");
    let found: Vec<Value> = findings(numbers).iter().map(encoded).collect();
    assert_eq!(found, expected);
    let commas = table
        .replace(";5.8.1\r\n", ";4.4.1\r\n")
        .replace("Checks | Industry and Regulatory Standards | CIS", "Checks,Industry and Regulatory Standards,CIS");
    let found = encoded(&findings(commas).remove(0));
    assert_eq!(found["FindingProviderFields"], expected[0]["FindingProviderFields"]);
}

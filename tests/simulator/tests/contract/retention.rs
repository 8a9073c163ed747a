//! Contract 1.8: findings expire. Contract 3.1: reads are eventually consistent.

use std::time::Duration;

use serde_json::json;
use simulator::{Effect, Fault};

use crate::stage::{Stage, config, finding, stage, with};

#[test]
fn contract_1_8_active_findings_expire_after_90_days_archived_after_30() {
    let stage = stage();
    stage.put(finding("active", 0));
    stage.put(with(finding("archived", 0), json!({ "RecordState": "ARCHIVED" })));
    stage.advance_days(30);
    assert_eq!(stage.visible().len(), 2);
    stage.advance_days(1);
    assert_eq!(stage.only()["Id"], "active");
    stage.advance_days(58);
    assert_eq!(stage.visible().len(), 1);
    stage.advance_days(2);
    assert!(stage.visible().is_empty() && stage.simulator.summary()[0].findings == 0);
}

#[test]
fn contract_1_8_only_a_newer_import_extends_the_retention() {
    let stage = stage();
    stage.put(finding("kept", 0));
    stage.put(finding("lost", 0));
    stage.advance_days(60);
    stage.put(with(finding("kept", 1), json!({})));
    stage.put(finding("lost", 0));
    stage.advance_days(40);
    assert_eq!(stage.only()["Id"], "kept");
}

#[test]
fn contract_1_5_an_expired_id_creates_a_new_finding() {
    let stage = stage();
    stage.put(finding("a", 0));
    stage.change("a", &json!({ "Workflow": { "Status": "SUPPRESSED" }, "Confidence": 1 }));
    stage.advance_days(91);
    stage.put(with(finding("a", 0), json!({ "CreatedAt": "2027-02-22T08:00:00Z" })));
    let finding = stage.only();
    assert_eq!((&finding["Workflow"]["Status"], finding.get("Confidence")), (&json!("NEW"), None));
    assert_eq!(finding["CreatedAt"], "2027-02-22T08:00:00Z");
}

#[test]
fn contract_3_1_reads_see_the_previous_version_or_nothing_for_a_while() {
    let mut config = config();
    config.rules.consistency_lag_ms = 5_000;
    let stage = Stage::new(config);
    let advance = |ms| stage.simulator.clock().advance(Duration::from_millis(ms));
    stage.put(finding("a", 0));
    assert!(stage.visible().is_empty());
    assert_eq!(stage.only()["Title"], "title");
    advance(5_000);
    assert_eq!(stage.visible().len(), 1);
    stage.put(with(finding("a", 1), json!({ "Title": "second", "RecordState": "ARCHIVED" })));
    advance(1_000);
    stage.put(with(finding("a", 2), json!({ "Title": "third" })));
    assert_eq!(stage.visible()[0]["Title"], "title");
    advance(4_000);
    assert_eq!(stage.visible()[0]["Title"], "second");
    advance(1_000);
    assert_eq!(stage.visible()[0]["Title"], "third");
}

#[test]
fn stale_reads_can_be_a_fault() {
    let stage = stage();
    stage.simulator.inject(Fault::new(Effect::StaleReads { lag_ms: 60_000 }).times(1));
    stage.put(finding("late", 0));
    stage.put(finding("at-once", 0));
    assert_eq!(stage.visible().len(), 1);
    stage.simulator.clock().advance(Duration::from_secs(60));
    assert_eq!(stage.visible().len(), 2);
}

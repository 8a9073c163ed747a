//! Contract 1.1: the format of a call and its limits. Contract 1.9: rates.

use serde_json::json;
use simulator::{Config, Operation, Write};

use crate::stage::{ACCOUNT, Stage, config, finding, stage, with};

#[test]
fn contract_1_1_status_is_200_even_if_every_finding_failed() {
    let response = stage().import(&[with(finding("a", 0), json!({ "Title": null }))]);
    assert_eq!(response.status, 200);
    let answer = response.json();
    assert_eq!((&answer["SuccessCount"], &answer["FailedCount"]), (&json!(0), &json!(1)));
    assert_eq!(answer["FailedFindings"][0]["Id"], "a");
}

#[test]
fn contract_1_1_format_errors_are_per_finding() {
    let stage = stage();
    let answer =
        stage.import(&[finding("a", 0), with(finding("b", 0), json!({ "Title": "" })), finding("c", 0)]).json();
    assert_eq!((&answer["SuccessCount"], &answer["FailedCount"]), (&json!(2), &json!(1)));
    assert_eq!(stage.visible().len(), 2);
}

#[test]
fn contract_1_1_one_to_a_hundred_findings() {
    let many: Vec<_> = (0..101).map(|number| finding(&format!("f{number}"), 0)).collect();
    let stage = stage();
    assert_eq!(stage.import(&many[..100]).status, 200);
    for wrong in [&many[..], &[]] {
        let response = stage.import(wrong);
        assert_eq!((response.status, response.error_type.as_deref()), (400, Some("InvalidInputException")));
    }
    let no_list = stage.simulator.batch_import_findings(&stage.caller, stage.region, b"{}");
    assert_eq!(no_list.status, 400);
    let no_json = stage.simulator.batch_import_findings(&stage.caller, stage.region, b"\xff{");
    assert_eq!(no_json.status, 400);
}

#[test]
fn contract_1_1_a_finding_of_more_than_240_kb_fails_alone() {
    let tall = |strings: usize| {
        let lines: Vec<String> = (0..strings).map(|_| "x".repeat(30_000)).collect();
        with(finding("tall", 0), json!({ "Threats": lines }))
    };
    let stage = stage();
    stage.put(tall(8));
    assert!(stage.refusal(with(tall(9), json!({ "Id": "taller" }))).contains("240 KB"));
}

#[test]
fn contract_1_1_a_single_string_stays_under_32768() {
    let stage = stage();
    let long = |length: usize| with(finding("long", 0), json!({ "Threats": [{ "Name": "x".repeat(length) }] }));
    let message = stage.refusal(long(32_768));
    assert_eq!(message, "The maximum size of an individual field should be less than 32768");
    stage.put(long(32_767));
}

#[test]
fn contract_9_step_3_a_body_of_more_than_6_mb_is_rejected() {
    let findings: Vec<_> = (0..100)
        .map(|number| {
            with(finding(&format!("f{number}"), 0), json!({ "Threats": ["x".repeat(32_000), "x".repeat(32_000)] }))
        })
        .collect();
    for status in [400, 413] {
        let mut config = config();
        config.rules.oversized_body_status = status;
        let stage = Stage::new(config);
        assert_eq!(stage.import(&findings).status, status);
        assert_eq!(stage.import(&findings[..90]).status, 200);
    }
}

#[test]
fn contract_1_1_each_import_is_an_event_and_a_billed_ingestion() {
    let stage = stage();
    stage.put(finding("a", 0));
    stage.put(finding("a", 1));
    stage.put(finding("a", 1));
    let writes: Vec<Write> = stage.simulator.events().iter().map(|event| event.write).collect();
    assert_eq!(writes, [Write::Created, Write::Updated]);
    let summary = stage.simulator.summary();
    let region = summary.iter().find(|region| region.region == stage.region).unwrap();
    assert_eq!((region.billed_events, region.imports.ignored), (2, 1));
}

#[test]
fn contract_10_1_whether_ignored_updates_are_billed_is_a_setting() {
    let mut config = config();
    config.rules.ignored_updates_billed = true;
    let stage = Stage::new(config);
    stage.put(finding("a", 0));
    stage.put(finding("a", 0));
    assert_eq!(stage.simulator.summary()[0].billed_events, 2);
}

#[test]
fn contract_1_9_import_has_a_burst_of_30_and_get_findings_of_6() {
    let mut config = Config::one_account(ACCOUNT, &[crate::stage::REGION]);
    config.clock = Some(crate::stage::START.parse().unwrap());
    let stage = Stage::new(config);
    let passed = |operation: Operation| {
        (0..50).filter(|_| stage.call(operation).error_type.as_deref() != Some("TooManyRequestsException")).count()
    };
    assert_eq!(passed(Operation::BatchImportFindings), 30);
    assert_eq!(passed(Operation::GetFindings), 6);
    assert_eq!(passed(Operation::DescribeHub), 30);
    stage.simulator.clock().advance(std::time::Duration::from_secs(1));
    assert_eq!(passed(Operation::BatchImportFindings), 10);
    assert_eq!(passed(Operation::GetFindings), 3);
    let throttled = stage.call(Operation::GetFindings);
    assert_eq!((throttled.status, throttled.message().as_deref()), (429, Some("Too Many Requests")));
}

#[test]
fn contract_1_9_each_region_has_its_own_bucket() {
    let mut config = config();
    config.rates.enabled = true;
    let mut stage = Stage::new(config);
    while stage.call(Operation::GetFindings).status == 200 {}
    stage.region = "us-east-1";
    assert_eq!(stage.call(Operation::GetFindings).status, 200);
}

#[test]
fn the_call_log_has_the_outcome_of_each_import() {
    let stage = stage();
    stage.import(&[finding("a", 0), finding("a", 0), with(finding("b", 0), json!({ "Title": 1 }))]);
    let calls = stage.simulator.calls();
    let tally = calls[0].tally;
    assert_eq!((tally.created, tally.ignored, tally.failed, tally.duplicates), (1, 1, 1, 1));
    assert_eq!((calls[0].operation, calls[0].status), (Operation::BatchImportFindings, 200));
    stage.simulator.forget_calls();
    assert!(stage.simulator.calls().is_empty());
}

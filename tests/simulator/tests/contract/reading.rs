//! Contract 3.1: GetFindings. Contract 2.4: the findings that a read includes.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Aggregator, Organization};

use crate::stage::{ACCOUNT, OTHER, PRODUCT, REGION, Stage, config, finding, stage, with};

fn ids(stage: &Stage, filters: &Value) -> Vec<String> {
    let response = stage.read(&json!({ "Filters": filters }));
    assert_eq!(response.status, 200, "{}", response.json());
    let findings = response.json()["Findings"].as_array().unwrap().clone();
    findings.iter().map(|finding| finding["Id"].as_str().unwrap().to_owned()).collect()
}

fn refused(stage: &Stage, request: &Value) -> String {
    let response = stage.read(request);
    assert_eq!((response.status, response.error_type.as_deref()), (400, Some("InvalidInputException")), "{request}");
    response.message().unwrap()
}

fn text(comparison: &str, value: &str) -> Value {
    json!({ "Value": value, "Comparison": comparison })
}

fn four() -> Stage {
    let stage = stage();
    stage.put(with(finding("a1", 0), json!({ "GeneratorId": "prowler-extra71" })));
    stage.put(with(
        finding("a2", 10),
        json!({ "GeneratorId": "prowler-extra7100", "Compliance": { "Status": "PASSED" } }),
    ));
    stage.put(with(finding("b1", 20), json!({ "RecordState": "ARCHIVED", "Confidence": 40 })));
    let tagged =
        json!([{ "Type": "Other", "Id": "x", "Tags": { "team": "red" } }, { "Type": "AwsS3Bucket", "Id": "y" }]);
    stage.put(with(finding("b2", 30), json!({ "Resources": tagged, "Sample": true })));
    stage
}

#[test]
fn contract_3_1_attributes_are_joined_by_and() {
    let stage = four();
    let filters = json!({ "RecordState": [text("EQUALS", "ACTIVE")], "ComplianceStatus": [text("EQUALS", "FAILED")] });
    assert_eq!(ids(&stage, &filters), ["a1", "b2"]);
}

#[test]
fn contract_3_1_values_of_one_attribute() {
    let stage = four();
    let by_id = |filters: &[Value]| ids(&stage, &json!({ "Id": filters }));
    assert_eq!(by_id(&[text("EQUALS", "a1"), text("EQUALS", "b2")]), ["a1", "b2"]);
    assert_eq!(by_id(&[text("PREFIX", "a"), text("EQUALS", "b1")]), ["a1", "a2", "b1"]);
    assert_eq!(by_id(&[text("NOT_EQUALS", "a1"), text("NOT_EQUALS", "b1")]), ["a2", "b2"]);
    assert_eq!(by_id(&[text("PREFIX", "a"), text("NOT_EQUALS", "a1")]), ["a2"]);
    assert_eq!(by_id(&[text("PREFIX_NOT_EQUALS", "a")]), ["b1", "b2"]);
    assert_eq!(by_id(&[text("EQUALS", "A1")]), Vec::<String>::new());
    assert_eq!(by_id(&[]).len(), 4);
}

#[test]
fn contract_3_1_a_prefix_matches_longer_names() {
    let stage = four();
    assert_eq!(ids(&stage, &json!({ "GeneratorId": [text("PREFIX", "prowler-extra71")] })), ["a1", "a2"]);
    assert_eq!(ids(&stage, &json!({ "GeneratorId": [text("EQUALS", "prowler-extra71")] })), ["a1"]);
}

#[test]
fn contract_3_1_lists_maps_numbers_flags() {
    let stage = four();
    assert_eq!(ids(&stage, &json!({ "ResourceType": [text("EQUALS", "Other")] })), ["b2"]);
    let team =
        |comparison: &str| json!({ "ResourceTags": [{ "Key": "team", "Value": "red", "Comparison": comparison }] });
    assert_eq!(ids(&stage, &team("EQUALS")), ["b2"]);
    assert_eq!(ids(&stage, &team("NOT_EQUALS")), ["a1", "a2", "b1"]);
    assert_eq!(ids(&stage, &json!({ "Confidence": [{ "Gte": 40.0, "Lt": 41.0 }] })), ["b1"]);
    assert_eq!(ids(&stage, &json!({ "SeverityNormalized": [{ "Eq": 70.0 }] })).len(), 4);
    assert_eq!(ids(&stage, &json!({ "Sample": [{ "Value": true }] })), ["b2"]);
    assert_eq!(ids(&stage, &json!({ "ProductName": [text("EQUALS", "Prowler")] })).len(), 4);
    let field = json!({ "Key": "aws/securityhub/FindingId", "Value": format!("{PRODUCT}/a1"), "Comparison": "EQUALS" });
    assert_eq!(ids(&stage, &json!({ "ProductFields": [field] })), ["a1"]);
}

#[test]
fn contract_3_1_date_bounds_are_inclusive() {
    let stage = four();
    let between = |start: &str, end: &str| json!({ "UpdatedAt": [{ "Start": start, "End": end }] });
    assert_eq!(ids(&stage, &between("2026-11-23T08:00:10Z", "2026-11-23T08:00:20Z")), ["a2", "b1"]);
    stage.advance_days(2);
    let last = |value: u32, comparison: &str| json!({ "UpdatedAt": [{ "DateRange": { "Value": value, "Unit": "DAYS", "Comparison": comparison } }] });
    assert_eq!(ids(&stage, &last(2, "WITHIN")).len(), 4);
    assert_eq!(ids(&stage, &last(1, "WITHIN")).len(), 0);
    assert_eq!(ids(&stage, &last(1, "OLDER_THAN")).len(), 4);
}

#[test]
fn contract_3_1_invalid_filters_are_rejected() {
    let stage = four();
    let id = |filters: Value| json!({ "Filters": { "Id": filters } });
    refused(&stage, &id(json!([text("EQUALS", "a"), text("NOT_EQUALS", "b")])));
    refused(&stage, &id(json!([text("EQUALS", "a"), text("PREFIX_NOT_EQUALS", "b")])));
    refused(&stage, &id(json!([text("CONTAINS", "a")])));
    refused(&stage, &id(json!(vec![text("EQUALS", "a"); 21])));
    refused(&stage, &json!({ "Filters": { "Nonsense": [] } }));
    let names = [
        "Id",
        "Title",
        "Type",
        "Region",
        "Description",
        "ProductArn",
        "ResourceId",
        "ResourceType",
        "CompanyName",
        "ProductName",
        "RecordState",
    ];
    let eleven: serde_json::Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), json!([]))).collect();
    refused(&stage, &json!({ "Filters": eleven }));
    for wrong in [0, 101] {
        refused(&stage, &json!({ "MaxResults": wrong }));
    }
    refused(&stage, &json!({ "SortCriteria": [{ "Field": "UpdatedAt", "SortOrder": "up" }] }));
}

fn pages(stage: &Stage, request: &Value) -> Vec<Vec<String>> {
    let mut request = request.clone();
    let mut pages = Vec::new();
    loop {
        let answer = stage.read(&request).json();
        let findings = answer["Findings"].as_array().unwrap();
        pages.push(findings.iter().map(|finding| finding["Id"].as_str().unwrap().to_owned()).collect());
        match answer.get("NextToken") {
            Some(token) => request["NextToken"] = token.clone(),
            None => return pages,
        }
    }
}

#[test]
fn contract_3_1_pages_in_key_order_and_sorted() {
    let stage = four();
    assert_eq!(pages(&stage, &json!({ "MaxResults": 3 })), [vec!["a1", "a2", "b1"], vec!["b2"]]);
    assert_eq!(pages(&stage, &json!({ "MaxResults": 2 })), [["a1", "a2"], ["b1", "b2"]]);
    let sorted = json!({
        "MaxResults": 3,
        "SortCriteria": [{ "Field": "RecordState", "SortOrder": "desc" }, { "Field": "UpdatedAt", "SortOrder": "desc" }],
    });
    assert_eq!(pages(&stage, &sorted), [vec!["b1", "b2", "a2"], vec!["a1"]]);
}

#[test]
fn contract_3_1_a_token_belongs_to_its_request() {
    let stage = four();
    let token = stage.read(&json!({ "MaxResults": 1 })).json()["NextToken"].clone();
    let changed = json!({ "NextToken": token, "Filters": { "RecordState": [text("EQUALS", "ACTIVE")] } });
    assert_eq!(refused(&stage, &changed), "Invalid NextToken: Input Query has changed");
    refused(&stage, &json!({ "NextToken": "made-up" }));
    assert_eq!(stage.read(&json!({ "NextToken": token })).status, 200);
    stage.simulator.clock().advance(Duration::from_secs(3_601));
    assert_eq!(refused(&stage, &json!({ "NextToken": token })), "Invalid NextToken");
}

#[test]
fn contract_2_4_home_regions_and_administrators_see_linked_findings() {
    let mut config = config().account(OTHER, &[REGION, "us-east-1"]);
    config.organization = Some(Organization {
        administrator: ACCOUNT.to_owned(),
        members: vec![OTHER.to_owned()],
        suspended: Vec::new(),
    });
    config.aggregators =
        vec![Aggregator { account: ACCOUNT.to_owned(), home: REGION.to_owned(), linked: vec!["us-east-1".to_owned()] }];
    let mut stage = Stage::new(config);
    for account in [ACCOUNT, OTHER] {
        for region in [REGION, "us-east-1"] {
            let product = format!("arn:aws:securityhub:{region}::product/prowler/prowler");
            (stage.caller, stage.region) = (simulator::Caller::user(account), region);
            stage.put(with(finding("a", 0), json!({ "AwsAccountId": account, "ProductArn": product })));
        }
    }
    let mut seen = |account: &str, region: &'static str| {
        (stage.caller, stage.region) = (simulator::Caller::user(account), region);
        pages(&stage, &json!({ "MaxResults": 1 })).len()
    };
    assert_eq!((seen(ACCOUNT, REGION), seen(ACCOUNT, "us-east-1")), (4, 2));
    assert_eq!((seen(OTHER, REGION), seen(OTHER, "us-east-1")), (2, 1));
}

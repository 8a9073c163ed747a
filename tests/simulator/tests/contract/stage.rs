//! A world with one account, and helpers to import and read in it.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Caller, Config, Operation, Response, Simulator};

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const OTHER: &str = "210987654321";
pub(crate) const REGION: &str = "eu-west-1";
pub(crate) const PRODUCT: &str = "arn:aws:securityhub:eu-west-1::product/prowler/prowler";
pub(crate) const START: &str = "2026-11-23T08:00:00Z";

/// A simulator with one caller and one Region.
pub(crate) struct Stage {
    pub(crate) simulator: Simulator,
    pub(crate) caller: Caller,
    pub(crate) region: &'static str,
}

/// One account with Security Hub enabled, no rate limits, and a stopped clock.
pub(crate) fn config() -> Config {
    let mut config = Config::one_account(ACCOUNT, &[REGION, "us-east-1"]).unlimited();
    config.clock = Some(START.parse().unwrap());
    config
}

pub(crate) fn stage() -> Stage {
    Stage::new(config())
}

impl Stage {
    pub(crate) fn new(config: Config) -> Self {
        Self { simulator: Simulator::new(config), caller: Caller::user(ACCOUNT), region: REGION }
    }

    pub(crate) fn import(&self, findings: &[Value]) -> Response {
        let body = json!({ "Findings": findings }).to_string();
        self.simulator.batch_import_findings(&self.caller, self.region, body.as_bytes())
    }

    /// Imports one finding, which must be accepted.
    pub(crate) fn put(&self, finding: Value) {
        let response = self.import(&[finding]);
        assert_eq!((response.status, &response.json()["SuccessCount"]), (200, &json!(1)), "{}", response.json());
    }

    /// The message of one finding, which must be rejected.
    pub(crate) fn refusal(&self, finding: Value) -> String {
        let answer = self.import(&[finding]).json();
        assert_eq!(answer["FailedCount"], 1, "{answer}");
        assert_eq!(answer["FailedFindings"][0]["ErrorCode"], "InvalidInput");
        answer["FailedFindings"][0]["ErrorMessage"].as_str().unwrap().to_owned()
    }

    pub(crate) fn read(&self, request: &Value) -> Response {
        self.simulator.get_findings(&self.caller, self.region, request.to_string().as_bytes())
    }

    /// All pages of findings that reads return now.
    pub(crate) fn visible(&self) -> Vec<Value> {
        self.read(&json!({})).json()["Findings"].as_array().unwrap().clone()
    }

    /// The only finding.
    pub(crate) fn only(&self) -> Value {
        let findings = self.simulator.findings(ACCOUNT, self.region);
        assert_eq!(findings.len(), 1);
        findings.into_iter().next().unwrap()
    }

    pub(crate) fn change(&self, id: &str, changes: &Value) -> Value {
        let mut request = changes.clone();
        request["FindingIdentifiers"] = json!([{ "Id": id, "ProductArn": PRODUCT }]);
        let response = self.simulator.batch_update_findings(&self.caller, self.region, request.to_string().as_bytes());
        assert_eq!(response.status, 200, "{}", response.json());
        response.json()
    }

    pub(crate) fn call(&self, operation: Operation) -> Response {
        self.simulator.call(&self.caller, self.region, operation, simulator::Input::default())
    }

    pub(crate) fn advance_days(&self, days: u64) {
        self.simulator.clock().advance(Duration::from_secs(days * 24 * 3600));
    }
}

/// A valid finding, updated `second` seconds after the start.
pub(crate) fn finding(id: &str, second: u32) -> Value {
    let at = format!("2026-11-23T08:{:02}:{:02}.000Z", second / 60, second % 60);
    json!({
        "SchemaVersion": "2018-10-08",
        "Id": id,
        "ProductArn": PRODUCT,
        "GeneratorId": "prowler-check",
        "AwsAccountId": ACCOUNT,
        "CreatedAt": at,
        "UpdatedAt": at,
        "FirstObservedAt": at,
        "Title": "title",
        "Description": "description",
        "RecordState": "ACTIVE",
        "Compliance": { "Status": "FAILED" },
        "FindingProviderFields": {
            "Severity": { "Label": "HIGH" },
            "Types": ["Software and Configuration Checks"],
        },
        "Resources": [{ "Type": "AwsS3Bucket", "Id": "arn:aws:s3:::bucket", "Region": REGION }],
    })
}

/// The finding with changed properties; null removes a property.
pub(crate) fn with(mut finding: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else { unreachable!("changes are an object") };
    let properties = finding.as_object_mut().unwrap();
    for (name, value) in changes {
        if value.is_null() {
            properties.remove(&name);
        } else {
            properties.insert(name, value);
        }
    }
    finding
}

//! Measures the processor time of the simulator itself, so that benchmarks against it can subtract it: 100,000 findings of
//! Prowler's usual size in 16 Regions, imported by one thread without HTTP, then read back and counted.
//!
//! `cargo run --release -p simulator --example import_rate`

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulator::{Caller, Config, Simulator};

const ACCOUNT: &str = "123456789012";
const REGIONS: usize = 16;
const CALLS: usize = 1_000;
const FINDINGS_PER_CALL: usize = 100;

fn main() -> std::io::Result<()> {
    let regions: Vec<String> = (0..REGIONS).map(|number| format!("xx-test-{number}")).collect();
    let names: Vec<&str> = regions.iter().map(String::as_str).collect();
    let simulator = Simulator::new(Config::one_account(ACCOUNT, &names).unlimited());
    let caller = Caller::user(ACCOUNT);
    let mut out = std::io::stdout();

    let mut spent = Duration::ZERO;
    let mut bytes = 0;
    for call in 0..CALLS {
        let region = &regions[call % REGIONS];
        let findings: Vec<Value> =
            (0..FINDINGS_PER_CALL).map(|number| finding(call * FINDINGS_PER_CALL + number, region)).collect();
        let body = json!({ "Findings": findings }).to_string();
        bytes += body.len();
        let start = Instant::now();
        let response = simulator.batch_import_findings(&caller, region, body.as_bytes());
        spent += start.elapsed();
        if response.json()["SuccessCount"] != FINDINGS_PER_CALL {
            return Err(std::io::Error::other(response.json().to_string()));
        }
    }
    let megabytes = bytes as f64 / 1e6;
    writeln!(out, "import: {spent:?} for {megabytes:.0} MB, {:.0} MB/s", megabytes / spent.as_secs_f64())?;

    let start = Instant::now();
    let count: usize = simulator.summary().iter().map(|region| region.findings).sum();
    writeln!(out, "summary: {:?} for {count} findings", start.elapsed())?;

    let start = Instant::now();
    let mut request = json!({ "Filters": { "RecordState": [{ "Value": "ACTIVE", "Comparison": "EQUALS" }] } });
    let mut pages = 1;
    loop {
        let page = simulator.get_findings(&caller, &regions[0], request.to_string().as_bytes()).json();
        match page.get("NextToken") {
            Some(token) => request["NextToken"] = token.clone(),
            None => break,
        }
        pages += 1;
    }
    writeln!(out, "read: {:?} for {pages} pages of one Region", start.elapsed())
}

fn finding(number: usize, region: &str) -> Value {
    let text = "Encrypt the data with a key of your own and rotate it; keep secrets out of variables. ";
    json!({
        "SchemaVersion": "2018-10-08",
        "Id": format!("prowler-awslambda_function_env_vars_not_encrypted_with_cmk-{ACCOUNT}-{region}-{number:09x}"),
        "ProductArn": format!("arn:aws:securityhub:{region}::product/prowler/prowler"),
        "RecordState": "ACTIVE",
        "GeneratorId": "prowler-awslambda_function_env_vars_not_encrypted_with_cmk",
        "AwsAccountId": ACCOUNT,
        "FirstObservedAt": "2026-11-23T07:56:24.000Z",
        "UpdatedAt": "2026-11-23T07:56:24.000Z",
        "CreatedAt": "2026-11-23T07:56:24.000Z",
        "FindingProviderFields": { "Severity": { "Label": "MEDIUM" }, "Types": ["Software and Configuration Checks"] },
        "Title": "Lambda function environment variables are encrypted with a customer-managed KMS key",
        "Description": text.repeat(3),
        "ProductFields": { "ProviderName": "Prowler", "ProviderVersion": "5.46.0", "ProwlerResourceName": "fn" },
        "Resources": [{ "Type": "AwsLambdaFunction", "Id": format!("arn:aws:lambda:{region}:{ACCOUNT}:function:fn-{number}"),
            "Partition": "aws", "Region": region, "Tags": { "Name": "fn", "team": "red" } }],
        "Compliance": {
            "Status": "FAILED",
            "RelatedRequirements": vec!["AWS-AI-Security-Framework-1.0 AISF-RUNTIME-03"; 20],
            "AssociatedStandards": vec![json!({ "StandardsId": "AWS-AI-Security-Framework-1.0" }); 20],
        },
        "Remediation": { "Recommendation": { "Text": text.repeat(5), "Url": "https://hub.prowler.com/check/x" } },
    })
}

//! Secrets in the details of a resource are neither sent nor stored.

use anyhow::{Context, Result, ensure};
use end_to_end::oracle::hash_of;
use end_to_end::scans::{finding, scan, unzstd};
use end_to_end::stage::{Stage, by_role};
use end_to_end::wait::wait_for;
use exporter::report::RunStatus;
use jiff::Timestamp;
use serde_json::{Value, json};
use simulator::{Effect, Fault};

const ACCOUNT: &str = "100000000024";
const REGION: &str = "eu-west-1";
/// A possible value of a function's environment variable. The string occurs nowhere else.
const SECRET: &str = "hunter2-of-the-end-to-end-test";

#[tokio::test]
async fn resource_details_of_a_scan_are_neither_sent_nor_stored() -> Result<()> {
    let stage = Stage::find().await?;
    let hub = stage.hub(ACCOUNT);
    stage.save_integration(&by_role(ACCOUNT)?).await?;
    // One finding for each outcome.
    let (sent, refused, mut unfit) = (with_secret("sent")?, with_secret("refused")?, with_secret("unfit")?);
    unfit["resources"][0]["cloud_partition"] = json!("aws-cn");
    let uid = refused["resources"][0]["uid"].as_str().context("uid")?;
    hub.inject(Fault::new(Effect::FailFindings {
        id_contains: hash_of(uid),
        code: "InvalidInput".to_owned(),
        message: "no".to_owned(),
    }))?;
    let mut bytes = scan(&[sent, refused, unfit])?;
    // In addition, a malformed entry after whose secret the JSON is invalid.
    let broken = with_secret("broken")?.to_string().replacen(r#""type_name":"#, r#""type_name":: "#, 1);
    bytes.pop();
    bytes.extend_from_slice(format!(",{broken}]").as_bytes());
    ensure!(String::from_utf8_lossy(&bytes).matches(SECRET).count() >= 4, "the secret is not in the scan");

    let run = stage.export("secrets/planted.json", bytes).await?;

    ensure!(run.status == RunStatus::Degraded && run.counts.sent == 1, "{run:#?}");
    ensure!(run.counts.quarantined_total() == 2 && run.counts.malformed == 1, "{:#?}", run.counts);
    ensure!(stage.quarantine_of(&run).await?.len() == 3, "the quarantine does not have three entries");
    nowhere("Security Hub", &serde_json::to_string(&hub.findings()?)?)?;
    nowhere("the table", &stage.table()?)?;
    let logged = || async { Ok((!stage.lines_about(&run.upload.source)?.is_empty()).then_some(())) };
    wait_for("the function's line about the upload", logged).await?;
    nowhere("the log", &stage.log()?)?;
    let keys = stage.keys("").await?;
    ensure!(keys.iter().any(|key| key.starts_with(&format!("state/{ACCOUNT}/"))), "no state was found: {keys:?}");
    for key in keys {
        let stored = stage.state_object(&key).await?;
        if stored.is_empty() && key.ends_with("/quarantine.jsonl") {
            // All entries of this quarantine were redriven.
            continue;
        }
        nowhere(&key, &String::from_utf8_lossy(&stored))?;
        if key.ends_with(".zst") {
            nowhere(&key, &String::from_utf8_lossy(&unzstd(&stored)?))?;
        }
    }
    Ok(())
}

fn nowhere(place: &str, text: &str) -> Result<()> {
    ensure!(!text.is_empty(), "{place} is empty: this proves nothing");
    ensure!(!text.contains(SECRET), "the secret is in {place}");
    Ok(())
}

fn with_secret(resource: &str) -> Result<Value> {
    let mut finding = finding(ACCOUNT, REGION, &format!("fn-{resource}"), Timestamp::now())?;
    let data = &mut finding["resources"][0]["data"];
    data["metadata"]["environment"] = json!({ "PASSWORD": SECRET });
    data["details"] = format!("PASSWORD={SECRET}").into();
    Ok(finding)
}

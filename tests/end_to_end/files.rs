//! Files that are large, truncated, or have unusual names.

use anyhow::{Context, Result, ensure};
use asff::ScanFormat;
use end_to_end::oracle::{id, prowlers_findings};
use end_to_end::scans::{FIRST, SECOND, finding, gzip, sample_scan, scan};
use end_to_end::stage::{Stage, by_role};
use exporter::model::settings::BATCH_BYTES_MAX;
use exporter::report::{ReadStatus, RunStatus};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

#[tokio::test]
async fn a_large_scan_is_sent_in_several_calls_of_which_none_is_rejected() -> Result<()> {
    const ACCOUNT: &str = "100000000014";
    const REGION: &str = "eu-west-1";
    const FINDINGS: usize = 150;
    // The number of strings in a finding, and their length, are close to the limits of the format: 90 KB per finding.
    const FIELDS: usize = 45;
    const FIELD_CHARS: usize = 2_000;
    let stage = Stage::find().await?;
    stage.save_integration(&by_role(ACCOUNT)?.with(|settings| settings.format = ScanFormat::Asff)).await?;
    let expected = prowlers_findings(FIRST, ACCOUNT)?;
    let is_ours =
        |finding: &&Value| finding["Resources"][0]["Region"] == REGION && finding["Compliance"]["Status"] == "FAILED";
    let fields: Map<String, Value> =
        (0..FIELDS).map(|number| (format!("Long{number}"), "é".repeat(FIELD_CHARS / 2).into())).collect();
    let mut findings: Vec<Value> = expected.iter().filter(is_ours).take(FINDINGS).cloned().collect();
    for finding in &mut findings {
        finding["ProductFields"] = fields.clone().into();
    }
    let bytes = scan(&findings)?;
    ensure!(findings.len() == FINDINGS && bytes.len() > 2 * BATCH_BYTES_MAX, "{} bytes", bytes.len());

    let run = stage.export("files/long-texts.asff.json.gz", gzip(&bytes)?).await?;

    ensure!(run.status == RunStatus::Succeeded && run.counts.sent == FINDINGS as u64, "{run:#?}");
    let calls = stage.hub(ACCOUNT).calls()?;
    ensure!(calls.refused == 0 && calls.imports >= bytes.len() / BATCH_BYTES_MAX, "{calls:?}");
    // Batches are filled before they are sent: no batch has room for the findings of two others.
    ensure!(calls.imports <= bytes.len() / BATCH_BYTES_MAX + 1, "{calls:?}");
    ensure!(calls.largest_import_bytes > BATCH_BYTES_MAX as u64 / 2, "{calls:?}");
    ensure!(stage.hub(ACCOUNT).findings()?.len() == FINDINGS, "findings are missing");
    Ok(())
}

#[tokio::test]
async fn findings_of_a_truncated_file_are_sent_and_nothing_is_archived() -> Result<()> {
    const ACCOUNT: &str = "100000000015";
    let stage = Stage::find().await?;
    let hub = stage.hub(ACCOUNT);
    stage.save_integration(&by_role(ACCOUNT)?.with(|settings| settings.archive_previous_findings = true)).await?;
    let complete =
        stage.export("files/1.ocsf.json.gz", gzip(sample_scan(FIRST, "ocsf.json", ACCOUNT)?.as_bytes())?).await?;
    ensure!(complete.status == RunStatus::Succeeded, "{complete:#?}");
    let held = hub.findings()?;

    // The upload ends in the middle, after half of the compressed bytes.
    let second = gzip(sample_scan(SECOND, "ocsf.json", ACCOUNT)?.as_bytes())?;
    let half = second.get(..second.len() / 2).context("half a file")?.to_vec();
    let cut = stage.export("files/2-cut.ocsf.json.gz", half).await?;

    ensure!(cut.status == RunStatus::Degraded && cut.counts.is_balanced(), "{cut:#?}");
    ensure!(matches!(cut.read_status, ReadStatus::Truncated { .. }), "{:?}", cut.read_status);
    ensure!(cut.reasons.iter().any(|reason| reason.contains("truncated at byte")), "{:#?}", cut.reasons);
    ensure!(cut.reasons.iter().any(|reason| reason.contains("nothing was archived")), "{:#?}", cut.reasons);
    ensure!(cut.counts.unchanged > 0 && cut.counts.archived == 0, "{:#?}", cut.counts);
    let now = hub.findings()?;
    let lost = held.iter().find(|before| !now.iter().any(|after| id(after) == id(before)));
    ensure!(lost.is_none() && now.iter().all(|finding| finding["RecordState"] == "ACTIVE"), "lost {lost:?}");

    // The complete upload of the same scan exports the rest.
    let fixed = stage.export("files/2.ocsf.json.gz", second).await?;
    ensure!(fixed.status == RunStatus::Succeeded && fixed.counts.archived > 0, "{fixed:#?}");
    Ok(())
}

#[tokio::test]
async fn a_key_may_contain_any_character_that_s3_accepts() -> Result<()> {
    const ACCOUNT: &str = "100000000023";
    const REGION: &str = "eu-west-1";
    let stage = Stage::find().await?;
    stage.save_integration(&by_role(ACCOUNT)?).await?;
    let keys = [
        "keys/with some spaces.json",
        "keys/a+plus+sign.json",
        "keys/ünïcode 走査 🔎.json",
        "keys/100%.json",
        "keys/not%20a%20space%2Bnor%2Ba%2Bplus.json",
        "keys/year=2026/o'clock & (more) #1?.json",
    ];
    for (number, key) in keys.into_iter().enumerate() {
        // Each scan is newer than the previous one.
        let scanned_at = Timestamp::now() - SignedDuration::from_mins(60 - i64::try_from(number)?);
        let finding = finding(ACCOUNT, REGION, &format!("fn-{number}"), scanned_at)?;
        let run = stage.export(key, scan(&[finding])?).await?;
        ensure!(run.status == RunStatus::Succeeded && run.counts.sent == 1, "{key}: {run:#?}");
        ensure!(run.upload.source.ends_with(key), "{key} became {}", run.upload.source);
        ensure!(stage.hub(ACCOUNT).findings_in(REGION)?.len() == number + 1, "the finding of {key} is missing");
    }
    Ok(())
}

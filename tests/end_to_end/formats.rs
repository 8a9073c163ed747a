//! Each format and compression is exported with the content of Prowler's own findings.

use anyhow::{Result, ensure};
use asff::ScanFormat;
use end_to_end::oracle::{ensure_alike, prowlers_asff_findings, prowlers_findings};
use end_to_end::scans::{FIRST, gzip, sample_scan, zstd};
use end_to_end::stage::{Stage, by_role};
use exporter::report::RunStatus;

#[tokio::test]
async fn an_ocsf_scan_is_exported_with_prowlers_content() -> Result<()> {
    arrives(ScanFormat::Ocsf, "ocsf.json", ["100000000001", "100000000002"]).await
}

#[tokio::test]
async fn an_asff_scan_is_exported_with_prowlers_content() -> Result<()> {
    arrives(ScanFormat::Asff, "asff.json", ["100000000003", "100000000004"]).await
}

#[tokio::test]
async fn a_csv_scan_is_exported_with_prowlers_content() -> Result<()> {
    arrives(ScanFormat::Csv, "csv", ["100000000005", "100000000006"]).await
}

/// Exports the scan with gzip for one account and with zstd for the other.
async fn arrives(format: ScanFormat, ending: &str, accounts: [&str; 2]) -> Result<()> {
    let stage = Stage::find().await?;
    for (account, compression) in accounts.into_iter().zip(["gz", "zst"]) {
        stage
            .save_integration(
                &by_role(account)?.with(|settings| (settings.format, settings.only_failed) = (format, false)),
            )
            .await?;
        // An ASFF file already has Ids.
        let expected =
            if format == ScanFormat::Asff { prowlers_asff_findings } else { prowlers_findings }(FIRST, account)?;
        let text = sample_scan(FIRST, ending, account)?;
        let bytes = if compression == "gz" { gzip(text.as_bytes())? } else { zstd(text.as_bytes())? };

        let run = stage.export(&format!("formats/{account}.{ending}.{compression}"), bytes).await?;

        ensure!(run.status == RunStatus::Succeeded, "{run:#?}");
        ensure!(run.format == Some(format), "read as {:?}", run.format);
        ensure!(run.counts.sent == expected.len() as u64 && run.counts.is_balanced(), "{:#?}", run.counts);
        ensure_alike(&expected, &stage.hub(account).findings()?)?;
    }
    Ok(())
}

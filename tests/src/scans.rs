//! Scans for any account: Prowler's sample scans with another account ID, and generated scans for tests that require a specific
//! finding.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde_json::{Value, json};

/// The account of the sample scans.
pub const SAMPLE_ACCOUNT: &str = "123456789012";
/// The first scan of the sample account: 1474 findings, two of them MANUAL.
pub const FIRST: &str = "5.46.0-scan-1";
/// The same account later: of the first scan's findings, 182 are absent and 17 changed from FAIL to PASS; 8 are new.
pub const SECOND: &str = "5.46.0-scan-2-after-fixes";

/// A sample scan, decompressed, as if `account` had been scanned. `ending` is `ocsf.json`, `asff.json`, or `csv`.
///
/// # Errors
///
/// If the file can't be read.
pub fn sample_scan(name: &str, ending: &str, account: &str) -> Result<String> {
    let path = folder().join(format!("{name}.{ending}.gz"));
    let file = fs::File::open(&path).with_context(|| format!("open {}", path.display()))?;
    let mut text = String::new();
    MultiGzDecoder::new(file).read_to_string(&mut text).with_context(|| format!("read {}", path.display()))?;
    Ok(text.replace(SAMPLE_ACCOUNT, account))
}

/// A failed finding of `account` in `region` for the function `resource`, scanned at `scanned_at`, and otherwise as Prowler wrote
/// it.
///
/// # Errors
///
/// If the sample file can't be read.
pub fn finding(account: &str, region: &str, resource: &str, scanned_at: Timestamp) -> Result<Value> {
    let text = fs::read_to_string(folder().join("5.46.0-one-finding.ocsf.json")).context("read the one finding")?;
    let text = text.replace(SAMPLE_ACCOUNT, account).replace("ap-southeast-2", region).replace("fn-1", resource);
    let mut finding: Value = serde_json::from_str(&text)?;
    // The file is a scan with one finding.
    if let Some(first) = finding.get_mut(0) {
        finding = first.take();
    }
    // Prowler writes UTC times without an offset.
    let naive = scanned_at.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string();
    finding["time"] = json!(scanned_at.as_second());
    finding["time_dt"] = json!(naive);
    finding["finding_info"]["created_time"] = json!(scanned_at.as_second());
    finding["finding_info"]["created_time_dt"] = json!(naive);
    Ok(finding)
}

/// A scan with these findings, as Prowler writes it.
///
/// # Errors
///
/// If they can't be serialized as JSON.
pub fn scan(findings: &[Value]) -> Result<Vec<u8>> {
    Ok(serde_json::to_vec(findings)?)
}

/// Compresses with gzip.
///
/// # Errors
///
/// If the encoder fails.
pub fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// Compresses with zstd.
///
/// # Errors
///
/// If the encoder fails.
pub fn zstd(bytes: &[u8]) -> Result<Vec<u8>> {
    Ok(::zstd::encode_all(bytes, ::zstd::DEFAULT_COMPRESSION_LEVEL)?)
}

/// Decompresses zstd.
///
/// # Errors
///
/// If it isn't a zstd stream.
pub fn unzstd(bytes: &[u8]) -> Result<Vec<u8>> {
    Ok(::zstd::decode_all(bytes)?)
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scans")
}

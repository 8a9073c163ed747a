//! The report about bytes that are not a complete entry: enough for a user to recognize the finding.
//!
//! It can't be determined to what a part of damaged JSON belonged. Therefore, only values are reported whose format is that of
//! their field and that no secret has: names of checks and Regions, account IDs, times, versions, and values of a fixed list.

use std::str::FromStr;

use memchr::memchr;

use crate::map::product::PRODUCT_ARN_END;
use crate::{AccountId, Partition, RegionName, SeverityLabel};

/// Maximum number of fields that are reported.
const TRACES_MAX: usize = 32;
/// Maximum number of bytes of a name, and of a value.
const TEXT_BYTES_MAX: usize = 512;
/// The possible results of a check.
const STATUS_CODES: [&str; 6] = ["PASS", "FAIL", "MANUAL", "PASSED", "FAILED", "WARNING"];

/// The fields of damaged JSON whose values match their field's format, as `"name":"value"`, separated by commas.
pub(crate) fn from_json(bytes: &[u8]) -> Vec<u8> {
    let mut fields = Vec::new();
    let mut count = 0;
    let mut rest = bytes;
    while let Some(quote) = memchr(b'"', rest)
        && count < TRACES_MAX
    {
        rest = &rest[quote + 1..];
        let Some((name, value)) = pair(rest) else { continue };
        if has_format(name, value) {
            fields.extend_from_slice(if fields.is_empty() { b"" } else { b"," });
            fields.extend_from_slice(format!("\"{name}\":\"{value}\"").as_bytes());
            count += 1;
        }
    }
    fields
}

/// The cells of a damaged row whose values match a known format, separated by semicolons.
pub(crate) fn from_row(bytes: &[u8]) -> Vec<u8> {
    let cells = bytes.split(|byte| matches!(byte, b';' | b',' | b'\t' | b'"' | b'\n' | b'\r'));
    let cells = cells.filter_map(|cell| std::str::from_utf8(cell).ok());
    let recognized =
        cells.filter(|cell| AccountId::from_str(cell).is_ok() || is_region(cell) || STATUS_CODES.contains(cell));
    recognized.take(TRACES_MAX).collect::<Vec<_>>().join(";").into_bytes()
}

/// Parses `name": "value"`, or `name": number`.
fn pair(bytes: &[u8]) -> Option<(&str, &str)> {
    let bytes = &bytes[..bytes.len().min(2 * TEXT_BYTES_MAX)];
    let name = memchr(b'"', bytes)?;
    let (name, rest) = (&bytes[..name], bytes[name + 1..].trim_ascii_start());
    let value = rest.strip_prefix(b":")?.trim_ascii_start();
    let value = match value.strip_prefix(b"\"") {
        Some(text) => &text[..memchr(b'"', text)?],
        None => &value[..value.iter().position(|byte| !byte.is_ascii_digit())?],
    };
    Some((std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?))
}

/// Whether a value has the format of a field with this name, which no secret has.
pub(crate) fn has_format(name: &str, value: &str) -> bool {
    match name {
        "event_code" => is_check(value),
        "GeneratorId" => value.strip_prefix("prowler-").is_some_and(is_check),
        "uid" | "name" | "vendor_name" | "ProviderName" if value.eq_ignore_ascii_case("prowler") => true,
        "uid" | "provider_uid" | "AwsAccountId" => AccountId::from_str(value).is_ok(),
        "ProductArn" => product_region(value).is_some_and(is_region),
        "provider" => value == "aws",
        "status" | "RecordState" => ["New", "Suppressed", "ACTIVE", "ARCHIVED"].contains(&value),
        "region" | "Region" => is_region(value),
        "cloud_partition" | "Partition" => Partition::from_str(value).is_ok(),
        "severity" | "Label" => SeverityLabel::of(value).is_some(),
        "status_code" | "Status" => STATUS_CODES.contains(&value),
        "class_uid" | "created_time" => {
            (1..=10).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit())
        }
        "UpdatedAt" | "CreatedAt" | "created_time_dt" => value.parse::<jiff::Timestamp>().is_ok(),
        "version" | "ProviderVersion" => {
            value.len() <= 16 && value.contains('.') && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        }
        _ => false,
    }
}

/// The Region in the ARN of Prowler's product.
fn product_region(arn: &str) -> Option<&str> {
    let region = arn.strip_suffix(PRODUCT_ARN_END)?.strip_suffix(':')?;
    let (head, region) = region.rsplit_once(':')?;
    let partition = head.strip_prefix("arn:")?.strip_suffix(":securityhub")?;
    Partition::from_str(partition).is_ok().then_some(region)
}

fn is_check(value: &str) -> bool {
    value.len() <= 128
        && value.contains('_')
        && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn is_region(value: &str) -> bool {
    RegionName::from_str(value).is_ok_and(|name| Partition::ALL.iter().any(|partition| partition.may_hold(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_reported_from_damaged_bytes() {
        let damaged = br#"{"metadata": {"event_code": "s3_bucket_versioning", "version": "1.5.0"}, "environment": {
            "DB_PASSWORD": "hunter2", "region": "hunter2", "version": "hunter2", "uid": "hunter2", "severity": "hunter2",
            "d\u0061ta": "hunter2"}, "cloud": {"account": {"uid" : "123456789012"}, "region":"eu-west-1"}, "class_uid": 2004, "severity": "High"#;
        let fields = String::from_utf8(from_json(damaged)).unwrap();
        let expected = r#""event_code":"s3_bucket_versioning","version":"1.5.0","uid":"123456789012","region":"eu-west-1","class_uid":"2004""#;
        assert_eq!(fields, expected);
        assert_eq!(from_json(b"hunter2"), b"");
        let row = "profile: hunter2;123456789012;\"hunter2;\nFAIL;eu-west-1;x".as_bytes();
        assert_eq!(from_row(row), b"123456789012;FAIL;eu-west-1");
    }
}

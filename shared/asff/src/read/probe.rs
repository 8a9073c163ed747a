//! Determines from an entry what kind of file it is from: the product, the version, and the OCSF class.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::table_head::in_one_cell;
use super::{Column, Columns, FileRejection, ScanFormat, spreadsheet};
use crate::map::product::{Maker, lenient, looks_like_prowler, maker_of_arn};

/// The oldest supported version of Prowler: in earlier versions, OCSF entries don't name their check.
const OLDEST_MAJOR_MINOR: (u32, u32) = (4, 1);
/// The OCSF class of detection findings, which Prowler 4.1 and later write.
const DETECTION_FINDING: u64 = 2004;
/// The OCSF class of compliance findings, which Prowler writes to `compliance/`.
const COMPLIANCE_FINDING: u64 = 2003;
/// The OCSF class of security findings, which Prowler 3 wrote.
const SECURITY_FINDING: u64 = 2001;

/// What an entry shows about its file.
#[derive(Debug)]
pub(super) enum Verdict {
    /// A scan result of this format.
    Scan(ScanFormat),
    /// Not a supported scan result.
    Rejected(FileRejection),
    /// A finding of this other product.
    Foreign(String),
    /// Inconclusive: another entry may show it. With the reason.
    Nothing(String),
}

/// The fields that are examined. Types are not trusted: a field with a wrong type counts as missing.
#[derive(Deserialize)]
struct Probe<'a> {
    #[serde(borrow)]
    class_uid: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    finding_info: Option<&'a RawValue>,
    #[serde(borrow)]
    status_code: Option<&'a RawValue>,
    #[serde(borrow, rename = "SchemaVersion")]
    schema_version: Option<&'a RawValue>,
    #[serde(borrow, rename = "ProductArn")]
    product_arn: Option<&'a RawValue>,
    #[serde(borrow, rename = "ProductFields")]
    product_fields: Option<&'a RawValue>,
    #[serde(borrow, rename = "AssessmentStartTime")]
    assessment_start_time: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    product: Option<&'a RawValue>,
    #[serde(borrow)]
    event_code: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct FindingInfo<'a> {
    #[serde(borrow)]
    uid: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct ProductFields<'a> {
    #[serde(borrow, rename = "ProviderVersion")]
    provider_version: Option<Cow<'a, str>>,
}

impl Probe<'_> {
    fn looks_like_prowler(&self, metadata: &Metadata<'_>) -> bool {
        let text = |raw: Option<&RawValue>| raw.and_then(parse::<String>).unwrap_or_default();
        let info = self.finding_info.and_then(parse::<FindingInfo<'_>>).unwrap_or_default();
        looks_like_prowler(&text(info.uid), &text(metadata.event_code), &text(self.status_code))
    }
}

/// Examines one entry.
pub(super) fn judge(entry: &[u8]) -> Verdict {
    let probe: Probe<'_> = match serde_json::from_slice(entry) {
        Ok(probe) => probe,
        Err(error) => return Verdict::Nothing(format!("the first one can't be parsed: {error}")),
    };
    if let Some(class_uid) = probe.class_uid.and_then(parse::<u64>) {
        let metadata = probe.metadata.and_then(parse::<Metadata<'_>>).unwrap_or_default();
        let product = metadata.product.map(lenient).unwrap_or_default();
        let version = product.version.as_ref().map(|version| version.0.to_string());
        return match class_uid {
            DETECTION_FINDING => match product.maker() {
                Maker::Prowler => supported(version, ScanFormat::Ocsf),
                Maker::Other(product) => Verdict::Foreign(product),
                Maker::Unstated if probe.looks_like_prowler(&metadata) => supported(version, ScanFormat::Ocsf),
                Maker::Unstated => {
                    Verdict::Nothing("they don't name Prowler as their product (metadata.product)".to_owned())
                }
            },
            COMPLIANCE_FINDING => Verdict::Rejected(FileRejection::Compliance),
            SECURITY_FINDING => Verdict::Rejected(FileRejection::old(version, ScanFormat::Ocsf)),
            _ => Verdict::Rejected(FileRejection::OtherOcsfClass { class_uid }),
        };
    }
    if probe.schema_version.is_some() {
        let product_arn = probe.product_arn.and_then(parse::<Cow<'_, str>>).unwrap_or_default();
        match maker_of_arn(&product_arn) {
            Maker::Prowler => {}
            Maker::Other(product) => return Verdict::Foreign(product),
            Maker::Unstated => {
                return Verdict::Nothing("they are ASFF findings without Prowler's ProductArn".to_owned());
            }
        }
        let fields = probe.product_fields.and_then(parse::<ProductFields<'_>>).unwrap_or_default();
        return supported(fields.provider_version.map(Cow::into_owned), ScanFormat::Asff);
    }
    if probe.assessment_start_time.is_some() {
        return Verdict::Rejected(FileRejection::OldProwler { version: None, format: "JSON" });
    }
    Verdict::Nothing("they have neither class_uid (OCSF) nor SchemaVersion (ASFF)".to_owned())
}

/// Examines one row of a CSV file.
pub(super) fn judge_row(row: &[u8], columns: &Columns) -> Verdict {
    let Some(cells) = columns.read_row(row) else {
        let all_in_one = columns.cells(row).is_some_and(|row| row.count() < columns.count && row.cell(0).contains(';'));
        return if all_in_one {
            Verdict::Rejected(FileRejection::SavedAgain { what: in_one_cell() })
        } else {
            Verdict::Nothing("its rows don't have as many cells as its header row".to_owned())
        };
    };
    let text = |column| columns.cell(&cells, column).unwrap_or_default();
    // A spreadsheet changes a column in the same way in all rows.
    for column in [Column::AccountUid, Column::Timestamp, Column::ResourceUid] {
        if let Some(what) = spreadsheet::changed(column, text(column)) {
            return Verdict::Rejected(FileRejection::SavedAgain { what });
        }
    }
    supported(Some(text(Column::Version)).filter(|version| !version.is_empty()).map(str::to_owned), ScanFormat::Csv)
}

/// Accepts a version that is recent enough, or unknown.
pub(super) fn supported(version: Option<String>, format: ScanFormat) -> Verdict {
    match version {
        Some(version) if is_too_old(&version) => Verdict::Rejected(FileRejection::old(Some(version), format)),
        _ => Verdict::Scan(format),
    }
}

fn is_too_old(version: &str) -> bool {
    major_minor(version).is_some_and(|version| version < OLDEST_MAJOR_MINOR)
}

/// The first two numbers of a version.
pub(crate) fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim_start_matches('v').split('.').map(|number| {
        let digits = number.bytes().take_while(u8::is_ascii_digit).count();
        number[..digits].parse().ok()
    });
    Some((numbers.next()??, numbers.next().flatten().unwrap_or(0)))
}

fn parse<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_its_first_two_numbers() {
        assert_eq!(major_minor("5.46.0"), Some((5, 46)));
        assert_eq!(major_minor("v4"), Some((4, 0)));
        assert_eq!(major_minor("4.1rc1"), Some((4, 1)));
        assert_eq!(major_minor("dev"), None);
        assert!(is_too_old("4.0.1") && is_too_old("3.16.17") && !is_too_old("4.1.0") && !is_too_old("10.0"));
    }

    #[test]
    fn an_entry_with_the_wrong_types_is_inconclusive() {
        for entry in ["{}", r#"{"class_uid":"x"}"#, r#"{"class_uid":[2004]}"#, "{", r#"{"class_uid":-1}"#] {
            assert!(matches!(judge(entry.as_bytes()), Verdict::Nothing(_)), "{entry}");
        }
        assert!(matches!(judge(br#"{"class_uid":2004,"metadata":7}"#), Verdict::Nothing(_)));
        let without_product = br#"{"class_uid":2004,"metadata":{"event_code":"s3_bucket"},"status_code":"FAIL"}"#;
        assert!(matches!(judge(without_product), Verdict::Scan(ScanFormat::Ocsf)));
    }
}

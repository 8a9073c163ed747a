//! Determines which product made a finding: other scanners write the same classes of OCSF, and other products write ASFF.

use std::borrow::Cow;

use serde::Deserialize;

use super::parts;
use super::shapes::Text;

/// The constant end of every Prowler finding's `ProductArn`.
pub(crate) const PRODUCT_ARN_END: &str = ":product/prowler/prowler";
/// The part of a product's ARN before its name.
const PRODUCT: &str = ":product/";
/// The beginning of Prowler's product name and vendor name, in any case; its hosted version adds a suffix.
const PROWLER: &str = "prowler";
/// The prefix of Prowler's UIDs of findings.
const FINDING_UID_PREFIX: &str = "prowler-";
/// Prowler's status codes, which other products spell differently.
const STATUS_CODES: [&str; 3] = ["PASS", "FAIL", "MANUAL"];

/// `metadata.product` of an OCSF event.
#[derive(Default, Deserialize)]
pub(crate) struct Product<'a> {
    #[serde(borrow)]
    pub(crate) name: Option<Text<'a>>,
    #[serde(borrow)]
    vendor_name: Option<Text<'a>>,
    #[serde(borrow)]
    uid: Option<Text<'a>>,
    #[serde(borrow)]
    feature: Option<Feature<'a>>,
    #[serde(borrow)]
    pub(crate) version: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Feature<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

/// The product that made a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    Prowler,
    /// Another product, with its name.
    Other(String),
    /// The finding doesn't name a product.
    Unstated,
}

impl Product<'_> {
    /// The product that the fields name. All fields that are present must be Prowler's; the feature is used only if no other
    /// field is present.
    pub(crate) fn maker<'s>(&'s self) -> Maker {
        let text = |field: Option<&'s Text<'_>>| field.map_or("", |text| text.0.trim());
        let feature = self.feature.as_ref().map_or("", |feature| text(feature.name.as_ref()));
        let all = [self.name.as_ref(), self.vendor_name.as_ref(), self.uid.as_ref()].map(text);
        let all = if all.iter().all(|text| text.is_empty()) { [feature, "", ""] } else { all };
        let mut stated = all.into_iter().filter(|text| !text.is_empty());
        let Some(first) = stated.next() else { return Maker::Unstated };
        if !is_prowler(first) {
            return Maker::Other(parts::brief(first).to_owned());
        }
        match stated.find(|text| !is_prowler(text)) {
            None => Maker::Prowler,
            // Prowler's name in another vendor's product: both names identify it.
            Some(other) => Maker::Other(parts::brief(&format!("{first} ({other})")).to_owned()),
        }
    }
}

/// Whether a product name, a vendor name, or an ID is Prowler's.
fn is_prowler(text: &str) -> bool {
    let begins = text.get(..PROWLER.len()).is_some_and(|head| head.eq_ignore_ascii_case(PROWLER));
    begins || text.ends_with(PRODUCT_ARN_END)
}

/// Whether an event that doesn't name a product looks like Prowler's: Prowler's UIDs begin with `prowler-`, and no other product
/// has both a check name and one of Prowler's three status codes.
pub(crate) fn looks_like_prowler(finding_uid: &str, event_code: &str, status_code: &str) -> bool {
    let is_check = event_code.contains('_')
        && event_code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    finding_uid.starts_with(FINDING_UID_PREFIX)
        || is_check && STATUS_CODES.iter().any(|code| status_code.eq_ignore_ascii_case(code))
}

/// The maker of a finding with this product ARN.
pub(crate) fn maker_of_arn(arn: &str) -> Maker {
    let is_arn = arn.starts_with("arn:") && arn.contains(":securityhub:");
    match arn.split_once(PRODUCT) {
        _ if arn.ends_with(PRODUCT_ARN_END) => Maker::Prowler,
        Some((_, name)) if is_arn && !name.is_empty() => Maker::Other(parts::brief(name).to_owned()),
        _ => Maker::Unstated,
    }
}

/// Reads the product of an event whose fields may have any type.
pub(crate) fn lenient<'a>(product: &'a serde_json::value::RawValue) -> Product<'a> {
    #[derive(Default, Deserialize)]
    struct Raw<'a> {
        #[serde(borrow)]
        name: Option<&'a serde_json::value::RawValue>,
        #[serde(borrow)]
        vendor_name: Option<&'a serde_json::value::RawValue>,
        #[serde(borrow)]
        uid: Option<&'a serde_json::value::RawValue>,
        #[serde(borrow)]
        feature: Option<&'a serde_json::value::RawValue>,
        #[serde(borrow)]
        version: Option<&'a serde_json::value::RawValue>,
    }
    fn read<'a, T: Deserialize<'a>>(raw: Option<&'a serde_json::value::RawValue>) -> Option<T> {
        raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
    }
    // Some products write their name instead of the object.
    if let Ok(name) = serde_json::from_str::<Cow<'a, str>>(product.get()) {
        return Product { name: Some(Text(name)), ..Product::default() };
    }
    let Raw { name, vendor_name, uid, feature, version } = serde_json::from_str(product.get()).unwrap_or_default();
    Product {
        name: read(name),
        vendor_name: read(vendor_name),
        uid: read(uid),
        feature: read(feature),
        version: read(version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_prowlers_if_all_of_its_fields_are() {
        for (product, expected) in [
            (r#"{"name":"Prowler","vendor_name":"Prowler","uid":"prowler","version":"5.46.0"}"#, None),
            (r#"{"name":"Prowler"}"#, None),
            (r#"{"vendor_name":"ProwlerPro"}"#, None),
            (r#"{"name":"Prowler","uid":"arn:aws:securityhub:eu-west-1::product/prowler/prowler"}"#, None),
            (r#"{"name":"prowler","feature":{"name":"AWS"}}"#, None),
            (r#"{"feature":{"name":"Prowler"}}"#, None),
            (r#""Prowler""#, None),
            (r#"{"name":"cnspec","vendor_name":"Mondoo, Inc."}"#, Some("cnspec")),
            (r#"{"vendor_name":"Aqua"}"#, Some("Aqua")),
            (r#"{"feature":{"name":"GuardDuty"}}"#, Some("GuardDuty")),
            (
                r#"{"uid":"arn:aws:securityhub:eu-west-1::product/aws/guardduty"}"#,
                Some("arn:aws:securityhub:eu-west-1::product/aws/guardduty"),
            ),
            (r#"{"name":"Security Hub","feature":{"name":"Prowler"}}"#, Some("Security Hub")),
            (r#"{"name":"Prowler","vendor_name":"Another, Inc."}"#, Some("Prowler (Another, Inc.)")),
            (r#""Wazuh""#, Some("Wazuh")),
        ] {
            let raw: &serde_json::value::RawValue = serde_json::from_str(product).unwrap();
            let expected = expected.map_or(Maker::Prowler, |name| Maker::Other(name.to_owned()));
            assert_eq!(lenient(raw).maker(), expected, "{product}");
        }
        for nothing in ["{}", "7", "null", r#"{"name":""}"#, r#"{"name":["x"]}"#] {
            assert_eq!(lenient(serde_json::from_str(nothing).unwrap()).maker(), Maker::Unstated, "{nothing}");
        }
    }

    #[test]
    fn an_event_without_a_product_is_prowlers_if_it_looks_like_one() {
        assert!(looks_like_prowler("prowler-aws-a-1-eu-west-1-x", "", ""));
        assert!(looks_like_prowler("", "s3_bucket_versioning", "FAIL"));
        for (uid, code, status) in
            [("1.0", "", ""), ("", "s3_bucket", "Failure"), ("", "S3.1", "FAIL"), ("x-prowler-", "", "FAIL")]
        {
            assert!(!looks_like_prowler(uid, code, status), "{uid} {code} {status}");
        }
    }
}

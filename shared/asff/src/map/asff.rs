//! Maps findings that are already in ASFF: Prowler's own, or those that this crate wrote.
//!
//! Their IDs are kept. Fields that Security Hub sets, and fields that a provider must not send, are dropped.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::draft::{Draft, Rejection, Verdict};
use super::frameworks::{self, Frameworks};
use super::ocsf::{Drafted, unsent};
use super::parts;
use super::product::{Maker, maker_of_arn};
use super::shapes::{First, Text, Texts, Time};
use crate::finding::{Standard, Status};
use crate::limits::{ASSOCIATED_STANDARDS_MAX, RELATED_REQUIREMENT_CHARS_MAX, RELATED_REQUIREMENTS_MAX};
use crate::outcome::{QuarantineCode, RawStatus, Repair, Skip};

/// Maximum number of pairs of a map that are read; Security Hub's limit is 50.
const PAIRS_MAX: usize = 256;
/// The prefix of a generator's name.
const GENERATOR_PREFIX: &str = "prowler-";
/// The product fields that are derived from other fields.
const OWN_FIELDS: [&str; 3] = ["ProviderName", "ProviderVersion", "ProwlerResourceName"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Given<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    product_arn: Option<Text<'a>>,
    #[serde(borrow)]
    record_state: Option<Text<'a>>,
    #[serde(borrow)]
    product_fields: Option<PairMap<'a>>,
    #[serde(borrow)]
    generator_id: Option<Text<'a>>,
    #[serde(borrow)]
    aws_account_id: Option<Text<'a>>,
    #[serde(borrow)]
    types: Option<Texts<'a>>,
    updated_at: Option<Time>,
    created_at: Option<Time>,
    #[serde(borrow)]
    severity: Option<Severity<'a>>,
    #[serde(borrow)]
    title: Option<Text<'a>>,
    #[serde(borrow)]
    description: Option<Text<'a>>,
    #[serde(borrow)]
    resources: Option<First<Resource<'a>>>,
    #[serde(borrow)]
    compliance: Option<Compliance<'a>>,
    #[serde(borrow)]
    remediation: Option<Remediation<'a>>,
    #[serde(borrow)]
    finding_provider_fields: Option<ProviderFields<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Severity<'a> {
    #[serde(borrow)]
    label: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ProviderFields<'a> {
    #[serde(borrow)]
    severity: Option<Severity<'a>>,
    #[serde(borrow)]
    types: Option<Texts<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Resource<'a> {
    #[serde(borrow)]
    r#type: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    region: Option<Text<'a>>,
    #[serde(borrow)]
    tags: Option<PairMap<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Compliance<'a> {
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    related_requirements: Option<Texts<'a>>,
    associated_standards: Option<Vec<Standard>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Remediation<'a> {
    #[serde(borrow)]
    recommendation: Option<Recommendation<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Recommendation<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    url: Option<Text<'a>>,
}

/// A map of strings in the file's order.
#[derive(Default)]
struct PairMap<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'de: 'a, 'a> Deserialize<'de> for PairMap<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = PairMap<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PairMap<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Text(key), value)) = map.next_entry::<Text<'de>, Option<Text<'de>>>()? {
                    if pairs.len() < PAIRS_MAX {
                        pairs.push((key, value.map(|value| value.0).unwrap_or_default()));
                    }
                }
                Ok(PairMap(pairs))
            }
        }
        deserializer.deserialize_map(Entries).map(|pairs| PairMap(pairs.0))
    }
}

/// The status that Prowler would write for a manual check, if it wrote it to these files.
const MANUAL: &str = "NOT_AVAILABLE";

/// Converts one finding to a draft.
pub(super) fn draft(given: Given<'_>) -> Result<Drafted<'_>, Rejection> {
    let status = given.compliance.as_ref().and_then(|compliance| compliance.status.as_ref());
    let manual = status.is_some_and(|status| status.0 == MANUAL);
    let arn = given.product_arn.as_ref().map(|arn| arn.0.as_ref()).unwrap_or_default();
    if let Maker::Other(product) = maker_of_arn(arn) {
        return Ok(Drafted::Skip(Skip::OtherProduct { product }));
    }
    if partition_and_region(arn).is_none() {
        let message = "the entry's ProductArn is not the ARN of the Prowler product";
        return Err(Rejection::new(QuarantineCode::NotAScanResult, message));
    }
    if given.record_state.as_ref().is_some_and(|state| state.0 == "ARCHIVED") {
        let message = "the finding is archived; a scan's findings are active";
        return Err(Rejection::new(QuarantineCode::NotAScanResult, message));
    }
    unsent(manual, finding(given))
}

fn finding(given: Given<'_>) -> Result<Drafted<'_>, Rejection> {
    let arn = given.product_arn.map(|arn| arn.0).unwrap_or_default();
    let (partition, region) = partition_and_region(&arn).unwrap_or_default();
    let compliance = given.compliance.unwrap_or_default();
    let verdict = match compliance.status.as_ref().map(|status| status.0.as_ref()) {
        Some("PASSED") => Some(Verdict { raw: Some(RawStatus::Pass), status: Status::Passed }),
        Some("FAILED") => Some(Verdict { raw: Some(RawStatus::Fail), status: Status::Failed }),
        Some("WARNING") => Some(Verdict { raw: None, status: Status::Warning }),
        Some(MANUAL) => None,
        _ => return Err(Rejection::missing("Compliance.Status")),
    };
    let (scanned_at, created_at) = times(given.updated_at, given.created_at)?;
    let resource = given.resources.and_then(|resources| resources.0);
    let resource = resource.ok_or_else(|| Rejection::missing("resource (Resources[0])"))?;
    let provider = given.finding_provider_fields.unwrap_or_default();
    let severity = provider.severity.or(given.severity).and_then(|severity| severity.label);
    let types = provider.types.or(given.types).map(|types| types.0).unwrap_or_default();
    let fields = given.product_fields.unwrap_or_default().0;
    let version = fields.iter().find(|(key, _)| key == "ProviderVersion").map(|(_, value)| value.clone());
    let name = fields.iter().find(|(key, _)| key == "ProwlerResourceName").map(|(_, value)| value.clone());
    let advice = given.remediation.and_then(|remediation| remediation.recommendation).unwrap_or_default();
    let mut repairs = Vec::new();
    let frameworks = frameworks(compliance.related_requirements, compliance.associated_standards, &mut repairs);
    let check_id = given.generator_id.map(|generator| check(generator.0)).unwrap_or_default();
    Ok(Drafted::Draft(Box::new(Draft {
        id: Some(given.id.ok_or_else(|| Rejection::missing("Id"))?.0),
        version,
        check_id,
        account: given.aws_account_id.map(|account| account.0).unwrap_or_default(),
        partition: Some(partition.to_owned().into()),
        region: region.to_owned().into(),
        resource_type: resource.r#type.map(|kind| kind.0).unwrap_or_default(),
        resource_uid: full_name(resource.id.map(|id| id.0).unwrap_or_default(), name),
        resource_region: resource.region.map(|region| region.0).unwrap_or_default(),
        hashed: None,
        tags: resource.tags.unwrap_or_default().0,
        verdict,
        severity: severity.map(|severity| severity.0).unwrap_or_default(),
        title: given.title.map(|title| title.0).unwrap_or_default(),
        description: given.description.map(|description| description.0).unwrap_or_default(),
        types,
        scanned_at,
        created_at,
        frameworks,
        advice: advice.text.map(|advice| advice.0).unwrap_or_default(),
        link: advice.url.map(|link| link.0).unwrap_or_default(),
        product_fields: fields.into_iter().filter(|(key, _)| !OWN_FIELDS.contains(&key.as_ref())).collect(),
        repairs,
    })))
}

/// The resource's name: the ID of the resource, or the complete name if the ID was truncated to Security Hub's limit.
fn full_name<'a>(id: Cow<'a, str>, name: Option<Cow<'a, str>>) -> Cow<'a, str> {
    match name {
        Some(name) if name.len() > id.len() && name.starts_with(id.as_ref()) => name,
        _ => id,
    }
}

/// The partition and the Region of `arn:<partition>:securityhub:<region>::product/prowler/prowler`.
pub(super) fn partition_and_region(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.strip_suffix(super::product::PRODUCT_ARN_END)?.split(':');
    let found = match (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?) {
        ("arn", partition, "securityhub", region, "") => (partition, region),
        _ => return None,
    };
    parts.next().is_none().then_some(found)
}

/// The check of a generator's name.
pub(super) fn check(generator: Cow<'_, str>) -> Cow<'_, str> {
    match generator {
        Cow::Borrowed(name) => name.strip_prefix(GENERATOR_PREFIX).unwrap_or(name).into(),
        Cow::Owned(name) => name.strip_prefix(GENERATOR_PREFIX).unwrap_or(&name).to_owned().into(),
    }
}

fn times(updated: Option<Time>, created: Option<Time>) -> Result<(Timestamp, Timestamp), Rejection> {
    let updated = updated.and_then(|time| time.0);
    let created = created.and_then(|time| time.0);
    match (updated.or(created), created.or(updated)) {
        (Some(updated), Some(created)) => Ok((updated, created)),
        _ => Err(Rejection::missing("UpdatedAt and CreatedAt")),
    }
}

fn frameworks(
    requirements: Option<Texts<'_>>,
    standards: Option<Vec<Standard>>,
    repairs: &mut Vec<Repair>,
) -> Frameworks {
    let requirements = requirements.map(|requirements| requirements.0).unwrap_or_default();
    let standards = standards.unwrap_or_default();
    let given = (requirements.len(), standards.len());
    let fits = |text: &Cow<'_, str>| super::text::fits(text, RELATED_REQUIREMENT_CHARS_MAX);
    let mut changed = !requirements.iter().all(fits);
    let cut = |text: Cow<'_, str>| super::text::cut(&text, RELATED_REQUIREMENT_CHARS_MAX).to_owned();
    let limited = Frameworks {
        requirements: requirements
            .into_iter()
            .filter(|text| !super::text::is_blank(text))
            .take(RELATED_REQUIREMENTS_MAX)
            .map(cut)
            .collect(),
        standards: standards
            .into_iter()
            .filter(|standard| frameworks::is_standard(&standard.standards_id))
            .take(ASSOCIATED_STANDARDS_MAX)
            .collect(),
    };
    changed |= (limited.requirements.len(), limited.standards.len()) != given;
    if changed {
        repairs.push(parts::repair("Compliance", "truncated to 32 requirements of 64 characters and 20 standards"));
    }
    limited
}

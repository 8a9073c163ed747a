//! The fields of a finding, each adjusted to its limit. Every change is recorded.

use std::borrow::Cow;

use super::link::{DEFAULT_LINK, Link, validate};
use super::tags::Tag;
pub(super) use super::text::is_blank;
use super::text::{cut, ellipsis, fits};
use crate::RegionName;
use crate::finding::{Finding, Pairs};
use crate::limits::{
    DESCRIPTION_CHARS_MAX, KEY_CHARS_MAX, PRODUCT_FIELD_CHARS_MAX, PRODUCT_FIELDS_MAX, RECOMMENDATION_CHARS_MAX,
    RESOURCE_ARN_CHARS_MAX, RESOURCE_ID_CHARS_MAX, RESOURCE_REGION_CHARS_MAX, RESOURCE_TYPE_CHARS_MAX, TAG_CHARS_MAX,
    TAGS_MAX, TITLE_CHARS_MAX, TYPES_MAX,
};
use crate::outcome::Repair;

/// The type of a finding without a valid type: Prowler's own default.
const DEFAULT_TYPE: &str = "Software and Configuration Checks";
/// The type of a resource for which ASFF has no type.
const DEFAULT_RESOURCE_TYPE: &str = "Other";
/// Maximum number of parts of a type: namespace, category, classifier.
const TYPE_PARTS_MAX: usize = 3;
/// Maximum number of characters of an invalid value in a message.
const BRIEF_CHARS_MAX: usize = 64;

type Repairs = Vec<Repair>;

/// A repair.
pub(super) fn repair(field: &'static str, what: impl Into<Cow<'static, str>>) -> Repair {
    Repair { field, what: what.into() }
}

/// The beginning of a value, for a message.
pub(super) fn brief(value: &str) -> &str {
    cut(value, BRIEF_CHARS_MAX)
}

fn shortened(field: &'static str, chars_max: usize) -> Repair {
    repair(field, format!("truncated to {chars_max} characters"))
}

pub(super) fn title(title: &str, check_id: &str, repairs: &mut Repairs) -> String {
    if is_blank(title) {
        repairs.push(repair("Title", "empty; replaced by the check's name"));
        return ellipsis(check_id, TITLE_CHARS_MAX);
    }
    limited("Title", title, TITLE_CHARS_MAX, repairs)
}

pub(super) fn description(description: &str, title: &str, check_id: &str, repairs: &mut Repairs) -> String {
    if is_blank(description) {
        repairs.push(repair("Description", "empty; replaced by the title"));
        let instead = if is_blank(title) { check_id } else { title };
        return ellipsis(instead, DESCRIPTION_CHARS_MAX);
    }
    limited("Description", description, DESCRIPTION_CHARS_MAX, repairs)
}

fn limited(field: &'static str, text: &str, chars_max: usize, repairs: &mut Repairs) -> String {
    if !fits(text, chars_max) {
        repairs.push(shortened(field, chars_max));
    }
    ellipsis(text, chars_max)
}

pub(super) fn resource_type(text: &str, repairs: &mut Repairs) -> String {
    if is_blank(text) {
        repairs.push(repair("Resources.Type", "empty; replaced by Other"));
        return DEFAULT_RESOURCE_TYPE.to_owned();
    }
    limited("Resources.Type", text, RESOURCE_TYPE_CHARS_MAX, repairs)
}

pub(super) fn resource_id(uid: &str, repairs: &mut Repairs) -> String {
    let chars_max = if uid.starts_with("arn:") { RESOURCE_ARN_CHARS_MAX } else { RESOURCE_ID_CHARS_MAX };
    if fits(uid, chars_max) {
        return uid.to_owned();
    }
    repairs.push(shortened("Resources.Id", chars_max));
    cut(uid, chars_max).to_owned()
}

pub(super) fn resource_region(text: &str, region: RegionName, repairs: &mut Repairs) -> String {
    if is_blank(text) || !fits(text, RESOURCE_REGION_CHARS_MAX) {
        repairs.push(repair("Resources.Region", "not a Region; replaced by the finding's Region"));
        return region.as_str().to_owned();
    }
    text.to_owned()
}

pub(super) fn tags(tags: Vec<Tag<'_>>, repairs: &mut Repairs) -> Pairs {
    let mut pairs: Vec<(Cow<'static, str>, String)> = Vec::with_capacity(tags.len().min(TAGS_MAX));
    let (mut unkeyed, mut shortened_values, mut too_many) = (false, false, false);
    for (key, value) in tags {
        if is_blank(&key) || !fits(&key, KEY_CHARS_MAX) {
            unkeyed = true;
            continue;
        }
        shortened_values |= !fits(&value, TAG_CHARS_MAX);
        let value = match value {
            Cow::Owned(value) if fits(&value, TAG_CHARS_MAX) => value,
            value => cut(&value, TAG_CHARS_MAX).to_owned(),
        };
        // If a key is duplicated, the last value is used, as in Prowler.
        if let Some((_, known)) = pairs.iter_mut().find(|(known, _)| *known == key) {
            *known = value;
        } else if pairs.len() < TAGS_MAX {
            pairs.push((Cow::Owned(key.into_owned()), value));
        } else {
            too_many = true;
        }
    }
    let notes = [
        (unkeyed, "omitted a tag with a key that is empty or longer than 128 characters"),
        (shortened_values, "truncated a value to 256 characters"),
        (too_many, "omitted all but the first 50"),
    ];
    repairs.extend(notes.into_iter().filter(|(noted, _)| *noted).map(|(_, what)| repair("Resources.Tags", what)));
    Pairs(pairs)
}

pub(super) fn advice(text: &str, repairs: &mut Repairs) -> Option<String> {
    if is_blank(text) {
        repairs.push(repair("Remediation.Recommendation.Text", "empty; omitted"));
        return None;
    }
    // Prowler shortens this text too, so it is not a repair.
    Some(ellipsis(text, RECOMMENDATION_CHARS_MAX))
}

pub(super) fn link(text: &str, repairs: &mut Repairs) -> Cow<'static, str> {
    if text.is_empty() {
        return Cow::Borrowed(DEFAULT_LINK);
    }
    match validate(text) {
        Link::Valid => Cow::Owned(text.to_owned()),
        Link::Repaired(link) => {
            repairs.push(repair("Remediation.Recommendation.Url", "percent-encoded"));
            Cow::Owned(link)
        }
        Link::Unusable => {
            repairs.push(repair("Remediation.Recommendation.Url", "not a link; replaced by the default link"));
            Cow::Borrowed(DEFAULT_LINK)
        }
    }
}

pub(super) fn types(types: Vec<Cow<'_, str>>, repairs: &mut Repairs) -> Vec<Cow<'static, str>> {
    let given = types.len();
    let mut valid: Vec<Cow<'static, str>> = Vec::with_capacity(given.min(TYPES_MAX));
    for r#type in types {
        if is_type(&r#type) && valid.len() < TYPES_MAX && !valid.contains(&r#type) {
            valid.push(Cow::Owned(r#type.into_owned()));
        }
    }
    if valid.len() < given {
        repairs.push(repair("Types", "omitted invalid types, duplicates, and all but the first 50"));
    }
    if valid.is_empty() {
        valid.push(Cow::Borrowed(DEFAULT_TYPE));
    }
    valid
}

/// `namespace`, `namespace/category` or `namespace/category/classifier`.
fn is_type(text: &str) -> bool {
    !is_blank(text) && text.split('/').count() <= TYPE_PARTS_MAX && text.split('/').all(|part| !part.is_empty())
}

pub(super) fn product_fields(
    version: Option<Cow<'_, str>>,
    resource_uid: &str,
    more: Vec<Tag<'_>>,
    repairs: &mut Repairs,
) -> Pairs {
    let own = [
        Some((Cow::Borrowed("ProviderName"), Cow::Borrowed("Prowler"))),
        version.map(|version| (Cow::Borrowed("ProviderVersion"), version)),
        Some((Cow::Borrowed("ProwlerResourceName"), Cow::Borrowed(resource_uid))),
    ];
    let mut pairs: Vec<(Cow<'static, str>, String)> = Vec::with_capacity(own.len() + more.len());
    let mut changed = false;
    for (key, value) in own.into_iter().flatten().chain(more) {
        if !is_product_field(&key) || pairs.iter().any(|(known, _)| *known == key) {
            continue;
        }
        if pairs.len() == PRODUCT_FIELDS_MAX {
            changed = true;
            break;
        }
        changed |= !fits(&value, PRODUCT_FIELD_CHARS_MAX);
        let value = cut(&value, PRODUCT_FIELD_CHARS_MAX).to_owned();
        let key = PROWLER_FIELDS
            .iter()
            .find(|name| **name == key)
            .map_or_else(|| Cow::Owned(key.into_owned()), |name| Cow::Borrowed(*name));
        pairs.push((key, value));
    }
    if changed {
        repairs.push(repair("ProductFields", "truncated to 50 fields of 2048 characters"));
    }
    Pairs(pairs)
}

/// The fields that Prowler writes, so that their names need no allocation.
const PROWLER_FIELDS: [&str; 5] = [
    "ProviderName",
    "ProviderVersion",
    "ProwlerResourceName",
    "ProwlerAccountOrganizationalUnitId",
    "ProwlerAccountOrganizationalUnitName",
];

/// Whether a provider may use this field name: names that begin with `aws/` are reserved for Security Hub.
fn is_product_field(name: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || " .:+=@_/-".contains(letter);
    !is_blank(name) && name.len() <= KEY_CHARS_MAX && !name.starts_with("aws/") && name.chars().all(allowed)
}

/// The number of bytes of all texts of a finding that may be long.
pub(super) fn text_bytes(finding: &Finding) -> usize {
    let pairs = |pairs: &Pairs| -> usize { pairs.0.iter().map(|(key, value)| key.len() + value.len() + 8).sum() };
    let resource = &finding.resources[0];
    let lists = finding.compliance.related_requirements.iter().map(String::len).sum::<usize>()
        + finding.compliance.associated_standards.iter().map(|one| one.standards_id.len() + 32).sum::<usize>()
        + finding.finding_provider_fields.types.iter().map(|one| one.len() + 8).sum::<usize>();
    finding.id.as_str().len()
        + finding.generator_id.len()
        + finding.title.len()
        + finding.description.len()
        + resource.r#type.len()
        + resource.id.len()
        + pairs(&resource.tags)
        + pairs(&finding.product_fields)
        + lists
        + finding.remediation.recommendation.text.as_ref().map_or(0, String::len)
        + finding.remediation.recommendation.url.len()
}

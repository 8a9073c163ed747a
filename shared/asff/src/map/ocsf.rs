//! Maps OCSF detection findings of Prowler 4.1 and later.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::draft::{Draft, Rejection, Verdict};
use super::frameworks::Frameworks;
use super::product::{Maker, Product, looks_like_prowler};
use super::shapes::{First, Last, Text, TextOrList, Texts, Time};
use super::{link, tags, text, time};
use crate::finding::Status;
use crate::outcome::{QuarantineCode, RawStatus, Skip};
use crate::read::{TagKeys, major_minor};

/// The OCSF class of detection findings.
const DETECTION_FINDING: u64 = 2004;
/// The OCSF status of a suppressed finding, which Prowler uses for muted ones.
const SUPPRESSED: i64 = 3;
/// Number of characters to which Prowler shortens a description, before it adds `...`.
const DESCRIPTION_CUT_CHARS: usize = 1000;
/// The first version of Prowler that hashes the resource's UID for the ID. Earlier versions hashed the resource's name, and
/// joined its tags into one string.
const HASHES_UID_FROM: (u32, u32) = (4, 3);

#[derive(Deserialize)]
pub(super) struct Event<'a> {
    class_uid: Option<u64>,
    #[serde(borrow)]
    metadata: Option<Metadata<'a>>,
    #[serde(borrow)]
    severity: Option<Text<'a>>,
    #[serde(borrow)]
    status_code: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    status_id: Option<i64>,
    #[serde(borrow)]
    status_detail: Option<Text<'a>>,
    #[serde(borrow)]
    unmapped: Option<Unmapped<'a>>,
    #[serde(borrow)]
    finding_info: Option<FindingInfo<'a>>,
    #[serde(borrow)]
    resources: Option<First<Resource<'a>>>,
    #[serde(borrow)]
    cloud: Option<Cloud<'a>>,
    #[serde(borrow)]
    remediation: Option<Remediation<'a>>,
    time: Option<Time>,
    event_time: Option<Time>,
    container: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    event_code: Option<Text<'a>>,
    #[serde(borrow)]
    product: Option<Product<'a>>,
}

#[derive(Default, Deserialize)]
struct Unmapped<'a> {
    compliance: Option<Frameworks>,
    #[serde(borrow)]
    check_type: Option<TextOrList<'a>>,
    #[serde(borrow)]
    provider: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
struct FindingInfo<'a> {
    #[serde(borrow)]
    uid: Option<Text<'a>>,
    #[serde(borrow)]
    title: Option<Text<'a>>,
    #[serde(borrow)]
    types: Option<Texts<'a>>,
    created_time: Option<Time>,
    created_time_dt: Option<Time>,
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow)]
    cloud_partition: Option<Text<'a>>,
    #[serde(borrow)]
    region: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    labels: Option<Texts<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    namespace: Option<IgnoredAny>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    uid: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
struct Cloud<'a> {
    #[serde(borrow)]
    account: Option<Account<'a>>,
    #[serde(borrow)]
    org: Option<Org<'a>>,
    #[serde(borrow)]
    provider: Option<Text<'a>>,
    #[serde(borrow)]
    region: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Account<'a> {
    #[serde(borrow)]
    uid: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Org<'a> {
    #[serde(borrow)]
    ou_uid: Option<Text<'a>>,
    #[serde(borrow)]
    ou_name: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
struct Remediation<'a> {
    #[serde(borrow)]
    desc: Option<Text<'a>>,
    #[serde(borrow)]
    references: Option<Last<'a>>,
}

impl Event<'_> {
    fn maker(&self) -> Maker {
        let product = self.metadata.as_ref().and_then(|metadata| metadata.product.as_ref());
        product.map_or(Maker::Unstated, Product::maker)
    }

    fn looks_like_prowler(&self) -> bool {
        let text = |text: Option<&Text<'_>>| text.map_or(String::new(), |text| text.0.to_string());
        let uid = text(self.finding_info.as_ref().and_then(|info| info.uid.as_ref()));
        let code = text(self.metadata.as_ref().and_then(|metadata| metadata.event_code.as_ref()));
        looks_like_prowler(&uid, &code, &text(self.status_code.as_ref()))
    }
}

/// A draft, or the reason not to send the finding.
pub(super) enum Drafted<'a> {
    Draft(Box<Draft<'a>>),
    Skip(Skip),
    /// A manual check without the data that would identify its finding.
    Manual,
}

/// Converts one event to a draft.
pub(super) fn draft<'a>(event: Event<'a>, keys: &TagKeys) -> Result<Drafted<'a>, Rejection> {
    let maker = event.maker();
    if let Maker::Other(product) = maker {
        return Ok(Drafted::Skip(Skip::OtherProduct { product }));
    }
    if event.class_uid.is_some_and(|class| class != DETECTION_FINDING) {
        let message = format!(
            "the entry is of OCSF class {}, not a detection finding (class {DETECTION_FINDING})",
            event.class_uid.unwrap_or_default()
        );
        return Err(Rejection::new(QuarantineCode::NotAScanResult, message));
    }
    let manual = event.status_code.as_ref().is_some_and(|code| is_manual(&code.0));
    if maker == Maker::Unstated && event.status_code.is_some() && !event.looks_like_prowler() {
        let message = "the entry doesn't name Prowler as its product (metadata.product), and doesn't look like an entry \
                       of Prowler";
        return Err(Rejection::new(QuarantineCode::NotAScanResult, message));
    }
    let resource = event.resources.as_ref().and_then(|resources| resources.0.as_ref());
    let is_kubernetes =
        event.cloud.is_none() && (event.container.is_some() || resource.is_some_and(|one| one.namespace.is_some()));
    let provider = event.cloud.as_ref().and_then(|cloud| cloud.provider.as_ref());
    let provider = provider.or(event.unmapped.as_ref().and_then(|unmapped| unmapped.provider.as_ref()));
    let provider = provider.map(|provider| provider.0.as_ref()).unwrap_or_default();
    if let Some(skip) = not_aws(if is_kubernetes { "kubernetes" } else { provider }) {
        return Ok(Drafted::Skip(skip));
    }
    unsent(manual, finding(event, keys))
}

/// Missing fields of a manual check are no error, since it is never sent.
pub(super) fn unsent(manual: bool, drafted: Result<Drafted<'_>, Rejection>) -> Result<Drafted<'_>, Rejection> {
    match drafted {
        Err(_) if manual => Ok(Drafted::Manual),
        drafted => drafted,
    }
}

fn finding<'a>(event: Event<'a>, keys: &TagKeys) -> Result<Drafted<'a>, Rejection> {
    let unmapped = event.unmapped.unwrap_or_default();
    let resource = event.resources.and_then(|resources| resources.0);
    let cloud = event.cloud.unwrap_or_default();
    let muted = event.status_id == Some(SUPPRESSED)
        || event.status.is_some_and(|status| status.0.eq_ignore_ascii_case("Suppressed"));
    let verdict = verdict_of(&or_empty(event.status_code), muted)?;
    let info = event.finding_info.unwrap_or_default();
    let times = [info.created_time, event.time, event.event_time, info.created_time_dt];
    let scanned_at = scan_time(times)?;
    let Some(resource) = resource else { return Err(Rejection::missing("resource (resources[0])")) };
    let metadata = event.metadata.ok_or_else(|| Rejection::missing("metadata"))?;
    let version = metadata.product.and_then(|product| product.version).map(|version| version.0);
    let old = version.as_deref().and_then(major_minor).is_some_and(|version| version < HASHES_UID_FROM);
    let name = resource.name.map(|name| name.0).filter(|name| old && !name.is_empty());
    let labels = resource.labels.map(|labels| labels.0).unwrap_or_default();
    let resource_region = or_empty(resource.region);
    let region = cloud.region.map_or_else(|| resource_region.clone(), |region| region.0);
    let remediation = event.remediation.unwrap_or_default();
    let (ou_uid, ou_name) = cloud.org.map(|org| (org.ou_uid, org.ou_name)).unwrap_or_default();
    Ok(Drafted::Draft(Box::new(Draft {
        id: None,
        version,
        check_id: or_empty(metadata.event_code),
        account: or_empty(cloud.account.and_then(|account| account.uid)),
        partition: resource.cloud_partition.map(|partition| partition.0),
        region,
        resource_type: or_empty(resource.kind),
        resource_uid: or_empty(resource.uid),
        resource_region,
        hashed: name,
        tags: if old { old_tags(&labels) } else { tags::from_labels(labels, resource.data, keys) },
        verdict,
        severity: or_empty(event.severity),
        title: or_empty(info.title),
        description: shortened(or_empty(event.status_detail)),
        types: types(info.types, unmapped.check_type),
        scanned_at,
        created_at: scanned_at,
        frameworks: unmapped.compliance.unwrap_or_default(),
        advice: or_empty(remediation.desc),
        link: remediation.references.and_then(|last| last.0).filter(is_link).unwrap_or_default(),
        product_fields: units(ou_uid.map(|id| id.0), ou_name.map(|name| name.0)),
        repairs: Vec::new(),
    })))
}

fn or_empty(text: Option<Text<'_>>) -> Cow<'_, str> {
    text.map(|text| text.0).unwrap_or_default()
}

/// Skips a finding of another cloud. A finding without a provider is regarded as AWS's: if it isn't, it lacks other fields and is
/// rejected.
pub(super) fn not_aws(provider: &str) -> Option<Skip> {
    let is_aws = provider.is_empty() || provider.eq_ignore_ascii_case("aws");
    (!is_aws).then(|| Skip::NotAws { provider: super::parts::brief(provider).to_owned() })
}

/// The result of a check. `None` for a manual check, whether it is muted or not.
pub(super) fn verdict_of(code: &str, muted: bool) -> Result<Option<Verdict>, Rejection> {
    let (raw, status) = match code {
        "" => return Err(Rejection::missing("status (status_code)")),
        code if code.eq_ignore_ascii_case("PASS") => (RawStatus::Pass, Status::Passed),
        code if code.eq_ignore_ascii_case("FAIL") => (RawStatus::Fail, Status::Failed),
        code if is_manual(code) => return Ok(None),
        code => {
            let message = format!("the status {:?} is not PASS, FAIL, or MANUAL", super::parts::brief(code));
            return Err(Rejection::new(QuarantineCode::InvalidField, message));
        }
    };
    Ok(Some(Verdict { raw: Some(raw), status: if muted { Status::Warning } else { status } }))
}

/// Whether a status means that the check requires a manual verdict.
pub(super) fn is_manual(code: &str) -> bool {
    code.eq_ignore_ascii_case("MANUAL")
}

fn scan_time(times: [Option<Time>; 4]) -> Result<Timestamp, Rejection> {
    if let Some(time) = times.iter().flatten().find_map(|time| time.0) {
        return Ok(time::whole_seconds(time));
    }
    if times.iter().all(Option::is_none) {
        return Err(Rejection::missing("time (finding_info.created_time)"));
    }
    Err(Rejection::new(QuarantineCode::InvalidField, "the finding's time can't be parsed"))
}

/// Shortens a description like Prowler.
pub(super) fn shortened(description: Cow<'_, str>) -> Cow<'_, str> {
    if text::fits(&description, DESCRIPTION_CUT_CHARS) {
        return description;
    }
    Cow::Owned([text::cut(&description, DESCRIPTION_CUT_CHARS), "..."].concat())
}

fn types<'a>(types: Option<Texts<'a>>, check_type: Option<TextOrList<'a>>) -> Vec<Cow<'a, str>> {
    let types = types.map(|types| types.0).unwrap_or_default();
    if !types.is_empty() {
        return types;
    }
    match check_type {
        Some(TextOrList::List(types)) => types,
        Some(TextOrList::Text(joined)) if !joined.is_empty() => {
            joined.split(',').map(|part| Cow::Owned(part.to_owned())).collect()
        }
        _ => Vec::new(),
    }
}

/// Prowler 4.1 and 4.2 joined the tags to `key=value | key=value` and then split them at every comma.
fn old_tags<'a>(labels: &[Cow<'a, str>]) -> Vec<tags::Tag<'a>> {
    let joined = labels.join(",");
    let tags = tags::from_cell(&joined).into_iter();
    tags.map(|(key, value)| (Cow::Owned(key.into_owned()), Cow::Owned(value.into_owned()))).collect()
}

#[expect(clippy::ptr_arg, reason = "called by Option::filter")]
fn is_link(text: &Cow<'_, str>) -> bool {
    link::validate(text) != link::Link::Unusable
}

/// The organizational unit, if Prowler's version has it.
pub(super) fn units<'a>(id: Option<Cow<'a, str>>, name: Option<Cow<'a, str>>) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
    let id = id.map(|id| (Cow::Borrowed("ProwlerAccountOrganizationalUnitId"), id));
    let name = name.map(|name| (Cow::Borrowed("ProwlerAccountOrganizationalUnitName"), name));
    id.into_iter().chain(name).collect()
}

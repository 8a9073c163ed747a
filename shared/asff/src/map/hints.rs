//! The location and the subject of an entry that can't be mapped.
//!
//! Each field is read independently, and types are not trusted: a field with a wrong type, or that is duplicated, counts as
//! missing. An unknown part of the location stands for every value, so that nothing uncertain is taken for certain.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::product::{Maker, lenient, maker_of_arn};
use super::shapes::{First, Text};
use super::table::Table;
use super::{asff, ocsf};
use crate::location::Location;
use crate::manual::{Manual, ManualSubject};
use crate::outcome::Skip;
use crate::read::{Column, ScanFormat};

/// What is certain about the entry.
#[derive(Debug, Default)]
pub(super) struct Hints {
    pub(super) location: Location,
    /// The UID of the first resource. Empty if the entry doesn't contain it.
    uid: String,
    /// Set if the entry is certainly not Prowler's, or not about AWS.
    pub(super) foreign: Option<Skip>,
}

impl Hints {
    /// A manual check without the data that would identify its finding.
    pub(super) fn manual(self) -> Manual {
        Manual { location: self.location, subject: ManualSubject::of(&self.uid), unsent: None }
    }
}

#[derive(Default, Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    unmapped: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    cloud: Option<&'a RawValue>,
    #[serde(borrow)]
    resources: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    product: Option<&'a RawValue>,
    #[serde(borrow)]
    event_code: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Cloud<'a> {
    #[serde(borrow)]
    provider: Option<&'a RawValue>,
    #[serde(borrow)]
    account: Option<&'a RawValue>,
    #[serde(borrow)]
    region: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Unmapped<'a> {
    #[serde(borrow)]
    provider: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Resource<'a> {
    #[serde(borrow)]
    uid: Option<&'a RawValue>,
    #[serde(borrow)]
    region: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given<'a> {
    #[serde(borrow)]
    product_arn: Option<&'a RawValue>,
    #[serde(borrow)]
    generator_id: Option<&'a RawValue>,
    #[serde(borrow)]
    aws_account_id: Option<&'a RawValue>,
    #[serde(borrow)]
    resources: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GivenResource<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

/// The hints of an entry that is JSON.
pub(super) fn from_json(text: &str, format: ScanFormat) -> Hints {
    match format {
        ScanFormat::Asff => from_asff(text),
        ScanFormat::Ocsf | ScanFormat::Csv => from_ocsf(text),
    }
}

fn from_ocsf(text: &str) -> Hints {
    let event: Event<'_> = serde_json::from_str(text).unwrap_or_default();
    let metadata: Metadata<'_> = read(event.metadata);
    let cloud: Cloud<'_> = read(event.cloud);
    let account: Resource<'_> = read(cloud.account);
    let unmapped: Unmapped<'_> = read(event.unmapped);
    let foreign = match metadata.product.map(|product| lenient(product).maker()) {
        Some(Maker::Other(product)) => Some(Skip::OtherProduct { product }),
        _ => ocsf::not_aws(&string(cloud.provider.or(unmapped.provider))),
    };
    let resource = first::<Resource<'_>>(event.resources);
    let region = cloud.region.or(resource.region);
    let location = Location::parse(&string(account.uid), &string(region), &string(metadata.event_code));
    Hints { location, uid: string(resource.uid).into_owned(), foreign }
}

fn from_asff(text: &str) -> Hints {
    let given: Given<'_> = serde_json::from_str(text).unwrap_or_default();
    let arn = string(given.product_arn);
    let region = asff::partition_and_region(&arn).map(|(_, region)| region).unwrap_or_default();
    let check_id = asff::check(string(given.generator_id));
    let uid = string(first::<GivenResource<'_>>(given.resources).id).into_owned();
    let foreign = match maker_of_arn(&arn) {
        Maker::Other(product) => Some(Skip::OtherProduct { product }),
        Maker::Prowler | Maker::Unstated => None,
    };
    Hints { location: Location::parse(&string(given.aws_account_id), region, &check_id), uid, foreign }
}

/// The hints of a row whose cells can be read.
pub(super) fn from_row(table: &Table<'_>) -> Hints {
    let cell = |column| table.text(column);
    let location = Location::parse(cell(Column::AccountUid), cell(Column::Region), cell(Column::CheckId));
    Hints { location, uid: cell(Column::ResourceUid).to_owned(), foreign: ocsf::not_aws(cell(Column::Provider)) }
}

fn read<'a, T: Default + Deserialize<'a>>(raw: Option<&'a RawValue>) -> T {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

fn first<'a, T: Default + Deserialize<'a>>(list: Option<&'a RawValue>) -> T {
    let First(one) = list.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or(First(None));
    one.unwrap_or_default()
}

fn string<'a>(raw: Option<&'a RawValue>) -> Cow<'a, str> {
    raw.and_then(|raw| serde_json::from_str::<Text<'a>>(raw.get()).ok()).map(|Text(text)| text).unwrap_or_default()
}
